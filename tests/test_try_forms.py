"""`campus-agent try sensors` on recordings as people export them: encodings, separators, times, orders, units."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app

FIRE = [(n, 20.0 if n < 120 else 20.0 + (n - 119) * 1.5) for n in range(240)]  # from 120 s on, 1.5 K a second
ALARM_S = 128.0  # 8.3 K above the lowest of a minute, held 3 s
START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC).timestamp()


def rehearse(file: Path, *options: str) -> tuple[list[dict[str, object]], dict[str, object], str]:
    result = CliRunner().invoke(app, ["try", "sensors", str(file), *options, "--json"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"], result.stderr


def alarms(found: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(one["t"], one["kind"]) for one in found if one["active"]]


def written(file: Path, text: str, encoding: str = "utf-8") -> Path:
    file.write_bytes(text.encode(encoding))
    return file


def table(time: Callable[[int], str], value: Callable[[float], str] = str, heading: str = "t,T", by: str = ",") -> str:
    return heading + "\n" + "".join(f"{time(n)}{by}{value(v)}\n" for n, v in FIRE)


def date(form: str) -> Callable[[int], str]:
    return lambda n: datetime.fromtimestamp(START + n, UTC).strftime(form)


TIMES: list[tuple[str, Callable[[int], str]]] = [
    ("t_ms", lambda n: str(n * 1000)),
    ("Time (min)", lambda n: f"{n / 60:.6f}"),
    ("t", lambda n: str(int((START + n) * 1000))),
    ("t", lambda n: str(int((START + n) * 1_000_000))),
    ("t", lambda n: str(int((START + n) * 1_000_000_000))),
    ("t", date("%Y-%m-%dT%H:%M:%S.123456789Z")),
    ("t", date("%Y-%m-%d %H:%M:%S+0800")),
    ("t", date("%Y/%-m/%-d %-H:%M:%S")),
    ("t", date("%Y年%m月%d日 %H:%M:%S")),
    ("t", date("%Y%m%d%H%M%S")),
]
UNITS: list[tuple[list[str], Callable[[float], str], str]] = [
    (["--point", "T=heat", "--unit", "T=°F"], lambda v: f"{v * 1.8 + 32:.2f}", "heat"),
    (["--point", "T=heat", "--unit", "T=摄氏度"], lambda v: f"{v:.2f}", "heat"),
    (["--point", "T=heat", "--unit", "T=华氏度"], lambda v: f"{v * 1.8 + 32:.2f}", "heat"),
    (["--point", "T=heat", "--unit", "T=K"], lambda v: f"{v + 273.15:.2f}", "heat"),
    (["--point", "T=gas", "--unit", "T=ppm"], lambda v: f"{(v - 20) * 200:.0f}", "gas"),
    (["--point", "T=gas", "--unit", "T=%vol"], lambda v: f"{(v - 20) * 0.02:.3f}", "gas"),
    (["--point", "T=co", "--unit", "T=mg/m3", "--set", "T.table=[[50, 0.5]]"], lambda v: f"{v - 20:.1f}", "co"),
    (["--point", "T=smoke", "--unit", "T=%/m"], lambda v: f"{min(v - 20, 60):.2f}", "smoke"),
    (
        ["--point", "T=water-level", "--unit", "T=ft", "--set", "T.high=5"],
        lambda v: f"{min(v, 60) - 15:.2f}",
        "water-level",
    ),
]


@pytest.mark.parametrize(
    ("heading", "time"),
    TIMES,
    ids=[
        "ms",
        "minutes",
        "unix ms",
        "unix us",
        "unix ns",
        "ISO in ns",
        "ISO with a zone",
        "Excel",
        "Chinese",
        "digits",
    ],
)
def test_a_time_column_is_understood_as_it_is_exported(
    tmp_path: Path, heading: str, time: Callable[[int], str]
) -> None:
    file = written(tmp_path / "a.csv", table(time, heading=f"{heading},T"))
    found, summary, _ = rehearse(file, "--time", heading, "--point", "T=heat")
    assert alarms(found) == [(pytest.approx(ALARM_S, abs=1.0), "heat")]
    assert (summary["frames"], summary["seconds_of_input"]) == (240, pytest.approx(239.0, abs=0.1))


@pytest.mark.parametrize(
    ("text", "encoding", "column"),
    [
        (table(str, heading="t;T", by=";", value=lambda v: f"{v:.1f}".replace(".", ",")), "utf-8", "T"),
        (table(str, heading="t\tT", by="\t"), "utf-8", "T"),
        (table(str, heading="t, T"), "utf-8-sig", "T"),
        (table(str, heading="t,温度"), "gb18030", "温度"),
        (table(str, heading="t,温度"), "utf-16", "温度"),
        ("logger 7,1\nsaved,2026\n" + table(str), "utf-8", "T"),
        (table(str, heading="t,T\ns,degC"), "utf-8", "T"),
        (table(str, heading="t,T").replace("\n", "\r\n"), "utf-8", "T"),
    ],
    ids=["semicolons and decimal commas", "tabs", "a mark and blanks", "GBK", "UTF-16", "lines above", "units", "CRLF"],
)
def test_a_table_is_read_in_any_usual_form(tmp_path: Path, text: str, encoding: str, column: str) -> None:
    found, _, _ = rehearse(written(tmp_path / "a.csv", text, encoding), "--time", "t", "--point", f"{column}=heat")
    assert alarms(found) == [(ALARM_S, "heat")]


def test_rows_that_come_late_or_twice_are_put_where_they_belong(tmp_path: Path) -> None:
    rows = [f"{n},{v}\n" for n, v in FIRE]
    for n in range(3, 230, 7):
        rows[n], rows[n + 5] = rows[n + 5], rows[n]
    file = written(tmp_path / "a.csv", "t,T\n" + "".join(row * 2 for row in rows))
    found, summary, _ = rehearse(file, "--time", "t", "--point", "T=heat")
    assert alarms(found) == [(ALARM_S, "heat")]
    assert summary["frames"] == 240


def test_a_clock_that_was_set_back_loses_no_fire(tmp_path: Path) -> None:
    quiet = "".join(f"{n},20\n" for n in range(5000, 5400))
    found, _, _ = rehearse(
        written(tmp_path / "a.csv", f"t,T\n{quiet}{table(str)[4:]}"), "--time", "t", "--point", "T=heat"
    )
    assert [kind for _, kind in alarms(found)] == ["heat"]


def test_rows_without_a_time_are_left_out_and_counted(tmp_path: Path) -> None:
    text = table(lambda n: "" if n % 50 == 7 else "?" if n == 90 else str(n)).replace("\n100,20.0\n", "\n100\n")
    found, summary, said = rehearse(written(tmp_path / "a.csv", text), "--time", "t", "--point", "T=heat")
    assert alarms(found) == [(ALARM_S, "heat")]
    assert summary["left_out"] == 6
    assert said.endswith("6 rows have no time that can be read and were left out, first line 9\n")


@pytest.mark.parametrize(
    ("options", "value", "kind"),
    UNITS,
    ids=["°F", "摄氏度", "华氏度", "K", "ppm of methane", "% of methane", "mg/m3", "%/m", "ft"],
)
def test_a_unit_becomes_that_of_the_rule(
    tmp_path: Path, options: list[str], value: Callable[[float], str], kind: str
) -> None:
    file = written(tmp_path / "a.csv", table(str, value))
    found, _, _ = rehearse(file, "--time", "t", *options)
    assert {said for _, said in alarms(found)} == {kind}


def test_a_heading_that_says_distance_stays_one_with_a_unit(tmp_path: Path) -> None:
    text = table(str, lambda v: f"{3000 - v * 10:.0f}", heading="t,distance")
    options = ("--time", "t", "--point", "distance=water-level", "--unit", "distance=mm", "--set", "distance.high=2000")
    found, _, _ = rehearse(written(tmp_path / "a.csv", text), *options)
    assert [one["reason"] for one in found if one["active"]][-1] == "high-limit"


def test_a_recording_without_dates_has_no_hours(tmp_path: Path) -> None:
    text = table(str, lambda v: "1" if v > 20 else "0")
    found, _, _ = rehearse(written(tmp_path / "a.csv", text), "--time", "t", "--point", "T=motion")
    assert alarms(found) == [(123.0, "intrusion")]
    dated = table(date("%Y-%m-%dT%H:%M:%SZ"), lambda v: "1" if v > 20 else "0")
    found, _, _ = rehearse(written(tmp_path / "a.csv", dated), "--time", "t", "--point", "T=motion")
    assert alarms(found) == []


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", ["--point", "T=heat"], "has no column 't': it has none"),
        ("t,T\n", ["--point", "T=heat"], "has a heading and no row below it"),
        ("t;U\n0;1\n", ["--point", "T=heat"], "has no column 'T': it has t, U"),
        ("t,T\n0,1\n", ["--point", "T=heat", "--point", "T=temperature"], "column 'T' is heat already"),
        ("t,T\n0,1\n", ["--point", "T=heat", "--unit", "T=ppm"], "heat has no unit 'ppm': one of c, f, k"),
        ("t,T\n31.12.2026,1\n", ["--point", "T=heat"], "line 2: '31.12.2026' in column 't' is no time"),
    ],
    ids=["empty", "no rows", "another column", "one column twice", "a unit of another kind", "a date of two readings"],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str, options: list[str], said: str) -> None:
    file = written(tmp_path / "a.csv", text)
    result = CliRunner().invoke(app, ["try", "sensors", str(file), "--time", "t", *options])
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "none.csv"):
        result = CliRunner().invoke(app, ["try", "sensors", str(file), "--time", "t", "--point", "T=heat"])
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert "cannot be read" in result.stderr
