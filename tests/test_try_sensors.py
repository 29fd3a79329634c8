"""`campus-agent try sensors`: recordings through the live detectors, one JSON object a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app


def rehearse(*options: str) -> tuple[list[dict[str, object]], dict[str, object]]:
    result = CliRunner().invoke(app, ["try", "sensors", *options, "--json"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"]


def begun(found: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(one["kind"], one["reason"]) for one in found if one["active"]]


@pytest.mark.parametrize("stamp", ["{n}", "{unix}", "2026-06-01T00:{m:02}:{s:02}.5Z", "2026-06-01 00:{m:02}:{s:02}"])
def test_a_time_column_may_count_in_any_usual_way(tmp_path: Path, stamp: str) -> None:
    file = tmp_path / "a.csv"
    cells = [(stamp.format(n=n, unix=1_780_000_000 + n, m=n // 60, s=n % 60), 20 if n < 90 else 60) for n in range(100)]
    file.write_text("when,T\n" + "".join(f"{t},{v}\n" for t, v in cells), encoding="utf-8")
    found, summary = rehearse(str(file), "--time", "when", "--point", "T=heat")
    assert [(one["t"], one["kind"]) for one in found if one["active"]] == [(91.0, "heat")]
    assert (summary["frames"], summary["seconds_of_input"]) == (100, 99.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time", "no", "--point", "T=heat"], "has no column 'no'"),
        (["--time", "T", "--point", "T=heat"], "'warm' in column 'T' is no time"),
        (["--time", "t", "--point", "T=hot"], "unknown kind 'hot'"),
        (["--time", "t", "--point", "T=heat", "--set", "T.hihg=1"], "--set T.hihg: unknown key"),
        (["--time", "t", "--point", "T=water-level", "--set", "T.second=U"], "--set T.second=U: U: is no column"),
        (["--time", "t", "--point", "T=heat", "--unit", "T=apples"], "heat has no unit 'apples': one of c, f, k"),
    ],
    ids=[
        "a missing column",
        "a column that is no time",
        "an unknown kind",
        "an unknown key",
        "no gauge",
        "an unknown unit",
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], said: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("t,T\n0,warm\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["try", "sensors", str(file), *options])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_rules_and_the_calendar_of_a_real_agent_hold_for_headings_that_are_its_ids(tmp_path: Path) -> None:
    agent, file = tmp_path / "agent.toml", tmp_path / "a.csv"
    agent.write_text(
        'site = "s"\nagent = "a"\nname = "a"\n[calendar]\nholidays = [2026-06-01]\n'
        '[[bus]]\ntype = "simulated"\nname = "b"\n'
        '[[bus.point]]\nid = "hall"\nname = "h"\nkind = "temperature"\nrule = { high = 30, on_delay_s = 0 }\n'
        '[[bus.point]]\nid = "gate"\nname = "g"\nkind = "exit-lock"\n'
    )
    file.write_text("t,hall,gate\n" + "".join(f"2026-06-01T04:00:{n:02}Z,{20 + n},1\n" for n in range(20)))
    options = (str(file), "--time", "t", "--point", "hall=temperature", "--point", "gate=exit-lock")
    found, _ = rehearse(*options, "--config", str(agent))
    assert begun(found) == [("temperature", "high-limit")]
    assert begun(rehearse(*options)[0]) == [("exit-locked", "locked")]


def test_an_open_thermocouple_is_a_fault_within_10_s_and_the_fire_is_found_by_the_other_rooms(shared: Path) -> None:
    file = shared / "data/sensors/fsri_residential_2016/single_Gas_Burner_1.csv"
    rooms = ["Kitchen_ceiling_C", "Living_Room_ceiling_C", "Hallway_ceiling_C"]
    found, _ = rehearse(str(file), "--time", "t_s", *(x for room in rooms for x in ("--point", f"{room}=heat")))
    kitchen = [one for one in found if one["point"] == rooms[0] and one["active"]]
    assert [(one["kind"], one["reason"]) for one in kitchen] == [("fault", "special-code")]
    assert float(str(kitchen[0]["t"])) <= 10
    first = min(float(str(one["t"])) for one in found if one["active"] and one["kind"] == "heat")
    assert 454 < first < 474


@pytest.mark.parametrize("name", ["100kW_Closed_Back_1", "500kW_Open_Side_2", "RedAccent_Open_Back_1"])
def test_a_room_fire_is_found_after_its_ignition(shared: Path, name: str) -> None:
    file = shared / f"data/sensors/fsri_compartments_2018/{name}.csv"
    options = [x for c in "ABCD" for x in ("--point", f"T_{c}_ceiling_C=heat", "--lag", f"T_{c}_ceiling_C=70.7")]
    found, summary = rehearse(str(file), "--time", "t_s", *options)
    ignition = -float(file.read_text(encoding="utf-8").splitlines()[1].split(",")[0])
    first = min(float(str(one["t"])) for one in found if one["active"])
    assert ignition < first < ignition + 110
    assert summary["faults"] == 0


def test_an_office_without_fire_gives_no_alarm(shared: Path) -> None:
    file = shared / "data/sensors/uci_occupancy/datatest.csv"
    assert begun(rehearse(str(file), "--time", "date", "--point", "Temperature=heat")[0]) == []


def test_a_tidal_gauge_gives_its_floods_and_its_faults(shared: Path, tmp_path: Path) -> None:
    lines = (shared / "data/sensors/water_housemill/housemill_sonar_2024.csv").read_text(encoding="utf-8").splitlines()
    file = tmp_path / "month.csv"
    file.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("2024-04"))]), encoding="utf-8")
    name = "sonar_distance_mm"
    found, _ = rehearse(str(file), "--time", "time_utc", "--point", f"{name}=water-level", "--set", f"{name}.high=829")
    reasons = {reason for kind, reason in begun(found) if kind == "fault"}
    assert {"special-code", "stuck"} <= reasons
    assert {kind for kind, _ in begun(found)} == {"fault", "water-level"}
