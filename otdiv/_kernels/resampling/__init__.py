"""Resampling, 64 replicates at a time in the bits of one word: relabellings and random signs."""
