"""How much each agent may send, judged before anything is parsed: what an outbox holds at once, then a trickle."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from config.server import LimitsSection
from contracts.topics import Kind
from server.ingest.decode import Arrival
from server.turns import agent_of, is_alarm

READINGS_PER_S, READINGS_AT_ONCE = 20.0, 2_000  # messages; an honest agent sends one a second, of up to 500 readings
REMEMBERED = 10_000  # agents; the ones not heard for longest are forgotten
WINDOW_S = 10.0
DEFIANT = 2_000
"""Refused in one window. An honest agent has 200 on the way and sends each again after 0.3, 0.6, 1.2 … s: 1,200."""
OUT_S, LONGEST_OUT_S = 10.0, 600.0
FORGIVEN_S = 3600.0
QUIET_S = 60.0  # after the last refusal, before a flood is called over

_READINGS = f"/{Kind.READINGS}"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Bucket:
    """Filled at `per_s` up to `most`; each message takes one."""

    per_s: float
    most: float
    left: float
    at_s: float

    def take(self, now_s: float) -> bool:
        self.left = min(self.most, self.left + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


@dataclass(slots=True)
class _Account:
    """One agent. Alarms have a bucket of their own, so that what chatters beside them takes nothing from them."""

    alarms: _Bucket
    others: _Bucket
    readings: _Bucket
    refused: int = 0
    """Since the flood began."""
    refused_s: float = float("-inf")
    window_s: float = float("-inf")
    in_window: int = 0
    out_until_s: float = float("-inf")
    outs: int = 0


@dataclass(frozen=True, slots=True)
class Flood:
    """An agent that sends more than is taken. `out` says that it is kept off the embedded broker now."""

    site: str
    agent: str
    refused: int
    out: bool


@dataclass(slots=True)
class Allowance:
    """Belongs to the broker's thread; others may ask it. Refused is never lost: an honest agent sends it again."""

    limits: LimitsSection = field(default_factory=LimitsSection)
    clock: Callable[[], float] = time.monotonic
    _accounts: OrderedDict[str, _Account] = field(default_factory=OrderedDict[str, _Account])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, arrival: Arrival) -> bool:
        """Tell whether a message may be looked at, by its topic and one glance at its bytes."""
        now_s = self.clock()
        with self._lock:
            account = self._account(agent_of(arrival.topic), now_s)
            if arrival.topic.endswith(_READINGS):
                bucket = account.readings
            else:
                bucket = account.alarms if is_alarm(arrival) else account.others
            if bucket.take(now_s):
                return True
            self._refused(arrival.topic, account, now_s)
            return False

    def refused(self, arrival: Arrival) -> None:
        """Note that a message was refused elsewhere, because its agent has too much waiting."""
        now_s = self.clock()
        with self._lock:
            self._refused(arrival.topic, self._account(agent_of(arrival.topic), now_s), now_s)

    def kept_out(self) -> frozenset[str]:
        """Return which users of the embedded broker must wait outside now, as SITE.AGENT."""
        now_s = self.clock()
        with self._lock:
            return frozenset(
                ".".join(_names(key)) for key, account in self._accounts.items() if account.out_until_s > now_s
            )

    def floods(self) -> list[Flood]:
        """Return who floods, or did within the last minute."""
        now_s = self.clock()
        with self._lock:
            return [
                Flood(*_names(key), account.refused, account.out_until_s > now_s)
                for key, account in self._accounts.items()
                if now_s - max(account.refused_s, account.out_until_s) < QUIET_S
            ]

    def _account(self, key: str, now_s: float) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            per_s, most = self.limits.messages_per_s, float(self.limits.messages_at_once)
            readings = _Bucket(READINGS_PER_S, READINGS_AT_ONCE, READINGS_AT_ONCE, now_s)
            own = (_Bucket(per_s, most, most, now_s), _Bucket(per_s, most, most, now_s), readings)
            account = self._accounts[key] = _Account(*own)
            if len(self._accounts) > REMEMBERED:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(key)
        return account

    def _refused(self, topic: str, account: _Account, now_s: float) -> None:
        if now_s - account.refused_s >= QUIET_S:
            account.refused = 0
        account.refused, account.refused_s = account.refused + 1, now_s
        if now_s - account.window_s > WINDOW_S:
            account.window_s, account.in_window = now_s, 0
        account.in_window += 1
        if account.in_window >= DEFIANT and account.out_until_s <= now_s:
            if now_s - account.out_until_s > FORGIVEN_S:
                account.outs = 0
            out_s = min(LONGEST_OUT_S, OUT_S * 2**account.outs)
            account.out_until_s, account.outs, account.in_window = now_s + out_s, account.outs + 1, 0
            _log.warning("%s: takes no notice of being refused; kept out for %.0f s", agent_of(topic), out_s)


def _names(key: str) -> tuple[str, str]:
    """Return site and agent of `campus/1/SITE/AGENT`; a topic that is none of ours has only itself."""
    parts = key.split("/")
    return (parts[2], parts[3]) if len(parts) == 4 else ("", key[:80])
