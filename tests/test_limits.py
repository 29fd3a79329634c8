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
        ("smoke", {"high": 0.2}, [("pre_alarm", 0.1, "advisory"), ("high", 0.2, "critical")]),
        ("smoke", {"high": 0.2, "pre_alarm": 1}, [("high", 0.2, "critical")]),
        ("co", {}, [("dose", 50, "warning"), ("dose_soon", 300, "critical")]),
        ("heat", {"high": 60}, [("high", 60, "critical")]),
        ("temperature", {"high": 30, "low": 2}, [("low", 2, "warning"), ("high", 30, "warning")]),
        ("water-level", {"high": 1.6, "critical": 1.8}, [("high", 1.6, "warning"), ("critical", 1.8, "critical")]),
        ("gas", {}, [("low_alarm", 10, "warning"), ("high_alarm", 50, "critical")]),
        ("temperature", {}, []),
        ("fire-door", {}, []),
    ],
)
def test_a_rules_limits_are_told_in_the_points_unit(kind: str, rule: dict[str, Any], limits: list[Any]) -> None:
    found = limits_of(point(kind, "", **rule).rule, "unit")
    assert [(one.name, one.value, one.severity) for one in found] == limits


@pytest.mark.parametrize("kind", ["smoke", "co", "gas"])
def test_a_detector_that_says_yes_or_no_has_no_limit(kind: str) -> None:
    assert limits_of(point(kind, "").rule, "") == ()


def test_a_limit_far_above_is_in_the_picture_and_named() -> None:
    picture = svg(
        Span(BEGIN, BEGIN + timedelta(days=1), UTC), [(0, 20.0, 21.0), (1, 20.0, 22.0)], [], "感温", [],
        [Mark(57.0, "critical", "高限 57 ℃")],
    )  # fmt: skip
    [y] = re.findall(r'<line class="limit critical"[^>]* y1="([\d.]+)"', picture)
    [course] = re.findall(r'd="M[\d.]+ ([\d.]+)V', picture)
    assert 0 < float(y) < float(course)
    assert "高限 57 ℃" in picture


def test_only_the_nearest_limit_stretches_the_picture() -> None:
    marks = [Mark(50.0, "warning", "累积限"), Mark(300.0, "critical", "短时限")]
    span = Span(BEGIN, BEGIN + timedelta(days=1), UTC)
    calm, high = (svg(span, [(0, 1.0, top)], [], "CO", [], marks) for top in (3.0, 80.0))
    assert "累积限" in calm
    assert "短时限" not in calm, "two parts in a million would be a flat line under 300"
    assert "短时限" in high
