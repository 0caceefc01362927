"""The operators' command line: a client of the daemon's socket and HTTP API, one file per group of verbs."""
