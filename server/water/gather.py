"""The waters of the schools with their sensors as they stand: configured ones, and by place what nobody configured."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from config.water import WaterSection
from contracts.vocabulary import Hazard, SensorKind
from server.accounts.reach import EVERYWHERE, Reach
from server.alerts.alert import Alert
from server.alerts.store import listed
from server.alerts.tables import point_states
from server.presence.tables import points, zones
from server.services import Services
from server.water.drawn import Key, Listed, Zone, shared_out
from server.water.state import Sensor

WATER_KINDS = frozenset({SensorKind.WATER_LEVEL, SensorKind.LIFE_RING_BOX, SensorKind.LIFE_RING, SensorKind.BEAM})
BESIDE = frozenset({SensorKind.MOTION, SensorKind.CAMERA, SensorKind.LEAK})
"""Kinds that belong to a water only where they stand beside one."""


@dataclass(frozen=True, slots=True)
class Found:
    """One water and its sensors."""

    section: WaterSection
    sensors: tuple[Sensor, ...]
    configured: bool


def gather(connection: Connection, services: Services, reach: Reach = EVERYWHERE) -> list[Found]:
    """Return every water within reach."""
    members = _members(connection, reach)
    alerts: dict[Key, list[Alert]] = defaultdict(list)
    for alert in listed(connection, reach=reach, only_open=True, limit=5000):
        alerts[alert.site, alert.agent, alert.point].append(alert)
    stated = _stated(connection, reach)
    made = {key: _sensor(services, key, row, alerts, stated) for key, row in members.items()}
    found: list[Found] = []
    taken: set[Key] = set()
    sections = [section for section in services.waters.water if reach.sees(section.site)]
    written = [Listed(frozenset({s.name, s.place}), [(s.site, *_split(p)) for p in s.points]) for s in sections]
    for section, keys in zip(sections, shared_out(written, _drawn(connection, reach)), strict=True):
        taken.update(keys)
        found.append(Found(section, tuple(made.get(k) or _absent(k) for k in keys), configured=True))
    return found + _by_place(made, members, taken)


def _drawn(connection: Connection, reach: Reach) -> dict[Key, Zone]:
    query = select(zones).where(*reach.where(zones.c.site))
    return {
        (row.site, row.agent, row.id): Zone((row.site, row.agent, row.camera or row.id), row.place, row.gone)
        for row in connection.execute(query)
    }


def _split(name: str) -> tuple[str, str]:
    agent, _, point = name.partition("/")
    return agent, point


def _members(connection: Connection, reach: Reach) -> dict[Key, Any]:
    rows: dict[Key, Any] = {}
    for table in (points, zones):
        query = select(table).where(table.c.gone.is_(False), *reach.where(table.c.site))
        rows |= {(row.site, row.agent, row.id): row for row in connection.execute(query)}
    return rows


def _stated(connection: Connection, reach: Reach) -> frozenset[Key]:
    """Zones give no readings: known is one whose first settled state has come."""
    states = point_states.c
    here = reach.where(states.site)
    query = select(states.site, states.agent, states.point).where(states.kind == Hazard.WATER_PERSON, *here)
    return frozenset((row.site, row.agent, row.point) for row in connection.execute(query))


def _sensor(services: Services, key: Key, row: Any, alerts: dict[Key, list[Alert]], stated: frozenset[Key]) -> Sensor:
    watch = services.presence.watches.get(key[:2])
    beat = watch.heartbeat if watch else None
    newest = services.latest.get(key)
    age_s = beat.point_ages_s.get(key[2]) if beat else None
    is_zone = row.kind == Hazard.WATER_PERSON
    camera = key[2] if row.kind == SensorKind.CAMERA else row.camera if is_zone else ""
    blind = ""
    if camera:
        at_camera = alerts.get((key[0], key[1], camera), [])
        blind = next((a.reason or "fault" for a in at_camera if a.active and a.kind == Hazard.FAULT), "")
        failed = beat is not None and any(w.name == camera and w.state == "failed" for w in beat.workers)
        blind = blind or ("camera-failed" if failed else "")
    return Sensor(
        agent=key[1], point=key[2], name=row.name, kind=SensorKind.ZONE if is_zone else row.kind,
        link=watch.link.value if watch else "lost",
        heard=key in stated if is_zone else row.kind == SensorKind.CAMERA or newest is not None or age_s is not None,
        age_s=age_s, silence_s=getattr(row, "silence_s", None),
        value=newest.value if newest else None, unit=getattr(row, "unit", ""), at=newest.at if newest else None,
        limits={one["name"]: one["value"] for one in getattr(row, "limits", ())},
        blind=blind, alerts=tuple(alerts.get(key, ())),
    )  # fmt: skip


def _absent(key: Key) -> Sensor:
    return Sensor(agent=key[1], point=key[2], name=key[2], kind="", heard=False)


def _by_place(made: dict[Key, Sensor], members: dict[Key, Any], taken: set[Key]) -> list[Found]:
    def belongs(key: Key, kinds: Iterable[str]) -> bool:
        return key not in taken and made[key].kind in kinds

    places = {(key[0], row.place) for key, row in members.items() if belongs(key, WATER_KINDS | {SensorKind.ZONE})}
    kinds = WATER_KINDS | BESIDE | {SensorKind.ZONE}
    found: list[Found] = []
    for site, place in sorted(places):
        keys = [k for k, row in members.items() if (k[0], row.place) == (site, place) and belongs(k, kinds)]
        id_ = f"place-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        name = place or made[keys[0]].name
        section = WaterSection(site=site, id=id_, name=name, points=tuple(f"{k[1]}/{k[2]}" for k in keys))
        found.append(Found(section, tuple(made[k] for k in keys), configured=False))
    return found
