"""The journal: see `actor`."""
