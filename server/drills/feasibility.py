"""Before a drill: can the target be met with these stairs and exits? t = t_react + L/v + N/(F·W)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from config.school import BuildingSection, SchoolConfig
from server.drills.planning import planned_stage

STAIR_FLOW, DOOR_FLOW = 1.1, 1.3
"""People a metre and second that the IMO table plans with: stairs down, doors."""
BEST_FLOW = 2.3
"""The most that was measured at congested exits, people a metre and second."""
STAIR_SPEED, LEVEL_SPEED = 0.75, 1.0
"""Metres a second on a crowded stair down, and on the level (IMO: 0.55-1.0 and 0.67-1.2)."""
STAIR_WAY_M = 10.0
"""The way down one floor, in metres."""


class Outlook(StrEnum):
    """What physics says of a target."""

    FEASIBLE = "feasible"
    TIGHT = "tight"  # not by the planning figure, but within what has been measured
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"  # widths or people are not known
    NO_TARGET = "no-target"


@dataclass(frozen=True, slots=True)
class Forecast:
    """One building against the target of one stage; times in seconds."""

    building: str
    stage: str
    target_s: float | None
    outlook: Outlook
    planned_s: float | None
    best_s: float | None
    people: int
    sentence: str


@dataclass(frozen=True, slots=True)
class _Narrow:
    """A set of passages everybody of a building must get through."""

    what: str
    people: int
    width_m: float
    flow: float
    way_s: float

    def seconds(self, flow: float) -> float:
        return self.way_s + self.people / (flow * self.width_m)


def forecasts(school: SchoolConfig) -> list[Forecast]:
    """Judge every building for every stage in it."""
    found: list[Forecast] = []
    for building in school.building:
        for stage in school.stage:
            if not any(c.building == building.id and c.stage == stage.id for c in school.classes):
                continue
            planned = planned_stage(stage, [building])
            found.append(_forecast(school, building, stage.name, planned.target_s))
    return found


def _forecast(school: SchoolConfig, building: BuildingSection, stage: str, target_s: float | None) -> Forecast:
    people = sum(c.size for c in school.classes if c.building == building.id)
    narrow = _narrow(school, building, people)
    name = building.name
    if not narrow:
        text = f"{name}：楼梯或出口宽度未填，无法估算。"
        return Forecast(name, stage, target_s, Outlook.UNKNOWN, None, None, people, text)
    worst = max(narrow, key=lambda n: n.seconds(n.flow))
    planned_s = round(worst.seconds(worst.flow), 1)
    best_s = round(max(n.seconds(BEST_FLOW) for n in narrow), 1)
    if target_s is None:
        text = f"{name} {stage}：不设时限，估算约 {planned_s:.0f} 秒。"
        return Forecast(name, stage, None, Outlook.NO_TARGET, planned_s, best_s, people, text)
    outlook = Outlook.FEASIBLE if planned_s <= target_s else Outlook.TIGHT if best_s <= target_s else Outlook.IMPOSSIBLE
    text = _sentence(f"{name} {stage}", target_s, outlook, worst, best_s)
    return Forecast(name, stage, target_s, outlook, planned_s, best_s, people, text)


def _narrow(school: SchoolConfig, building: BuildingSection, people: int) -> list[_Narrow]:
    """Stairs for who is upstairs, exits for all."""
    found: list[_Narrow] = []
    upstairs = sum(c.size for c in school.classes if c.building == building.id and c.floor > 1)
    level_s = school.react_s + building.corridor_m / LEVEL_SPEED
    if building.floors > 1 and upstairs:
        if not building.stair:
            return []
        way_m = building.stair_m if building.stair_m is not None else STAIR_WAY_M * (building.floors - 1)
        width_m = round(sum(s.width_m for s in building.stair), 2)
        what = f"{upstairs} 人要走 {len(building.stair)} 部共 {width_m:g} 米宽的楼梯"
        found.append(_Narrow(what, upstairs, width_m, STAIR_FLOW, level_s + way_m / STAIR_SPEED))
    widths = [e.width_m for e in building.exit if e.width_m is not None]
    if people and widths and len(widths) == len(building.exit):
        width_m = round(sum(widths), 2)
        what = f"{people} 人要过 {len(widths)} 个共 {width_m:g} 米宽的出口"
        found.append(_Narrow(what, people, width_m, DOOR_FLOW, level_s))
    return found


def _sentence(who: str, target_s: float, outlook: Outlook, worst: _Narrow, best_s: float) -> str:
    passing_s = worst.people / (worst.flow * worst.width_m)
    target = minutes(target_s)
    because = (
        f"{worst.what}，每米每秒约 {worst.flow} 人，光是通过就要 {passing_s:.0f} 秒，"
        f"加上反应和走动 {worst.way_s:.0f} 秒，约 {passing_s + worst.way_s:.0f} 秒"
    )
    match outlook:
        case Outlook.IMPOSSIBLE:
            fits = max(0, int((target_s - worst.way_s) * worst.flow * worst.width_m))
            return f"{who}：{target}做不到，因为 {because}；这样的宽度 {target}内约能出来 {fits} 人。"
        case Outlook.TIGHT:
            return f"{who}：{target}很紧，因为 {because}；只有像实测最拥挤时那样快（约 {best_s:.0f} 秒）才行。"
        case _:
            return f"{who}：{target}做得到，{because}。"


def minutes(seconds: float) -> str:
    """Say a target as people do: 2 分钟, 2 分 30 秒, 50 秒."""
    whole, rest = divmod(round(seconds), 60)
    if not whole:
        return f"{rest} 秒"
    return f"{whole} 分 {rest} 秒" if rest else f"{whole} 分钟"
