"""The servers that the daemon is held against; each takes its port as the only argument."""
