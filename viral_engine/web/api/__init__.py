"""Handlers of the routes, one file per kind of thing."""
