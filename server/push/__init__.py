"""Alerts told beside the wall: by webhooks and by SMS."""
