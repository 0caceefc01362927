"""The growth and safety engine of a tutoring company, as a tree of supervised actors."""

__version__ = "0.1.0"
