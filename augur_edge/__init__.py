"""Measure neural-network layers where they run, learn what they cost, and ask again in nanoseconds."""

__version__ = "0.1.0"
