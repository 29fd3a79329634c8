"""What is allowed in a configuration but is seldom meant: one line each, for `campus-agent check`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.units import JUDGED_IN, name_of
from config.agent import AgentConfig
from config.points import PointSection
from config.rules import ContactRule, ElectricalRule, LevelRule, TemperatureRule, WaterLevelRule
from config.secrets import SCHEME as CREDENTIAL
from contracts.vocabulary import SensorKind

HINTS = {
    "fire-door": ("防火门", "fire door", "fire-door", "firedoor"),
    "exit-lock": ("门锁", "锁", "lock"),
    "leak": ("漏水", "水浸", "leak"),
    "life-ring-box": ("救生圈箱", "救生箱", "ring box", "ring-box"),
    "life-ring": ("救生圈", "life ring", "life-ring", "lifering", "liferin"),
    "smoke": ("烟感", "smoke"),
    "flame": ("火焰", "flame"),
    "gas": ("燃气", "煤气", "gas"),
    "emergency": ("一键", "紧急按钮", "panic", "emergency"),
    "door": ("门磁", "大门", "门", "door", "gate"),
}
"""Kinds by what a contact's name says, the closest first."""
QUIET = ("battery", "tamper", "电池", "电量", "防拆")
"""A contact that only tells of its device may stay without an alarm."""
PARTNERS = frozenset(
    {
        SensorKind.SMOKE,
        SensorKind.HEAT,
        SensorKind.FLAME,
        SensorKind.CO,
        SensorKind.PANEL,
        SensorKind.MOTION,
        SensorKind.BEAM,
    }
)


def advice(config: AgentConfig) -> list[str]:
    """Return a line for each thing worth a second look; each begins with the name of the thing."""
    points = [point for bus in config.bus for point in bus.point]
    return [
        *_of_agent(config),
        *(line for point in points for line in (*_of_point(point), *_of_unit(point))),
        *_of_zones(points),
    ]


def _of_agent(config: AgentConfig) -> Iterator[str]:
    if not config.bus and not config.camera:
        yield f"agent {config.agent}: watches nothing: add a [[bus]] or a [[camera]], see `campus-agent probe`"
    for key in ("ca_file", "cert_file", "key_file", "password_file"):
        file: Path | None = getattr(config.mqtt, key)
        if file is not None and not str(file).startswith(CREDENTIAL) and _is_missing(file):
            yield f"[mqtt] {key}: {file} is not on this machine"


def _is_missing(file: Path) -> bool:
    try:
        file.stat()
    except PermissionError:
        return False  # in a folder of the service's own: nobody else can tell
    except OSError:
        return True
    return False


def _of_unit(point: PointSection) -> Iterator[str]:
    judged = JUDGED_IN.get(point.kind)
    if judged is not None and point.unit and name_of(point.unit) not in judged.names:
        yield (
            f"point {point.id}: unit {point.unit!r}: {point.kind} is judged in {judged.shown}:"
            " bring the value there with scale and offset, or give it its kind"
        )


def _of_point(point: PointSection) -> Iterator[str]:
    rule = point.rule
    match rule:
        case ContactRule() if "on_delay_s" not in rule.model_fields_set and not _says(point, QUIET):
            kind = next((kind for kind, words in HINTS.items() if _says(point, words)), None)
            meant = f'give it kind = "{kind}"' if kind else "give it the kind of what it reports"
            yield f"point {point.id}: a plain contact reports nothing by being on: {meant}, or a rule with on_delay_s"
        case LevelRule() | TemperatureRule() | ElectricalRule() if (rule.high, rule.low) == (None, None):
            if not rule.anomaly:
                yield f"point {point.id}: has no limit: it is recorded and never alarms; add rule = {{ high = … }}"
        case WaterLevelRule() if (rule.high, rule.critical) == (None, None) and not rule.anomaly:
            yield f"point {point.id}: has no mark: high water is not reported; add rule = {{ high = …, critical = … }}"
        case _:
            return


def _of_zones(points: Sequence[PointSection]) -> Iterator[str]:
    zones: dict[str, list[PointSection]] = {}
    for point in points:
        if point.zone and point.kind in PARTNERS:
            zones.setdefault(point.zone, []).append(point)
    for zone, members in zones.items():
        if len(members) == 1:
            yield f"zone {zone}: {members[0].id} is alone in it: a second detector is needed to confirm it"


def _says(point: PointSection, words: tuple[str, ...]) -> bool:
    text = f"{point.id} {point.name} {getattr(point, 'key', '')}".lower()
    return any(word in text for word in words)
