"""From the school's file to a drill's plan: who takes part, through which exits, against which targets."""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from config.school import BuildingSection, SchoolConfig, StageKind, StageSection
from server.drills.inputs import DrillKind, Plan, PlannedClass, PlannedExit, PlannedStage

LOW_RISE = 4
"""A building of more floors may have a target of its own."""


def plan(school: SchoolConfig, kind: DrillKind, buildings: Collection[str] = (), people: int | None = None) -> Plan:
    """Plan a drill of some buildings, of all where none is named."""
    chosen = [b for b in school.building if not buildings or b.id in buildings]
    ids = {b.id for b in chosen}
    classes = [c for c in school.classes if c.building in ids]
    used = {c.stage for c in classes}
    stages = [s for s in school.stage if s.id in used or not classes]
    return Plan(
        kind=kind,
        classes=tuple(PlannedClass(c.id, c.name, c.stage, c.size) for c in classes),
        exits=tuple(PlannedExit(e.id, e.name, e.width_m) for b in chosen for e in b.exit),
        stages=tuple(planned_stage(s, [b for b in chosen if not classes or _holds(b, s, school)]) for s in stages),
        people=people,
        quiet_s=school.quiet_s,
    )


def _holds(building: BuildingSection, stage: StageSection, school: SchoolConfig) -> bool:
    return any(c.building == building.id and c.stage == stage.id for c in school.classes)


def planned_stage(stage: StageSection, buildings: Collection[BuildingSection]) -> PlannedStage:
    """Give a stage its target: a high building's own, else the school's, else the rule's."""
    own = [b for b in buildings if b.floors > LOW_RISE and b.target_s is not None]
    if own:
        slowest = max(own, key=lambda b: b.target_s or 0)
        return PlannedStage(stage.id, stage.name, slowest.target_s, f"{slowest.name} {slowest.floors} 层，学校自定")
    if stage.target_s is not None:
        return PlannedStage(stage.id, stage.name, stage.target_s, "学校自定")
    high = next((f"；{b.name} {b.floors} 层，可自定目标" for b in buildings if b.floors > LOW_RISE), "")
    match stage.kind:
        case StageKind.SECONDARY:
            return PlannedStage(stage.id, stage.name, 120.0, "中学 2 分钟以内" + high)
        case StageKind.PRIMARY:
            return PlannedStage(stage.id, stage.name, 180.0, "小学 3 分钟以内" + high)
        case StageKind.KINDERGARTEN:
            return PlannedStage(stage.id, stage.name, None, "幼儿园不设时限")
        case _:
            assert_never(stage.kind)
