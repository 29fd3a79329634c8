"""What each point said, in the order of its numbers, against what the server made of it in the order of arrival."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from chain import Chain

from contracts.vocabulary import LATCHING

Place = tuple[str, str, str]  # agent, point, kind


@dataclass(frozen=True, slots=True)
class Stories:
    """The last word of each point and hazard, and how many words came after a newer one of their point."""

    last: dict[Place, bool]
    overtaken: int

    @classmethod
    def of(cls, whole: Chain) -> Self:
        """Read them from the durable messages; the newest outbox of each agent counts."""
        newest: dict[Place, tuple[str, int, bool]] = {}
        overtaken = 0
        for agent, epoch, seq, body in whole.query(
            "select agent, epoch, seq, body from durables where kind = 'events' order by n"
        ):
            event: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
            place = (str(agent), str(event["point"]), str(event["kind"]))
            known = newest.get(place)
            if known is not None and (known[0], known[1]) > (str(epoch), int(seq)):  # an epoch is a UUIDv7: it grows
                overtaken += 1
                continue
            newest[place] = (str(epoch), int(seq), bool(event["active"]))
        return cls({place: active for place, (_, _, active) in newest.items()}, overtaken)

    def wrong(self, whole: Chain) -> list[str]:
        """Name the points whose standing alert is not what they said last."""
        rows = whole.query("select agent, point, kind from alerts where active")
        standing = {(str(a), str(p), str(k)) for a, p, k in rows if not str(p).startswith("_")}
        said = {place for place, active in self.last.items() if active}
        return _names(said - standing, "said active, no alert stands") + _names(
            {place for place in standing - said if place[2] not in LATCHING}, "an alert stands, said ended"
        )


def _names(places: Iterable[Place], what: str) -> list[str]:
    return [f"{' '.join(place)}: {what}" for place in sorted(places)]
