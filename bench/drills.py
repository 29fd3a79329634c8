"""Drills: accuracy on real evacuations through beams and bad clocks, and what a round of the engine costs."""

from __future__ import annotations

import csv
import json
import math
import random
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.row import Row
from server.drills.clocks import Beat, Moment, Trust, align
from server.drills.curve import Words, svg
from server.drills.engine import result
from server.drills.inputs import DrillKind, Horizon, Inputs, Passage, Plan, PlannedExit, Signal, Start

ROOT = Path(__file__).parent.parent
RUNS = ROOT.parent / "shared" / "data" / "sensors" / "ped_exit"
T0 = 1_800_000_000.0
PLAN = Plan(DrillKind.FIRE, (), (PlannedExit("e", "出口", 1.8),), (), people=1)
BEAM_DEAD_S = 0.3


def main() -> None:
    """Print one table and write it as JSON."""
    rows = [*_clocks(), _engine()]
    rows += _real() if RUNS.is_dir() else []
    table = Table("what", "measured", "goal")
    for row in rows:
        table.add_row(row.name, row.measured, row.goal)
    Console().print(table)
    out = ROOT / "bench" / "out"
    out.mkdir(exist_ok=True)
    found = {row.name: dict(row.figures) for row in rows}
    (out / "drills.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def _run(times: list[float]) -> tuple[int, float]:
    """Net people and the last person's second."""
    passages = tuple(Passage(str(i), "e", Moment(T0 + t, 0, Trust.MEASURED), 1, 1, 1) for i, t in enumerate(times))
    start = Start("s", Signal.EVACUATE, Moment(T0, 0, Trust.MEASURED))
    found = result(Inputs(PLAN, (start,), passages), Horizon(math.inf, math.inf))
    return found.count.net, found.clear.seconds if found.clear else math.nan


def _real() -> list[Row]:
    rows: list[Row] = []
    for file in sorted(RUNS.glob("*_crossings.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            times = [float(row["t_s"]) for row in csv.DictReader(handle)]
        net, last = _run(times)
        beam: list[float] = []
        for t in times:
            if not beam or t - beam[-1] >= BEAM_DEAD_S:
                beam.append(t)
        seen, beam_last = _run(beam)
        off = abs(last - times[-1])
        text = (
            f"{net}/{len(times)} counted, last person off by {off * 1000:.0f} ms; "
            f"one beam: {seen / len(times):.0%} counted, last off by {abs(beam_last - times[-1]) * 1000:.0f} ms"
        )
        figures = {
            "people": float(len(times)), "counted": float(net), "last_off_s": off, "beam_share": seen / len(times),
            "beam_last_off_s": abs(beam_last - times[-1]),
        }  # fmt: skip
        rows.append(Row(file.name.removesuffix("_crossings.csv"), text, "all, ≤ 200 ms", figures))
    return rows


def _clocks() -> list[Row]:
    """A minute of heartbeats over a good and a bad network, the agent's clock 80 ppm fast."""
    rows: list[Row] = []
    for name, mean_s in (("LAN, mean delay 2 ms", 0.002), ("bad Wi-Fi, mean delay 100 ms", 0.1)):
        dice, off, doubt, outside = random.Random(1), list[float](), list[float](), 0
        for _ in range(300):
            beats, answer = list[Beat](), None
            for i in range(24):
                mono = 5.0 * i
                sent = T0 + mono * (1 - 80e-6)
                received = sent + dice.expovariate(1 / mean_s)
                beats.append(Beat(mono, received, *(answer or (None, None))))
                answer = ((received + dice.expovariate(1 / mean_s) - T0) / (1 - 80e-6), received)
            mono = dice.uniform(0, 115)
            found = align(mono, 0, T0 + 130, synced=False, beats=beats)
            error = abs(found.at_s - (T0 + mono * (1 - 80e-6)))
            off.append(error)
            doubt.append(found.plus_minus_s)
            outside += error > found.plus_minus_s
        p99 = sorted(off)[int(len(off) * 0.99)]
        p50, said = statistics.median(off), statistics.median(doubt)
        text = (
            f"error p50 {p50 * 1000:.1f} p99 {p99 * 1000:.1f} ms, said ± {said * 1000:.1f} ms, "
            f"outside ± {outside} of {len(off)}"
        )
        figures = {
            "p50_s": statistics.median(off),
            "p99_s": p99,
            "said_s": statistics.median(doubt),
            "outside": float(outside),
        }
        rows.append(Row(f"clock, {name}", text, "outside 0; LAN ± ≤ 20 ms", figures))
    return rows


def _engine() -> Row:
    """Two thousand people: gather aside, one round of the engine and one drawing."""
    dice = random.Random(2)
    exits = tuple(PlannedExit(str(i), f"出口{i}", 1.8) for i in range(6))
    plan = Plan(DrillKind.FIRE, (), exits, (), people=2000)
    passages = tuple(
        Passage(str(i), str(i % 6), Moment(T0 + dice.uniform(5, 150), 0.01, Trust.MEASURED), 1, 1, 1)
        for i in range(2000)
    )
    inputs = Inputs(plan, (Start("s", Signal.EVACUATE, Moment(T0, 0, Trust.MEASURED)),), passages)
    took: list[float] = []
    seen = Horizon(T0 + 160, T0 + 160)
    found = result(inputs, seen)
    for _ in range(20):
        began = time.perf_counter()
        found = result(inputs, seen)
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    picture = svg(found, Words("", "", "", ""), 160.0)
    drawn = time.perf_counter() - began
    text = (
        f"engine p50 {statistics.median(took) * 1000:.0f} ms, curve {drawn * 1000:.0f} ms, {len(picture) / 1000:.0f} kB"
    )
    figures = {"engine_s": statistics.median(took), "curve_s": drawn, "curve_bytes": float(len(picture))}
    return Row("2,000 people, 6 exits", text, "well below the 500 ms round", figures)
