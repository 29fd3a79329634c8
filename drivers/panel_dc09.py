"""The dialogue with alarm hosts in SIA DC-09: acknowledge each event once, tell each input's state."""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import UTC, datetime

from config.panels import HostPoint
from drivers.dc09 import WORDS, Event, Frame, cut, reply
from drivers.panel_words import PanelWord, sample
from drivers.samples import Sample

log = logging.getLogger(__name__)
MOST_REMEMBERED = 1024
REMEMBER_S = 600.0
"""A host sends an event again within minutes; its sequence begins anew after 9999, or after a restart."""
MOST_STATES = 1000
CALM = 100
"""Good frames in a row after which the next bad one is worth a line in the log again."""

Key = tuple[str, str, str, int]  # account, sequence, event with its qualifier, zone


class Dc09Dialogue:
    """Knows which input is which point; an input nobody listed speaks through the host's own point."""

    def __init__(self, name: str, points: tuple[HostPoint, ...]) -> None:
        self._name = name
        self._own = next(point for point in points if point.input is None)
        self._by_input = {(point.account, point.input): point for point in points if point.input is not None}
        self._by_account = {point.account: point for point in points if point.input is None}
        self._words: dict[str, dict[tuple[str, int, int], PanelWord]] = {}  # point -> (account, zone, code) -> word
        self._seen: OrderedDict[Key, float] = OrderedDict()
        self._held: dict[int, bytes] = {}
        self._good = CALM  # good frames since the last bad one
        self.heard = 0

    def hear(self, peer: int, data: bytes, at: float, utc: float) -> tuple[list[Sample], bytes]:
        """Take bytes of a peer; return what they say and what to answer."""
        frames, damaged, self._held[peer] = cut(self._held.get(peer, b"") + data)  # the rest is less than a frame
        if damaged and self._good >= CALM:  # DC-09: a frame with a wrong CRC gets no answer, the host sends it again
            log.warning("%s: a frame has a wrong checksum or form: check wiring and protocol", self._name)
        self._good = 0 if damaged else self._good + len(frames)
        self.heard += len(frames)
        clock = datetime.fromtimestamp(utc, UTC)
        samples: list[Sample] = []
        answers = b""
        for frame in frames:
            if frame.id in {"ACK", "DUH", "NAK"}:
                continue
            answers += reply(frame, "ACK" if frame.readable else "DUH", clock)
            if frame.event is not None and not self._is_repeated(frame, frame.event, at):
                samples += self._samples(frame.account, frame.event, at, utc)
        return samples, answers

    def forget(self, peer: int) -> None:
        """Drop the half frame of a peer."""
        self._held.pop(peer, None)

    def ask(self, peer: int, at: float, utc: float) -> bytes:
        """A host cannot be asked: it repeats what was not acknowledged, and sends heartbeats."""
        del peer, at, utc
        return b""

    def lost(self) -> None:
        """Keep what is known: a host says each change once, and repeats what we missed."""

    def _is_repeated(self, frame: Frame, event: Event, at: float) -> bool:
        """Remember the event; return whether it came before."""
        key = (frame.account, frame.sequence, f"{event.code}{'E' if event.begins else 'R'}", event.zone)
        while self._seen and (at - next(iter(self._seen.values())) > REMEMBER_S or len(self._seen) >= MOST_REMEMBERED):
            self._seen.popitem(last=False)
        if key in self._seen:
            return True
        self._seen[key] = at
        return False

    def _samples(self, account: str, event: Event, at: float, utc: float) -> list[Sample]:
        word = WORDS.get(event.code)
        if word is None:
            return []
        point = (
            self._by_input.get((account, event.zone))
            or self._by_input.get((None, event.zone))
            or self._by_account.get(account)
            or self._own
        )
        words = self._words.setdefault(point.id, {})
        words.pop((account, event.zone, event.code), None)
        if event.begins:
            words[account, event.zone, event.code] = word
            if len(words) > MOST_STATES:
                words.pop(next(iter(words)))
        return [sample(point.id, point.kind, words.values(), at, utc)]
