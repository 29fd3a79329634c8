"""Alerts: ACTIVE or CLEARED, ACKED or UNACKED, one open alert per point and hazard."""
