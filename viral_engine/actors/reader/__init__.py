"""The reader: see `actor`."""
