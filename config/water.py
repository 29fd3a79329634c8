"""Waters: what belongs to each, its grade, limits, checkpoints and gear; when people are told of a person there."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config import Section
from config.cameras import Hours
from config.points import Id
from config.school import PointName

Gear = Literal["sign", "ring", "rope", "pole"]
"""四个一: warning sign, life ring, rope, pole."""
FOUR: tuple[Gear, ...] = ("sign", "ring", "rope", "pole")


class LevelSection(Section):
    """A water level whose course is drawn, in the point's own unit."""

    point: PointName
    high: float | None = None
    critical: float | None = None


class CheckpointSection(Section):
    """A place a patrol goes to; it gets a QR code of its own."""

    id: Id
    name: str


class WaterSection(Section):
    """One water: a pond, a pool, a stretch of a river bank."""

    site: Id
    id: Id
    name: str
    place: str = ""
    grid: str = ""
    grade: str = ""
    """A colour of the scale `water` in judgement.toml; not graded where none is given."""
    points: tuple[PointName, ...] = ()
    """Sensors, zones and cameras, as `agent/point`."""
    level: tuple[LevelSection, ...] = ()
    gear: tuple[Gear, ...] = FOUR
    armed: tuple[Hours, ...] = ()
    """When people are not to be here; always where none is given."""
    checkpoint: tuple[CheckpointSection, ...] = (CheckpointSection(id="main", name="巡查点"),)


class EscalationSection(Section):
    """How long each stage waits; the plan of a started one stays as it was."""

    kinds: tuple[str, ...] = Field(min_length=1)
    dwell_s: float = Field(ge=0, le=3600)
    """Someone stays this long before it is urgent; 0: at once."""
    ack_s: float = Field(gt=0, le=3600)
    """Nobody has acknowledged for this long: the principal is told."""


class SeasonSection(Section):
    """When people go into the water, and how often waters are patrolled then and else."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = (4, 5, 6, 7, 8, 9, 10)
    patrol_days: float = Field(default=7, gt=0)
    patrol_days_off: float = Field(default=31, gt=0)


class Waters(Section):
    """All waters of this server."""

    season: SeasonSection = SeasonSection()
    escalation: tuple[EscalationSection, ...] = ()
    water: tuple[WaterSection, ...] = ()

    @model_validator(mode="after")
    def _names_are_single(self) -> Self:
        names = [f"{water.site}/{water.id}" for water in self.water]
        points = [f"{water.site}/{point}" for water in self.water for point in water.points]
        for what, given in (("water", names), ("point", points)):
            twice = sorted({name for name in given if given.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]}: is there twice: a point belongs to one water, a water has one id")
        return self

    def plan_of(self, kind: str) -> EscalationSection | None:
        """Return how an alert of this kind is escalated."""
        return next((plan for plan in self.escalation if kind in plan.kinds), None)
