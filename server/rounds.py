"""What is looked at every second in the writer's own thread: silence and holes of our agents, shelves, escalations."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from contracts.messages import Command
from server.alerts.actions import end_shelves
from server.errors import ServerError
from server.notify import notify
from server.presence.ailing import Ailing
from server.presence.flooding import Flooding
from server.presence.gaps import Request, find_gaps
from server.services import Services
from server.wall.clock import school_time
from server.wall.own import OwnHealth
from server.wall.watching import Watching
from server.water import escalation

EVERY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Rounds:
    """One process's round. Where several share the work, the last three say how.

    `chores` tells whether what is done once in all is ours, `watched` asks which sites the pages of other processes
    show, and `tell` writes for those processes what we know of our agents.
    """

    services: Services
    command: Callable[[str, str, Command], bool]
    chores: Callable[[], bool] = lambda: True
    watched: Callable[[Connection], frozenset[str]] = lambda _: frozenset()
    tell: Callable[[Connection], None] = lambda _: None
    own: OwnHealth | None = None
    _ailing: Ailing = field(default_factory=Ailing)
    _flooding: Flooding = field(init=False)
    _watching: Watching = field(init=False)

    def __post_init__(self) -> None:
        self._watching = Watching(self.services.alert_hook)
        self._flooding = Flooding(self.services.allowance.floods)

    def look(self, connection: Connection, at: datetime, mono_s: float, watched: frozenset[str]) -> Sequence[Request]:
        """Go round once; return what to ask agents for."""
        services = self.services
        sites = {site for site, _ in services.presence.watches}
        watched |= self.watched(connection)
        self._watching.tick(connection, sites, watched, school_time(services, at), mono_s)
        services.presence.tick(connection, at, mono_s)
        requests = find_gaps(connection, services.presence, at, mono_s)
        self._ailing.tick(connection, services.presence, at, mono_s)
        self._flooding.tick(connection, services.presence, at)
        if self.own is not None:
            self.own.tick(connection, sites, at, mono_s)
        if self.chores():
            end_shelves(connection, at, services.alert_hook, services.steady())
            escalation.tick(connection, services.waters, services.alert_hook, at)
        self.tell(connection)
        return requests


async def go_round(rounds: Rounds) -> None:
    """Go round for ever. Each round ends in a commit, which proves the ledger alive whether or not anything happens."""
    services = rounds.services
    while True:
        await asyncio.sleep(EVERY_S)
        at, mono_s = services.now(), time.monotonic()
        watched = frozenset(site for client in services.live.clients for site in client.sites)
        job = services.writer.submit(
            lambda c, at=at, mono_s=mono_s, watched=watched: rounds.look(c, at, mono_s, watched)
        )
        try:
            requests = await asyncio.wrap_future(job)
        except ServerError as e:
            _log.debug("agents: not judged this second: %s", e)
            continue
        notify("WATCHDOG=1")  # only after a commit: a ledger that hangs is started again
        for request in requests:
            rounds.command(request.topic.site, request.topic.agent, request.command)
