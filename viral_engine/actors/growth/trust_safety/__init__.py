"""Trust and safety: see `actor`."""
