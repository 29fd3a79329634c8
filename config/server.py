"""The server's configuration: one TOML file a server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from config import Section
from config.agent import MqttSection


class HttpSection(Section):
    """Where the pages are served. Off loopback TLS is on unless `plain` asks for none by name."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    cert_file: Path | None = None
    key_file: Path | None = None
    plain: bool = False


class BrokerSection(Section):
    """The broker: embedded as a child process, or one that already runs."""

    type: Literal["embedded", "external"] = "embedded"
    port: int = Field(default=1883, ge=1, le=65535)
    host: str = "127.0.0.1"


class ServerConfig(Section):
    """All of one server."""

    data: Path
    database: str | None = None
    """SQLAlchemy address; SQLite in `data` where none is given."""
    http: HttpSection = HttpSection()
    broker: BrokerSection = BrokerSection()
    mqtt: MqttSection = MqttSection()
    sites: tuple[str, ...] = ()
    """Sites whose agents are heard; all where none is named."""
