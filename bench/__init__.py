"""Every measurement as a command: `python -m bench`; what is compared with what stands beside each row."""
