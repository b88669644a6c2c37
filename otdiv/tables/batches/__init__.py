"""Many tables against one reference: given, divided by a column or by time."""
