"""Balanced k-d trees over clouds: boxes, lower bounds on them, and searches between two trees."""
