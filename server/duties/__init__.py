"""Duties: what is due, for whom, and whether it was done; all of it from data."""
