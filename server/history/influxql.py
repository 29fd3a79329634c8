"""What is asked of an InfluxDB, as InfluxQL, and what its answers say; pure functions, the same for 1.x, 2 and 3."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from server.errors import ServerError
from server.history.latest import Key
from server.history.lines import READINGS, TOUCHED
from server.history.series import HOUR_MS, MINUTE_MS, Bucket, Kept, from_ms

SAMPLES_PART = "samples"
"""The retention policy of readings and touches; roll-ups lie in the parts `minutes` and `hours`."""
Rows = Sequence[Sequence[Any]]
Series = Mapping[Key, Rows]


def name(text: str) -> str:
    """Quote an identifier."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Quote a value, which may be anything a person typed."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def readings(database: str, key: Key, first: int, last: int, limit: int) -> str:
    """Ask for a series as it came."""
    return (
        f"SELECT value, text, missing FROM {_of(database, SAMPLES_PART, READINGS)}"
        f" WHERE {_is(key)} AND {_within(first, last)} ORDER BY time ASC LIMIT {limit}"
    )


def kept(rows: Rows) -> Sequence[Kept]:
    """Read its answer."""
    return [(from_ms(ts), float(value) if value is not None else text) for ts, value, text, _missing in rows]


def steps(database: str, key: Key, first: int, last: int, step: int) -> str:
    """Ask for each step of a series in short, from the readings themselves."""
    return (
        "SELECT min(value), max(value), sum(value), count(value)"
        f" FROM {_of(database, SAMPLES_PART, READINGS)} WHERE {_is(key)} AND {_within(first, last)}"
        f" GROUP BY time({step}ms, {first % step}ms) fill(none)"
    )


def rolled_steps(database: str, part: str, key: Key, first: int, last: int, step: int) -> str:
    """Ask for the same from a part that holds minutes or hours."""
    unit_ms = {"minutes": MINUTE_MS, "hours": HOUR_MS}[part]
    return (
        f"SELECT min(low), max(high), sum(total), sum(n) FROM {_of(database, part, part)}"
        f" WHERE {_is(key)} AND {_within(first - first % unit_ms, last)}"
        f" GROUP BY time({step}ms, {first % step}ms) fill(none)"
    )


def buckets(rows: Rows, first: int, step: int) -> Sequence[Bucket]:
    """Read the answer of either: what lies before the first step belongs to it."""
    found: list[Bucket] = []
    for ts, low, high, total, n in rows:
        if not n:
            continue
        bucket = Bucket(max(0, (ts - first) // step), float(low), float(high), total / n, int(n))
        if found and found[-1].step == bucket.step:
            bucket = joined(found.pop(), bucket)
        found.append(bucket)
    return found


def joined(one: Bucket, other: Bucket) -> Bucket:
    """Return two parts of one step as one."""
    n = one.n + other.n
    mean = (one.mean * one.n + other.mean * other.n) / n
    return Bucket(one.step, min(one.low, other.low), max(one.high, other.high), mean, n)


def touched(database: str, site: str, first: int, last: int) -> str:
    """Ask which hours of a site hold readings, and up to which touch each is rolled up."""
    return (
        f"SELECT marked, rolled FROM {_of(database, SAMPLES_PART, TOUCHED)}"
        f" WHERE site = {literal(site)} AND {_within(first - first % HOUR_MS, last)}"
    )


def stale(rows: Rows) -> Mapping[int, int]:
    """Read its answer: the hours that changed since they were rolled up, with the touch that says so."""
    return {ts // HOUR_MS: int(marked) for ts, marked, done in rows if marked is not None and marked != done}


def minutes_of(database: str, site: str, hour: int) -> str:
    """Ask for all minutes of all series of a site within an hour."""
    return (
        "SELECT min(value), max(value), mean(value), count(value)"
        f" FROM {_of(database, SAMPLES_PART, READINGS)}"
        f" WHERE site = {literal(site)} AND {_within(hour * HOUR_MS, (hour + 1) * HOUR_MS)}"
        " GROUP BY time(1m), agent, point fill(none)"
    )


def answers(body: bytes) -> Sequence[Series]:
    """Read an answer: one mapping a statement, from (site, agent, point) to rows. Raise ServerError for an error."""
    try:
        said = json.loads(body)
        if "error" in said:
            raise ServerError(str(said["error"])[:300])
        results = sorted(said["results"], key=lambda one: one.get("statement_id", 0))
        for result in results:
            if "error" in result:
                raise ServerError(str(result["error"])[:300])
        return [{_key(one.get("tags")): one["values"] for one in result.get("series", ())} for result in results]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise ServerError(f"answers what is not InfluxQL: {body[:80]!r}") from e


def rows_of(series: Series) -> Rows:
    """Return the rows of a statement that is not grouped by tags."""
    return next(iter(series.values()), ())


def joined_statements(statements: Iterable[str]) -> str:
    """Return several statements as one question."""
    return ";".join(statements)


def _key(tags: object) -> Key:
    known = cast("Mapping[str, str]", tags or {})
    return known.get("site", ""), known.get("agent", ""), known.get("point", "")


def _of(database: str, part: str, measurement: str) -> str:
    return f"{name(database)}.{name(part)}.{name(measurement)}"


def _is(key: Key) -> str:
    return f"site = {literal(key[0])} AND agent = {literal(key[1])} AND point = {literal(key[2])}"


def _within(first: int, last: int) -> str:
    return f"time >= {first}ms AND time < {last}ms"
