"""One worker's part in sharing the sites: every second it renews its leases, takes its share, gives up the rest."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database
from server.errors import ServerError
from server.ingest import leases
from server.ingest.held import Held
from server.presence.presence import Presence

ROUND_S = 1.0
MARGIN_S = 1.0  # we stop before others may start
DEAF_S = 8.0  # without a sign of the broker for so long, another may hear better

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Link(Protocol):
    """The way to the broker."""

    def take(self, sites: Collection[str]) -> None: ...
    def leave(self, sites: Collection[str]) -> None: ...
    def hears(self, within_s: float) -> bool: ...
    def unheard(self) -> Collection[str]: ...


class Write(Protocol):
    """The writer thread's `write`."""

    def __call__(self, work: Callable[[Connection], Result], timeout_s: float = 10.0) -> Result: ...


class Share:
    """Changes hands in this order, so that at most one worker answers for a site, and the gap is about a second.

    The old worker hears no more, goes on writing what is on its way for one round, writes out its queue and frees the
    lease; the new one takes it at its next round, reads what is known of the agents and hears. What an agent sends
    in between has no receipt and is sent again.
    """

    def __init__(
        self, me: str, held: Held, database: Database, link: Link, write: Write, presence: Presence,
        named: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.me = me
        self._held = held
        self._database = database
        self._link = link
        self._write = write
        self._presence = presence
        self._named = frozenset(named)
        self._taken: frozenset[str] = frozenset()  # heard, or heard until a round ago
        self._leaving: frozenset[str] = frozenset()  # of those: heard until a round ago
        self._cleaned: frozenset[str] = frozenset()  # not ours, and no subscription of an earlier run is left
        self._failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="site-share", daemon=True)

    def start(self) -> None:
        """Begin to take part."""
        self._thread.start()

    def close(self) -> None:
        """Give all sites up, so that the others need not wait; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                self._round_or_rest()
                if self._failing:
                    _log.info("%s: shares sites again", self.me)
                self._failing = False
            except (SQLAlchemyError, ServerError) as e:
                if not self._failing:
                    _log.warning("%s: cannot share sites: %s", self.me, str(e).splitlines()[0])
                self._failing = True
            if self._stop.wait(ROUND_S):
                break
        try:
            self._give_all_up()
        except (SQLAlchemyError, ServerError) as e:
            _log.warning("%s: leases are left to run out: %s", self.me, str(e).splitlines()[0])

    def _round_or_rest(self) -> None:
        """Take part only while the broker is heard: a deaf worker that held on to its sites would silence them."""
        if self._link.hears(DEAF_S):
            self.round()
        elif self._taken:
            _log.warning("%s: hears nothing from the broker, gives its sites to others", self.me)
            self._give_all_up()

    def round(self) -> None:
        """Do one round."""
        began_s = time.monotonic()
        self._let_go(self._leaving)
        with self._database.write.begin() as connection:
            leases.beat(connection, self.me)
            names = leases.alive(connection)
            sites = (self._named or leases.enrolled(connection)) | {leases.CHORES}
            mine = leases.wanted(self.me, names, sites)
            held = leases.renew(connection, self.me, self._link.unheard())
            leases.release(connection, self.me, stray := held - mine - self._taken)
            held = (held - stray) | leases.claim(connection, self.me, mine - held)
        self._lose(self._taken - held)
        self._held.hold(held, began_s + leases.LEASE.total_seconds() - MARGIN_S)
        self._take(held - self._taken)
        self._leave(self._taken - mine, sites - held)

    def _take(self, fresh: frozenset[str]) -> None:
        if fresh:
            self._write(lambda c: self._presence.load(c, time.monotonic()))
            self._taken |= fresh
            self._held.heard |= fresh
            self._cleaned -= fresh
            self._link.take(_schools(fresh))
            _log.info("%s: takes %s", self.me, _few(fresh))

    def _leave(self, unwanted: frozenset[str], others: frozenset[str]) -> None:
        self._leaving = unwanted
        self._held.heard -= unwanted
        strange = others - self._cleaned
        self._cleaned |= strange
        if gone := _schools(unwanted | strange):
            self._link.leave(gone)

    def _let_go(self, sites: frozenset[str]) -> None:
        """Write what came of sites that were left, then free them."""
        if not sites:
            return
        self._write(lambda _: self._presence.forget(sites))
        self._held.hold(self._held.sites - sites, self._held.until_s)
        with self._database.write.begin() as connection:
            leases.release(connection, self.me, sites)
        self._taken -= sites
        self._leaving = frozenset()
        _log.info("%s: leaves %s", self.me, _few(sites))

    def _lose(self, sites: frozenset[str]) -> None:
        """Stop at once: the leases ran out, and others may have them."""
        if sites:
            _log.warning("%s: the leases of %s ran out", self.me, _few(sites))
            self._held.hold(self._held.sites - sites, self._held.until_s)
            self._held.heard -= sites
            self._link.leave(_schools(sites))
            self._taken -= sites
            self._write(lambda _: self._presence.forget(sites))

    def _give_all_up(self) -> None:
        self._held.heard = frozenset()
        self._link.leave(_schools(self._taken))
        self._let_go(self._taken)
        with self._database.write.begin() as connection:
            leases.leave(connection, self.me)


def _schools(sites: frozenset[str]) -> frozenset[str]:
    return sites - {leases.CHORES}


def _few(sites: Collection[str]) -> str:
    """Name some, for a log line."""
    named = sorted(sites)
    return ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "")
