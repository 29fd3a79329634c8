"""What fire panels and alarm hosts say of a part, in words.

A point of kind `panel` reads as a string: every word that holds now, joined by "+", the gravest first, `normal` when
nothing is wrong: "fire", "fault", "fire+fault", "shielded", "normal". Each reading is the whole state of the part,
so a word that is gone from it has ended. A detector splits at "+" and looks for the words it knows.
`fire` is never filtered, delayed or merged away: each frame that carries a change gives a reading.
A panel whose line is dead gives a Silence for each of its points.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


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
