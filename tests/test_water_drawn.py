"""Zones drawn after the waters were written down: which tile they come to, and what they replace."""

from __future__ import annotations

import pytest

from server.water.drawn import Key, Listed, Zone, shared_out

CAMERA, OTHER = ("s1", "pi", "cam"), ("s1", "pi", "other")


def key(point: str) -> Key:
    return ("s1", "pi", point)


def zone(camera: Key = CAMERA, place: str = "", *, gone: bool = False) -> Zone:
    return Zone(camera, place, gone)


POND, POOL = (
    Listed(frozenset({"荷花池", "南岸"}), [key("zone"), key("level")]),
    Listed(frozenset({"泳池"}), [key("cam")]),
)
ALONE = Listed(frozenset({"泳池"}), [key("beam")])


@pytest.mark.parametrize(
    ("waters", "zones", "expected"),
    [
        pytest.param([POND], {key("zone"): zone()}, [["zone", "level"]], id="nothing was drawn"),
        pytest.param(
            [POND, ALONE],
            {key("zone"): zone(), key("new"): zone()},
            [["zone", "level", "new"], ["beam"]],
            id="a second zone of the camera comes to its water",
        ),
        pytest.param(
            [POND],
            {key("zone"): zone(gone=True), key("new"): zone()},
            [["level", "new"]],
            id="a zone drawn in place of another takes its place",
        ),
        pytest.param(
            [POND],
            {key("zone"): zone(gone=True)},
            [["level", "zone"]],
            id="a zone removed with nothing in its place is seen to be missing",
        ),
        pytest.param([POOL], {key("new"): zone()}, [["cam", "new"]], id="a water that names its camera has its zones"),
        pytest.param(
            [POND],
            {key("zone"): zone(), key("gate"): zone(OTHER)},
            [["zone", "level"]],
            id="another camera's zone stays where it is",
        ),
        pytest.param(
            [POND, POOL],
            {key("zone"): zone(), key("new"): zone(place="泳池")},
            [["zone", "level"], ["cam", "new"]],
            id="of two waters of one camera the zone's place decides",
        ),
        pytest.param(
            [POND, POOL],
            {key("zone"): zone(), key("new"): zone(place="走廊")},
            [["zone", "level"], ["cam"]],
            id="where nothing decides, nobody guesses",
        ),
    ],
)
def test_a_drawn_zone_stands_on_its_waters_tile(
    waters: list[Listed], zones: dict[Key, Zone], expected: list[list[str]]
) -> None:
    assert [[point for _, _, point in keys] for keys in shared_out(waters, zones)] == expected
