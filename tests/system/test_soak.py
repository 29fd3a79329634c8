"""Random chaos for SOAK_MINUTES (30) over SOAK_CHAINS (3) chains of two agents: faults of every kind, one table."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from brokers import ENGINES
from campaign import Campaign
from rich.console import Console
from rich.table import Table
from tally import table

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
RATE = float(os.environ.get("SOAK_RATE", "5"))  # events a second and agent
CHAINS = int(os.environ.get("SOAK_CHAINS", "3"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 1_000_000)
AGENTS = 2
OUT = Path(__file__).parents[2] / "bench" / "out" / "soak.json"


@pytest.mark.soak
@pytest.mark.timeout(int(MINUTES * 60 * 1.5) + 900)
def test_random_chaos_loses_and_doubles_nothing_and_leaks_nothing(tmp_path: Path) -> None:
    if reason := ENGINES[0].available():
        pytest.skip(reason)
    print(f"SOAK_SEED={SEED} SOAK_MINUTES={MINUTES} SOAK_RATE={RATE} SOAK_CHAINS={CHAINS}")
    # the first chain's processes live through it all, so that their memory can be followed
    campaigns = [Campaign(f"chain {n}", SEED * 100 + n, killing=n > 0) for n in range(CHAINS)]
    began, used_before = time.monotonic(), sum(os.times()[:4])
    threads = [
        threading.Thread(
            target=each.run,
            args=(ENGINES[0], tmp_path / each.name.replace(" ", "-")),
            kwargs={"agents": AGENTS, "rate": RATE, "seconds": MINUTES * 60},
        )
        for each in campaigns
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    _tell(campaigns, seconds, (sum(os.times()[:4]) - used_before) / seconds)
    assert not [each.failure for each in campaigns if each.failure]
    for each in campaigns:
        assert each.verdict is not None
        assert each.verdict.clean(), (each.name, each.seed, each.verdict)
        assert not each.wrong, (each.name, each.seed, each.wrong)
        assert each.unharmed, each.name
    _assert_nothing_leaks(campaigns[0])


def _assert_nothing_leaks(campaign: Campaign) -> None:
    for each in campaign.vitals:
        slopes = each.slopes()
        assert float(slopes["threads_last"]) <= float(slopes["threads_first"]) + 2, slopes
        assert float(slopes["files_last"]) <= float(slopes["files_first"]) + 8, slopes


def _tell(campaigns: Sequence[Campaign], seconds: float, cores: float) -> None:
    tallies = [each.tally for each in campaigns if each.tally is not None]
    rows = table([fault for each in campaigns for fault in each.faults], tallies)
    slopes = [vitals.slopes() for each in campaigns for vitals in each.vitals if len(vitals.samples) > 5]
    figures = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "minutes": round(seconds / 60, 1),
        "chains": CHAINS,
        "agents": AGENTS * CHAINS,
        "events_per_s_and_agent": RATE,
        "machine_cores": os.cpu_count(),
        "cores_used": round(cores, 2),
        "load": os.getloadavg()[1],
        "faults": sum(len(each.faults) for each in campaigns),
        "accepted": sum(len(tally.accepted) for tally in tallies),
        "lost": sum(len(tally.missing()) for tally in tallies),
        "duplicated": sum(tally.doubled() for tally in tallies),
        "arrived after a newer one of their point": sum(each.overtaken for each in campaigns),
        "points whose state is wrong at the end": sum(len(each.wrong) for each in campaigns),
        "failures": [each.failure for each in campaigns if each.failure],
        "kinds": rows,
        "processes": slopes,
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    print({key: value for key, value in figures.items() if key not in {"kinds", "processes"}})
    _show("faults", rows)
    _show("processes", slopes)


def _show(title: str, lines: Sequence[Mapping[str, float | str]]) -> None:
    if not lines:
        return
    shown = Table(*lines[0], title=title)
    for row in lines:
        shown.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(width=160).print(shown)
