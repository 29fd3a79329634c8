"""Sensor detectors on real recordings: fires found and when, false alarms, faults, NAB's score, CPU a sample."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median

from rich.console import Console
from rich.table import Table

from agent.try_sensors import Tally, run
from bench import loose_wires, nab_scoring
from bench.recordings import (
    LAG_S,
    ROOT,
    SENSORS,
    alarms,
    ceiling,
    compartments,
    faults,
    fuel,
    kasteren,
    nab,
    reference,
    rehearse,
    true_events,
)
from config.points import PointSection
from config.schedules import CalendarSection
from contracts.vocabulary import SEEN_AGAIN
from detectors import detectors_for
from detectors.anomaly import Anomaly
from drivers.samples import Reading, Tick

Row = tuple[str, str, str]


def room_fires() -> list[Row]:
    """77 room fires, gas temperature behind a detector's lag: time from ignition to the first alarm, by fuel."""
    ours: dict[str, list[float]] = {}
    plain: dict[str, list[float]] = {}
    missed = early = 0
    for file in compartments():
        names = ceiling(file)
        found, _, start = rehearse(file, "t_s", [f"{n}=heat" for n in names], lag=[f"{n}={LAG_S}" for n in names])
        first = next((event.at + start for event in alarms(found)), None)
        missed += first is None
        early += first is not None and first < 0
        ours.setdefault(fuel(file), []).append(first if first is not None else 1e9)
        plain.setdefault(fuel(file), []).append(reference(file) or 1e9)
    result = [("room fires", f"{sum(map(len, ours.values()))}, missed {missed}, before ignition {early}", "0, 0")]
    return result + [
        (f"  {name} ({len(times)})", f"median {median(times):.0f} s", f"<= {median(plain[name]) + 3:.0f} s")
        for name, times in sorted(ours.items())
    ]


def house_fires() -> list[Row]:
    """House fires with an open thermocouple, and with left-over heat; raw gas temperature."""
    result: list[Row] = []
    for file in sorted((SENSORS / "fsri_residential_2016").glob("*_Burner_*.csv")):
        found, _, start = rehearse(file, "t_s", [f"{name}=heat" for name in ceiling(file)])
        first = next((event.at + start for event in alarms(found)), None)
        broken = {e.point: e.at for e in faults(found) if e.at <= 10}
        said = f"first alarm {first:.0f} s, faults in 10 s: {len(broken)}" if first is not None else "missed"
        wrong = [e for e in alarms(found) if e.point in broken]
        result.append((f"  {file.stem}", f"{said}, alarms from a faulty one: {len(wrong)}", "> 0 s, 0 alarms"))
    early = missed = 0
    for file in sorted((SENSORS / "fsri_hvac_2019").glob("Gas_*.csv")):
        found, _, start = rehearse(file, "t_s", [f"{name}=heat" for name in ceiling(file)])
        ignition = ignition_of(file.stem)
        times = [event.at + start for event in alarms(found)]
        early += any(at < ignition for at in times)
        missed += not times
        if file.stem.endswith("_14"):
            result.append(("  HVAC 14 (57 degC before)", f"first alarm {times[0] - ignition:+.0f} s", ">= 0 s"))
    result.append(("  HVAC, all open runs", f"missed {missed}, before ignition {early}", "0, 0"))
    return result


def ignition_of(experiment: str) -> float:
    """Return the ignition by the file's clock."""
    for line in (SENSORS / "fsri_hvac_2019" / "events.csv").read_text(encoding="utf-8").splitlines():
        if f",{experiment}," in line:
            return float(line.split("Ignition@")[1].split("s")[0])
    raise RuntimeError(f"{experiment}: no ignition in events.csv")


def quiet_rooms() -> list[Row]:
    """Months of an office without a fire."""
    total = 0
    for file in sorted((SENSORS / "uci_occupancy").glob("*.csv")):
        for kind in ("heat", "temperature"):
            total += len(alarms(rehearse(file, "date", [f"Temperature={kind}"])[0]))
    return [("office without fire", f"{total} alarms", "0")]


def tidal_water() -> list[Row]:
    """A year of an ultrasonic gauge over a tidal mill stream."""
    file = SENSORS / "water_housemill" / "housemill_sonar_2024.csv"
    column = "sonar_distance_mm"
    found = rehearse(file, "time_utc", [f"{column}=water-level"], settings=[f"{column}.high=829.9"])[0]
    truth = true_events(file, column, 830.0)
    starts = [event.at for event in alarms(found, "water-level")]
    late = [min((at - first for at in starts if first <= at <= last + 1300), default=1e9) for first, last in truth]
    false = [at for at in starts if not any(first <= at <= last + 1300 for first, last in truth)]
    reasons = ", ".join(f"{reason} {len(faults(found, reason))}" for reason in ("special-code", "stuck", "gap", "step"))
    hit = sum(delay <= 700 for delay in late)
    again = sum(event.reason == SEEN_AGAIN for event in alarms(found, "water-level"))
    return [
        (
            "tidal water, events < 830 mm",
            f"{hit} of {len(truth)} within a sample, {again} of them after a blind time in which the alarm stood",
            "all",
        ),
        ("  false", str(len(false)), "0"),
        ("  faults", reasons, "reported"),
    ]


