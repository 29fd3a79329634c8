"""The laboratory's gas box: lines of JSON over a serial line, which is a pseudo-terminal here."""

from __future__ import annotations

import json
import os
import tty
from contextlib import suppress
from pathlib import Path

from server.demo.campus import Campus
from server.demo.physics import wobble


def line(campus: Campus) -> bytes:
    """Return what the box says now."""
    gas = max(0.0, 0.3 + wobble(campus.at_s, 90, 0.2))
    co = max(0.0, 2.0 + wobble(campus.at_s, 130, 1.0))
    air = {"temp": round(campus.temperatures_c["lab"], 2)}
    return json.dumps({"gas": round(gas, 2), "co": round(co, 1), "air": air}).encode() + b"\r\n"


class SerialDevice:
    """Speaks once a second at the end of a link that keeps its name, as udev would give it."""

    def __init__(self, campus: Campus, link: Path) -> None:
        self._campus = campus
        self._link = link
        self._ours = self._theirs = -1

    def start(self) -> None:
        """Make the pseudo-terminal and its link."""
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._theirs))

    def speak(self) -> None:
        """Write one line; where nobody reads it is lost, as on a real wire."""
        with suppress(BlockingIOError):
            os.write(self._ours, line(self._campus))

    def close(self) -> None:
        """Unplug it."""
        self._link.unlink(missing_ok=True)
        for end in (self._ours, self._theirs):
            if end >= 0:
                os.close(end)
        self._ours = self._theirs = -1
