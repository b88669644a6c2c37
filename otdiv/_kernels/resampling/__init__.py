"""Resampling: noise of empirical laws, drawn anew many times at once."""
