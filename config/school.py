"""A school as drills need it: buildings with stairs and exits, stages with targets, classes, start triggers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config import Section
from config.points import Id
from contracts.vocabulary import Direction

PointName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}/[a-z0-9-]{1,40}$")]
"""`agent/point`, or `agent/line`."""


class StageKind(StrEnum):
    """What the rule gives a target for."""

    SECONDARY = "secondary"  # 中学: 120 s
    PRIMARY = "primary"  # 小学: 180 s
    KINDERGARTEN = "kindergarten"  # 幼儿园: none


class StageSection(Section):
    """A stage of the school; a nine-year school has two."""

    id: Id
    name: str
    kind: StageKind
    target_s: float | None = Field(default=None, gt=0)
    """The school's own target, instead of the rule's."""


class ExitLine(Section):
    """A counting line (or any counter that sends crossings) at an exit."""

    line: PointName
    out: Direction | Literal["any"] | None = None
    """The direction that leads out; the agent's own word where none is given; `any` for a counter that knows none."""


class ExitSection(Section):
    """An exit of a building, with all the lines that together cover its width."""

    id: Id
    name: str
    width_m: float | None = Field(default=None, gt=0)
    line: tuple[ExitLine, ...] = ()


class StairSection(Section):
    """A staircase; `width_m` is clear width."""

    name: str
    width_m: float = Field(gt=0)


class BuildingSection(Section):
    """A building that is evacuated."""

    id: Id
    name: str
    floors: int = Field(default=1, ge=1)
    target_s: float | None = Field(default=None, gt=0)
    """Own target of a building of more than four floors."""
    corridor_m: float = Field(default=30.0, ge=0)
    """The longest way on the level, to the stairs and from them to the exit."""
    stair_m: float | None = Field(default=None, ge=0)
    """The longest way down the stairs; 10 m a floor where none is given."""
    stair: tuple[StairSection, ...] = ()
    exit: tuple[ExitSection, ...] = ()


class ClassSection(Section):
    """A class of the school's list: numbers, no names of pupils."""

    id: Id
    name: str
    stage: Id
    building: Id
    floor: int = Field(default=2, ge=1)
    size: int = Field(ge=0)
    place: str = ""
    """Where it assembles."""


class TriggerSection(Section):
    """Events that start a drill which is armed: a siren's relay, a fire panel's contact, a one-key alarm."""

    points: tuple[PointName, ...] = Field(min_length=1)
    kinds: tuple[str, ...] = ()
    """Hazards that count; any where none is named."""
    signal: Literal["alarm", "evacuate"] = "evacuate"


class SchoolConfig(Section):
    """One school (one site)."""

    site: Id
    name: str
    react_s: float = Field(default=10.0, ge=0)
    """From the signal to the first step, for the check before a drill."""
    quiet_s: float = Field(default=20.0, gt=0)
    """Nobody crossed for this long: the last one was the last."""
    stage: tuple[StageSection, ...] = ()
    building: tuple[BuildingSection, ...] = ()
    classes: tuple[ClassSection, ...] = Field(default=(), alias="class")
    trigger: tuple[TriggerSection, ...] = ()

    @model_validator(mode="after")
    def _names_are_known_and_unique(self) -> Self:
        exits = [exit_ for building in self.building for exit_ in building.exit]
        for what, ids in (
            ("stage", [s.id for s in self.stage]),
            ("building", [b.id for b in self.building]),
            ("exit", [e.id for e in exits]),
            ("class", [c.id for c in self.classes]),
            ("line", [line.line for e in exits for line in e.line]),
        ):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)}: is there twice: give each its own id")
        stages, buildings = {s.id for s in self.stage}, {b.id for b in self.building}
        for class_ in self.classes:
            if class_.stage not in stages:
                raise ValueError(f"class {class_.id}: stage {class_.stage!r} is not one of {sorted(stages)}")
            if class_.building not in buildings:
                raise ValueError(f"class {class_.id}: building {class_.building!r} is not one of {sorted(buildings)}")
        return self
