"""The newest value of every point, in memory; bounded by how many points there may be."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.messages import Value

MOST_POINTS = 200_000

Key = tuple[str, str, str]  # site, agent, point


@dataclass(frozen=True, slots=True)
class Newest:
    """One point's value as it came last."""

    value: Value
    at: datetime
    received_at: datetime

    def as_json(self, key: Key) -> dict[str, Any]:
        value = self.value
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        return {
            "site": key[0], "agent": key[1], "point": key[2], "value": value,
            "at": _text(self.at), "received_at": _text(self.received_at),
        }  # fmt: skip


@dataclass(slots=True)
class Latest:
    """Written by the readings lane, read by everybody."""

    _values: dict[Key, Newest] = field(default_factory=dict[Key, Newest])
    _changed: set[Key] = field(default_factory=set[Key])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: Key, newest: Newest) -> None:
        """Take a value over, unless a newer one is known."""
        self.put_all([(key, newest.at, newest.value)], newest.received_at)

    def put_all(
        self, values: Iterable[tuple[Key, datetime, Value]], received_at: datetime, *, told: bool = True
    ) -> None:
        """Take over what came together; pages hear of it where it is to be told."""
        with self._lock:
            for key, at, value in values:
                known = self._values.get(key)
                if known is None:
                    if len(self._values) >= MOST_POINTS:
                        continue
                elif known.at > at and known.at <= received_at:
                    continue
                self._values[key] = Newest(value, at, received_at)
                if told:
                    self._changed.add(key)

    def get(self, key: Key) -> Newest | None:
        """Return a point's newest value."""
        with self._lock:
            return self._values.get(key)

    def take_changed(self) -> Sequence[dict[str, Any]]:
        """Return the points whose value came since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return [self._values[key].as_json(key) for key in changed]


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
