"""What `campus-agent check` refuses, and what it says is worth a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import config
from agent.advice import advice
from agent.cli import app
from config import ConfigError
from config.agent import AgentConfig

EXAMPLE = Path(__file__).parent.parent / "config" / "agent.example.toml"


def agent(*points: dict[str, Any]) -> AgentConfig:
    """Points on buses of their own."""
    buses = [{"type": "simulated", "name": f"b{n}", "point": [{"name": "x", **p}]} for n, p in enumerate(points)]
    return AgentConfig.model_validate({"site": "s", "agent": "a", "name": "a", "bus": buses})


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([{"id": "a", "kind": "contact", "name": "三层 防火门"}], 'point a: a plain contact .* kind = "fire-door"'),
        ([{"id": "leak-1", "kind": "contact"}], 'point leak-1: .* kind = "leak"'),
        ([{"id": "a", "kind": "contact", "name": "救生圈"}], 'kind = "life-ring"'),
        ([{"id": "a", "kind": "contact", "name": "救生圈箱"}], 'kind = "life-ring-box"'),
        ([{"id": "a", "kind": "contact", "rule": {"on_delay_s": 0}}], None),
        ([{"id": "a", "kind": "contact", "name": "烟感 电池"}], None),
        ([{"id": "a", "kind": "temperature"}], "point a: has no limit"),
        ([{"id": "a", "kind": "temperature", "rule": {"anomaly": True}}], None),
        ([{"id": "a", "kind": "water-level"}], "point a: has no mark"),
        ([{"id": "a", "kind": "electrical"}], None),
        ([{"id": "a", "kind": "heat", "unit": "°F"}], "point a: unit '°F': heat is judged in °C"),
        ([{"id": "a", "kind": "heat", "unit": "℃"}], None),
        ([{"id": "a", "kind": "water-level", "unit": "ft", "rule": {"high": 1}}], "judged in m, cm or mm"),
        ([{"id": "a", "kind": "level", "unit": "bar", "rule": {"high": 1}}], None),
        ([], "agent a: watches nothing"),
        ([{"id": "a", "kind": "smoke", "zone": "lab"}], "zone lab: a is alone in it"),
        ([{"id": "a", "kind": "smoke", "zone": "lab"}, {"id": "b", "kind": "heat", "zone": "lab"}], None),
    ],
)
def test_what_is_seldom_meant_is_said(points: list[dict[str, Any]], expected: str | None) -> None:
    import re

    lines = advice(agent(*points))
    assert len(lines) == (expected is not None), lines
    assert all(re.search(expected or "", line) for line in lines)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([{"id": "agent-storage", "kind": "smoke"}], "the id 'agent-storage' is the agent's own"),
        ([{"id": "a", "kind": "water-level", "rule": {"second": "b"}}], "second = 'b' is no other point"),
        ([{"id": "a", "kind": "water-level", "rule": {"second": "a"}}], "second = 'a' is no other point"),
        (
            [{"id": "a", "kind": "water-level", "rule": {"second": "b"}}, {"id": "b", "kind": "smoke"}],
            "second = 'b' is no gauge but a smoke",
        ),
        ([{"id": "a", "kind": "water-level", "rule": {"second": "b", "anomaly": True}}], "second and anomaly"),
    ],
)
def test_what_cannot_work_is_refused(points: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        agent(*points)


def test_a_second_gauge_may_hang_on_another_bus() -> None:
    gauges = agent(
        {"id": "a", "kind": "water-level", "rule": {"second": "b", "high": 2}},
        {"id": "b", "kind": "water-level", "rule": {"high": 2}},
    )
    assert advice(gauges) == []


def test_check_prints_the_advice_and_still_succeeds(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        'site = "s"\nagent = "a"\nname = "a"\n[[bus]]\ntype = "simulated"\nname = "b"\n'
        '[[bus.point]]\nid = "p"\nname = "p"\nkind = "contact"\n'
    )
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.exit_code == 0
    assert "look again: point p: a plain contact" in result.output


def test_the_example_loads() -> None:
    try:
        assert config.load(EXAMPLE, AgentConfig).bus
    except ConfigError as e:
        pytest.fail(str(e))


def test_a_key_in_a_folder_of_the_services_own_is_not_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    of_the_service = AgentConfig.model_validate({
        "site": "s", "agent": "a", "name": "a", "mqtt": {"ca_file": "/var/lib/no-such/ca.pem"},
        "bus": [{"type": "simulated", "name": "b", "point": [{"id": "a", "kind": "smoke", "name": "x"}]}],
    })  # fmt: skip
    assert [line for line in advice(of_the_service) if "not on this machine" in line]

    def shut(file: Path) -> None:
        raise PermissionError(file)

    with monkeypatch.context() as closed:
        closed.setattr(Path, "stat", shut)
        lines = advice(of_the_service)
    assert not [line for line in lines if "not on this machine" in line]
