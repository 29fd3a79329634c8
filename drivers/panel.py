"""Fire panels and alarm hosts: they push, we confirm and hand on each part's state."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from drivers.now import now
from drivers.peers import Peers
from drivers.samples import Sample, Silence

log = logging.getLogger(__name__)


class Dialogue(Protocol):
    """One protocol spoken with any number of peers: bytes in, samples and answers out."""

    def hear(self, peer: int, data: bytes, at: float, utc: float) -> tuple[list[Sample], bytes]:
        """Take bytes of a peer; return what they say and what to answer. Never raises."""
        ...

    def forget(self, peer: int) -> None:
        """A peer hung up: drop its half frame."""
        ...


class PanelDriver:
    """Waits for what a panel pushes; each point reads as state words (drivers.panel_words).

    No byte for `timeout_s` is a Silence ('timeout') of every point; so is, at once, the last peer's hanging up
    ('unplugged'). Nothing is thinned: each frame of a change gives its readings.
    """

    interval_s = 0.0
    done = False

    def __init__(self, name: str, points: Sequence[str], peers: Peers, dialogue: Dialogue, timeout_s: float) -> None:
        self.name = name
        self._points = points
        self._peers = peers
        self._dialogue = dialogue
        self._timeout_s = timeout_s
        self._heard = 0.0  # monotonic seconds
        self._silent = ""  # why every point is silent now
        self._here: set[int] = set()

    def __enter__(self) -> Self:
        """Listen or connect."""
        self._peers.open()
        self._heard, _ = now()
        self._silent = ""
        self._here.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Wait up to a second for frames; return what they say."""
        samples: list[Sample] = []
        for arrival in self._peers.receive(1.0):
            at, utc = now()
            if not arrival.data:
                self._dialogue.forget(arrival.peer)
                self._here.discard(arrival.peer)
                if not self._here:
                    samples += self._silence("unplugged", at, utc)
                continue
            self._here.add(arrival.peer)
            said, answers = self._dialogue.hear(arrival.peer, arrival.data, at, utc)
            if answers:
                self._peers.send(arrival.peer, answers)
            if said or answers:
                self._is_heard(at)
            samples += said
        at, utc = now()
        if at - self._heard >= self._timeout_s:
            self._heard = at
            samples += self._silence("timeout", at, utc)
        return samples

    def close(self) -> None:
        """Hang up; a blocked `read` ends."""
        self._peers.close()

    def _is_heard(self, at: float) -> None:
        self._heard = at
        if self._silent:
            log.info("%s: speaks again", self.name)
            self._silent = ""

    def _silence(self, reason: str, at: float, utc: float) -> list[Sample]:
        if not self._silent:
            log.warning("%s: is silent: %s", self.name, reason)
        self._silent = reason
        return [Silence(point, reason, at, utc) for point in self._points]
