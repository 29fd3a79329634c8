"""What one process listens to at the broker: everything, its leased sites, or only what pages need."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.topics import ID_PATTERN, Kind
from server.ingest.decode import Arrival
from server.ingest.held import Everything, Sites
from server.ingest.subscriptions import EVERY_SITE, Filter, site_of

_ID = re.compile(ID_PATTERN)


@dataclass(slots=True)
class Unknown:
    """Sites that were heard and are not ours; bounded, for a stranger may make names up."""

    names: set[str] = field(default_factory=set[str])
    most: int = 10_000

    def note(self, site: str) -> None:
        if len(self.names) < self.most and _ID.fullmatch(site):
            self.names.add(site)

    def take(self) -> frozenset[str]:
        """Return what was noted since the last call."""
        noted, self.names = self.names, set()
        return frozenset(noted)


@dataclass(frozen=True, slots=True)
class Hearing:
    """`held` says what is taken of what arrives; births of other sites are noted in `unknown`."""

    client_id: str = "ingest-0"
    sites: Collection[str] = (EVERY_SITE,)
    common: Sequence[Filter] = ()
    held: Sites = field(default_factory=Everything)
    unknown: Unknown = field(default_factory=Unknown)
    keeps_history: bool = True
    folder: Path | None = None
    """Where files of this process alone are kept, if not in the data directory itself."""

    def ours(self, arrival: Arrival) -> bool:
        """Tell whether to take a message. What is not ours needs no receipt from us: its own worker gives it."""
        site = site_of(arrival.topic)
        if self.held.hears(site):
            return True
        if arrival.topic.endswith(f"/{Kind.BIRTH}"):
            self.unknown.note(site)
        return False
