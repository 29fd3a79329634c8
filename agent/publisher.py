"""What to send next from the outbox, and what its receipts mean."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.mqtt import Outgoing
from agent.outbox import Outbox
from agent.store import Told
from agent.stories import CROSSINGS, DEPTH, NO_POINT, Key, Stories
from contracts.messages import Receipt, Rejection
from contracts.topics import Kind, Topic

log = logging.getLogger(__name__)

_WINDOW = 200  # entries on the way
_NARROW = 16  # a broker that drops what it cannot queue takes this much at once: mosquitto has 20 places at the least
_WIDEN = 1 / 16  # a receipt; quicker, and the window is past the broker's queue again before the last loss is made good
_FOR_ALARMS = 8  # more than the window, for alarms
_FIRST_RESEND_S, _LAST_RESEND_S = 3.0, 30.0
_PASSED_S = 0.3  # an entry that was passed on the way is sent again after so long
_SETTLED_S = 0.1  # receipts of two outboxes may come so far apart in another order
_ALARM_PATIENCE_S = 1.0  # an alarm waits so long for the receipt of what its point said before, then goes behind it
_TOGETHER = 4  # of one point, then
_MOST_TOGETHER = 8  # of one point, where nothing was dropped for long; the next ones wait for the receipts of all
_MANY = 100  # entries on the way: more only of further points, so that a fresh alarm finds a short queue
_LENGTHEN = 1 / 32  # a receipt
_AFTER_LOSS = -60.0  # some 2,000 receipts without another loss, until a point's events go together again
_STUCK = 6  # sendings without a receipt, though the server answers: the entry no longer holds up its point
_ANSWERS_S = 15.0


@dataclass(frozen=True, slots=True)
class _Flight:
    told: Told
    number: int  # in the order of sending
    first: int  # when it was sent the first time, in that order
    sent_at: float
    tries: int  # sendings before this one
    holds: str  # the point whose next entry waits for this one's receipt; empty when none


@dataclass
class Publisher:
    """Sends what has no receipt, each again after a while until its receipt comes; of a point one event at a time.

    Messages keep their order on the way. An entry without a receipt that was sent before another which has one was
    dropped, most likely by a full queue: it is sent again soon, and fewer at a time. Without such a sign the server is
    away or slow: every entry is sent again ever more rarely.
    """

    site: str
    agent: str
    outbox: Outbox
    clock: Callable[[], float] = time.monotonic
    _flying: dict[Key, _Flight] = field(default_factory=dict[Key, _Flight])
    _held: Counter[str] = field(default_factory=Counter[str])  # what is on the way of a point and holds it up
    _alone: set[Key] = field(default_factory=set[Key])  # what is stuck, and holds nobody up
    _back: dict[Key, _Flight] = field(default_factory=dict[Key, _Flight])  # sent in vain, to be sent again
    _stories: Stories = field(default_factory=Stories)
    _window: float = _WINDOW
    _together: float = 1.0
    _number: int = 0
    _open: int = 0  # what was sent up to this number and has no receipt was dropped on the way
    _newest: int = 0  # the newest number with a receipt: becomes `_open` when that has settled
    _newest_at: float = math.inf
    _narrowed: int = 0  # losses up to this number have narrowed the window already
    _answered_at: float = -math.inf
    _looked_at: float = -math.inf
    _look_s: float = 0.0
    _changes: int = -1  # of the outbox, when it was looked at

    def reconnected(self) -> None:
        """A new connection: nothing sent before counts."""
        self._flying.clear()
        self._held.clear()
        self._back.clear()
        self._window, self._open, self._newest, self._newest_at = _WINDOW, self._number, self._number, math.inf
        self._together, self._answered_at = 1.0, -math.inf
        self._changes = -1

    def due(self) -> list[Outgoing]:
        """The messages to publish now."""
        now = self.clock()
        if now >= self._newest_at + _SETTLED_S:
            self._open, self._newest_at = self._newest, math.inf
        self._take_back(now)
        if self._changes != self.outbox.changes and now >= self._looked_at + 4 * self._look_s:
            self._look(now)
        sent = self._send(now)
        return [
            Outgoing(str(Topic(self.site, self.agent, Kind(entry.kind))), entry.body)
            for entry in self.outbox.bodies(sent)
        ]

    def _take_back(self, now: float) -> None:
        """Let what was sent in vain wait again, with all of its point that went with it."""
        vain = [flight for flight in self._flying.values() if self._again_at(flight) <= now]
        if not vain:
            return
        if any(self._narrowed < flight.number <= self._open for flight in vain):
            self._window, self._narrowed = max(_NARROW, self._window / 2), self._number
            self._together = _AFTER_LOSS
        self._together = min(self._together, 1.0)
        points = {flight.holds for flight in vain} - {""}
        for flight in [*vain, *(flight for flight in self._flying.values() if flight.holds in points)]:
            if self._ground(flight.told.key):
                self._back[flight.told.key] = flight
        self._changes = -1

    def _again_at(self, flight: _Flight) -> float:
        first_s = _PASSED_S if flight.number <= self._open else _FIRST_RESEND_S
        hurried = not flight.tries and flight.holds and self._answers()  # to a server that is away nobody need hurry
        if hurried and self._stories.alarm_behind(flight.holds):
            first_s = min(first_s, _ALARM_PATIENCE_S)
        return flight.sent_at + min(first_s * 2.0**flight.tries, _LAST_RESEND_S)

    def _answers(self) -> bool:
        return self.clock() < self._answered_at + _ANSWERS_S

    def _look(self, now: float) -> None:
        self._changes = self.outbox.changes
        answers = self._answers()
        self._alone = {key for key, flight in self._back.items() if answers and flight.tries + 1 >= _STUCK}
        found = self.outbox.stories(DEPTH, CROSSINGS)
        self._back = {told.key: flight for told in found if (flight := self._back.get(told.key))}
        self._stories.fill(found, {key: flight.holds for key, flight in self._flying.items()}, self._alone)
        self._looked_at, self._look_s = now, self.clock() - now

    def _send(self, now: float) -> list[Key]:
        on_way = sum(flight.number > self._open for flight in self._flying.values())
        sent: list[Key] = []
        while on_way + len(sent) < self._window + _FOR_ALARMS:
            told = self._stories.next(alarms_only=on_way + len(sent) >= int(self._window))
            if told is None:
                break
            together = 1.0 if on_way + len(sent) >= _MANY else self._together
            sent += self._fly_together(told, together, now)
        return sent

    def _fly_together(self, told: Told, together: float, now: float) -> list[Key]:
        """Send an entry and right behind it what else of its point may go: always an alarm that had to wait."""
        again, sent = told.key in self._back and self._answers(), [self._fly(told, now)]
        if told.key in self._alone or told.point == NO_POINT:
            return sent
        while len(sent) + 1 <= together or (again and len(sent) < _TOGETHER and self._stories.alarm_behind(told.point)):
            behind = self._stories.take_behind(told.point)
            if behind is None:
                break
            sent.append(self._fly(behind, now))
        return sent

    def _fly(self, told: Told, now: float) -> Key:
        self._number += 1
        last = self._back.pop(told.key, None)
        first, tries = (last.first, last.tries + 1) if last else (self._number, 0)
        holds = NO_POINT if told.key in self._alone else told.point
        self._flying[told.key] = _Flight(told, self._number, first, now, tries, holds)
        if holds:
            self._held[holds] += 1
        return told.key

    def next_due_s(self) -> float:
        """Seconds until something must be sent again."""
        again = min((self._again_at(flight) for flight in self._flying.values()), default=math.inf)
        return min(max(0.0, min(again, self._newest_at + _SETTLED_S) - self.clock()), _LAST_RESEND_S)

    def receipt(self, receipt: Receipt) -> None:
        """Take entries out that the ledger has, or will never take. Others' epochs are ignored by the outbox."""
        if receipt.heartbeat is not None:
            self._answered_at = self.clock()
        for rejection in receipt.rejected:
            self._log(rejection)
        seqs = [*receipt.seqs, *(rejection.seq for rejection in receipt.rejected)]
        if seqs:
            self.outbox.acknowledge(receipt.epoch, seqs)
            for seq in seqs:
                self._landed((receipt.epoch, seq))

    def _landed(self, key: Key) -> None:
        flight = self._ground(key)
        if flight is None:
            if self._back.pop(key, None):  # it was not in vain: it must not be sent again
                self._changes = -1
            return
        self._window = min(self._window + _WIDEN, _WINDOW)
        self._together = min(self._together + _LENGTHEN, _MOST_TOGETHER)
        if flight.first > max(self._newest, self._open):
            self._newest = flight.first
            self._newest_at = min(self._newest_at, self.clock())
        point = flight.told.point
        if (flight.holds or point == NO_POINT) and not self._held[point] and not self._stories.follow(point):
            found = self.outbox.stories(DEPTH, CROSSINGS, point)
            self._stories.more(point, found, self._flying, self._alone)

    def _ground(self, key: Key) -> _Flight | None:
        flight = self._flying.pop(key, None)
        if flight is not None and flight.holds:
            self._held[flight.holds] -= 1
            if not self._held[flight.holds]:
                del self._held[flight.holds]
        return flight

    def _log(self, rejection: Rejection) -> None:
        log.error("entry %s: the server will never take it: %s", rejection.seq, rejection.reason)
