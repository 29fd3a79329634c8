"""The server's configuration: one TOML file a server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from config import Section
from config.agent import MqttSection
from config.history import HistorySection
from config.hosts import is_loopback
from config.points import Id
from config.push import PushSection
from config.update import UpdateSection


class _Listener(Section):
    """A port others connect to. Off loopback it needs a certificate, unless `plain` asks for none by name."""

    host: str = "127.0.0.1"
    cert_file: Path | None = None
    key_file: Path | None = None
    plain: bool = False

    @property
    def tls(self) -> bool:
        return self.cert_file is not None

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not is_loopback(self.host) and not self.tls and not self.plain:
            raise ValueError(
                f"{self.host} is reached from outside: give cert_file and key_file, or write plain = true if a proxy"
                " does TLS"
            )
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: give both")
        return self


class HttpSection(_Listener):
    """Where the pages are served."""

    port: int = Field(default=8000, ge=1, le=65535)
    connections_an_address: int = Field(default=256, ge=8)
    """At once; this machine, where a proxy may stand, is not counted."""


class BrokerSection(_Listener):
    """The broker: embedded as a child process, or one that already runs (then `[mqtt]` says where)."""

    type: Literal["embedded", "external"] = "embedded"
    port: int = Field(default=1883, ge=1, le=65535)


class PresenceSection(Section):
    """When silence becomes an alert."""

    silent_fault_s: float = Field(default=60.0, ge=18.0, le=3600.0)


class KeepSection(Section):
    """How long what is about people is kept. The law asks for at least six months of the audit."""

    audit_days: int = Field(default=730, ge=183)
    changes_days: int = Field(default=30, ge=2)
    """What pages and pushes that were away can still be told one by one."""
    quarantine_days: int = Field(default=30, ge=1)
    """Messages that could not be taken; at most the newest 10,000."""


class StillsSection(Section):
    """Pictures of alarms, in which nobody can be known. None is taken unless a school turns them on."""

    keep_days: int = Field(default=0, ge=0, le=30)
    """0: none is taken, and what was kept goes. A week is enough to look into an alarm."""


class LimitsSection(Section):
    """What one agent may send, its alarms and all else each for itself; more is refused, and it must send it again."""

    messages_per_s: float = Field(default=10.0, ge=1)
    """For hours. An honest agent sends less than one a second."""
    messages_at_once: int = Field(default=200_000, ge=1000)
    """What an outbox holds after a long outage."""


class ServerConfig(Section):
    """All of one server."""

    data: Path
    database: str | None = None
    """SQLAlchemy address; SQLite in `data` where none is given."""
    database_file: Path | None = None
    """Holds the address instead, where it has a password in it."""
    simulated: bool = False
    """Every page says 模拟."""
    http: HttpSection = HttpSection()
    broker: BrokerSection = BrokerSection()
    mqtt: MqttSection = MqttSection()
    presence: PresenceSection = PresenceSection()
    keep: KeepSection = KeepSection()
    stills: StillsSection = StillsSection()
    history: HistorySection = HistorySection()
    sites: tuple[Id, ...] = ()
    """Sites whose agents are heard; all where none is named."""
    schools: tuple[Path, ...] = ()
    """One file a school for its drills: exits, stairs, classes, targets."""
    limits: LimitsSection = LimitsSection()
    update: UpdateSection = UpdateSection()
    push: tuple[PushSection, ...] = ()
    """Who is told beside the wall."""
    metrics_token_file: Path | None = None
    """Who shows this token may read /metrics from another machine; else only this machine may."""

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        if self.database is not None and self.database_file is not None:
            raise ValueError("database and database_file say the same: give one")
        return self

    @model_validator(mode="after")
    def _targets_are_unique(self) -> Self:
        ids = [target.id for target in self.push]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"push: the id {twice[0]!r} is given twice")
        return self
