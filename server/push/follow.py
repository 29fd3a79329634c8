"""Follow the change feed for each target, send, and put on the wall what does not go out."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, assert_never

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from config.push import DingtalkTarget, PushSection, SmsModemTarget, WebhookTarget, WecomTarget
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.alerts.tables import alerts
from server.database import upsert
from server.errors import ServerError
from server.pages.catalogue import Catalogue, read
from server.push.errors import PushError
from server.push.feed import OWN_POINT, Waiting, reached, waiting
from server.push.modem import ModemSender
from server.push.tables import push_targets
from server.push.web import WebSender
from server.push.words import MOST_IN_SMS, MOST_LINES, line, together
from server.services import Services

LOOK_EVERY_S = 0.5
REST_S = 3.0
"""Between two messages: a robot of WeCom takes 20 in a minute."""
WAITS_S = (2, 5, 10, 30, 60)
FAULT_AFTER = 2
_log = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends one message, within its own time-out; raises PushError where it did not go out."""

    def send(self, text: str) -> None: ...


def sender_of(target: PushSection) -> Sender:
    """Make the sender of a target."""
    match target:
        case WecomTarget() | DingtalkTarget() | WebhookTarget():
            return WebSender(target)
        case SmsModemTarget():
            return ModemSender(target)
        case _:
            assert_never(target)


@dataclass(slots=True)
class Follower:
    """One target."""

    services: Services
    target: PushSection
    sender: Sender
    rest_s: float = REST_S
    _texts: Catalogue = field(init=False)
    _n: int | None = None
    _failures: int = 0
    _left_out: int = 0  # since the last message that went out

    def __post_init__(self) -> None:
        self._texts = read(self.target.language)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                wait_s = await self.step()
            except (ServerError, SQLAlchemyError) as e:
                _log.debug("push %s: the ledger cannot be read or written now: %s", self.target.id, e)
                wait_s = WAITS_S[0]
            await asyncio.sleep(wait_s)

    async def step(self) -> float:
        """Tell what waits; return how long to rest."""
        found = await asyncio.to_thread(self._read)
        if found is None:
            return LOOK_EVERY_S
        if not found.alerts:
            self._left_out += found.left_out
            await self._move(found)
            return LOOK_EVERY_S
        try:
            await asyncio.to_thread(self.sender.send, self._text(found))
        except PushError as e:
            self._failures += 1
            (_log.warning if self._failures == 1 else _log.debug)("%s", e)
            await self._failed(found, str(e))
            return float(WAITS_S[min(self._failures, len(WAITS_S)) - 1])
        if self._failures:
            _log.info("push %s: goes out again", self.target.id)
        self._failures, self._left_out = 0, 0
        await self._move(found, sent=True)
        return self.rest_s

    def _read(self) -> Waiting | None:
        with self.services.database.read.connect() as connection:
            if self._n is None:
                self._n = reached(connection, self.target.id)
                return Waiting(self._n, (), 0)
            found = waiting(connection, self.target, self._n, self.services.now())
        if found.alerts or found.left_out:
            return found
        self._n = found.n
        return None

    def _text(self, found: Waiting) -> str:
        zone = self.services.ledger.judgement.timers.zone
        lines = [line(self.target, alert, self._texts, self._school(alert["site"]), zone) for alert in found.alerts]
        most = MOST_IN_SMS if self.target.type == "sms-modem" else MOST_LINES
        return together(lines, self._texts, self._left_out + found.left_out, most)

    def _school(self, site: str) -> str:
        school = self.services.drills.schools.get(site) if self.services.drills else None
        return school.name if school else site

    async def _move(self, found: Waiting, *, sent: bool = False) -> None:
        """Keep how far this target is; a message that went out ends its fault."""
        now = self.services.now()
        key = {"id": self.target.id}

        def work(connection: Connection) -> None:
            dropped = connection.execute(select(push_targets.c.dropped).filter_by(**key)).scalar() or 0
            values: dict[str, object] = {"n": found.n, "dropped": dropped + found.left_out}
            if sent:
                values |= {"failing_since": None, "reason": "", "sent_at": now}
            upsert(connection, push_targets, key, values)
            for site in sorted(self._standing(connection) if sent else ()):
                hear(connection, self._signal(site, now, active=False), self.services.alert_hook)

        await asyncio.wrap_future(self.services.writer.submit(work))
        self._n = found.n

    async def _failed(self, found: Waiting, trouble: str) -> None:
        """Say so; what stays untold is read again, and counted out once it is too old."""
        now = self.services.now()
        key = {"id": self.target.id}
        sites = {alert["site"] for alert in found.alerts} if self._failures >= FAULT_AFTER else set[str]()

        def work(connection: Connection) -> None:
            since = connection.execute(select(push_targets.c.failing_since).filter_by(**key)).scalar()
            upsert(connection, push_targets, key, {"n": self._n, "failing_since": since or now, "reason": trouble})
            for site in sorted(sites - self._standing(connection)):
                hear(connection, self._signal(site, now, active=True), self.services.alert_hook)

        await asyncio.wrap_future(self.services.writer.submit(work))

    def _standing(self, connection: Connection) -> set[str]:
        a = alerts.c
        mine = select(a.site).where(a.open, a.active, a.agent == "server", a.point == OWN_POINT + self.target.id)
        return set(connection.execute(mine).scalars())

    def _signal(self, site: str, at: datetime, *, active: bool) -> Signal:
        return Signal(
            site=site, agent="server", point=OWN_POINT + self.target.id, kind="fault", active=active,
            severity="fault", reason="push-failing", at=at, received_at=at, name=self.target.name,
        )  # fmt: skip


def followers(services: Services, targets: tuple[PushSection, ...]) -> list[Follower]:
    """Make one follower a target."""
    return [Follower(services, target, sender_of(target)) for target in targets]
