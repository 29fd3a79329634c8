"""What a drill comes to: times from the evacuation signal with their ±, counts with their quality."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from server.drills.clocks import Trust


class Phase(StrEnum):
    """Where a drill stands."""

    PLANNED = "planned"
    ALARM = "alarm"
    SHELTER = "shelter"
    EVACUATING = "evacuating"
    FINISHED = "finished"
    VOID = "void"


class Ending(StrEnum):
    """What ended a drill."""

    ITSELF = "itself"
    HAND = "hand"


class Basis(StrEnum):
    """What the official time rests on."""

    ASSEMBLED = "assembled"  # the last class at its place
    EXITS = "exits"  # 出口口径: the last person through an exit


class Verdict(StrEnum):
    """An official time against its target, the worst first."""

    MISSED = "missed"
    TOO_CLOSE = "too-close"  # the target lies within the ±
    MET = "met"
    UNTIMED = "untimed"  # over, and no time was taken: nobody was counted
    NO_TARGET = "no-target"
    OPEN = "open"  # not finished


def worst(given: Collection[Verdict]) -> Verdict:
    """Return the verdict that a drill of several stages goes by; OPEN where there is none."""
    return next((one for one in Verdict if one in given), Verdict.OPEN)


@dataclass(frozen=True, slots=True)
class Span:
    """A duration from the evacuation signal (negative: before it), in seconds."""

    seconds: float
    plus_minus_s: float
    trust: Trust


@dataclass(frozen=True, slots=True)
class Count:
    """Net people out: out minus back, with the bounds of what the counters can vouch for."""

    out: int
    back: int
    low: float
    high: float

    @property
    def net(self) -> int:
        return self.out - self.back


@dataclass(frozen=True, slots=True)
class Step:
    """From this instant on so many are out."""

    seconds: float
    net: int


@dataclass(frozen=True, slots=True)
class ExitResult:
    """One exit, up to the end of the drill."""

    id: str
    name: str
    count: Count
    first: Span | None
    half: Span | None
    most: Span | None  # 95 %
    last: Span | None
    steps: tuple[Step, ...]
    flow: float | None  # people a metre and second between first and 95 %; None without a width
    implausible: bool  # more than people can pass: the count is wrong


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One class's roll call."""

    id: str
    name: str
    stage_id: str
    expected: int
    present: int | None
    excused: int
    missing: int | None
    arrived: Span | None
    reported: Span | None
    late: bool  # arrived after the drill had been ended


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage against its target."""

    id: str
    name: str
    target_s: float | None
    why: str
    official: Span | None
    basis: Basis
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Straggler:
    """Who came out after the end: a second number beside the first."""

    count: int
    last: Span


@dataclass(frozen=True, slots=True)
class RollCall:
    """All classes together."""

    expected: int
    present: int
    excused: int
    missing: int
    reported: int  # classes
    classes: tuple[ClassResult, ...]

    @property
    def complete(self) -> bool:
        """Every class reported and nobody is missing."""
        return bool(self.classes) and self.reported == len(self.classes) and self.missing == 0


@dataclass(frozen=True, slots=True)
class Result:
    """One drill, as far as it can be seen."""

    phase: Phase
    t0_s: float | None  # seconds since 1970, server's clock
    t0_source: str
    alarm: Span | None
    shelter: Span | None
    ended: Span | None
    ending: Ending | None
    expected: int
    count: Count
    early: int  # out before the evacuation signal
    exits: tuple[ExitResult, ...]
    steps: tuple[Step, ...]
    half: Span | None
    most: Span | None
    clear: Span | None
    assembled: Span | None
    accounted: Span | None
    official: Span | None
    basis: Basis
    straggler: Straggler | None
    roll_call: RollCall
    stages: tuple[StageResult, ...]
    bottleneck: str | None  # the exit that was busy longest
    waiting_for_data: bool  # quiet, but some exit's crossings may still be on their way
