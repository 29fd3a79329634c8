"""How the chain stands at this moment, as Prometheus gauges: read when they are asked for, kept nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.presence.liveness import Link
from server.services import Services


@dataclass(frozen=True, eq=False)
class _Standing(Collector):
    services: Services

    def collect(self) -> Iterable[Metric]:
        views, writer = self.services.presence.views, self.services.writer
        links = Counter(view.link for view in views)
        agents = GaugeMetricFamily("campus_agents", "Agents, by the state of their link.", labels=["link"])
        for link in Link:
            agents.add_metric([link], links[link])
        yield agents
        for name, said, value in (
            ("events_missing", "Numbers missing from agents' sequences.",
             sum(hole.count for view in views for hole in view.missing)),
            ("agent_events_waiting", "Events that agents hold without a receipt.", sum(view.depth for view in views)),
            ("agent_readings_dropped", "Readings that agents have thinned out since their start.",
             sum(view.dropped_readings for view in views)),
            ("agent_oldest_waiting_seconds", "Age of the oldest event that an agent holds.",
             max((view.oldest_unacked_s for view in views), default=0.0)),
            ("writer_waiting_items", "Messages and jobs that wait to be committed.", writer.waiting),
            ("ledger_age_seconds", "Since the last commit to the ledger; NaN before the first.",
             _since(self.services.mono_s, writer.committed_s)),
            ("broker_age_seconds", "Since a probe last came back through the broker; NaN before the first.",
             _or_nan(self.services.broker_age_s())),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"campus_{name}", said, value)


def standing(services: Services) -> CollectorRegistry:
    """Return what stands now."""
    registry = CollectorRegistry()
    registry.register(_Standing(services))
    return registry


def _since(mono_s: Callable[[], float], at_s: float | None) -> float:
    return _or_nan(None if at_s is None else mono_s() - at_s)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
