"""What goes wrong with a device."""

from __future__ import annotations


class DriverError(Exception):
    """A bus or device is unusable for now. The text starts with the device's name and ends with the cause."""


class DriverTimeoutError(DriverError, TimeoutError):
    """A device did not answer in time."""
