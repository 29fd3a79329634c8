"""Samples as line protocol, the text that InfluxDB and VictoriaMetrics take; pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from server.history.latest import Key
from server.history.series import HOUR_MS, Bucket, Sample, to_ms

READINGS, TOUCHED, MINUTES, HOURS = "readings", "touched", "minutes", "hours"
"""The measurements. `touched` says which hours of a site have changed since they were rolled up."""

_SPECIAL = re.compile(r"([,= \\])")
_MOST_KEYS = 200_000


class Lines:
    """Writes samples down; knows the beginning of each series' lines. Belongs to one thread."""

    def __init__(self) -> None:
        self._beginnings: dict[Key, str] = {}

    def of(self, samples: Iterable[Sample]) -> tuple[list[str], set[tuple[str, int]]]:
        """Return the lines (ms, no line ends) and which (site, hour) they touch."""
        beginnings = self._beginnings
        if len(beginnings) > _MOST_KEYS:
            beginnings.clear()
        lines: list[str] = []
        touched: set[tuple[str, int]] = set()
        for key, at, value in samples:
            beginning = beginnings.get(key)
            if beginning is None:
                beginning = beginnings[key] = f"{READINGS},{_tags(key)} "
            ms = to_ms(at)
            touched.add((key[0], ms // HOUR_MS))
            lines.append(f"{beginning}{_field(value)} {ms}")
        return lines, touched


def touch(site: str, hour: int, token: int) -> str:
    """Return the line that says that an hour of a site has changed; `token` is never used twice."""
    return f"{TOUCHED},site={_tag(site)} marked={token}i {hour * HOUR_MS}"


def rolled(site: str, hour: int, token: int) -> str:
    """Return the line that says up to which touch an hour of a site is rolled up."""
    return f"{TOUCHED},site={_tag(site)} rolled={token}i {hour * HOUR_MS}"


def summary(measurement: str, key: Key, at_ms: int, bucket: Bucket) -> str:
    """Return the line of one minute or hour."""
    total = bucket.mean * bucket.n
    return f"{measurement},{_tags(key)} low={bucket.low!r},high={bucket.high!r},total={total!r},n={bucket.n}i {at_ms}"


def _tags(key: Key) -> str:
    return f"site={_tag(key[0])},agent={_tag(key[1])},point={_tag(key[2])}"


def _tag(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))


def _field(value: float | str | None) -> str:
    if value is None:
        return "missing=true"
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
        return f'text="{quoted}"'
    return f"value={float(value)!r}"
