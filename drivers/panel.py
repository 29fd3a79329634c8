"""Fire panels and alarm hosts: they push, we confirm and hand on each part's state."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from drivers.now import now
from drivers.peers import Arrival, Peers
from drivers.samples import Sample, Silence

log = logging.getLogger(__name__)


class Dialogue(Protocol):
    """One protocol spoken with any number of peers: bytes in, samples and answers out."""

    heard: int
    """Frames so far that were right in form and checksum."""

    def hear(self, peer: int, data: bytes, at: float, utc: float) -> tuple[list[Sample], bytes]:
        """Take bytes of a peer; return what they say and what to answer. Never raises."""
        ...

    def ask(self, peer: int, at: float, utc: float) -> bytes:
        """Return what to ask a peer now, b"" when nothing is due."""
        ...

    def forget(self, peer: int) -> None:
        """A peer hung up: drop its half frame."""
        ...

    def lost(self) -> None:
        """Nobody is heard: from now on no state is known."""
        ...


class PanelDriver:
    """Waits for what a panel pushes; each point reads as state words (drivers.panel_words).

    No frame for `timeout_s` is a Silence of every point: 'timeout', or 'garbage' when bytes came that make none; a
    link of our own is then opened anew. So is, at once, the last peer's hanging up ('unplugged'). Nothing is
    thinned: each frame of a change gives its readings.
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
        self._noise = False  # bytes came since the last frame

    def __enter__(self) -> Self:
        """Listen or connect."""
        self._peers.open()
        self._heard, _ = now()
        self._silent = ""
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Wait up to a second for frames; return what they say."""
        self._ask()
        samples = [sample for arrival in self._peers.receive(1.0) for sample in self._take(arrival)]
        at, utc = now()
        if at - self._heard >= self._timeout_s:
            self._heard = at
            samples += self._silence("garbage" if self._noise else "timeout", at, utc)
            if self._peers.at_once:  # a line that died without a word: only a fresh one can tell
                self._peers.close()
                self._peers.open()
                self._begin()
        return samples

    def close(self) -> None:
        """Hang up; a blocked `read` ends."""
        self._peers.close()

    def _begin(self) -> None:
        self._here.clear()
        self._noise = False
        self._dialogue.lost()

    def _ask(self) -> None:
        at, utc = now()
        for peer in sorted({*self._peers.at_once, *self._here}):
            question = self._dialogue.ask(peer, at, utc)
            if question:
                self._peers.send(peer, question)

    def _take(self, arrival: Arrival) -> list[Sample]:
        at, utc = now()
        if not arrival.data:
            self._dialogue.forget(arrival.peer)
            self._here.discard(arrival.peer)
            return [] if self._here else self._silence("unplugged", at, utc)
        before = self._dialogue.heard
        said, answers = self._dialogue.hear(arrival.peer, arrival.data, at, utc)
        if answers:
            self._peers.send(arrival.peer, answers)
        self._noise = self._dialogue.heard == before
        if not self._noise:
            self._here.add(arrival.peer)
            self._is_heard(at)
        return said

    def _is_heard(self, at: float) -> None:
        self._heard = at
        if self._silent:
            log.info("%s: speaks again", self.name)
            self._silent = ""

    def _silence(self, reason: str, at: float, utc: float) -> list[Sample]:
        if not self._silent:
            hint = ": bytes come but no frame: check baud rate and protocol" if reason == "garbage" else ""
            log.warning("%s: is silent: %s%s", self.name, reason, hint)
        self._silent = reason
        self._dialogue.lost()
        return [Silence(point, reason, at, utc) for point in self._points]
