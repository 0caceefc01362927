"""The actors that decide what users may do and what they are shown."""
