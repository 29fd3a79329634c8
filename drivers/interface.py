"""The one interface of a device: open it with `with`, then `read()`."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from drivers.samples import Sample


class Driver(Protocol):
    """Devices in, samples out. The constructor only stores; `with` opens and closes; `close()` may be called twice."""

    name: str
    """What an operator calls the bus or device; messages start with it."""
    interval_s: float
    """Pause between two reads, in seconds, kept by the caller; 0 for devices that push (then `read` waits itself)."""

    done: bool
    """True once nothing more will come: a recording has ended. Never true for a device."""

    def __enter__(self) -> Self:
        """Open the device; raise DriverError when it is not there."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        ...

    def read(self) -> Sequence[Sample]:
        """Return what is new, waiting at most about a second; raise DriverError when the whole bus is lost.

        One dead sensor on a living bus is a `Silence`, not an error.
        """
        ...

    def close(self) -> None:
        """Close the device now, from any thread, so that a blocked `read` ends; harmless when closed."""
        ...
