"""What is asked of a VictoriaMetrics, and what its answers say; pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from server.errors import ServerError
from server.history.latest import Key
from server.history.lines import READINGS
from server.history.series import Bucket, Column, Kept, from_ms

_FUNCTIONS = ("min_over_time", "max_over_time", "avg_over_time", "count_over_time")
ROWS_A_LINE = 10_000


def export(key: Key, field: str, first: int, last: int) -> Mapping[str, str]:
    """Ask for one field of a series as it came."""
    return {
        "match[]": _selector(key, field), "start": _seconds(first), "end": _seconds(last - 1),
        "max_rows_per_line": str(ROWS_A_LINE),
    }  # fmt: skip


def exported(lines: Iterable[bytes], limit: int) -> Sequence[tuple[int, float]]:
    """Read its answer as far as `limit` values."""
    found: list[tuple[int, float]] = []
    for line in lines:
        if len(found) >= limit:
            break
        if line.strip():
            row = _json(line)
            pairs = zip(row["timestamps"], map(float, row["values"]), strict=True)
            found += islice(pairs, limit - len(found))
    return found


def merged(values: Sequence[tuple[int, float]], missing: Sequence[tuple[int, float]], limit: int) -> Sequence[Kept]:
    """Return numbers and holes in their order."""
    both = [*values, *((ts, None) for ts, _ in missing)]
    both.sort(key=lambda one: one[0])
    return [(from_ms(ts), value) for ts, value in both[:limit]]


def steps(key: Key, first: int, last: int, step: int, *, extremes: bool = False) -> Mapping[str, str]:
    """Ask for each step of a series in short, or for its extremes alone, which is all that a plot needs.

    A step ends with its last millisecond: windows are open on the left.
    """
    count = -(-(last - first) // step)
    told = ", ".join(f'"{name}"' for name in (_FUNCTIONS[:2] if extremes else _FUNCTIONS))
    return {
        "query": f"aggr_over_time(({told}), {_selector(key, 'value')}[{step}ms])",
        "start": _seconds(first + step - 1), "end": _seconds(first + count * step - 1), "step": f"{step}ms",
        "nocache": "1",  # a cached answer is laid onto another grid
    }  # fmt: skip


def buckets(body: bytes, first: int, step: int) -> Sequence[Bucket]:
    """Read its answer."""
    low, high, mean, n = _parts(body, first, step)
    return [Bucket(one, low[one], high[one], mean[one], int(n[one])) for one in sorted(n) if n[one] and one in low]


def columns(body: bytes, first: int, step: int) -> Sequence[Column]:
    """Read the answer that has the extremes alone; a step without a number has none."""
    low, high, *_ = _parts(body, first, step)
    return [(one, low[one], high[one]) for one in sorted(low) if one in high]


def _parts(body: bytes, first: int, step: int) -> Sequence[Mapping[int, float]]:
    parts: dict[str, dict[int, float]] = {name: {} for name in _FUNCTIONS}
    for series in _json(body)["data"]["result"]:
        part = parts[series["metric"]["rollup"]]
        for at, value in series["values"]:
            part[(round(at * 1000) - first) // step] = float(value)
    return [parts[name] for name in _FUNCTIONS]


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as e:
        raise ServerError(f"answers what is not JSON: {body[:80]!r}") from e


def _selector(key: Key, field: str) -> str:
    named = ",".join(f"{tag}={json.dumps(one)}" for tag, one in zip(("site", "agent", "point"), key, strict=True))
    return f"{READINGS}_{field}{{{named}}}"


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"
