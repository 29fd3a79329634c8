"""One transaction's memory: what it has read in bulk already, and what it writes at its end in few statements."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

from sqlalchemy import Connection

Key = tuple[str, str, str, str]
"""Site, agent, point and hazard."""


class Part(Protocol):
    """What one module remembers of a transaction. Lower ranks are written first."""

    rank: ClassVar[int]

    @classmethod
    def load(cls, connection: Connection, batch: Batch) -> Self: ...
    def flush(self, connection: Connection, batch: Batch) -> None: ...


AnyPart = TypeVar("AnyPart", bound=Part)

_open: dict[Connection, Batch] = {}  # of each connection that is in a batch; asked dozens of times an event


@dataclass(slots=True)
class Batch:
    """Belongs to one open transaction. `keys` are what its messages are about, so that parts read them at once."""

    keys: Collection[Key]
    _parts: dict[type[Any], Part] = field(default_factory=dict[type[Any], Part])

    def part(self, connection: Connection, kind: type[AnyPart]) -> AnyPart:
        """Return a module's part; it is loaded when it is first asked for."""
        part = self._parts.get(kind)
        if part is None:
            part = self._parts[kind] = kind.load(connection, self)
        return cast("AnyPart", part)

    def flush(self, connection: Connection) -> None:
        """Write all that was put off."""
        for part in sorted(self._parts.values(), key=lambda part: part.rank):
            part.flush(connection, self)


@contextmanager
def batching(connection: Connection, keys: Collection[Key]) -> Generator[Batch]:
    """Put writes off until the block ends; an error in it leaves the transaction to be rolled back."""
    batch = Batch(keys)
    _open[connection] = batch
    try:
        yield batch
        batch.flush(connection)
    finally:
        del _open[connection]


def part_of(connection: Connection, kind: type[AnyPart]) -> AnyPart | None:
    """Return a module's part of the batch this connection is in; None outside of one."""
    batch = _open.get(connection)
    return None if batch is None else batch.part(connection, kind)
