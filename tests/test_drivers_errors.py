"""Every failed operation on a device has a word for the event and a line for the technician."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from drivers.errors import DriverError, DriverTimeoutError, cause_of, device_cause_of, reason_of


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        (OSError(errno.ENOENT, "x"), "unplugged", "No such file or directory"),
        (OSError(errno.ENODEV, "x"), "unplugged", "No such device"),
        (OSError(errno.EIO, "x"), "unplugged", "Input/output error"),
        (
            PermissionError(errno.EACCES, "x"),
            "permission-denied",
            "Permission denied: put this user into the group that owns it",
        ),
        (OSError(errno.EBUSY, "x"), "busy", "Device or resource busy: another program holds it"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "unreachable", "Connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "hung-up", "Connection reset by peer"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "unreachable", "no machine of this name: check its spelling"),
        (TimeoutError("timed out"), "timeout", "timed out"),
        (ssl.SSLError("wrong version"), "bus-lost", "('wrong version',)"),
        (ValueError(), "bus-lost", "ValueError"),
    ],
)
def test_a_cause_has_a_word_and_a_line(error: Exception, reason: str, cause: str) -> None:
    assert reason_of(error) == reason
    assert cause_of(error).startswith(cause)


def test_at_a_port_it_is_said_what_to_do_where_nothing_is_there() -> None:
    gone, busy = OSError(errno.ENODEV, "x"), OSError(errno.EBUSY, "x")
    assert device_cause_of(gone) == "No such device: is it plugged in, and is this still its name?"
    assert device_cause_of(busy) == cause_of(busy)


def test_a_lost_bus_carries_its_reason_and_a_timeout_is_one() -> None:
    assert DriverError("x").reason == "bus-lost"
    assert DriverTimeoutError("x").reason == "timeout"
