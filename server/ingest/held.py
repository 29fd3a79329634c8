"""Which sites this process answers for: all, or those it holds leases of."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Sites(Protocol):
    """Tells whether a site is ours now, and whether what comes from it is to be taken."""

    def covers(self, site: str) -> bool: ...
    def hears(self, site: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Everything:
    """One process takes all there is."""

    def covers(self, site: str) -> bool:  # noqa: ARG002
        return True

    def hears(self, site: str) -> bool:  # noqa: ARG002
        return True


@dataclass(slots=True)
class Held:
    """Leased sites. Written by the sharing thread, read by all; a lease that was not renewed in time covers nothing."""

    sites: frozenset[str] = frozenset()
    until_s: float = 0.0  # on this machine's monotonic clock, before the lease ends by the database's
    heard: frozenset[str] = frozenset()  # their agents are known here, and we are not about to leave them

    def covers(self, site: str) -> bool:
        return site in self.sites and time.monotonic() < self.until_s

    def hears(self, site: str) -> bool:
        return site in self.heard and self.covers(site)

    def hold(self, sites: frozenset[str], until_s: float) -> None:
        """Say what is held now, and for how long without another word."""
        self.sites, self.until_s = sites, until_s
