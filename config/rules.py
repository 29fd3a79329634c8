"""Rules: the limits and delays of each kind of sensor, with the standard's value as default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config import Section
from contracts.vocabulary import Severity


class LevelRule(Section):
    """Any number with limits (OPC UA Part 9: on-delay, off-delay, deadband)."""

    kind: Literal["level", "water-level", "temperature", "electrical", "gas", "co", "heat"] = "level"
    high: float | None = None
    low: float | None = None
    deadband: float = Field(default=0.0, ge=0)
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.WARNING


class ContactRule(Section):
    """Anything that is on or off."""

    kind: Literal[
        "contact", "smoke", "flame", "fire-door", "exit-lock", "door", "motion", "beam", "leak",
        "emergency", "life-ring-box", "life-ring", "panel",
    ] = "contact"  # fmt: skip
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    severity: Severity = Severity.WARNING
    latch: bool = False


Rule = Annotated[LevelRule | ContactRule, Field(discriminator="kind")]
