"""Makes the history that is configured, for a process that writes readings or for one that only shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

from config.history import HistorySection
from server.history.embedded import SqliteSeries
from server.history.endpoint import Endpoint
from server.history.influx import InfluxHistory
from server.history.latest import Key
from server.history.outgoing import Outgoing
from server.history.sender import Sender
from server.history.series import Bucket, Column, Kept, Sample, Series, Tidied
from server.history.spool import Spool
from server.history.victoria import VictoriaHistory
from server.metrics import Metrics

SPOOL = "history-spool"
"""The folder's name."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Keeps nothing and knows nothing, as it was asked to."""

    def start(self) -> None:
        """There is nothing to begin."""

    def write(self, samples: Sequence[Sample]) -> int:  # noqa: ARG002
        """Keep nothing."""
        return 0

    def read(self, key: Key, begin: datetime, end: datetime, limit: int) -> Sequence[Kept]:  # noqa: ARG002
        """Know nothing."""
        return []

    def buckets(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Bucket]:  # noqa: ARG002
        """Know nothing."""
        return []

    def columns(self, key: Key, begin: datetime, end: datetime, step: timedelta) -> Sequence[Column]:  # noqa: ARG002
        """Know nothing."""
        return []

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:  # noqa: ARG002
        """There is nothing to tidy."""
        return Tidied()

    def trouble(self) -> str:
        """Nothing can go wrong."""
        return ""

    def behind_s(self) -> float:
        """Nothing waits."""
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


def make_series(section: HistorySection, folder: Path, metrics: Metrics, *, writes: bool = True) -> Series:
    """Make the history; `folder` is this process's own. Nothing is opened yet."""
    match section.type:
        case "embedded":
            return SqliteSeries(folder / "history.db", section)
        case "influxdb" | "influxdb-1":
            endpoint = Endpoint(section)
            return InfluxHistory(endpoint, _outgoing(endpoint, folder, metrics) if writes else None)
        case "victoria-metrics":
            endpoint = Endpoint(section)
            out = _outgoing(endpoint, folder, metrics, texts=False, marks=False) if writes else None
            return VictoriaHistory(endpoint, out)
        case "none":
            return Nowhere()
        case _:
            assert_never(section.type)


def _outgoing(
    endpoint: Endpoint, folder: Path, metrics: Metrics, *, texts: bool = True, marks: bool = True
) -> Outgoing:
    spool = Spool(folder / SPOOL, endpoint.place.spool_mb * 2**20)
    return Outgoing(spool, Sender(spool, endpoint, metrics), metrics, texts=texts, marks=marks)
