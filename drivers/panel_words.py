"""What fire panels and alarm hosts say of a part, in words.

A point of kind `panel` reads as a string: every word that holds now, joined by "+", the gravest first, `normal` when
nothing is wrong: "fire", "fault", "fire+fault", "shielded", "normal". Each reading is the whole state of the part,
so a word that is gone from it has ended. A detector splits at "+" and looks for the words it knows.
`fire` is never filtered, delayed or merged away: each frame that carries a change gives a reading.
A point of another kind (`emergency`, `smoke`, `gas`, …) reads as a bool: true while a word of its kind holds. It is
a Silence while the panel calls it faulty and nothing worse, for then nobody knows.
A panel whose line is dead gives a Silence for each of its points.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from contracts.vocabulary import SensorKind
from drivers.samples import Reading, Silence


class PanelWord(StrEnum):
    """One state of a part, the gravest first."""

    FIRE = "fire"
    GAS = "gas"
    EMERGENCY = "emergency"  # one-key alarm
    DURESS = "duress"  # one-key alarm under threat
    BURGLARY = "burglary"
    WATER = "water"
    TAMPER = "tamper"
    FAULT = "fault"
    LOST = "lost"  # the panel does not hear the part
    POWER_FAULT = "power-fault"
    LOW_BATTERY = "low-battery"
    SHIELDED = "shielded"  # switched off by a person: it will not report
    SUPERVISED = "supervised"
    STARTED = "started"  # an output acts
    FEEDBACK = "feedback"  # an output says that it acted
    DELAYED = "delayed"
    ARMED = "armed"
    TEST = "test"
    NORMAL = "normal"


def spell(words: Iterable[PanelWord]) -> str:
    """Return the state as a point's value."""
    here = set(words) - {PanelWord.NORMAL}
    return "+".join(word for word in PanelWord if word in here) or PanelWord.NORMAL


FAULTY = (
    PanelWord.FAULT,
    PanelWord.LOST,
    PanelWord.TAMPER,
    PanelWord.POWER_FAULT,
    PanelWord.LOW_BATTERY,
    PanelWord.SHIELDED,
)
"""Words by which a panel says that it does not know a part's state."""

_MEANS = {
    SensorKind.SMOKE: {PanelWord.FIRE},
    SensorKind.HEAT: {PanelWord.FIRE},
    SensorKind.FLAME: {PanelWord.FIRE},
    SensorKind.GAS: {PanelWord.GAS},
    SensorKind.CO: {PanelWord.GAS},
    SensorKind.LEAK: {PanelWord.WATER},
    SensorKind.EMERGENCY: {PanelWord.EMERGENCY, PanelWord.DURESS},
}
_ALARMS = {word for words in _MEANS.values() for word in words} | {PanelWord.BURGLARY, PanelWord.TAMPER}


def sample(point: str, kind: SensorKind, words: Iterable[PanelWord], at: float, utc: float) -> Reading | Silence:
    """Return what the words say of a point of this kind."""
    here = set(words)
    if kind is SensorKind.PANEL:
        return Reading(point, spell(here), at, utc)
    active = bool(here & _MEANS.get(kind, _ALARMS))
    trouble = next((word for word in FAULTY if word in here), None)
    return Silence(point, trouble, at, utc) if trouble and not active else Reading(point, active, at, utc)
