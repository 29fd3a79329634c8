"""People a minute across a line: sums, both ways, intervals, and minutes that were not watched."""

from __future__ import annotations

from agent.birth import birth
from agent.camera_tally import Tally
from agent.camera_words import Measured
from agent.clock import system_clock
from config.agent import AgentConfig
from config.cameras import CameraSection, LineSection
from contracts.vocabulary import Direction
from detectors.findings import Crossing
from detectors.minute import Counted, MinuteCounts

RATE = 10


def watched(counts: MinuteCounts, begin: float, end: float) -> None:
    for index in range(int(begin * RATE), int(end * RATE)):
        counts.seen(index / RATE)


def test_a_minute_is_summed_both_ways_with_its_interval() -> None:
    counts = MinuteCounts("gate", Direction.LEFT)
    watched(counts, 0, 60)
    counts.crossed(Crossing("gate", Direction.LEFT, 10.0))
    counts.crossed(Crossing("gate", Direction.LEFT, 20.0, count=3, low=1.0, high=4.0, quality=0.5))
    counts.crossed(Crossing("gate", Direction.RIGHT, 30.0))
    counts.crossed(Crossing("another", Direction.LEFT, 31.0))
    out, into = counts.due(60.0)
    assert (out.point, out.people, out.low, out.high) == ("gate", 4, 2.0, 5.0)
    assert 0.6 < out.quality < 0.63  # (1 + 3 * 0.5) / 4
    assert (into.point, into.people, into.quality) == ("gate-in", 1, 1.0)


def test_a_line_without_an_out_counts_everybody_in_one_number() -> None:
    counts = MinuteCounts("gate", None)
    watched(counts, 0, 60)
    counts.crossed(Crossing("gate", Direction.LEFT, 10.0))
    counts.crossed(Crossing("gate", Direction.RIGHT, 11.0))
    assert [told.people for told in counts.due(60.0)] == [2]


def test_numbers_come_every_ten_seconds_and_forget_who_passed_longer_ago() -> None:
    counts = MinuteCounts("gate", None)
    told: list[Counted] = []
    counts.crossed(Crossing("gate", Direction.LEFT, 5.0))
    for second in range(120):
        watched(counts, second, second + 1)
        told += counts.due(second + 1.0)
    assert [one.at for one in told] == [1.0 + 10 * k for k in range(12)]
    assert [one.people for one in told] == [0, *[1] * 6, *[0] * 5]


def test_a_minute_that_was_half_watched_is_half_believed_and_one_that_was_not_is_not_told() -> None:
    counts = MinuteCounts("gate", None)
    watched(counts, 0, 30)
    assert [told.quality for told in counts.due(60.0)] == [0.5]
    assert counts.due(200.0) == []


def test_a_camera_tells_its_pictures_a_second_only_while_there_are_any() -> None:
    tally = Tally(CameraSection(id="cam", name="cam", source="x"))
    assert tally.due(0.0) == []
    for index in range(80):
        tally.seen(index / 8)
    assert tally.due(10.0) == [Measured("cam", 8.0, 10.0)]
    assert tally.due(20.0) == []


def test_the_birth_names_the_points_of_a_line() -> None:
    line = LineSection(id="gate", name="东门", place="门口", line=(0, 0, 9, 9), out=Direction.LEFT)
    camera = CameraSection(id="cam", name="cam", source="x", line=(line,))
    config = AgentConfig(site="s", agent="a", name="a", camera=(camera,))
    said = birth(config, system_clock().now(), 1, "epoch")
    assert [(p.id, p.name, p.unit, p.place) for p in said.points if p.kind == "line"] == [
        ("gate", "东门 出", "人/分", "门口"), ("gate-in", "东门 进", "人/分", "门口"),
    ]  # fmt: skip
