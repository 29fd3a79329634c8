"""A clock that jumps makes nothing old: what goes by age goes by a clock that is believed."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from history_suite import DAY, KEY, wave

from server.history.embedded import SqliteSeries
from server.history.upkeep import once
from server.trust import TRUSTED, Belief, TrustedClock, believe

KNOWN = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("wall", "belief"),
    [
        (KNOWN + HOUR, Belief(KNOWN + HOUR)),
        (KNOWN + 2 * DAY, Belief(KNOWN + 2 * DAY)),  # a weekend
        (KNOWN - DAY, Belief(KNOWN)),  # set back
        (KNOWN + 60 * DAY, Belief(KNOWN + 2 * DAY)),  # a holiday: 48 times as fast as time
        (KNOWN + 56 * 365 * DAY, Belief(KNOWN + HOUR, doubted=True)),
    ],
)
def test_how_far_the_wall_clock_is_believed_an_hour_later(wall: datetime, belief: Belief) -> None:
    assert believe(KNOWN, wall, HOUR) == belief


def test_a_clock_that_jumps_56_years_deletes_nothing_also_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / TRUSTED
    now, mono_s = KNOWN + DAY, 0.0
    with closing(SqliteSeries(tmp_path / "history.db")) as series:
        series.write(wave(KEY, KNOWN, 720))
        for jump in (timedelta(), 56 * 365 * DAY, 56 * 365 * DAY):
            clock = TrustedClock(file, lambda jump=jump: now + jump, lambda: mono_s)
            assert asyncio.run(once(series, clock, lambda jump=jump: now + jump, 0)) == 0
            assert clock.doubted is bool(jump)
        assert len(series.read(KEY, KNOWN, KNOWN + DAY, 10_000)) == 720


def test_a_person_who_removes_the_file_says_that_the_clock_is_right(tmp_path: Path) -> None:
    file = tmp_path / TRUSTED
    assert TrustedClock(file, lambda: KNOWN).now() == KNOWN
    later = KNOWN + 1000 * DAY
    assert TrustedClock(file, lambda: later).doubted is False
    doubting = TrustedClock(file, lambda: later)
    doubting.now()
    assert doubting.doubted
    file.unlink()
    assert TrustedClock(file, lambda: later).now() == later


def test_a_clock_that_was_never_set_is_not_believed_and_not_written_down(tmp_path: Path) -> None:
    file = tmp_path / TRUSTED
    assert TrustedClock(file, lambda: datetime(1970, 1, 2, tzinfo=UTC)).now() is None
    assert not file.exists()


def test_a_file_that_is_no_moment_is_as_none(tmp_path: Path) -> None:
    (tmp_path / TRUSTED).write_text("2026-13-45")
    assert TrustedClock(tmp_path / TRUSTED, lambda: KNOWN).now() == KNOWN


def test_upkeep_deletes_what_is_too_old_by_a_clock_that_is_right(tmp_path: Path) -> None:
    now = KNOWN + 200 * DAY
    with closing(SqliteSeries(tmp_path / "history.db")) as series:
        series.write(wave(KEY, KNOWN, 720) + wave(KEY, now - DAY, 10))
        clock = TrustedClock(tmp_path / TRUSTED, lambda: now)
        assert asyncio.run(once(series, clock, lambda: now, 0)) == 720
        assert len(series.read(KEY, KNOWN, now, 10_000)) == 10
