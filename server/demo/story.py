"""What happens on the demonstration campus, and when: one calm round of five minutes, again and again."""

from __future__ import annotations

from dataclasses import dataclass

ROUND_S = 300.0


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens in each round, seconds from its start."""

    name: str
    begins_s: float
    ends_s: float
    text: str  # for the terminal

    def seconds_in(self, at_s: float) -> float | None:
        """Return how long it has been going on, None where it is not."""
        into = at_s % ROUND_S
        return into - self.begins_s if self.begins_s <= into < self.ends_s else None


FIRE = Act("fire", 14, 62, "a waste bin burns in 教学楼A 三层东: smoke, then heat")
DOOR = Act("door", 85, 165, "the fire door of 教学楼A 二层东 is left open")
PERSON = Act("person", 185, 215, "a person stands at the pond")
RING = Act("ring", 196, 225, "the life-ring box at the pond is opened")
RAIN = Act("rain", 225, 285, "rain: the pond rises a little")
DRILL = Act("drill", 236, 286, "an evacuation drill: the bell rings, two classes leave by the east exit")
ACTS = (FIRE, DOOR, PERSON, RING, RAIN, DRILL)


def going_on(at_s: float) -> tuple[Act, ...]:
    """Return what goes on now."""
    return tuple(act for act in ACTS if act.seconds_in(at_s) is not None)
