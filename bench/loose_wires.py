"""Made-up thermometers with a loose wire, and sound ones beside them: what a heat point says of each. Seeded."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.points import PointSection
from detectors import detectors_for
from detectors.findings import Event
from drivers.samples import Reading, Tick

Course = Callable[[float, random.Random], float]
OPEN = 1260.5
MINUTES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a point said: seconds to its first fault, faults and alarms that began, and how long it was not believed."""

    first_fault: float | None
    faults: int
    alarms: int
    first_alarm: float | None


def warming(at: float) -> float:
    """A room that warms from 20 to 45 degC in 20 minutes, which is no alarm by itself."""
    return 20.0 + 25.0 * at / (60.0 * MINUTES)


def _hops(low: float, high: float, every_s: float, base: Callable[[float], float]) -> Course:
    """Contact lost and found again every so many seconds, and what the wire then shows."""
    until = beside = 0.0

    def course(at: float, dice: random.Random) -> float:
        nonlocal until, beside
        if at == 0 or at >= until:
            until = at + dice.uniform(0.3, 1.7) * every_s
            beside = dice.uniform(low, high) if at and dice.random() < 0.5 else 0.0
        return base(at) + beside + dice.gauss(0, 0.1)

    return course


def _opens(every_s: float) -> Course:
    def course(at: float, dice: random.Random) -> float:
        del at
        return dice.choice((20.0, OPEN, dice.uniform(20.0, OPEN))) if dice.random() < 2 / every_s else 20.0

    return course


def loose() -> dict[str, Course]:
    """Loose wires; each is to be one standing fault and never an alarm."""
    return {
        "another value each sample": lambda _, dice: dice.uniform(7, 32),
        "another value each sample, in a warming room": lambda at, dice: warming(at) + dice.uniform(-13, 13),
        "10 to 30 K too low every few seconds": _hops(-30, -10, 4, lambda _: 21.0),
        "the same in a warming room": _hops(-30, -10, 4, warming),
        "10 to 30 K too low twice a minute": _hops(-30, -10, 12, lambda _: 21.0),
        "open and back": _opens(4),
    }


def sound() -> dict[str, Course]:
    """Thermometers in order: no fault."""
    return {
        "a still room": lambda _, dice: 21 + dice.gauss(0, 0.3),
        "a winter door opened each minute": lambda at, dice: (
            21 - 7 * math.sin(math.pi * (at % 60) / 60) ** 2 + dice.gauss(0, 0.2)
        ),
        "a warming room": lambda at, dice: warming(at) + dice.gauss(0, 0.3),
    }


def burning(at: float, dice: random.Random) -> float:
    """A fire after 5 minutes, with the turbulence a detector of class A1 still shows."""
    return 21 + max(0.0, at - 300) * 0.25 + dice.gauss(0, 0.3) + (dice.uniform(-2, 2) if at > 300 else 0)


def watch(course: Course, interval_s: float, seed: int) -> Outcome:
    """Play 20 minutes of a course at one sample every so many seconds through a heat point with its defaults."""
    point = PointSection.model_validate({"id": "p", "name": "p", "kind": "heat", "rule": {}})
    detectors = detectors_for(point)
    found = [e for s in _samples(course, interval_s, seed) for d in detectors for e in d.update(s)]
    began = [e for e in found if isinstance(e, Event) and e.active]
    faults = [e.at for e in began if e.kind == "fault"]
    alarms = [e.at for e in began if e.kind != "fault"]
    return Outcome(min(faults, default=None), len(faults), len(alarms), min(alarms, default=None))


def _samples(course: Course, interval_s: float, seed: int) -> Iterator[Reading | Tick]:
    dice = random.Random(seed)
    for n in range(int(60 * MINUTES / interval_s)):
        at = n * interval_s
        yield Reading("p", course(at, dice), at, 1e9 + at)
        yield Tick(at + 0.5 * interval_s, 1e9 + at + 0.5 * interval_s)
