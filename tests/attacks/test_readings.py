"""Readings made to do harm: who sends them loses them, every other agent's are kept, and the ledger has room."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from waiting import until

from server.errors import ServerError
from server.history.bounds import newest
from server.history.embedded import SqliteSeries
from server.history.lane import POINTS_OF_AN_AGENT, ReadingsLane
from server.history.latest import Latest
from server.history.series import Sample
from server.ingest.decode import LARGEST_PAYLOAD, Arrival, decode_readings
from server.metrics import make_metrics

NOW = datetime.now(UTC)


@pytest.fixture
def latest() -> Latest:
    return Latest()


@pytest.fixture
def lane(latest: Latest, tmp_path: Path) -> Iterator[ReadingsLane]:
    made = ReadingsLane(latest, SqliteSeries(tmp_path / "history.db"), make_metrics())
    made.start()
    yield made
    made.close()


def batch(agent: str, *readings: dict[str, object], raw: str = "") -> Arrival:
    text = raw or json.dumps({"boot_id": "b", "readings": readings})
    return Arrival(f"campus/1/no1/{agent}/readings", text.encode(), NOW, 0.0)


def reading(point: str = "p", at: str = NOW.isoformat(), **more: object) -> dict[str, object]:
    return {"point": point, "value": 1.0, "at": at, **more}


def honest_is_heard(lane: ReadingsLane, latest: Latest) -> None:
    assert lane.offer(batch("honest", reading("mine")))
    until(lambda: latest.get(("no1", "honest", "mine")) is not None)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(batch("thief", reading(at="0001-01-01T00:00:00+14:00")), id="before all time"),
        pytest.param(batch("thief", reading(at="9999-12-31T23:59:59-14:00")), id="after all time"),
        pytest.param(batch("thief", raw='{"boot_id":"b","readings":[' + "[" * 100_000), id="deep"),
        pytest.param(batch("thief", raw=" " * (LARGEST_PAYLOAD + 1)), id="too large"),
    ],
)
def test_no_reading_ends_the_lane(lane: ReadingsLane, latest: Latest, bad: Arrival) -> None:
    lane.offer(bad)
    honest_is_heard(lane, latest)
    assert latest.get(("no1", "thief", "p")) is None


def test_an_agent_that_invents_points_leaves_others_room(lane: ReadingsLane, latest: Latest) -> None:
    for first in range(0, POINTS_OF_AN_AGENT + 2_000, 500):
        lane.offer(batch("thief", *(reading(f"p{n}") for n in range(first, first + 500))))
    honest_is_heard(lane, latest)
    kept = sum(latest.get(("no1", "thief", f"p{n}")) is not None for n in range(POINTS_OF_AN_AGENT + 2_000))
    assert kept == POINTS_OF_AN_AGENT


def test_bounds_without_end_are_not_kept_and_a_long_text_is_cut(lane: ReadingsLane, latest: Latest) -> None:
    estimate = json.dumps(reading("n", low=float("-inf"), high=float("nan"), quality=float("inf")))
    lane.offer(batch("thief", raw=f'{{"boot_id":"b","readings":[{estimate}]}}'))
    lane.offer(batch("thief", {**reading("t"), "value": "x" * 100_000}))
    honest_is_heard(lane, latest)
    assert newest(latest, ("no1", "thief", "n")) is None
    text = latest.get(("no1", "thief", "t"))
    assert text is not None
    assert len(str(text.value)) == 1_000


class AwayHistory(SqliteSeries):
    """A history that is away until it is let back."""

    away = True
    kept: tuple[Sample, ...] = ()

    def write(self, samples: Sequence[Sample]) -> int:
        if self.away:
            raise ServerError("history: away")
        self.kept += tuple(samples)
        return super().write(samples)


def test_a_bug_over_one_batch_costs_nothing_of_what_waits_for_the_history(
    latest: Latest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(arrival: Arrival) -> object:
        if "/thief/" in arrival.topic:
            raise RuntimeError("a bug")
        return decode_readings(arrival)

    monkeypatch.setattr("server.history.lane.decode_readings", decode)
    series = AwayHistory(tmp_path / "history.db")
    lane = ReadingsLane(latest, series, make_metrics())
    lane.start()
    honest_is_heard(lane, latest)
    lane.offer(batch("thief", reading()))
    lane.offer(batch("honest", reading("later")))
    until(lambda: latest.get(("no1", "honest", "later")) is not None)
    series.away = False
    lane.offer(batch("honest", reading("last")))
    until(lambda: len(series.kept) >= 3)
    lane.close()
    assert [one.key[2] for one in series.kept] == ["mine", "later", "last"]


def test_readings_leave_the_last_gigabyte_to_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteSeries(tmp_path / "history.db")) as series:
        free = SimpleNamespace(free=999 * 2**20)
        monkeypatch.setattr(shutil, "disk_usage", Mock(return_value=free))
        with pytest.raises(ServerError, match="less than 1 GB is free"):
            series.write([Sample(("no1", "lab", "p"), NOW, 1.0)])
        monkeypatch.setattr("server.history.embedded.LOOK_S", -1.0)
        free.free = 1_001 * 2**20
        series.write([Sample(("no1", "lab", "p"), NOW, 1.0)])
