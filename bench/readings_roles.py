"""The processes of the readings bench: one that sends batches, and receivers that are measured by their own CPU."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from config.agent import MqttSection
from config.history import HistorySection, InfluxSection
from contracts.messages import Reading, Readings
from contracts.topics import Kind, Topic
from contracts.vocabulary import Clock
from server.history.lane import ReadingsLane
from server.history.latest import Latest
from server.history.stores import make_series
from server.ingest.broker_link import BrokerLink, Lanes
from server.metrics import make_metrics

AGENTS, EACH = 20, 100  # agents, readings a batch
IDLE_S = 5.0  # without a message: what was sent and did not come by then is lost
SITE = "bench"


def send(port: int, rate: float, seconds: float) -> None:
    """Send batches at an even rate, as fast as it goes where that is slower; print how many readings a second left."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sender", protocol=mqtt.MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began = datetime.now(UTC) - timedelta(hours=1)
    count = int(rate * seconds)
    topics = [str(Topic(SITE, f"agent-{n}", Kind.READINGS)) for n in range(AGENTS)]
    batches = [_batch(n, began) for n in range(count)]
    begun_s = time.monotonic()
    for n, batch in enumerate(batches):
        while (early_s := begun_s + n / rate - time.monotonic()) > 0:
            time.sleep(early_s)
        client.publish(topics[n % AGENTS], batch, qos=0).wait_for_publish(30)
    print(json.dumps({"readings": count * EACH, "a_s": count * EACH / (time.monotonic() - begun_s)}))
    client.disconnect()
    client.loop_stop()


def _batch(n: int, began: datetime) -> str:
    """Every point of an agent once; no two readings of a point share a moment."""
    at = began + timedelta(milliseconds=100 * n)
    readings = tuple(
        Reading(point=f"temperature-{i}", value=20.5 + (n + i) % 97 / 10, at=at + timedelta(milliseconds=i), mono_s=n)
        for i in range(EACH)
    )
    return Readings(boot_id="b" * 36, clock=Clock.SYNCED, readings=readings).model_dump_json()


def bare(port: int, wanted: int) -> None:
    """Receive with paho alone."""
    got = 0

    def take(_client: mqtt.Client, _data: object, _message: mqtt.MQTTMessage) -> None:
        nonlocal got
        got += 1

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=mqtt.MQTTv311)
    client.on_message = take
    client.connect("127.0.0.1", port)
    client.subscribe(f"campus/1/{SITE}/+/{Kind.READINGS}", 0)
    client.loop_start()
    _measure(lambda: got * EACH, wanted, lambda: True)
    client.disconnect()
    client.loop_stop()


def whole(port: int, wanted: int, folder: Path, section: HistorySection) -> None:
    """Receive as a worker does: link, lane, newest values, history; with its settings of the interpreter."""
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    metrics = make_metrics()
    series = make_series(section, folder, metrics)
    lane = ReadingsLane(Latest(), series, metrics)
    link = BrokerLink(MqttSection(port=port), Lanes(lambda _: False, lane.offer), metrics, (SITE,), "whole")
    lane.start()
    link.start()

    def taken() -> int:
        return int(metrics.registry.get_sample_value("campus_readings_total") or 0)

    _measure(taken, wanted, lambda: series.behind_s() == 0.0)
    link.close()
    lane.close()


def _measure(taken: Callable[[], int], wanted: int, written: Callable[[], bool]) -> None:
    """Print what was taken, and the CPU and time from its first to its last."""
    print("ready", flush=True)
    while not taken():
        time.sleep(0.001)
    with _timed() as figures:
        last, since_s = taken(), time.monotonic()
        while last < wanted and time.monotonic() - since_s < IDLE_S:
            time.sleep(0.05)
            if (now := taken()) != last:
                last, since_s = now, time.monotonic()
        while not written():
            time.sleep(0.05)
    print(json.dumps({"readings": last, **figures}), flush=True)


@contextmanager
def _timed() -> Generator[dict[str, float]]:
    figures = dict[str, float]()
    cpu_s, wall_s = time.process_time(), time.monotonic()
    yield figures
    figures |= {"cpu_s": time.process_time() - cpu_s, "wall_s": time.monotonic() - wall_s}


def play() -> None:
    """Play one role."""
    role, port, *rest = sys.argv[1:]
    match role:
        case "send":
            send(int(port), float(rest[0]), float(rest[1]))
        case "bare":
            bare(int(port), int(rest[0]))
        case "embedded":
            whole(int(port), int(rest[0]), Path(rest[1]), HistorySection())
        case "line-protocol":
            place = InfluxSection(url=rest[2])
            whole(int(port), int(rest[0]), Path(rest[1]), HistorySection(type="victoria-metrics", influx=place))
        case _:
            sys.exit(f"no such role: {role}")


if __name__ == "__main__":
    play()
