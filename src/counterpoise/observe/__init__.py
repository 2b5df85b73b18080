"""Reads venues and turns what they say into one Snapshot."""
