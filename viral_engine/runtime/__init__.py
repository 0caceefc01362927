"""OTP's supervision on pykka: specs, actors in two placements, supervisors, timers, monitors, snapshots.

This package imports pykka and the standard library only, and this module imports nothing:
take what you need from the module that is named after it.
"""
