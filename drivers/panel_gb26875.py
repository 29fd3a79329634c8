"""The dialogue with a fire panel in GB/T 26875.3: ask for its state, confirm or deny, tell what each part is in."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone

from config.panels import PanelPoint
from drivers.gb26875 import TRANSMITTER, Command, Damaged, Frame, PartState, cut, parts, questions, reply
from drivers.panel_words import PanelWord, sample
from drivers.samples import Sample, Silence

log = logging.getLogger(__name__)
CHINA = timezone(timedelta(hours=8))
MOST_STRANGERS = 1000
CALM = 100
"""Good frames in a row after which the next bad one is worth a line in the log again."""


class Gb26875Dialogue:
    """Knows the address table. What nobody listed speaks through the panel's own point, a fire above all.

    A peer is asked for the state of all systems and listed parts when it is there, and for the systems' again each
    `ask_s`. A system that is normal as a whole answers for the parts nothing is known of.
    """

    def __init__(
        self, name: str, points: tuple[PanelPoint, ...], ask_s: float = 0.0, address: str = "000000000000"
    ) -> None:
        self._name = name
        self._own = next(point for point in points if point.part is None)
        self._by_part = {(point.system, point.part): point for point in points if point.part is not None}
        self._own_words: dict[tuple[int, str | None], tuple[PanelWord, ...]] = {}  # strangers and the system itself
        self._held: dict[int, bytes] = {}
        self._good = CALM  # good frames since the last bad one
        self._strangers: set[tuple[int, str | None]] = set()  # said already
        self.heard = 0
        self._ask_s = ask_s
        self._address = bytes.fromhex(address)[::-1]
        self._addresses: dict[int, bytes] = {}  # where each peer's frames come from, as on the wire
        self._asked: dict[int, tuple[float, bytes]] = {}  # peer -> when, and by which address
        self._sequence = 0
        self._unknown: set[str] = set()  # listed parts nothing is known of
        self.lost()

    def hear(self, peer: int, data: bytes, at: float, utc: float) -> tuple[list[Sample], bytes]:
        """Take bytes of a peer; return what they say and what to answer."""
        frames, self._held[peer] = cut(self._held.get(peer, b"") + data)  # the rest is less than a frame
        clock = datetime.fromtimestamp(utc, UTC).astimezone(CHINA)
        samples: list[Sample] = []
        answers = b""
        for frame in frames:
            said = self._states(frame)
            if said is None:
                answers += reply(frame, Command.DENY, clock)
                continue
            if isinstance(frame, Frame):
                self.heard += 1
                self._addresses[peer] = bytes.fromhex(frame.source)[::-1]
            samples += [sample for state in said for sample in self._samples(state, at, utc)]
            if isinstance(frame, Frame) and frame.command in {Command.SEND, Command.CONTROL}:
                answers += reply(frame, Command.CONFIRM, clock)
        return samples, answers

    def forget(self, peer: int) -> None:
        """Drop the half frame of a peer, and who it was."""
        for known in (self._held, self._addresses, self._asked):
            known.pop(peer, None)

    def ask(self, peer: int, at: float, utc: float) -> bytes:
        """Return questions: for all when the peer or its address is new, for the systems when it is time."""
        target = self._addresses.get(peer, self._address)
        asked_at, asked = self._asked.get(peer, (at, None))
        if not self._ask_s or (asked == target and at - asked_at < self._ask_s):
            return b""
        self._asked[peer] = (at, target)
        listed = [(point.system_type, 1 if point.system is None else point.system, point) for point in self._listed]
        systems = sorted({(kind, system) for kind, system, _ in listed} or {(1, 1)})
        wanted = [] if asked == target else [(kind, system, point.part or "") for kind, system, point in listed]
        self._sequence += 1 + len(wanted)
        clock = datetime.fromtimestamp(utc, UTC).astimezone(CHINA)
        return questions(self._sequence, target, clock, systems, wanted)

    def lost(self) -> None:
        """Forget whom we asked; nothing is known of any part."""
        self._asked.clear()
        self._held.clear()
        self._unknown = {point.id for point in self._listed}

    @property
    def _listed(self) -> list[PanelPoint]:
        return list(self._by_part.values())

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

    def _samples(self, state: PartState, at: float, utc: float) -> list[Sample]:
        part = state.part or ""
        known = self._by_part.get((state.system, part)) or self._by_part.get((None, part))
        if known is not None:
            self._unknown.discard(known.id)
            return [sample(known.id, known.kind, state.words, at, utc)]
        return [*self._of_all_parts(state, at, utc), self._own_sample(state, at, utc)]

    def _of_all_parts(self, state: PartState, at: float, utc: float) -> list[Sample]:
        """Return what the state of a whole system, or of the device before the panel, means for the listed parts."""
        if state.part is not None:
            return []
        if state.system == TRANSMITTER and PanelWord.LOST in state.words:
            self.lost()
            return [Silence(point.id, PanelWord.LOST, at, utc) for point in self._listed]
        if state.system == TRANSMITTER or state.words != (PanelWord.NORMAL,):
            return []
        for key in [key for key in self._own_words if key[0] == state.system]:
            del self._own_words[key]
        calm = [p for p in self._listed if p.id in self._unknown and p.system in {None, state.system}]
        self._unknown -= {point.id for point in calm}
        return [sample(point.id, point.kind, state.words, at, utc) for point in calm]

    def _own_sample(self, state: PartState, at: float, utc: float) -> Sample:
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
