"""Grafana's files: of the shape Grafana provisions; a real InfluxDB answers every question of the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import history_servers
import pytest
import yaml
from jsonschema_rs import Draft202012Validator
from serving import ROOT, until

from config.history import InfluxSection
from server.history.endpoint import Endpoint
from server.history.influxql import answers
from server.history.series import Sample
from server.history.setup import set_up
from server.history.stores import make_series
from server.metrics import make_metrics

FOLDER = ROOT / "config" / "grafana"
SCHEMAS = json.loads((ROOT / "tests" / "fixtures" / "grafana.schema.json").read_text(encoding="utf-8"))
KEY = ("no1", "lab", "t-1")


def dashboard() -> Any:
    return json.loads((FOLDER / "dashboards" / "campuswatch-points.json").read_text(encoding="utf-8"))


def flaws(kind: str, value: Any) -> list[str]:
    found = Draft202012Validator({**SCHEMAS, "$ref": f"#/$defs/{kind}"}).iter_errors(value)
    return [f"{one.instance_path}: {one.message}" for one in found]


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("dashboard", "dashboards/campuswatch-points.json"),
        ("datasources", "provisioning/datasources/campuswatch.yaml"),
        ("providers", "provisioning/dashboards/campuswatch.yaml"),
    ],
)
def test_a_file_is_of_the_shape_grafana_provisions(kind: str, file: str) -> None:
    assert flaws(kind, yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))) == []


def test_a_dashboard_of_another_shape_is_noticed() -> None:
    broken = dashboard()
    del broken["panels"][0]["gridPos"]["w"]
    broken["schemaVersion"] = "39"
    assert len(flaws("dashboard", broken)) == 2


def test_the_dashboard_asks_the_provisioned_source_and_its_parts_have_numbers_of_their_own() -> None:
    [source] = yaml.safe_load((FOLDER / "provisioning/datasources/campuswatch.yaml").read_text("utf-8"))["datasources"]
    text = json.dumps(dashboard())
    assert set(re.findall(r'"uid": "(campuswatch-history[^"]*)"', text)) == {source["uid"]}
    assert source["jsonData"]["dbName"] == InfluxSection().database
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(numbers) == len(set(numbers))


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """An InfluxDB with two hours of readings, rolled up."""
    if reason := history_servers.available("influxdb-1"):
        pytest.skip(reason)
    server = history_servers.make("influxdb-1", tmp_path / "influxdb-1")
    server.start()
    set_up(server.section())
    now = datetime.now(UTC)
    with closing(make_series(server.section(), tmp_path, make_metrics())) as series:
        series.start()
        series.write([Sample(KEY, now - timedelta(seconds=10 * n), 20.0 + n % 7) for n in range(1, 720)])
        until(lambda: not series.behind_s(), "all is sent", 60)
        while series.tidy(now + timedelta(hours=3), None).more:
            pass
    with closing(Endpoint(server.section())) as one:
        yield one
    server.kill()


def test_every_question_of_the_dashboard_is_answered(endpoint: Endpoint) -> None:
    board = dashboard()
    for variable in board["templating"]["list"]:
        found = answers(endpoint.ask(filled(variable["query"])))
        values = [row[1] for rows in found[0].values() for row in rows]
        assert values == [dict(zip(("site", "agent", "point"), KEY, strict=True))[variable["name"]]]
    for panel in board["panels"]:
        for target in panel["targets"]:
            (found,) = answers(endpoint.ask(filled(target["query"])))
            values = [row[1] for rows in found.values() for row in rows if row[1] is not None]
            assert values, f"{panel['title']}: {target['query']}"


def filled(query: str) -> str:
    """Put in what Grafana puts in."""
    for name, value in (
        ("$timeFilter", "time >= now() - 6h and time <= now()"), ("$__interval", "1m"),
        ("$site", KEY[0]), ("$agent", KEY[1]), ("$point", f"({KEY[2]})"),
    ):  # fmt: skip
        query = query.replace(name, value)
    assert "$" not in query.replace("$/", ""), query
    return query
