"""What we ask the broker to let us hear, a few filters at a time, and of which sites it keeps something from us."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from contracts.topics import ROOT, Kind

KEPT = (Kind.BIRTH, Kind.STATE, Kind.EVENTS, Kind.CROSSINGS)
LIVELY = (Kind.HEARTBEAT, Kind.READINGS, Kind.ANSWER, Kind.STILLS)
SUBSCRIBE_AT_ONCE = 8  # one packet at a time: while a cluster agrees on its filters it answers no ping and no probe
UNSUBSCRIBE_AT_ONCE = 200  # brokers bound the size of a packet
GRANT_S = 15.0  # a cluster that elects refuses for a moment

Filter = tuple[str, int]
"""A topic filter and its quality."""

EVERY_SITE = "+"
OF_ALL_SITES: Sequence[Filter] = [
    *((f"{ROOT}/{EVERY_SITE}/+/{kind}", 1) for kind in (Kind.EVENTS, Kind.CROSSINGS)),
    (f"{ROOT}/{EVERY_SITE}/+/{Kind.BIRTH}", 0),  # how a site is found that nobody enrolled here
]
"""What a worker hears of all sites. A cluster agrees on each filter of quality 1, and no event may wait for that."""

_log = logging.getLogger(__name__)


class Subscriptions:
    """The filters that are not granted yet: waiting, asked for, or refused. Not safe between threads.

    `common` are wanted whatever sites are.
    """

    def __init__(
        self, address: str, common: Sequence[Filter] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address, self._common, self._clock = address, common, clock
        self._waiting: deque[Sequence[Filter]] = deque()
        self._asked: dict[int, Sequence[Filter]] = {}  # by the number of the packet that has no answer yet
        self._since: dict[Filter, float] = {}  # when each was first asked for
        self._said = False  # that some are refused

    @property
    def agreeing(self) -> bool:
        """Whether the broker has not answered yet."""
        return bool(self._asked)

    @property
    def refused(self) -> bool:
        """Whether some are not granted though all are answered."""
        return bool(self._since) and not self._asked

    def unheard(self, longer_than_s: float = GRANT_S) -> frozenset[str]:
        """Return the sites of which a filter has not been granted for so long; `EVERY_SITE` for a common one."""
        since_s = self._clock() - longer_than_s
        return frozenset(site_of(one) for (one, _), at_s in self._since.items() if at_s <= since_s)

    def begin(self, client: mqtt.Client) -> None:
        """Forget what a connection before this one was asked, and ask for what is common."""
        self._waiting.clear()
        self._asked.clear()
        self._ask(client, self._common)

    def ask(self, client: mqtt.Client, sites: Collection[str]) -> None:
        """Ask for all kinds of these sites."""
        self._ask(client, [each for site in sorted(sites) for each in self.wanted(site)])

    def wanted(self, site: str) -> Sequence[Filter]:
        """Return a filter for each kind that is not heard of all sites at this quality.

        Heartbeats and readings of the past are worth nothing: quality 0, no broker keeps them.
        """
        qualities = {kind: int(kind in KEPT) for kind in (*KEPT, *LIVELY)}
        shared = {(one.rpartition("/")[2], quality) for one, quality in self._common}
        return [(f"{ROOT}/{site}/+/{kind}", q) for kind, q in qualities.items() if (str(kind), q) not in shared]

    def ask_again(self, client: mqtt.Client) -> None:
        """Ask for what was refused."""
        self._ask(client, list(self._since))

    def leave(self, client: mqtt.Client, sites: Collection[str]) -> None:
        """Want nothing of these sites any more; the session of an earlier run may still hold their subscriptions."""
        unwanted = [each for site in sorted(sites) for each in self.wanted(site)]
        for each in unwanted:
            self._since.pop(each, None)
        gone = set(unwanted)
        kept = [[each for each in asked if each not in gone] for asked in self._waiting]
        self._waiting = deque(asked for asked in kept if asked)
        for first in range(0, len(unwanted), UNSUBSCRIBE_AT_ONCE):
            client.unsubscribe([one for one, _ in unwanted[first : first + UNSUBSCRIBE_AT_ONCE]])

    def answered(self, client: mqtt.Client, mid: int, reasons: Sequence[ReasonCode]) -> None:
        """Take the broker's answer to one packet, and send the next. What is refused stays unheard."""
        failed = False
        for each, reason in zip(self._asked.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                failed = True
            else:
                self._since.pop(each, None)
        if failed and not self._said:
            _log.warning("broker %s: refuses subscriptions; asking again", self._address)
        elif self._said and not self._since:
            _log.info("broker %s: takes all subscriptions", self._address)
        self._said = failed or (self._said and bool(self._since))
        self._ask_next(client)

    def _ask(self, client: mqtt.Client, filters: Sequence[Filter]) -> None:
        for each in filters:
            self._since.setdefault(each, self._clock())
        self._waiting.extend(
            filters[first : first + SUBSCRIBE_AT_ONCE] for first in range(0, len(filters), SUBSCRIBE_AT_ONCE)
        )
        self._ask_next(client)

    def _ask_next(self, client: mqtt.Client) -> None:
        while self._waiting and not self._asked:
            asked = self._waiting.popleft()
            _, mid = client.subscribe(list(asked))
            if mid is not None:  # else there is no connection: the next one asks for all
                self._asked[mid] = asked


def site_of(one: str) -> str:
    """Return the site that a topic or filter is about; empty for one that is none of ours."""
    levels = one.split("/", 3)
    return levels[2] if len(levels) == 4 else ""
