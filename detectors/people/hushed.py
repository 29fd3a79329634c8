"""Silence for libraries that write to stderr by themselves: the one line that is said is ours."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

STDERR = 2


@contextmanager
def hushed() -> Generator[None]:
    """Send what is written to stderr meanwhile, below Python too, to nowhere."""
    sys.stderr.flush()
    try:
        kept = os.dup(STDERR)
    except OSError:  # there is none
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nowhere.fileno(), STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
