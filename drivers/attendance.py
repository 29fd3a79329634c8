"""Which devices of a shared bus answer, and whom to ask in this round."""

from __future__ import annotations

from collections.abc import Iterable

TRIES = 2
"""Time-outs in a row after which a device is set aside."""
PROBE_EVERY = 10
"""Rounds between two questions to a device set aside."""


class Attendance:
    """A dead device never slows the others: it is set aside and asked every tenth round, one such probe a round."""

    def __init__(self, devices: Iterable[int]) -> None:
        self._missed = dict.fromkeys(devices, 0)
        self._due: dict[int, int] = {}  # device set aside -> round of its next probe
        self._round = 0

    def begin_round(self) -> frozenset[int]:
        """Start the next round; return the devices to ask in it."""
        self._round += 1
        asked = {device for device in self._missed if device not in self._due}
        ready = [device for device in self._due if self._due[device] <= self._round]
        if ready:
            asked.add(min(ready, key=lambda device: (self._due[device], device)))
        return frozenset(asked)

    def answered(self, device: int) -> bool:
        """Note an answer; return whether it had been set aside."""
        self._missed[device] = 0
        return self._due.pop(device, None) is not None

    def missed(self, device: int) -> bool:
        """Note a time-out; return whether the device is set aside by it now."""
        self._missed[device] += 1
        if self._missed[device] < TRIES:
            return False
        fresh = device not in self._due
        self._due[device] = self._round + PROBE_EVERY
        return fresh

    @property
    def nobody(self) -> bool:
        """Whether every device is set aside."""
        return len(self._due) == len(self._missed)
