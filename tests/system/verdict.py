"""What a fault test stands or falls by: what was accepted beside what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Row = tuple[str, int, str]
"""Epoch, number and id of an entry."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run went."""

    accepted: int
    lost: list[Row]
    doubled: int
    holes: list[tuple[str, int]]

    def clean(self) -> bool:
        """Nothing lost, nothing doubled, no hole in any agent's numbers."""
        return not self.lost and not self.doubled and not self.holes


def compared(accepted: Sequence[Row], recorded: Sequence[Row]) -> Verdict:
    """Compare what agents accepted with what the server has committed."""
    return Verdict(
        accepted=len({*accepted}),
        lost=sorted({*accepted} - {*recorded}),
        doubled=len(recorded) - len({*recorded}),
        holes=_holes(recorded),
    )


def _holes(recorded: Iterable[Row]) -> list[tuple[str, int]]:
    seqs: dict[str, set[int]] = {}
    for epoch, seq, _ in recorded:
        seqs.setdefault(epoch, set()).add(seq)
    return [(epoch, seq) for epoch, known in seqs.items() for seq in range(1, max(known) + 1) if seq not in known]
