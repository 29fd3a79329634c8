"""Which agents there are, what they watch, and whether they are still there."""
