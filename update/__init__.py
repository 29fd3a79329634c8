"""A signed release onto a device or server, beside the one that runs, and back by itself where it does not hold."""
