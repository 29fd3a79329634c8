"""Plans, targets, start triggers and the check before a drill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import config
from config.school import SchoolConfig, StageKind
from server.drills.feasibility import Outlook, forecasts, minutes
from server.drills.inputs import DrillKind, Signal
from server.drills.planning import plan
from server.drills.triggers import rehearsed, signal_of

EXAMPLE = Path(config.__file__).parent / "school.example.toml"


def school(people: int = 800, stairs: int = 2, floors: int = 4, **building: Any) -> SchoolConfig:
    return SchoolConfig.model_validate(
        {
            "site": "s",
            "name": "学校",
            "stage": [{"id": "j", "name": "初中部", "kind": "secondary"}],
            "building": [
                {
                    "id": "a",
                    "name": "教学楼A",
                    "floors": floors,
                    "corridor_m": 20,
                    "stair_m": 15,
                    "stair": [{"name": str(i), "width_m": 1.65} for i in range(stairs)],
                    "exit": [{"id": "x", "name": "东门", "width_m": 6.0, "line": [{"line": "a/l"}]}],
                    **building,
                }
            ],
            "class": [
                {"id": f"c{i}", "name": "班", "stage": "j", "building": "a", "size": 40} for i in range(people // 40)
            ],
            "trigger": [{"points": ["panel/siren"], "kinds": ["fire"], "signal": "alarm"}, {"points": ["gate/key"]}],
        }
    )


def test_the_example_loads_and_plans_both_stages() -> None:
    made = plan(config.load(EXAMPLE, SchoolConfig), DrillKind.FIRE)
    assert [(s.id, s.target_s) for s in made.stages] == [("primary", 180.0), ("junior", 120.0)]
    assert [e.id for e in made.exits] == ["a-east", "a-west"]


@pytest.mark.parametrize(
    ("kind", "floors", "own", "building_s", "want"),
    [
        ("secondary", 4, None, None, 120.0),
        ("primary", 4, None, None, 180.0),
        ("kindergarten", 2, None, None, None),
        ("secondary", 4, 100.0, None, 100.0),
        ("secondary", 6, None, 200.0, 200.0),
        ("secondary", 6, None, None, 120.0),
        ("secondary", 4, None, 200.0, 120.0),
    ],
    ids=[
        "secondary 2 min",
        "primary 3 min",
        "kindergarten none",
        "the school's own",
        "more than four floors: the building's own",
        "more than four floors without an own target: the rule's",
        "four floors may have no own target",
    ],
)
def test_targets(kind: str, floors: int, own: float | None, building_s: float | None, want: float | None) -> None:
    base = school(40, floors=floors, target_s=building_s)
    stage = base.stage[0].model_copy(update={"kind": StageKind(kind), "target_s": own})
    made = plan(base.model_copy(update={"stage": (stage,)}), DrillKind.FIRE)
    assert made.stages[0].target_s == want


@pytest.mark.parametrize(
    ("people", "stairs", "outlook", "words"),
    [
        (800, 2, Outlook.IMPOSSIBLE, "2 分钟做不到，因为 800 人要走 2 部共 3.3 米宽的楼梯"),
        (400, 2, Outlook.TIGHT, "很紧"),
        (200, 4, Outlook.FEASIBLE, "做得到"),
        (80, 0, Outlook.UNKNOWN, "宽度未填"),
    ],
)
def test_the_check_says_in_one_sentence_what_physics_allows(
    people: int, stairs: int, outlook: Outlook, words: str
) -> None:
    found = forecasts(school(people, stairs))[0]
    assert found.outlook is outlook
    assert words in found.sentence
    assert found.sentence.count("。") == 1


@pytest.mark.parametrize(("seconds", "said"), [(120, "2 分钟"), (150, "2 分 30 秒"), (50, "50 秒")])
def test_targets_are_said_as_people_do(seconds: float, said: str) -> None:
    assert minutes(seconds) == said


@pytest.mark.parametrize(
    ("event", "signal"),
    [
        (("panel", "siren", "fire", True), Signal.ALARM),
        (("panel", "siren", "door", True), None),
        (("gate", "key", "emergency", True), Signal.EVACUATE),
        (("gate", "key", "emergency", False), None),
        (("gate", "key", "fault", True), None),
        (("lab", "smoke", "smoke", True), None),
    ],
)
def test_only_configured_points_give_a_signal(event: tuple[str, str, str, bool], signal: Signal | None) -> None:
    agent, point, kind, active = event
    assert signal_of(school(40), agent, point, kind, active=active) is signal


def test_an_alarm_from_elsewhere_is_real() -> None:
    assert rehearsed(school(40), "gate", "key", "emergency")
    assert not rehearsed(school(40), "lab", "smoke", "smoke")


def test_a_class_of_an_unknown_stage_is_refused_by_name() -> None:
    data = school(40).model_dump(by_alias=True)
    with pytest.raises(ValidationError, match="class c0: stage 'x' is not one of"):
        SchoolConfig.model_validate({**data, "class": [{**data["class"][0], "stage": "x"}]})


def test_the_demonstration_school_plans_a_drill() -> None:
    from server.demo.run import Demo

    [file] = Demo("127.0.0.1", 8000, 1883, Path("data")).config().schools
    made = plan(config.load(file, SchoolConfig), DrillKind.EARTHQUAKE)
    assert [s.target_s for s in made.stages] == [180.0]
