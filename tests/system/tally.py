"""What was accepted and what is recorded, followed as both grow; and how a run's faults went, kind by kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from chain import Chain

Key = tuple[str, int, str]


@dataclass
class Tally:
    """Reads only what is new, so that a run of hours stays cheap."""

    whole: Chain
    accepted: dict[Key, None] = field(default_factory=dict[Key, None])  # in order
    recorded: Counter[Key] = field(default_factory=Counter[Key])
    _read_to: dict[Path, int] = field(default_factory=dict[Path, int])
    _n: int = 0

    def look(self) -> set[Key]:
        """Read on; return what is accepted and not recorded."""
        for log in sorted(self.whole.folder.glob("accepted-*.jsonl")):
            with log.open("rb") as file:
                file.seek(self._read_to.get(log, 0))
                lines = file.read()
            whole_lines = lines[: lines.rfind(b"\n") + 1]
            self._read_to[log] = self._read_to.get(log, 0) + len(whole_lines)
            for line in whole_lines.splitlines():
                entry = json.loads(line)
                self.accepted[str(entry["epoch"]), int(entry["seq"]), str(entry["id"])] = None
        for n, epoch, seq, id_ in self.whole.query(
            f"select n, epoch, seq, id from durables where n > {self._n} order by n"
        ):
            self._n = int(n)
            self.recorded[str(epoch), int(seq), str(id_)] += 1
        return self.missing()

    def missing(self) -> set[Key]:
        """Return what is accepted and not recorded, as far as was read."""
        return self.accepted.keys() - self.recorded.keys()

    def doubled(self) -> int:
        """Count what is recorded more than once, as far as was read."""
        return sum(n - 1 for n in self.recorded.values() if n > 1)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that was injected: what was accepted while it lasted, and how long after its end all was recorded."""

    kind: str
    seconds: float
    accepted: frozenset[Key]
    drained_s: float
    together: int = 1  # how many came at once, this one among them


def table(faults: Sequence[Fault], tallies: Sequence[Tally]) -> list[Mapping[str, float | str]]:
    """Return a row a kind of fault: how many, what was lost and doubled, seconds from heal to drained."""
    recorded: Counter[Key] = Counter()
    for tally in tallies:
        recorded += tally.recorded
    return [
        _row(kind, [fault for fault in faults if fault.kind == kind], recorded)
        for kind in sorted({fault.kind for fault in faults})
    ]


def _row(kind: str, faults: Sequence[Fault], recorded: Counter[Key]) -> Mapping[str, float | str]:
    keys = frozenset[Key]().union(*(fault.accepted for fault in faults))
    delays = sorted(fault.drained_s for fault in faults)
    return {
        "fault": kind,
        "count": len(faults),
        "with another": sum(1 for fault in faults if fault.together > 1),
        "events": len(keys),
        "lost": sum(1 for key in keys if not recorded[key]),
        "duplicated": sum(recorded[key] - 1 for key in keys if recorded[key] > 1),
        "p50_s": delays[len(delays) // 2],
        "p99_s": delays[min(len(delays) - 1, int(len(delays) * 0.99))],
        "max_s": delays[-1],
    }


@dataclass
class Vitals:
    """Memory, threads and open files of one process over time."""

    name: str
    pid: int
    samples: list[tuple[float, float, int, int]] = field(default_factory=list[tuple[float, float, int, int]])

    def sample(self, at_s: float) -> None:
        """Look once."""
        process = psutil.Process(self.pid)
        with process.oneshot():
            memory = process.memory_info().rss / 2**20
            self.samples.append((at_s, memory, process.num_threads(), process.num_fds()))

    def slopes(self, from_share: float = 0.2) -> Mapping[str, float | str]:
        """Least squares after the first fifth, or another share; memory in MB an hour."""
        kept = self.samples[int(len(self.samples) * from_share) :]
        return {
            "process": self.name,
            "minutes": round((kept[-1][0] - kept[0][0]) / 60, 1),
            "rss_mb": round(kept[-1][1], 1),
            "rss_mb_per_hour": round(3600 * _slope([(s[0], s[1]) for s in kept]), 2),
            "threads_first": kept[0][2],
            "threads_last": kept[-1][2],
            "files_first": kept[0][3],
            "files_last": kept[-1][3],
        }


def _slope(points: Sequence[tuple[float, float]]) -> float:
    mean_x, mean_y = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
