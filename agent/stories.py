"""What waits, point by point: of one point's events only the first may go, so that none overtakes another."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping

from agent.store import Rank, Told

DEPTH = 16  # entries of one point that are looked up at a time
CROSSINGS = 200
Key = tuple[str, int]
NO_POINT = ""  # of crossings: their order tells nothing


class Stories:
    """The next entries to send, alarms first, then the oldest.

    Whoever has a point's event through says so by `follow`, and its next one may go. Crossings wait for nobody.
    """

    def __init__(self) -> None:
        self._behind: dict[str, deque[Told]] = {}
        self._first: list[tuple[Rank, float, str, int, Told]] = []
        self._crossings = 0  # among the first
        self._cut: set[str] = set()  # points of which more may wait than was looked up

    def fill(self, found: Iterable[Told], away: Mapping[Key, str], alone: Collection[Key]) -> None:
        """Begin anew with what waits now; of what is on the way, `away` says which point it holds up, if any.

        What is `alone` holds nobody up either.
        """
        self._behind.clear()
        self._first.clear()
        self._cut.clear()
        self._crossings = 0
        self._add(found, away, alone)
        for point in self._behind.keys() - set(away.values()):
            self._offer(self._behind[point].popleft())

    def more(self, point: str, found: Iterable[Told], away: Collection[Key], alone: Collection[Key]) -> None:
        """Go on with a point for which `follow` did not know how."""
        self._cut.discard(point)
        self._add(found, away, alone)
        if line := self._behind.get(point):
            self._offer(line.popleft())

    def _add(self, found: Iterable[Told], away: Collection[Key], alone: Collection[Key]) -> None:
        looked_up: Counter[str] = Counter()
        for told in found:
            looked_up[told.point] += 1
            if told.key in away:
                continue
            if told.point != NO_POINT and told.key not in alone:
                self._behind.setdefault(told.point, deque()).append(told)
            else:
                self._offer(told)
        self._cut |= {point for point, count in looked_up.items() if count >= (DEPTH if point else CROSSINGS)}

    def next(self, *, alarms_only: bool) -> Told | None:
        """Give out the next entry, or None where nothing may go."""
        if not self._first or (alarms_only and self._first[0][0] is not Rank.ALARM):
            return None
        told = heapq.heappop(self._first)[-1]
        self._crossings -= told.point == NO_POINT
        return told

    def alarm_behind(self, point: str) -> bool:
        """Whether an alarm, or what must go before one, waits behind the point's entry on the way."""
        line = self._behind.get(point)
        return bool(line) and line[0].rank is Rank.ALARM

    def take_behind(self, point: str) -> Told | None:
        """Give out what waits behind the point's entry on the way, to go right after it."""
        line = self._behind.get(point)
        return line.popleft() if line else None

    def follow(self, point: str) -> bool:
        """The point's entry is through: let its next one go. False where that must be looked up first."""
        if point == NO_POINT:
            return self._crossings > 0 or point not in self._cut
        if line := self._behind.get(point):
            self._offer(line.popleft())
            return True
        self._behind.pop(point, None)
        return point not in self._cut

    def _offer(self, told: Told) -> None:
        self._crossings += told.point == NO_POINT
        heapq.heappush(self._first, (told.rank, told.accepted_s, told.epoch, told.seq, told))
