"""What goes wrong with a device: one line for a person, one word for the event."""

from __future__ import annotations

import errno
import os
import socket

_REASONS = {
    **dict.fromkeys((errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO), "unplugged"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "permission-denied"),
    **dict.fromkeys((errno.EBUSY, errno.EAGAIN), "busy"),
    **dict.fromkeys((errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN), "unreachable"),
    **dict.fromkeys((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), "hung-up"),
    errno.ETIMEDOUT: "timeout",
}
_GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_HINTS = {
    "permission-denied": ": put this user into the group that owns it",
    "busy": ": another program holds it",
}


class DriverError(Exception):
    """A bus or device is unusable for now. The text starts with the device's name and ends with the cause.

    `reason` is the machine word with which every point of it falls silent.
    """

    def __init__(self, text: str, reason: str = "bus-lost") -> None:
        super().__init__(text)
        self.reason = reason


class DriverTimeoutError(DriverError, TimeoutError):
    """A device did not answer in time."""

    def __init__(self, text: str, reason: str = "timeout") -> None:
        super().__init__(text, reason)


def cause_of(error: Exception) -> str:
    """Return the cause in the system's own words, and what to do where that is known."""
    if isinstance(error, socket.gaierror):  # its numbers are its own
        return "no machine of this name: check its spelling, or give its address"
    if not (isinstance(error, OSError) and error.errno):
        return str(error) or type(error).__name__
    return os.strerror(error.errno) + _HINTS.get(reason_of(error), "")


def device_cause_of(error: Exception) -> str:
    """Return the cause of a failure at a path under /dev, and what to do where nothing is there."""
    gone = isinstance(error, OSError) and error.errno in _GONE
    return cause_of(error) + (": is it plugged in, and is this still its name?" if gone else "")


def reason_of(error: Exception, otherwise: str = "bus-lost") -> str:
    """Return the machine word for a failed operation on a port, a chip or a connection."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, socket.gaierror):
        return "unreachable"
    return _REASONS.get(error.errno or 0, otherwise) if isinstance(error, OSError) else otherwise
