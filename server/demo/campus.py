"""The demonstration campus as its sensors show it: the story moved through the physics, a value a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.demo.physics import Pond, Room, fire_power_w, wobble
from server.demo.story import DOOR, DRILL, FIRE, PERSON, RAIN, RING

CALM = ("a3w", "a2e", "a1", "lab", "dorm")
"""Rooms in which nothing burns."""


BELL_S = 5.0
PEOPLE = 16
"""Who leaves in the drill: both classes."""
FIRST_OUT_S, EVERY_S, CROSSING_S = 4.0, 1.5, 3.0
"""When the first person enters the picture, the next one after, and how long one takes to walk through it."""


@dataclass(slots=True)
class Campus:
    """All rooms and waters; `step` to an instant, then read the values."""

    at_s: float = 0.0
    burning: Room = field(default_factory=Room)
    pond: Pond = field(default_factory=Pond)

    def step(self, at_s: float) -> None:
        """Move on to an instant, in steps of at most 0.2 s."""
        while self.at_s < at_s:
            dt_s = min(0.2, at_s - self.at_s)
            self.at_s += dt_s
            into = FIRE.seconds_in(self.at_s)
            self.burning.step(dt_s, 0.0 if into is None else fire_power_w(into))
            self.pond.step(dt_s, 0.35 if RAIN.seconds_in(self.at_s) is not None else 0.038)

    @property
    def temperatures_c(self) -> Mapping[str, float]:
        """By room."""
        calm = {name: 20.5 + i + wobble(self.at_s, 420 + 60 * i, 0.4) for i, name in enumerate(CALM)}
        return {"a3e": self.burning.temperature_c + wobble(self.at_s, 300, 0.2), **calm}

    @property
    def smoke_db_m(self) -> Mapping[str, float]:
        """By room; clean air is not quite zero."""
        calm = {name: 0.004 + wobble(self.at_s, 300 + 40 * i, 0.002) for i, name in enumerate(CALM)}
        return {"a3e": self.burning.smoke_db_m + 0.004 + wobble(self.at_s, 280, 0.002), **calm}

    @property
    def level_m(self) -> float:
        return self.pond.level_m + wobble(self.at_s, 17, 0.003)

    @property
    def pump_c(self) -> float:
        return 46.0 + wobble(self.at_s, 500, 3.0)

    @property
    def door_open(self) -> bool:
        return DOOR.seconds_in(self.at_s) is not None

    @property
    def person(self) -> bool:
        return PERSON.seconds_in(self.at_s) is not None

    @property
    def ring_box_open(self) -> bool:
        return RING.seconds_in(self.at_s) is not None

    @property
    def bell(self) -> bool:
        """The drill's bell, by the contact of its relay."""
        into = DRILL.seconds_in(self.at_s)
        return into is not None and into < BELL_S

    @property
    def walkers(self) -> tuple[float, ...]:
        """How far each person at the east exit has walked through the camera's picture, 0 to 1."""
        into = DRILL.seconds_in(self.at_s)
        if into is None:
            lone = self.at_s % 20.0  # somebody passes every now and then
            begins: tuple[float, ...] = (lone,)
        else:
            begins = tuple(into - FIRST_OUT_S - i * EVERY_S for i in range(PEOPLE))
        return tuple(walked / CROSSING_S for walked in begins if 0 <= walked < CROSSING_S)
