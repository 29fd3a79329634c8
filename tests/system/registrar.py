"""A server that only registers: keeps every durable entry once, answers with receipts, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


class Registrar:
    """Registers what agents send. `silent` withholds all answers."""

    def __init__(self, port: int, site: str = "demo") -> None:
        self._port = port
        self._site = site
        self._lock = threading.Lock()
        self.entries: dict[str, dict[str, Any]] = {}  # by id, in order of arrival
        self.deliveries: Counter[str] = Counter()
        self.readings: list[dict[str, Any]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.births: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.silent = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="registrar", clean_session=True)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Self:
        self._client.connect_async("127.0.0.1", self._port, 10)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(f"campus/1/{self._site}/+/+", qos=1)

    def _hear(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        root, _, kind = message.topic.rpartition("/")
        if kind in {"receipt", "command"}:
            return
        body: dict[str, Any] = json.loads(message.payload)
        with self._lock:
            match kind:
                case "events" | "crossings":
                    self.deliveries[body["id"]] += 1
                    self.entries.setdefault(body["id"], body)
                    self._answer(root, {"epoch": body["epoch"], "seqs": [body["seq"]]})
                case "readings":
                    self.readings += body["readings"]
                case "heartbeat":
                    self.heartbeats.append(body)
                    self._answer(root, {"heartbeat": body["n"]})
                case "birth":
                    self.births.append(body)
                case "state":
                    self.states.append(body)
                case _:
                    raise AssertionError(kind)

    def _answer(self, root: str, receipt: Mapping[str, Any]) -> None:
        if not self.silent:
            self._client.publish(f"{root}/receipt", json.dumps(receipt), qos=1)

    def command(self, agent: str, command: Mapping[str, Any]) -> None:
        """Send a command to an agent."""
        self._client.publish(f"campus/1/{self._site}/{agent}/command", json.dumps({"command": command}), qos=1)

    def say(self, agent: str, kind: str, body: bytes) -> None:
        """Publish anything to an agent."""
        self._client.publish(f"campus/1/{self._site}/{agent}/{kind}", body, qos=1)

    def ids(self) -> set[str]:
        """The ids of all registered entries."""
        with self._lock:
            return set(self.entries)

    def arrivals(self) -> list[dict[str, Any]]:
        """All registered entries, in the order in which they arrived."""
        with self._lock:
            return list(self.entries.values())

    def events(self, point: str) -> list[dict[str, Any]]:
        """The registered events of a point, by (epoch, seq)."""
        with self._lock:
            found = [entry for entry in self.entries.values() if entry.get("point") == point]
        return sorted(found, key=lambda entry: (entry["epoch"], entry["seq"]))

    def events_in_time(self, point: str) -> list[dict[str, Any]]:
        """The registered events of a point, by the agent's own clock."""
        return sorted(self.events(point), key=lambda entry: entry["stamp"]["mono_s"])