def homes() -> list[Row]:
    """Doors and PIRs of two flats."""
    result: list[Row] = []
    for house in "AB":
        raw = said = 0
        stuck: list[str] = []
        for name, changes in kasteren(SENSORS / "door_pir_kasteren" / f"house{house}_events.csv"):
            kind = "motion" if "PIR" in name else "contact"
            point = PointSection.model_validate({"id": "p", "name": name, "kind": kind, "rule": {}})
            start = changes[0][0]
            stream: list[Reading | Tick] = []
            for (utc, state), (then, _) in zip(changes, [*changes[1:], changes[-1]], strict=True):
                stream.append(Reading("p", state, utc - start, utc))
                stream += [Tick(utc - start + n, utc + n) for n in (1, 4, 11, 61, 601) if utc + n < then]
                stream += [Tick(utc - start + n, utc + n) for n in range(3600, int(then - utc), 3600)]
            found = list(run([point], stream, Tally(), CalendarSection()))
            raw += len(changes)
            said += len(alarms(found))
            stuck += [name] if faults(found, "stuck") else []
        result.append((f"flat {house}", f"{said} alarms of {raw} changes = {said / raw:.2%}", "<= 1 %"))
        result.append(("  stuck PIRs found", ", ".join(stuck) or "none", "house B: the bathroom's"))
    return result


def anomalies() -> list[Row]:
    """NAB, standard profile, on the events a person would see: each alarm's first row."""
    result: list[Row] = []
    for file in sorted((SENSORS / "nab").glob("*.csv")):
        series, windows = nab(file.stem)
        rule = Anomaly("p", utc_offset_s=0.0)
        scores = [float(any(e.active for e in rule.value(value, at, at))) for at, value in series]
        found = nab_scoring.score([nab_scoring.Series(scores, windows)], 0.5)
        hit = sum(any(scores[first : last + 1]) for first, last in windows)
        said = f"{found:.1f}; {hit} of {len(windows)} windows, {sum(scores):.0f} events"
        result.append((f"NAB {file.stem}", said, ""))
    return [*result, ("  published best, whole corpus", "about 70 (HTM), general knowledge, another corpus", "")]


def loose_thermometers() -> list[Row]:
    """Made-up loose wires, sound ones and a fire, 20 runs of 20 minutes each at a sample a second."""
    result: list[Row] = []
    for name, course in loose_wires.loose().items():
        said = [loose_wires.watch(course, 1.0, seed) for seed in range(20)]
        never = sum(one.first_fault is None for one in said)
        faulty, wrong = sum(one.faults for one in said) / len(said), sum(one.alarms for one in said)
        text = f"faults {faulty:.1f} a run, runs without {never}; alarms {wrong}"
        result.append((f"loose: {name}", text, "1-3, 0; 0"))
    for name, course in loose_wires.sound().items():
        said = [loose_wires.watch(course, 1.0, seed) for seed in range(20)]
        text = f"faults {sum(one.faults for one in said)}, alarms {sum(one.alarms for one in said)}"
        result.append((f"sound: {name}", text, "0, 0"))
    found = [loose_wires.watch(loose_wires.burning, 1.0, seed).first_alarm for seed in range(20)]
    late = [at - 300.0 for at in found if at is not None]
    return [*result, ("sound: a turbulent fire", f"{len(late)} of 20, median {median(late):.0f} s", "20 of 20")]


def load() -> list[Row]:
    """CPU a sample through the whole chain of a point."""
    result: list[Row] = []
    for kind, value in (("heat", 21.0), ("smoke", 0.01), ("co", 3.0), ("water-level", 1.2), ("contact", False)):
        point = PointSection.model_validate({"id": "p", "name": "p", "kind": kind, "rule": {}})
        detectors = detectors_for(point)
        stream = [
            Reading("p", value + n % 7 / 100 if kind != "contact" else n % 50 == 0, n / 2.0, n) for n in range(20_000)
        ]
        began = time.process_time()
        for sample in stream:
            for detector in detectors:
                detector.update(sample)
        each = (time.process_time() - began) / len(stream)
        result.append((f"CPU, {kind}", f"{each * 1e6:.1f} us a sample, 2,000/s = {each * 2000:.1%} of a core", ""))
    return result


def main() -> None:
    """Print one table and write it as JSON."""
    if not SENSORS.is_dir():
        raise RuntimeError("../shared (real recordings) is not on this machine")
    table = Table("recording", "measured", "goal", title="sensor detectors on real recordings")
    every: list[Row] = []
    parts: tuple[Callable[[], list[Row]], ...] = (
        room_fires, house_fires, quiet_rooms, tidal_water, homes, anomalies, loose_thermometers, load,
    )  # fmt: skip
    for part in parts:
        every += part()
    for row in every:
        table.add_row(*row)
    Console().print(table)
    out = ROOT / "bench" / "out"
    out.mkdir(exist_ok=True)
    text = json.dumps([dict(zip(("recording", "measured", "goal"), row, strict=True)) for row in every], indent=1)
    (out / "sensors.json").write_text(text, encoding="utf-8")
