"""What the web application needs of the running server, handed over once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from fastapi import Request

from config.push import PushSection
from config.water import Waters
from contracts.messages import Command
from server.accounts.throttle import TRIES_ANYWHERE, Throttle
from server.accounts.views import Views
from server.alerts.alert import AlertHook
from server.database import Database
from server.drills.conductor import Conductor
from server.duties.plan import Plan, load_plan
from server.enrol.authority import Authority
from server.history.latest import Latest
from server.history.series import Series
from server.ingest.allowance import Allowance
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.live import Live
from server.metrics import Metrics
from server.moments import now, steady_clock
from server.presence.presence import Presence
from server.stills.folder import StillFolder
from server.water.asking import Asked
from server.water.plan import load_waters
from server.writer import Writer


def _shipped() -> Ledger:
    return Ledger(load_judgement(), now)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who signs agents' certificates, and which broker they are for; an empty host is this server's own."""

    authority: Authority
    mqtt_host: str
    mqtt_port: int


@dataclass(frozen=True, slots=True)
class Services:
    """One server's parts."""

    database: Database
    writer: Writer
    presence: Presence
    live: Live
    latest: Latest
    series: Series
    metrics: Metrics
    alert_hook: AlertHook
    command: Callable[[str, str, Command], bool]
    broker_age_s: Callable[[], float | None]
    tls: bool = False
    simulated: bool = False
    metrics_token: str = ""
    drills: Conductor | None = None
    enrolment: Enrolment | None = None
    push: tuple[PushSection, ...] = ()
    asked: Asked = field(default_factory=Asked)
    throttle: Throttle = field(default_factory=Throttle)
    names: Throttle = field(default_factory=lambda: Throttle(TRIES_ANYWHERE))
    allowance: Allowance = field(default_factory=Allowance)
    stills: StillFolder = field(default_factory=StillFolder)
    views: Views = field(default_factory=Views)
    ledger: Ledger = field(default_factory=_shipped)
    plan: Plan = field(default_factory=load_plan)
    waters: Waters = field(default_factory=load_waters)
    now: Callable[[], datetime] = now
    steady: Callable[[], datetime] = field(default_factory=steady_clock)
    """For what ends after a time of its own, such as a session: no step of the wall clock moves it."""
    mono_s: Callable[[], float] = time.monotonic

    @property
    def cookie(self) -> str:
        """The session cookie's name; over TLS the browser itself guards it by its prefix."""
        return "__Host-session" if self.tls else "session"


def services_of(request: Request) -> Services:
    """Return the server's parts, as a dependency of a route."""
    return cast("Services", request.app.state.services)
