"""Recordings played as if live, and made-up values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from config.buses import Bus
from drivers import driver_for
from drivers.errors import DriverError
from drivers.samples import Reading

CSV = "time,temp,door\n0,20.5,0\n1,21,1\n\nx,9,9\n0.5,9,9\n2,,closed\n3,hot,open\n"


def bus(file: Path, **keys: Any) -> Bus:
    point = [
        {"id": "heat", "name": "温度", "kind": "temperature", "column": "temp"},
        {"id": "door", "name": "门", "kind": "door", "column": "door"},
    ]
    data = {
        "type": "replay",
        "name": "录像",
        "file": str(file),
        "time_column": "time",
        "speed": math.inf,
        "point": point,
    }
    return TypeAdapter[Bus](Bus).validate_python({**data, "point": point, **keys})


def played(here: Bus) -> list[tuple[str, float, object]]:
    got: list[tuple[str, float, object]] = []
    with driver_for(here) as driver:
        while not driver.done:
            got += [(s.point, s.at, s.value if isinstance(s, Reading) else s.reason) for s in driver.read()]  # type: ignore[union-attr]
        assert driver.read() == []
    return got


def test_a_recording_is_played_to_its_end_and_rows_without_a_time_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    assert played(bus(file)) == [
        ("heat", 0, 20.5), ("door", 0, False), ("heat", 1, 21.0), ("door", 1, True),
        ("heat", 2, "missing"), ("door", 2, False), ("heat", 3, "not-a-number"), ("door", 3, True),
    ]  # fmt: skip


def test_dates_are_seconds_since_1970(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,temp,door\n2024-01-02 03:04:05,1,0\n2024-01-02T03:04:06+00:00,2,0\n")
    assert [at for _, at, _ in played(bus(file))][::2] == [1704164645, 1704164646]


def test_a_recording_keeps_its_own_pace_times_speed(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,temp,door\n0,1,0\n100,2,0\n")
    with driver_for(bus(file, speed=1)) as driver:
        assert len(driver.read()) == 2
        assert driver.read() == []
        assert not driver.done


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("a,b\n1,2\n", "has no column 'time': it has a"),
        ("", "has no column"),
    ],
    ids=["no file", "another header", "an empty file"],
)
def test_what_cannot_be_played_is_one_clear_line(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "a.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DriverError, match=f"^录像: .*{said}"), driver_for(bus(file)):
        pass


def test_a_simulated_bus_makes_values_of_each_kind() -> None:
    point = [
        {"id": "heat", "name": "温度", "kind": "temperature", "middle": 20, "swing": 5},
        {"id": "door", "name": "门", "kind": "door", "swing": 1, "period_s": 60},
    ]
    here = TypeAdapter[Bus](Bus).validate_python({"type": "simulated", "name": "模拟", "point": point})
    with driver_for(here) as driver:
        heat, door = (s.value for s in driver.read() if isinstance(s, Reading))
    assert isinstance(heat, float)
    assert 15 <= heat <= 25
    assert isinstance(door, bool)
