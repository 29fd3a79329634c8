"""What is wrong with the storage: said once when it begins and once when it is over, in the log and as an event."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from agent.store import Entry, Store
from contracts.messages import Value

log = logging.getLogger(__name__)


class FaultMaker(Protocol):
    """Words the storage's own trouble as an event."""

    def __call__(self, *, active: bool, reason: str, detail: Mapping[str, Value]) -> Entry: ...


class Trouble:
    """The trouble of one outbox."""

    def __init__(self, directory: Path, fault: FaultMaker) -> None:
        self._directory = directory
        self._fault = fault
        self._reported: str | None = None
        self.faults: deque[Entry] = deque()
        """The storage's own events, for the writer to store like any other."""

    @property
    def word(self) -> str:
        """One machine word for what is wrong; empty when well."""
        return self._reported or ""

    def report(self, word: str, cause: str) -> None:
        """Say once that something is wrong, and once that it is well; the first state is said too."""
        if word == self._reported:
            return
        if word:
            log.error("outbox %s: %s: %s", self._directory, word, cause)
        elif self._reported:
            log.warning("outbox %s: is well again", self._directory)
        self._reported = word
        detail: dict[str, Value] = {"cause": cause[:200]} if word else {}
        self.faults.append(self._fault(active=bool(word), reason=word or "normal", detail=detail))

    def report_reset(self, damage: str, old: Store | None) -> None:
        """A file was set aside: say so, with how far its numbers went, so that the gap is known."""
        detail: dict[str, Value] = {"cause": damage[:200]}
        if old is not None:
            detail |= {"epoch": old.epoch, "last_seq": old.last_seq, "waiting": old.depth}
        self.faults.append(self._fault(active=True, reason="reset", detail=detail))
        self.faults.append(self._fault(active=False, reason="normal", detail={}))
