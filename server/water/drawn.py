"""Which water a zone belongs to that was drawn on a camera's picture after the waters were written down: pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Key = tuple[str, str, str]  # site, agent, point


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as its agent told it last. `gone`: the agent no longer names it."""

    camera: Key
    place: str
    gone: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A water as it is written down: its places' names, and its points."""

    names: frozenset[str]
    points: Sequence[Key]


def shared_out(waters: Sequence[Listed], zones: Mapping[Key, Zone]) -> list[tuple[Key, ...]]:
    """Return the points of each water, with what was drawn anew on its cameras and without what that replaced."""
    taken = {point for water in waters for point in water.points}
    cameras = [_cameras(water.points, zones) for water in waters]
    added: list[list[Key]] = [[] for _ in waters]
    for key, zone in zones.items():
        if zone.gone or key in taken:
            continue
        owners = [i for i, seen in enumerate(cameras) if zone.camera in seen]
        if len(owners) > 1:  # a camera that sees two waters: the place the zone was drawn for decides
            owners = [i for i in owners if zone.place in waters[i].names]
        if len(owners) == 1:
            added[owners[0]].append(key)
    return [_now(water.points, extra, zones) for water, extra in zip(waters, added, strict=True)]


def _cameras(points: Collection[Key], zones: Mapping[Key, Zone]) -> set[Key]:
    """The cameras of a water: those it names, and those of its zones."""
    return {zones[p].camera if p in zones else p for p in points}


def _now(points: Sequence[Key], extra: Sequence[Key], zones: Mapping[Key, Zone]) -> tuple[Key, ...]:
    there = [*(p for p in points if p not in zones or not zones[p].gone), *extra]
    watched = {zones[p].camera for p in there if p in zones}
    # What was removed with nothing drawn in its place stays, and is seen to be missing.
    left = [p for p in points if p in zones and zones[p].gone and zones[p].camera not in watched]
    return (*there, *left)
