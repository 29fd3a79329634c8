"""The embedded history: what every history must do, age, and files of an earlier version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from history_suite import BEGIN, CLAIMS, DAY, HOUR, KEY, OTHER, Claim, tidy, wave

from config.history import HistorySection
from server.errors import ServerError
from server.history.embedded import SqliteSeries
from server.history.series import Sample


@pytest.fixture
def series(tmp_path: Path) -> Iterator[SqliteSeries]:
    with closing(SqliteSeries(tmp_path / "history.db")) as series:
        yield series


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_the_embedded_history_keeps_its_word(claim: Claim, series: SqliteSeries) -> None:
    claim(series)


def test_what_is_too_old_goes_and_its_minutes_and_hours_stay_for_their_own_time(tmp_path: Path) -> None:
    keep = HistorySection(keep_days=10, keep_minutes_days=100, keep_hours_days=1000)
    with closing(SqliteSeries(tmp_path / "history.db", keep)) as series:
        now = BEGIN + 200 * DAY
        for age in (5, 50, 150):
            series.write(wave(KEY, now - age * DAY, 720))
        assert tidy(series, now, trusted=now) == 2 * 720
        assert tidy(series, now, trusted=now) == 0
        assert len(series.read(KEY, BEGIN, now, 10_000)) == 720
        for age, step, count in ((5, timedelta(seconds=10), 720), (50, timedelta(seconds=10), 120)):
            assert len(series.buckets(KEY, now - age * DAY, now - (age - 1) * DAY, step)) == count
        (bucket,) = series.buckets(KEY, now - 150 * DAY, now - 149 * DAY, DAY)
        assert bucket.n == 720
        assert tidy(series, now + 2000 * DAY, trusted=now + 2000 * DAY) == 720
        assert series.buckets(KEY, BEGIN, now, DAY) == []


def test_a_sample_that_comes_after_its_hour_was_deleted_does_not_spoil_the_roll_up_and_is_counted(
    tmp_path: Path,
) -> None:
    with closing(SqliteSeries(tmp_path / "history.db", HistorySection(keep_days=10))) as series:
        series.write(wave(KEY, BEGIN, 720))
        now = BEGIN + 50 * DAY
        tidy(series, now, trusted=now)
        assert series.write([Sample(KEY, BEGIN, 99.0), Sample(OTHER, now, 1.0)]) == 1
        tidy(series, now, trusted=now)
        (bucket,) = series.buckets(KEY, BEGIN, BEGIN + DAY, DAY)
        assert (bucket.n, bucket.high < 22) == (720, True)
        assert len(series.read(OTHER, now, now + HOUR, 10)) == 1


def test_nothing_goes_without_a_clock_that_is_trusted(series: SqliteSeries) -> None:
    series.write(wave(KEY, BEGIN, 720))
    assert tidy(series, BEGIN + 56 * 365 * DAY, trusted=None) == 0
    assert len(series.read(KEY, BEGIN, BEGIN + DAY, 10_000)) == 720


def test_a_history_made_before_there_were_roll_ups_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(sqlite3.connect(file)) as old, old:
        old.executescript(
            "CREATE TABLE series (id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL, point TEXT NOT NULL,"
            " UNIQUE (site, agent, point));"
            "CREATE TABLE samples (hour INTEGER NOT NULL, series INTEGER NOT NULL, ts INTEGER NOT NULL, value,"
            " PRIMARY KEY (hour, series, ts)) WITHOUT ROWID;"
        )
        old.execute("INSERT INTO series VALUES (1, ?, ?, ?)", KEY)
        first = int(BEGIN.timestamp() * 1000)
        rows = [((first + i * 10_000) // 3_600_000, 1, first + i * 10_000, 20.0) for i in range(1000)]
        old.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)
    with closing(SqliteSeries(file)) as series:
        tidy(series)
        assert len(series.read(KEY, BEGIN, BEGIN + DAY, 10_000)) == 1000
        (bucket,) = series.buckets(KEY, BEGIN, BEGIN + 30 * DAY, 30 * DAY)
        assert bucket.n == 1000


def test_a_history_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("PRAGMA user_version=99")
    with closing(SqliteSeries(file)) as series, pytest.raises(ServerError, match="newer version"):
        series.write(wave(KEY, BEGIN, 1))


def test_a_disk_that_takes_nothing_is_one_error_and_the_next_write_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(SqliteSeries(file)) as series:
        series.write(wave(KEY, BEGIN, 10))
        with closing(sqlite3.connect(file, isolation_level=None)) as robber:
            robber.execute("BEGIN EXCLUSIVE")
            with pytest.raises(ServerError, match="locked"):
                series.write(wave(OTHER, BEGIN, 10))
            robber.execute("ROLLBACK")
        series.write(wave(OTHER, BEGIN, 10))
        tidy(series)
        assert sum(b.n for b in series.buckets(OTHER, BEGIN, BEGIN + DAY, DAY)) == 10
