"""Time that the wall clock drives, and the work that must survive."""
