"""The database actor: see `actor`."""
