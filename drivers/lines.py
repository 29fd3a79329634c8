"""Cut a stream of bytes into lines, within bounds."""

from __future__ import annotations


class LineCutter:
    """Holds the unfinished line. One longer than `limit` bytes is dropped up to its end, and counted."""

    def __init__(self, limit: int = 4096) -> None:
        self.dropped = 0
        """Lines that were too long."""
        self._limit = limit
        self._held = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends (CR, LF or both) and without empty ones."""
        *whole, self._held = (self._held + data.replace(b"\r", b"\n")).split(b"\n")
        if whole and self._skipping:
            whole = whole[1:]
            self._skipping = False
        lines = [line for line in whole if line and len(line) <= self._limit]
        self.dropped += sum(len(line) > self._limit for line in whole)
        if len(self._held) > self._limit:
            if not self._skipping:
                self.dropped += 1
            self._skipping = True
            self._held = b""
        return lines
