"""What every history must do, whichever store keeps it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from server.history.series import Sample, Series

KEY = ("no1", "lab", "heat-1")
OTHER = ("no1", "lab", "heat-2")
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)  # a year from here is past: not every server takes the future
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
PIXELS = 922

Claim = Callable[[Series], None]


def tidy(series: Series, now: datetime = BEGIN + 400 * DAY, trusted: datetime | None = None) -> int:
    """Let upkeep do all it has to do; return how many samples it deleted."""
    deleted, going = 0, True
    while going:
        done = series.tidy(now, trusted)
        deleted, going = deleted + done.deleted, done.more
    return deleted


def wave(key: tuple[str, str, str], begin: datetime, count: int, every: timedelta = 10 * SECOND) -> list[Sample]:
    """Make a course between 19 and 21."""
    return [Sample(key, begin + i * every, 20.0 + math.sin(i / 40)) for i in range(count)]


def a_sample_written_twice_is_kept_once(series: Series) -> None:
    samples = wave(KEY, BEGIN, 500)
    series.write(samples)
    series.write(samples[100:] + wave(OTHER, BEGIN, 5))
    tidy(series)
    series.write(samples[:300])
    kept = series.read(KEY, BEGIN, BEGIN + DAY, 10_000)
    assert [at for at, _ in kept] == [s.at for s in samples]
    numbers = [value for _, value in kept if isinstance(value, float)]
    assert all(math.isclose(one, float(s.value or 0)) for one, s in zip(numbers, samples, strict=True))
    (bucket,) = series.buckets(KEY, BEGIN, BEGIN + 2 * HOUR, 2 * HOUR)
    assert bucket.n == 500


def a_span_begins_with_its_first_moment_and_ends_before_its_last(series: Series) -> None:
    series.write(wave(KEY, BEGIN, 100, SECOND))
    kept = series.read(KEY, BEGIN + 10 * SECOND, BEGIN + 20 * SECOND, 10_000)
    assert [at for at, _ in kept] == [BEGIN + i * SECOND for i in range(10, 20)]
    assert len(series.read(KEY, BEGIN, BEGIN + DAY, 7)) == 7
    assert series.read(("no1", "lab", "none"), BEGIN, BEGIN + DAY, 7) == []
    assert series.buckets(("no1", "lab", "none"), BEGIN, BEGIN + DAY, HOUR) == []


def texts_and_holes_are_kept_and_not_drawn(series: Series) -> None:
    values: list[float | str | None] = [1.5, 'open "wide", 门\\', None, True, -2.0]
    series.write([Sample(KEY, BEGIN + i * SECOND, value) for i, value in enumerate(values)])
    assert [value for _, value in series.read(KEY, BEGIN, BEGIN + DAY, 10)] == values
    (bucket,) = series.buckets(KEY, BEGIN, BEGIN + SECOND * 60, SECOND * 60)
    assert (bucket.low, bucket.high, bucket.n) == (-2.0, 1.5, 3)


def one_spike_is_seen_in_every_span_before_and_after_the_roll_up(series: Series) -> None:
    end = BEGIN + 364 * DAY
    spike = Sample(KEY, end - 43_213 * SECOND, 97.5)
    series.write([*wave(KEY, end - 20 * HOUR, 7_000), spike, *wave(KEY, end - 300 * DAY, 400)])
    for _ in range(2):
        for span in (DAY, 7 * DAY, 30 * DAY, 365 * DAY):
            columns = series.columns(KEY, end - span, end, span / PIXELS)
            assert max(columns, key=lambda c: c[2])[2] == 97.5, span
            at = (spike.at - (end - span)) / (span / PIXELS)
            assert min(abs(step - at) for step, _, high in columns if high == 97.5) <= 1.5, span
            assert columns[0][0] >= 0
            assert columns[-1][0] <= PIXELS
            assert len({step for step, _, _ in columns}) == len(columns)
        tidy(series)


def what_comes_late_is_in_the_roll_ups_and_once(series: Series) -> None:
    series.write(wave(KEY, BEGIN, 720))
    tidy(series)
    year = (KEY, BEGIN, BEGIN + 365 * DAY, 12 * HOUR)
    (before,) = series.buckets(*year)
    late = [Sample(KEY, BEGIN + timedelta(minutes=30, milliseconds=5), 60.0), Sample(KEY, BEGIN + 7 * HOUR, -5.0)]
    for _ in range(3):
        series.write(late)
        (now,) = series.buckets(*year)  # at once, though nothing is rolled up yet
        assert (now.low, now.high, now.n) == (-5.0, 60.0, before.n + 2)
        tidy(series)
        (now,) = series.buckets(*year)
        assert (now.low, now.high, now.n) == (-5.0, 60.0, before.n + 2)
        assert math.isclose(now.mean, (before.mean * before.n + 55.0) / now.n)


CLAIMS: tuple[Claim, ...] = (
    a_sample_written_twice_is_kept_once,
    a_span_begins_with_its_first_moment_and_ends_before_its_last,
    texts_and_holes_are_kept_and_not_drawn,
    one_spike_is_seen_in_every_span_before_and_after_the_roll_up,
    what_comes_late_is_in_the_roll_ups_and_once,
)
