"""What to send next from the outbox, and what its receipts mean."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.mqtt import Outgoing
from agent.outbox import Outbox
from contracts.messages import Receipt, Rejection
from contracts.topics import Kind, Topic

log = logging.getLogger(__name__)

_WINDOW = 200
_NARROW = 32  # a broker that drops what it cannot queue takes this much at once: mosquitto has 20 places at the least
_WIDEN = 1 / 16  # a receipt; quicker, and the window is past the broker's queue again before the last loss is made good
_FIRST_RESEND_S = 3.0
_LAST_RESEND_S = 30.0


@dataclass(frozen=True, slots=True)
class _Flight:
    sent_at: float
    delay_s: float
    again: bool = False

    @property
    def again_at(self) -> float:
        return self.sent_at + self.delay_s


@dataclass
class Publisher:
    """Sends the first entries without a receipt, each again after a while until its receipt comes.

    An entry that was sent once and is receipted before it would be sent again shows that the way was open. What was
    sent no later and has no receipt was dropped on the way, most likely by a full queue: it is sent again soon, and
    fewer at a time. Without such a sign the server is away or slow: every entry is sent again ever more rarely.
    """

    site: str
    agent: str
    outbox: Outbox
    clock: Callable[[], float] = time.monotonic
    _flying: dict[tuple[str, int], _Flight] = field(default_factory=dict[tuple[str, int], _Flight])
    _window: float = _WINDOW
    _open_at: float = -math.inf  # when the newest entry was sent that was receipted after being sent once
    _next_at: float = math.inf

    def reconnected(self) -> None:
        """A new connection: nothing sent before counts."""
        self._flying.clear()
        self._window, self._open_at, self._next_at = _WINDOW, -math.inf, math.inf

    def due(self) -> list[Outgoing]:
        """The messages to publish now."""
        now = self.clock()
        window = self._fitted(self.outbox.waiting(int(self._window)), now)
        due = [key for key in window if key not in self._flying or self._flying[key].again_at <= now]
        for key in due:
            self._flying[key] = self._flight(now, self._flying.get(key))
        if len(self._flying) > 4 * _WINDOW:  # entries pushed out of the window by alarms are sent anew when they return
            inside = set(window)
            self._flying = {key: flight for key, flight in self._flying.items() if key in inside}
        self._next_at = min((self._flying[key].again_at for key in window), default=math.inf)
        return [
            Outgoing(str(Topic(self.site, self.agent, Kind(entry.kind))), entry.body)
            for entry in self.outbox.bodies(due)
        ]

    def _fitted(self, window: list[tuple[str, int]], now: float) -> list[tuple[str, int]]:
        """Narrow it when some got through and others did not; else widen it: what is never receipted blocks nothing."""
        late = [flight for key in window if (flight := self._flying.get(key)) and flight.again_at <= now]
        if any(flight.sent_at <= self._open_at for flight in late):
            self._window = _NARROW
        elif late:
            self._window = min(2 * self._window, _WINDOW)
        return window[: int(self._window)]

    def _flight(self, now: float, last: _Flight | None) -> _Flight:
        if last is None:
            return _Flight(now, _FIRST_RESEND_S)
        dropped = last.sent_at <= self._open_at
        return _Flight(now, _FIRST_RESEND_S if dropped else min(2 * last.delay_s, _LAST_RESEND_S), again=True)

    def next_due_s(self) -> float:
        """Seconds until something must be sent again."""
        return min(max(0.0, self._next_at - self.clock()), _LAST_RESEND_S)

    def receipt(self, receipt: Receipt) -> None:
        """Take entries out that the ledger has, or will never take. Others' epochs are ignored by the outbox."""
        for rejection in receipt.rejected:
            self._log(rejection)
        seqs = [*receipt.seqs, *(rejection.seq for rejection in receipt.rejected)]
        if seqs:
            self.outbox.acknowledge(receipt.epoch, seqs)
            for seq in seqs:
                self._landed(self._flying.pop((receipt.epoch, seq), None))

    def _landed(self, flight: _Flight | None) -> None:
        if flight is None:
            return
        self._window = min(self._window + _WIDEN, _WINDOW)
        if not flight.again:
            self._open_at = max(self._open_at, flight.sent_at)

    def _log(self, rejection: Rejection) -> None:
        log.error("entry %s: the server will never take it: %s", rejection.seq, rejection.reason)
