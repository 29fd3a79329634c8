"""What the server counts and times, for Prometheus; every name with its unit and its help."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """One server's metrics, in a registry of its own."""

    registry: CollectorRegistry
    arrivals: Counter
    dropped: Counter
    quarantined: Counter
    commits: Counter
    failed_commits: Counter
    batch: Histogram
    to_arrival: Histogram
    to_commit: Histogram
    to_receipt: Histogram
    to_stream: Histogram
    to_socket: Histogram
    clients: Gauge
    slow_clients: Counter
    readings: Counter
    history_dropped: Counter
    history_waiting: Gauge
    unpublished: Counter


def dropped(metrics: Metrics) -> float:
    """Count the readings' messages and the readings that full queues have dropped. Events are sent again instead."""
    value = metrics.registry.get_sample_value
    lane = value("campus_arrivals_dropped_total", {"lane": "readings"}) or 0.0
    return lane + (value("campus_history_dropped_total") or 0.0)


def make_metrics() -> Metrics:
    """Make all metrics at zero."""
    r = CollectorRegistry()
    return Metrics(
        registry=r,
        arrivals=Counter("campus_arrivals", "Messages taken from the broker, by lane.", ["lane"], registry=r),
        dropped=Counter(
            "campus_arrivals_dropped", "Messages not taken because a queue was full, by lane.", ["lane"], registry=r
        ),
        quarantined=Counter("campus_quarantined", "Messages that are not ours and were put aside.", registry=r),
        commits=Counter("campus_commits", "Transactions committed to the ledger database.", registry=r),
        failed_commits=Counter("campus_commits_failed", "Transactions that could not be committed.", registry=r),
        batch=Histogram(
            "campus_commit_batch_items", "Messages and jobs in one transaction.", registry=r,
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
        ),
        to_arrival=Histogram(
            "campus_sensor_to_arrival_seconds", "From an agent's sample to the broker's delivery of its event.",
            registry=r, buckets=(*_SECONDS, 60.0, 600.0, 3600.0),
        ),
        to_commit=Histogram(
            "campus_arrival_to_commit_seconds", "From the broker's delivery to the ledger's commit.",
            registry=r, buckets=_SECONDS,
        ),
        to_receipt=Histogram(
            "campus_commit_to_receipt_seconds", "From the ledger's commit to the receipt handed to the broker.",
            registry=r, buckets=_SECONDS,
        ),
        to_stream=Histogram(
            "campus_commit_to_stream_seconds", "From the ledger's commit to the pages' queues.",
            registry=r, buckets=_SECONDS,
        ),
        to_socket=Histogram(
            "campus_stream_to_socket_seconds", "From a page's queue to its connection, each change and page.",
            registry=r, buckets=_SECONDS,
        ),
        clients=Gauge("campus_stream_clients", "Streams open now: one a browser.", registry=r),
        slow_clients=Counter("campus_stream_clients_dropped", "Pages dropped for reading too slowly.", registry=r),
        readings=Counter("campus_readings", "Readings taken.", registry=r),
        history_dropped=Counter("campus_history_dropped", "Readings not written to the history.", registry=r),
        history_waiting=Gauge("campus_history_waiting_bytes", "On disk until the history server has it.", registry=r),
        unpublished=Counter("campus_unpublished", "Receipts and commands the broker did not take.", registry=r),
    )  # fmt: skip
