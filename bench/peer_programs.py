"""The programs bench.peers sets side by side: how each is installed, told what to do, and what its messages say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

HOME = Path(__file__).parent / "out" / "peers"
GATEWAY = ("thingsboard-gateway==3.8.5", "pymodbus==3.9.2", "pyserial", "pyserial-asyncio")
NODE_RED = "node-red@4"
REGISTER = 0


@dataclass(frozen=True, slots=True)
class Start:
    """How a program is started."""

    command: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])


class Peer(Protocol):
    """One program that reads a register over Modbus TCP and publishes its changes over MQTT."""

    name: str

    def install(self) -> str:
        """Install it where it is missing; return why it cannot be, empty when it can."""
        ...

    def start(self, folder: Path, board: int, broker: int, poll_ms: int) -> Start:
        """Write its configuration into a folder."""
        ...

    def shown(self, count: int) -> int:
        """What its messages say while the register holds a count."""
        ...

    def said(self, topic: str, payload: bytes) -> list[tuple[str, int]]:
        """Return what a message says: an identity that a repetition shares, and what it shows."""
        ...

    def answer(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        """Return what the server it is made for would answer: a topic and a payload."""
        ...


class Ours:
    """The agent: the register's lowest bit is a contact, so that each change is an event on disk before it is sent."""

    name = "campus-agent"

    def install(self) -> str:
        return ""

    def start(self, folder: Path, board: int, broker: int, poll_ms: int) -> Start:
        file = folder / "agent.toml"
        file.write_text(
            f'site = "bench"\nagent = "pi-1"\nname = "bench"\n[mqtt]\nport = {broker}\n'
            f'[outbox]\ndirectory = "{folder / "box"}"\n'
            f'[[bus]]\ntype = "modbus-tcp"\nname = "board"\nhost = "127.0.0.1"\nport = {board}\n'
            f"interval_s = {poll_ms / 1000}\n"
            f'[[bus.point]]\nid = "p"\nname = "p"\nkind = "contact"\nregister = {REGISTER}\ntype = "bit"\n'
            "rule = { on_delay_s = 0, chatter = 0 }\n",
            encoding="utf-8",
        )
        return Start([Path(sys.executable).parent / "campus-agent", "run", "--config", file], folder)

    def shown(self, count: int) -> int:
        return count & 1

    def said(self, topic: str, payload: bytes) -> list[tuple[str, int]]:
        if not topic.endswith("/events"):
            return []
        event: dict[str, Any] = json.loads(payload)
        if event["kind"] != "door":
            return []
        return [(f"{event['epoch']} {event['seq']}", int(event["active"]))]

    def answer(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        root, _, kind = topic.rpartition("/")
        if kind not in {"events", "heartbeat"}:
            return None
        body: dict[str, Any] = json.loads(payload)
        said = {"heartbeat": body["n"]} if kind == "heartbeat" else {"epoch": body["epoch"], "seqs": [body["seq"]]}
        return f"{root}/receipt", json.dumps(said)


class ThingsBoard:
    """The gateway as delivered, but told to report changes only; it believes that the broker is its platform."""

    def __init__(self, storage: str) -> None:
        self.name = f"thingsboard-gateway, {storage}"
        self._storage = storage

    def install(self) -> str:
        folder = HOME / "thingsboard"
        if (folder / "bin" / "thingsboard-gateway").exists():
            return ""
        made = _run([sys.executable, "-m", "venv", folder])
        return made or _run([folder / "bin" / "pip", "install", "-q", *GATEWAY])

    def start(self, folder: Path, board: int, broker: int, poll_ms: int) -> Start:
        package = next((HOME / "thingsboard" / "lib").glob("python*/site-packages/thingsboard_gateway/config"))
        general: dict[str, Any] = json.loads((package / "tb_gateway.json").read_text(encoding="utf-8"))
        general["thingsboard"] |= {
            "host": "127.0.0.1",
            "port": broker,
            "remoteConfiguration": False,
            "reportStrategy": {"type": "ON_CHANGE"},
            "statistics": {"enable": False},
        }
        for limit in ("rateLimits", "dpRateLimits", "messagesRateLimits"):
            general["thingsboard"][limit] = "0:0,"
        for limit in ("deviceMessagesRateLimits", "deviceRateLimits", "deviceDpRateLimits"):
            general["thingsboard"][limit] = "0:0,"
        general["storage"] |= {"type": self._storage, "data_file_path": f"{folder}/data/"}
        general["connectors"] = [{"type": "modbus", "name": "board", "configuration": "modbus.json"}]
        value = {
            "tag": "count", "type": "16uint", "address": REGISTER, "objectsCount": 1, "functionCode": 3
        }  # fmt: skip
        slave = {
            "host": "127.0.0.1", "port": board, "type": "tcp", "method": "socket", "unitId": 1, "timeout": 5,
            "deviceName": "board", "deviceType": "default", "byteOrder": "BIG", "wordOrder": "BIG", "retries": 3,
            "retryOnEmpty": True, "retryOnInvalid": True, "pollPeriod": poll_ms, "connectAttemptTimeMs": 1000,
            "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 1000, "attributes": [], "timeseries": [value],
            "attributeUpdates": [], "rpc": [], "reportStrategy": {"type": "ON_CHANGE"},
        }  # fmt: skip
        (folder / "modbus.json").write_text(json.dumps({"master": {"slaves": [slave]}}), encoding="utf-8")
        (folder / "tb_gateway.json").write_text(json.dumps(general), encoding="utf-8")
        shutil.copy(package / "logs.json", folder / "logs.json")
        (folder / "data").mkdir(exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        program = HOME / "thingsboard" / "bin" / "thingsboard-gateway"
        return Start([program], folder, {"TB_GW_CONFIG_DIR": f"{folder}/"})

    def shown(self, count: int) -> int:
        return count

    def said(self, topic: str, payload: bytes) -> list[tuple[str, int]]:
        if topic != "v1/gateway/telemetry":
            return []
        told: dict[str, list[dict[str, Any]]] = json.loads(payload)
        found = [entry.get("values", entry).get("count") for entries in told.values() for entry in entries]
        return [(str(value), int(value)) for value in found if value is not None]

    def answer(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        if "/rpc/request/" not in topic or b"getSessionLimits" not in payload:
            return None
        limits = {"rateLimits": {}, "maxInflightMessages": 100, "maxPayloadSize": 65536}
        return topic.replace("/request/", "/response/"), json.dumps(limits)


class NodeRed:
    """A flow of its core nodes: inject, a question by `tcp request`, a filter for changes, MQTT at QoS 1."""

    name = "Node-RED"

    def install(self) -> str:
        if (HOME / "node-red" / "node_modules" / "node-red").exists():
            return ""
        if shutil.which("npm") is None:
            return "npm is not installed"
        (HOME / "node-red").mkdir(parents=True, exist_ok=True)
        return _run(["npm", "install", "--silent", "--prefix", HOME / "node-red", NODE_RED])

    def start(self, folder: Path, board: int, broker: int, poll_ms: int) -> Start:
        ask = "msg.payload = Buffer.from([0,1,0,0,0,6,1,3,0,0,0,1]); return msg;"
        read = "msg.payload = String(msg.payload.readUInt16BE(9)); return msg;"
        nodes: list[dict[str, Any]] = [
            {"id": "t", "type": "tab", "label": "bench"},
            {
                "id": "b", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(broker), "clientid": "node-red",
                "keepalive": "60", "cleansession": True, "autoConnect": True, "protocolVersion": "4", "usetls": False,
            },
            {
                "id": "n1", "type": "inject", "repeat": str(poll_ms / 1000), "once": True, "onceDelay": "0.1",
                "props": [{"p": "payload"}], "payloadType": "date", "wires": [["n2"]],
            },
            {"id": "n2", "type": "function", "func": ask, "outputs": 1, "wires": [["n3"]]},
            {
                "id": "n3", "type": "tcp request", "server": "127.0.0.1", "port": str(board), "out": "sit",
                "ret": "buffer", "splitc": "0", "newline": "", "tls": "", "wires": [["n4"]],
            },
            {"id": "n4", "type": "function", "func": read, "outputs": 1, "wires": [["n5"]]},
            {"id": "n5", "type": "rbe", "func": "rbe", "property": "payload", "wires": [["n6"]]},
            {"id": "n6", "type": "mqtt out", "topic": "bench/count", "qos": "1", "broker": "b", "wires": []},
        ]  # fmt: skip
        flow = [node if node["id"] in {"t", "b"} else {**node, "z": "t"} for node in nodes]
        (folder / "flows.json").write_text(json.dumps(flow), encoding="utf-8")
        (folder / "settings.js").write_text(
            'module.exports = { flowFile: "flows.json", httpAdminRoot: false, httpNodeRoot: false, uiPort: 0,'
            ' logging: { console: { level: "warn" } } };\n',
            encoding="utf-8",
        )
        program = HOME / "node-red" / "node_modules" / "node-red" / "red.js"
        return Start(["node", program, "--userDir", folder], folder)

    def shown(self, count: int) -> int:
        return count

    def said(self, topic: str, payload: bytes) -> list[tuple[str, int]]:
        return [(payload.decode(), int(payload))] if topic == "bench/count" else []

    def answer(self, topic: str, payload: bytes) -> tuple[str, str] | None:
        del topic, payload


def _run(command: Sequence[str | Path]) -> str:
    """Run an installer; return its last line where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=dict(os.environ))
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it failed"])[-1]
