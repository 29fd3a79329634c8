"""An agent that floods, as a fault on the wall and two lines of the audit: when it began, and when it was over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from server.accounts.audit import note
from server.ingest.allowance import Flood
from server.presence.presence import Presence

POINT, REASON = "_flood", "agent-floods"


@dataclass(slots=True)
class Flooding:
    """Belongs to the writer's thread."""

    floods: Callable[[], Sequence[Flood]]
    _said: dict[tuple[str, str], Flood] = field(default_factory=dict[tuple[str, str], Flood])

    def tick(self, connection: Connection, presence: Presence, now: datetime) -> None:
        """Say what began and what is over."""
        floods = {(flood.site, flood.agent): flood for flood in self.floods()}
        for key, watch in presence.watches.items():
            flood = floods.get(key)
            if (flood is not None) is not (POINT in watch.raised):
                presence.fault(connection, watch, POINT, REASON, now, now, active=flood is not None)
            self._tell(connection, key, flood, now)

    def _tell(self, connection: Connection, key: tuple[str, str], flood: Flood | None, now: datetime) -> None:
        subject = "/".join(key)
        was = self._said.get(key)
        if flood is not None:
            self._said[key] = flood
            if was is None:
                note(connection, now, "(server)", "flood", subject, text="sends more than is taken; it is refused")
            elif flood.out and not was.out:
                note(connection, now, "(server)", "flood kept out", subject, text=f"{flood.refused} refused so far")
        elif was is not None:
            del self._said[key]
            note(connection, now, "(server)", "flood over", subject, text=f"{was.refused} messages were refused")
