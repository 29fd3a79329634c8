"""The one interface of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detectors.findings import Finding
from drivers.samples import Sample


class Detector(Protocol):
    """Samples in, findings out: a pure state machine. No clock, no I/O, no thread, no log; bounded state."""

    def update(self, sample: Sample) -> Sequence[Finding]:
        """Take one sample in; return what began or ended by it. Time is `sample.at` only."""
        ...

    def reset(self, at: float) -> Sequence[Finding]:
        """A person resets what is latched."""
        ...
