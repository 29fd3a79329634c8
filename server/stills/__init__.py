"""Stills of alarms: refused unless a school turned them on, kept for some days, shown to few, and each look noted."""
