"""Whether anybody watches: in hours somebody is on the roster, no open page for a minute is a fault."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from server.alerts.alert import AlertHook
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.wall import roster

UNSEEN_S = 60.0
LOOK_EVERY_S = 5.0


@dataclass(slots=True)
class Watching:
    """Belongs to the writer's thread."""

    hook: AlertHook
    _looked_s: float = float("-inf")
    _seen_s: dict[str, float] = field(default_factory=dict[str, float])
    _said: dict[str, bool] = field(default_factory=dict[str, bool])

    def tick(
        self, connection: Connection, sites: Collection[str], watched: Collection[str], at: datetime, mono_s: float
    ) -> None:
        """Judge each site. `watched` are the sites of the open pages, empty for every site; `at` is school time."""
        if mono_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = mono_s
        for site in sites:
            seen = "" in watched or site in watched
            if seen or not roster.on_duty(roster.read(connection, site), at):
                self._seen_s[site] = mono_s
            unseen = mono_s - self._seen_s.setdefault(site, mono_s) >= UNSEEN_S
            if self._said.get(site) is not unseen:
                self._said[site] = unseen
                hear(connection, _signal(site, at, active=unseen), self.hook)


def _signal(site: str, at: datetime, *, active: bool) -> Signal:
    return Signal(
        site=site, agent="server", point="_watching", kind="fault", active=active, severity="fault",
        reason="nobody-watching", at=at, received_at=at, name="值守页",
    )  # fmt: skip
