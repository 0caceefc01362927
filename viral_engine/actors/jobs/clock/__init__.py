"""The ticks: see `actor`."""
