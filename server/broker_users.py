"""Who may talk to the embedded broker, and about what; kept in one private file of the data directory."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.topics import Kind, Topic
from server.errors import ServerError

SERVER = "server"
DEVICES = "devices"
_OF_DEVICES = ["zigbee2mqtt.>", "devices.>"]
_UP = (Kind.BIRTH, Kind.STATE, Kind.READINGS, Kind.EVENTS, Kind.CROSSINGS, Kind.HEARTBEAT, Kind.ANSWER, Kind.STILLS)
_DOWN = (Kind.RECEIPT, Kind.COMMAND)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an agent's configuration needs. The password stands only in its file."""

    user: str
    password_file: Path


def directory(data: Path) -> Path:
    """Return the broker's part of the data directory; only its owner may look in."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = data / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def users_file(data: Path) -> Path:
    return directory(data) / "users.json"


def read_users(data: Path) -> Mapping[str, str]:
    """Return passwords by user; the server's own is made at the first call."""
    file = users_file(data)
    try:
        users: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError) as e:
        raise ServerError(f"broker users {file}: cannot be read: {e}: restore it, or remove it and enroll anew") from e
    if SERVER not in users:
        users[SERVER] = secrets.token_urlsafe(24)
        write_private(file, json.dumps(users))
    return users


def enroll(data: Path, site: str, agent: str) -> Credentials:
    """Give an agent its own user (a new password if it had one); a running server lets it in within seconds."""
    topic = Topic(site, agent, Kind.BIRTH)  # checks the ids
    user = f"{topic.site}.{topic.agent}"
    users = {**read_users(data), user: secrets.token_urlsafe(24)}
    write_private(users_file(data), json.dumps(users))
    password_file = directory(data) / f"{user}.password"
    write_private(password_file, users[user] + "\n")
    return Credentials(user, password_file)


def enroll_devices(data: Path) -> Credentials:
    """Give MQTT sensors and the agents that read them one user of their own, apart from all campus topics."""
    users = dict(read_users(data))
    if DEVICES not in users:
        users[DEVICES] = secrets.token_urlsafe(24)
        write_private(users_file(data), json.dumps(users))
    password_file = directory(data) / f"{DEVICES}.password"
    write_private(password_file, users[DEVICES] + "\n")
    return Credentials(DEVICES, password_file)


def server_credentials(data: Path) -> Credentials:
    """Return what the server itself logs in with."""
    password_file = directory(data) / "server.password"
    write_private(password_file, read_users(data)[SERVER] + "\n")
    return Credentials(SERVER, password_file)


def client_secret(data: Path) -> str:
    """Return what makes the server's client id unguessable, the same for ever: who knows an id can end its session."""
    file = directory(data) / "client-id"
    if not file.exists():
        write_private(file, secrets.token_hex(8))
    return file.read_text(encoding="utf-8").strip()


def permissions(user: str) -> Mapping[str, object] | None:
    """Return what an agent may publish and hear, as NATS subjects; None for the server, which may all."""
    if user == SERVER:
        return None
    if user == DEVICES:
        return {
            "publish": {"allow": _OF_DEVICES},
            "subscribe": {"allow": [*_OF_DEVICES, "$MQTT.sub.>", "$MQTT.deliver.pubrel.>"]},
        }
    own = f"campus.1.{user}"
    # `$MQTT.…` are the broker's own subjects for messages of quality 1 and 2 on their way to this client.
    return {
        "publish": {"allow": [f"{own}.{kind}" for kind in _UP]},
        "subscribe": {"allow": [*(f"{own}.{kind}" for kind in _DOWN), "$MQTT.sub.>", "$MQTT.deliver.pubrel.>"]},
    }


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read; it is never seen half written."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
