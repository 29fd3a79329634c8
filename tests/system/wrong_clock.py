"""Run one of our programs with a wall clock that a file moves: `wrong_clock.py FILE agent|server ARGUMENTS…`.

libfaketime (0.9.10) breaks Python's sleeping by the monotonic clock, so the clock is put in here instead: the file
holds an offset in seconds, read at every look at the wall clock. The monotonic clock is left alone.
"""

from __future__ import annotations

import datetime as dt
import runpy
import sys
import time
from pathlib import Path

_REAL_TIME, _REAL = time.time, dt.datetime
_FILE = Path(sys.argv[1])


def _wall() -> float:
    return _REAL_TIME() + float(_FILE.read_text(encoding="ascii"))


class _Like(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL)  # what C code makes is no less a moment


class _Moved(_REAL, metaclass=_Like):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _Moved:
        return cls.fromtimestamp(_wall(), tz)


if __name__ == "__main__":
    time.time = _wall
    dt.datetime = _Moved
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
