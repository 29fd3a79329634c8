"""The limits of rules travel in the birth and are drawn into the course of a point."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from watching import point

from agent.limits import limits_of
from server.history.plot import Mark, Span, svg

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "rule", "limits"),
    [
        ("heat", {"high": 60}, [("high", 60, "critical")]),
        ("temperature", {"high": 30, "low": 2}, [("low", 2, "warning"), ("high", 30, "warning")]),
        ("water-level", {"high": 1.6, "critical": 1.8}, [("high", 1.6, "warning"), ("critical", 1.8, "critical")]),
        ("gas", {}, [("low_alarm", 10, "warning"), ("high_alarm", 50, "critical")]),
        ("temperature", {}, []),
        ("fire-door", {}, []),
    ],
)
def test_a_rules_limits_are_told_in_the_points_unit(kind: str, rule: dict[str, Any], limits: list[Any]) -> None:
    found = limits_of(point(kind, "", **rule).rule)
    assert [(one.name, one.value, one.severity) for one in found] == limits


def test_a_limit_far_above_is_in_the_picture_and_named() -> None:
    picture = svg(
        Span(BEGIN, BEGIN + timedelta(days=1), UTC), [(0, 20.0, 21.0), (1, 20.0, 22.0)], [], "感温", [],
        [Mark(57.0, "critical", "高限 57 ℃")],
    )  # fmt: skip
    [y] = re.findall(r'<line class="limit critical"[^>]* y1="([\d.]+)"', picture)
    [course] = re.findall(r'd="M[\d.]+ ([\d.]+)V', picture)
    assert 0 < float(y) < float(course)
    assert "高限 57 ℃" in picture
