"""The server's data directory: private, and used by one server at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from server.errors import ServerError


@contextmanager
def claimed(data: Path) -> Generator[Path]:
    """Make the directory where it is missing, and hold it until the block ends; refuse a second server."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise ServerError(f"data directory {data}: cannot be used: {e.strerror}") from e
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ServerError(
                f"data directory {data}: another campus-server uses it: stop that one, or give this one its own"
            ) from e
        yield data
    finally:
        os.close(descriptor)


@contextmanager
def one_at_a_time(data: Path) -> Generator[None]:
    """Wait until no other process makes the files that all processes of this directory share, and hold them off."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / "making.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise ServerError(f"data directory {data}: cannot be used: {e.strerror}") from e
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
