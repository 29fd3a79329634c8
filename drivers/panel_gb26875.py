"""The dialogue with a fire panel in GB/T 26875.3: confirm what is right, deny what is not, tell each part's state."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone

from config.panels import PanelPoint
from drivers.gb26875 import Command, Damaged, Frame, PartState, cut, parts, reply
from drivers.panel_words import PanelWord, sample
from drivers.samples import Sample

log = logging.getLogger(__name__)
CHINA = timezone(timedelta(hours=8))
MOST_STRANGERS = 1000
MOST_HELD = 4096
CALM = 100
"""Good frames in a row after which the next bad one is worth a line in the log again."""


class Gb26875Dialogue:
    """Knows the address table. What nobody listed speaks through the panel's own point, a fire above all."""

    def __init__(self, name: str, points: tuple[PanelPoint, ...]) -> None:
        self._name = name
        self._own = next(point for point in points if point.part is None)
        self._by_part = {(point.system, point.part): point for point in points if point.part is not None}
        self._own_words: dict[tuple[int, str | None], tuple[PanelWord, ...]] = {}  # strangers and the system itself
        self._held: dict[int, bytes] = {}
        self._good = CALM  # good frames since the last bad one
        self._strangers: set[tuple[int, str | None]] = set()  # said already

    def hear(self, peer: int, data: bytes, at: float, utc: float) -> tuple[list[Sample], bytes]:
        """Take bytes of a peer; return what they say and what to answer."""
        frames, self._held[peer] = cut((self._held.get(peer, b"") + data)[-MOST_HELD:])
        clock = datetime.fromtimestamp(utc, UTC).astimezone(CHINA)
        samples: list[Sample] = []
        answers = b""
        for frame in frames:
            said = self._states(frame)
            if said is None:
                answers += reply(frame, Command.DENY, clock)
                continue
            samples += [self._sample(state, at, utc) for state in said]
            if isinstance(frame, Frame) and frame.command in {Command.SEND, Command.CONTROL}:
                answers += reply(frame, Command.CONFIRM, clock)
        return samples, answers

    def forget(self, peer: int) -> None:
        """Drop the half frame of a peer."""
        self._held.pop(peer, None)

    def _states(self, frame: Frame | Damaged) -> list[PartState] | None:
        """Return what a frame says; None when it is to be denied."""
        if isinstance(frame, Damaged):
            self._complain("a frame has a wrong checksum")
            return None
        if frame.command not in {Command.SEND, Command.ANSWER}:
            return []
        try:
            said = parts(frame.body)
        except ValueError as e:
            self._complain(f"a frame cannot be read ({e})")
            return None
        self._good += 1
        return said

    def _sample(self, state: PartState, at: float, utc: float) -> Sample:
        part = state.part or ""
        known = self._by_part.get((state.system, part)) or self._by_part.get((None, part))
        if known is not None:
            return sample(known.id, known.kind, state.words, at, utc)
        key = (state.system, state.part)
        if state.part is not None and key not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(key)
            log.warning(
                "%s: part %s of system %d is in no address table (%s): its state goes to point %s",
                self._name, state.part, state.system, state.text, self._own.id,
            )  # fmt: skip
        self._own_words.pop(key, None)
        if state.words[0] not in {PanelWord.NORMAL, PanelWord.TEST}:
            self._own_words[key] = state.words
            if len(self._own_words) > MOST_STRANGERS:
                calm = (k for k, words in self._own_words.items() if PanelWord.FIRE not in words)
                self._own_words.pop(next(calm, next(iter(self._own_words))))
        words = [word for words in self._own_words.values() for word in words]
        return sample(self._own.id, self._own.kind, words, at, utc)

    def _complain(self, text: str) -> None:
        if self._good >= CALM:
            log.warning("%s: %s: check the wiring and the protocol version", self._name, text)
        self._good = 0
