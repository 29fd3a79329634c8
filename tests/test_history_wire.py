"""What a history server is told and asked, and how its answers are read: bytes in, values out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import ServerError
from server.history import influxql, metricsql
from server.history.influx import _gaps
from server.history.lines import Lines, rolled, summary, touch
from server.history.series import HOUR_MS, Bucket, Sample
from server.history.victoria import VictoriaHistory

AT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
MS = 1772350200000
KEY = ("no1", "lab", "heat-1")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param(20.5, "value=20.5", id="a number"),
        pytest.param(True, "value=1.0", id="a truth value is a number"),
        pytest.param(7, "value=7.0", id="a whole number is no integer field, whose type would clash"),
        pytest.param(1e-05, "value=1e-05", id="a small number"),
        pytest.param(None, "missing=true", id="a hole"),
        pytest.param('a "b" \\ 门\n', 'text="a \\"b\\" \\\\ 门\\n"', id="a text with all that must be escaped"),
    ],
)
def test_a_sample_is_one_line(value: float | str | None, field: str) -> None:
    lines, touched = Lines().of([Sample(KEY, AT, value)])
    assert lines == [f"readings,site=no1,agent=lab,point=heat-1 {field} {MS}"]
    assert touched == {("no1", MS // HOUR_MS)}


def test_names_are_escaped_and_keep_to_their_line() -> None:
    lines, _ = Lines().of([Sample(("a b", "c,d=e", "f\\g\nh"), AT, 1.0)])
    assert lines == [f"readings,site=a\\ b,agent=c\\,d\\=e,point=f\\\\g\\ h value=1.0 {MS}"]
    assert touch("a b", 2, 9) == "touched,site=a\\ b marked=9i 7200000"
    assert rolled("a", 2, 9) == "touched,site=a rolled=9i 7200000"
    assert summary("hours", KEY, 5, Bucket(0, 1.0, 3.0, 2.0, 4)) == (
        "hours,site=no1,agent=lab,point=heat-1 low=1.0,high=3.0,total=8.0,n=4i 5"
    )


@given(st.text(max_size=40))
def test_no_text_leaves_its_literal(text: str) -> None:
    inside = influxql.literal(text)[1:-1]
    assert inside.replace("\\\\", "").replace("\\'", "").count("'") == 0
    assert influxql.name(text)[1:-1].replace("\\\\", "").replace('\\"', "").count('"') == 0


def test_steps_are_counted_from_the_beginning_and_what_lies_before_belongs_to_the_first() -> None:
    rows = [[90, 1.0, 2.0, 3.0, 2], [100, 0.5, 1.0, 1.5, 2], [120, 4, 4, 4, 1], [130, None, None, None, 0]]
    assert influxql.buckets(rows, 100, 10) == [Bucket(0, 0.5, 2.0, 1.125, 4), Bucket(2, 4.0, 4.0, 4.0, 1)]


def test_an_hour_is_stale_until_its_roll_up_repeats_the_newest_touch() -> None:
    rows = [[0, 7, 7], [HOUR_MS, 8, 7], [2 * HOUR_MS, 9, None], [3 * HOUR_MS, None, 4]]
    assert influxql.stale(rows) == {1: 8, 2: 9}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>", id="no JSON"),
        pytest.param(b"[1]", id="other JSON"),
        pytest.param(b'{"results": 5}', id="no list"),
        pytest.param(b'{"error": "database not found"}', id="an error"),
        pytest.param(b'{"results": [{"error": "retention policy not found"}]}', id="an error of one statement"),
    ],
)
def test_an_answer_that_is_none_is_one_error(body: bytes) -> None:
    with pytest.raises(ServerError):
        influxql.answers(body)


def test_answers_come_in_the_order_of_the_questions_whatever_the_order_they_are_sent_in() -> None:
    one = {"statement_id": 1, "series": [{"tags": {"agent": "a", "point": "p"}, "columns": [], "values": [[1]]}]}
    body = json.dumps({"results": [one, {"statement_id": 0}]}).encode()
    assert influxql.answers(body) == [{}, {("", "a", "p"): [[1]]}]


@pytest.mark.parametrize(
    ("hours", "spans"),
    [
        pytest.param([], [], id="nothing changed"),
        pytest.param([0], [(0, 4)], id="an hour inside a step takes the whole step"),
        pytest.param([3, 4], [(0, 8)], id="steps beside each other are asked at once"),
        pytest.param([1, 9], [(0, 4), (8, 10)], id="the last step ends with the span"),
        pytest.param([-1, 11], [], id="what lies outside is not asked"),
    ],
)
def test_changed_hours_are_asked_by_whole_steps(hours: list[int], spans: list[tuple[int, int]]) -> None:
    found = _gaps(hours, 0, 10 * HOUR_MS, 4 * HOUR_MS)
    assert found == [(a * HOUR_MS, b * HOUR_MS) for a, b in spans]


def test_metricsql_asks_for_steps_that_end_with_their_last_millisecond() -> None:
    asked = metricsql.steps(KEY, 10_000, 12_500, 1_000)
    assert (asked["start"], asked["end"], asked["step"]) == ("10.999", "12.999", "1000ms")
    assert '{site="no1",agent="lab",point="heat-1"}[1000ms]' in asked["query"]
    told = [("min", "1"), ("max", "3"), ("avg", "2"), ("count", "2")]
    result = [{"metric": {"rollup": f"{name}_over_time"}, "values": [[11.999, value]]} for name, value in told]
    body = json.dumps({"data": {"result": result}}).encode()
    assert metricsql.buckets(body, 10_000, 1_000) == [Bucket(1, 1.0, 3.0, 2.0, 2)]
    assert metricsql.columns(body, 10_000, 1_000) == [(1, 1.0, 3.0)]
    extremes = metricsql.steps(KEY, 10_000, 12_500, 1_000, extremes=True)["query"]
    assert "min_over_time" in extremes
    assert "count_over_time" not in extremes


def test_exported_values_and_holes_come_in_order_and_end_at_the_limit() -> None:
    def line(*at: int) -> bytes:
        return json.dumps({"timestamps": at, "values": [float(one) for one in at]}).encode()

    values = metricsql.exported([line(1, 2), b"", line(5, 6)], 3)
    kept = metricsql.merged(values, metricsql.exported([line(3)], 3), 3)
    assert [value for _, value in kept] == [1.0, 2.0, None]
    assert [at - datetime(1970, 1, 1, tzinfo=UTC) for at, _ in kept] == [timedelta(milliseconds=n) for n in (1, 2, 3)]


def test_a_long_plot_is_asked_for_in_parts_that_make_one_whole() -> None:
    asked: list[tuple[float, float]] = []
    first, step = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=7)

    class Server:
        def get(self, _path: str, query: Mapping[str, str]) -> bytes:
            begin, end, every = (
                float(query["start"]),
                float(query["end"]),
                float(query["step"].removesuffix("ms")) / 1e3,
            )
            asked.append((begin, end))
            steps = [begin + n * every for n in range(round((end - begin) / every) + 1)]
            result = [
                {"metric": {"rollup": f"{way}_over_time"}, "values": [[at, str(at)] for at in steps]}
                for way in ("min", "max")
            ]
            return json.dumps({"data": {"result": result}}).encode()

    history = VictoriaHistory(Server())  # pyright: ignore[reportArgumentType] - as much of an endpoint as is asked
    found = history.columns(KEY, first, first + timedelta(days=365), step)
    count = math.ceil(timedelta(days=365) / step)
    assert len(asked) == 2
    assert [one for one, _, _ in found] == list(range(count))
    ends = [first.timestamp() + (n + 1) * step.total_seconds() - 0.001 for n in range(count)]
    assert [low for _, low, _ in found] == pytest.approx(ends)
    asked.clear()
    assert len(history.columns(KEY, first, first + 10 * step, step)) == 10
    assert len(asked) == 1
