"""The physics of the demonstration campus: a room with a fire in it, a pond with water running in and out."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Room:
    """The warm layer under a ceiling, and its smoke. One lumped mass: enough for a bin that burns."""

    temperature_c: float = 21.0
    smoke_db_m: float = 0.0
    ambient_c: float = 21.0
    capacity_j_k: float = 45_000.0  # about 35 m3 of air and the skin of the ceiling
    loss_w_k: float = 380.0
    smoke_per_joule: float = 2.5e-6
    clearing_s: float = 45.0

    def step(self, dt_s: float, fire_w: float) -> None:
        """Let time pass with a fire of this power burning."""
        flow_w = fire_w - self.loss_w_k * (self.temperature_c - self.ambient_c)
        self.temperature_c += dt_s * flow_w / self.capacity_j_k
        self.smoke_db_m += dt_s * (fire_w * self.smoke_per_joule - self.smoke_db_m / self.clearing_s)


def fire_power_w(seconds: float, grows_w_s2: float = 60.0, most_w: float = 40_000.0) -> float:
    """Return the power of a fire so long after it caught: growing with the square of time."""
    return min(most_w, grows_w_s2 * max(0.0, seconds) ** 2)


@dataclass(slots=True)
class Pond:
    """A pond: a stream runs in with the rain, a weir lets out what stands above its crest."""

    level_m: float = 1.42
    area_m2: float = 600.0
    crest_m: float = 1.35

    def step(self, dt_s: float, inflow_m3_s: float) -> None:
        """Let time pass. Over a weir flows 1.7 b h^1.5; it is 1.2 m wide."""
        head_m = max(0.0, self.level_m - self.crest_m)
        self.level_m += dt_s * (inflow_m3_s - 1.7 * 1.2 * head_m**1.5) / self.area_m2


def wobble(seconds: float, period_s: float, swing: float) -> float:
    """Return a slow wave with a faster one on it: what a healthy analogue sensor looks like."""
    turn = 2 * math.pi * seconds / period_s
    return swing * (0.8 * math.sin(turn) + 0.2 * math.sin(7.3 * turn + 1))
