"""Minutes and hours of the embedded history, each made whole from the samples: repeating it changes nothing.

An hour of a series that has got samples since it was rolled up stands in `dirty`, written in the same transaction as
they are. Readers take such an hour from its samples and every other from the roll-ups, so that what comes late, twice
or years later is never missed and never counted twice.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from server.history.series import HOUR_MS, MINUTE_MS, Bucket

TABLES = """
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dirty (
    series INTEGER NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY (series, hour)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    series INTEGER NOT NULL, minute INTEGER NOT NULL, low, high, mean REAL, n INTEGER NOT NULL,
    PRIMARY KEY (series, minute)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hours (
    series INTEGER NOT NULL, hour INTEGER NOT NULL, low, high, mean REAL, n INTEGER NOT NULL,
    PRIMARY KEY (series, hour)
) WITHOUT ROWID;
"""
# Hours that hold samples of a series: those rolled up (also ones without a number) and those that are not yet.
_HELD = """
held(hour) AS (
    SELECT hour FROM hours WHERE series = :series AND hour BETWEEN :first / 3600000 AND (:last - 1) / 3600000
    UNION
    SELECT hour FROM dirty WHERE series = :series AND hour BETWEEN :first / 3600000 AND (:last - 1) / 3600000
)
"""
READ = f"""
WITH {_HELD}
SELECT ts, value FROM held CROSS JOIN samples ON samples.hour = held.hour AND samples.series = :series
WHERE ts >= :first AND ts < :last ORDER BY ts LIMIT :limit
"""  # noqa: S608 - constants
_FROM_SAMPLES = f"""
WITH {_HELD}
SELECT (ts - :first) / :step, MIN(value), MAX(value), AVG(value), COUNT(*)
FROM held CROSS JOIN samples ON samples.hour = held.hour AND samples.series = :series
WHERE ts >= :first AND ts < :last AND typeof(value) IN ('real', 'integer') GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants
_FROM_ROLL_UPS = """
SELECT step, MIN(low), MAX(high), SUM(total) / SUM(n), SUM(n) FROM (
    SELECT MAX({unit} * {unit_ms} - :first, 0) / :step AS step, low, high, mean * n AS total, n FROM {table}
    WHERE series = :series AND {unit} BETWEEN :first / {unit_ms} AND (:last - 1) / {unit_ms} AND n > 0
        AND {unit} / {in_hour} NOT IN (SELECT hour FROM dirty WHERE series = :series)
    UNION ALL
    SELECT (ts - :first) / :step, value, value, value, 1
    FROM dirty CROSS JOIN samples ON samples.hour = dirty.hour AND samples.series = dirty.series
    WHERE dirty.series = :series AND dirty.hour BETWEEN :first / 3600000 AND (:last - 1) / 3600000
        AND ts >= :first AND ts < :last AND typeof(value) IN ('real', 'integer')
) GROUP BY step ORDER BY step
"""
_BUCKETS = {
    1: _FROM_SAMPLES,
    MINUTE_MS: _FROM_ROLL_UPS.format(unit="minute", unit_ms=MINUTE_MS, in_hour=60, table="minutes"),
    HOUR_MS: _FROM_ROLL_UPS.format(unit="hour", unit_ms=HOUR_MS, in_hour=1, table="hours"),
}


FLOOR, MINUTES = "first hour of samples", "first minute rolled up"
NO_FLOOR = -(2**62)


def mark(connection: sqlite3.Connection, name: str) -> int:
    """Return what is not deleted by age yet: the first hour of samples, or the first minute rolled up."""
    row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else NO_FLOOR


def buckets(connection: sqlite3.Connection, unit_ms: int, span: dict[str, int]) -> Sequence[Bucket]:
    """Return steps of a `span` (series, first, last, step; ms), from roll-ups where `unit_ms` says so or age does."""
    if span["first"] // HOUR_MS < mark(connection, FLOOR):
        unit_ms = max(unit_ms, MINUTE_MS)
    if span["first"] // MINUTE_MS < mark(connection, MINUTES):
        unit_ms = HOUR_MS
    return [Bucket(*row) for row in connection.execute(_BUCKETS[unit_ms], span)]


def roll_up(connection: sqlite3.Connection, series: int, hour: int) -> None:
    """Make one hour of a series anew from its samples, in the caller's transaction."""
    span = {"series": series, "hour": hour}
    connection.execute(
        "DELETE FROM minutes WHERE series = :series AND minute BETWEEN :hour * 60 AND :hour * 60 + 59", span
    )
    connection.execute(
        "INSERT INTO minutes SELECT series, ts / 60000 AS m, MIN(value), MAX(value), AVG(value), COUNT(*) FROM samples"
        " WHERE hour = :hour AND series = :series AND typeof(value) IN ('real', 'integer') GROUP BY m",
        span,
    )
    connection.execute(
        "INSERT OR REPLACE INTO hours SELECT :series, :hour, MIN(low), MAX(high), SUM(mean * n) / SUM(n),"
        " COALESCE(SUM(n), 0) FROM minutes WHERE series = :series AND minute BETWEEN :hour * 60 AND :hour * 60 + 59",
        span,
    )
    connection.execute("DELETE FROM dirty WHERE series = :series AND hour = :hour", span)


def trim(connection: sqlite3.Connection, minute: int, hour: int, until_s: float) -> bool:
    """Delete roll-ups before a minute and an hour, series by series; tell whether time ran out before the end."""
    connection.execute(
        "INSERT OR REPLACE INTO marks VALUES (?, MAX(?, ?))", (MINUTES, minute, mark(connection, MINUTES))
    )
    series = [row[0] for row in connection.execute("SELECT id FROM series")]
    for table, unit, oldest in (("minutes", "minute", minute), ("hours", "hour", hour)):
        first = f"SELECT MIN({unit}) FROM {table} WHERE series = ?"  # noqa: S608 - constants
        some = f"DELETE FROM {table} WHERE series = ? AND {unit} < ?"  # noqa: S608 - constants
        for one in series:
            while (begin := connection.execute(first, (one,)).fetchone()[0]) is not None and begin < oldest:
                connection.execute(some, (one, min(oldest, begin + 10_000)))
                if time.monotonic() > until_s:
                    return True
    return False


def mark_all(connection: sqlite3.Connection) -> None:
    """Mark every hour of a history that was made before there were roll-ups."""
    hour, series = -(2**62), 0
    while True:  # from key to key: a scan would read every sample
        row = connection.execute(
            "SELECT hour, series FROM samples WHERE (hour, series) > (?, ?) ORDER BY hour, series LIMIT 1",
            (hour, series),
        ).fetchone()
        if row is None:
            return
        hour, series = row
        connection.execute("INSERT OR IGNORE INTO dirty VALUES (?, ?)", (series, hour))
