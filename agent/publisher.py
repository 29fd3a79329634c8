"""What to send next from the outbox, and what its receipts mean."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from agent.mqtt import Outgoing
from agent.outbox import Outbox
from contracts.messages import Receipt, Rejection
from contracts.topics import Kind, Topic

log = logging.getLogger(__name__)

_WINDOW = 200
_FIRST_RESEND_S = 3.0
_LAST_RESEND_S = 30.0


@dataclass(frozen=True, slots=True)
class _Flight:
    again_at: float
    delay_s: float


@dataclass
class Publisher:
    """Sends the first entries without a receipt, each again after a while until its receipt comes."""

    site: str
    agent: str
    outbox: Outbox
    _flying: dict[tuple[str, int], _Flight] = field(default_factory=dict[tuple[str, int], _Flight])

    def reconnected(self) -> None:
        """A new connection: nothing sent before counts."""
        self._flying.clear()

    def due(self) -> list[Outgoing]:
        """The messages to publish now."""
        now = time.monotonic()
        window = self.outbox.waiting(_WINDOW)
        due = [key for key in window if key not in self._flying or self._flying[key].again_at <= now]
        for key in due:
            delay = min(self._flying[key].delay_s * 2, _LAST_RESEND_S) if key in self._flying else _FIRST_RESEND_S
            self._flying[key] = _Flight(now + delay, delay)
        if len(self._flying) > 4 * _WINDOW:  # entries pushed out of the window by alarms are sent anew when they return
            inside = set(window)
            self._flying = {key: flight for key, flight in self._flying.items() if key in inside}
        return [
            Outgoing(str(Topic(self.site, self.agent, Kind(entry.kind))), entry.body)
            for entry in self.outbox.bodies(due)
        ]

    def next_due_s(self) -> float:
        """Seconds until something must be sent again."""
        if not self._flying:
            return _LAST_RESEND_S
        return max(0.0, min(flight.again_at for flight in self._flying.values()) - time.monotonic())

    def receipt(self, receipt: Receipt) -> None:
        """Take entries out that the ledger has, or will never take. Others' epochs are ignored by the outbox."""
        for rejection in receipt.rejected:
            self._log(rejection)
        seqs = [*receipt.seqs, *(rejection.seq for rejection in receipt.rejected)]
        if seqs:
            self.outbox.acknowledge(receipt.epoch, seqs)
            for seq in seqs:
                self._flying.pop((receipt.epoch, seq), None)

    def _log(self, rejection: Rejection) -> None:
        log.error("entry %s: the server will never take it: %s", rejection.seq, rejection.reason)
