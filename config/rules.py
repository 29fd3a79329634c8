"""Rules: the limits and delays of each kind of sensor, with the standard's value as default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.bit_rules import (
    BeamRule,
    ContactRule,
    DoorRule,
    EmergencyRule,
    ExitLockRule,
    FireDoorRule,
    FlameRule,
    LeakRule,
    LifeRingBoxRule,
    LifeRingRule,
    MotionRule,
    PanelRule,
)
from config.number_rules import (
    CoRule,
    ElectricalRule,
    GasRule,
    HeatRule,
    LevelRule,
    SmokeRule,
    TemperatureRule,
    WaterLevelRule,
)

Rule = Annotated[
    LevelRule
    | WaterLevelRule
    | TemperatureRule
    | ElectricalRule
    | GasRule
    | CoRule
    | HeatRule
    | SmokeRule
    | ContactRule
    | FlameRule
    | FireDoorRule
    | ExitLockRule
    | DoorRule
    | MotionRule
    | BeamRule
    | LeakRule
    | EmergencyRule
    | LifeRingBoxRule
    | LifeRingRule
    | PanelRule,
    Field(discriminator="kind"),
]
