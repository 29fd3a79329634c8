"""The agent's small parts: the memory lane, outputs, clock, back-off, TLS of the link."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agent_fakes import still_clock

from agent.backoff import Backoff
from agent.clock import system_clock
from agent.intake import Instant
from agent.lane import ReadingLane
from agent.mqtt import tls
from agent.outputs import Local
from config.agent import FileOutput, LocalSection, MqttSection
from contracts.messages import Reading
from contracts.vocabulary import Clock as Quality
from contracts.vocabulary import Severity
from detectors.findings import Event

NOW = Instant(1.0, 1.0, 1.0)


def reading(point: str, n: int) -> Reading:
    return Reading(point=point, value=float(n), at=datetime(2026, 1, 1, tzinfo=UTC), mono_s=float(n))


def test_a_full_lane_thins_its_fullest_point_evenly_keeps_the_newest_and_counts() -> None:
    lane = ReadingLane(100)
    lane.add(reading("slow", 0))
    for n in range(1000):
        lane.add(reading("fast", n))
    assert len(lane) <= 100
    assert lane.dropped == 1001 - len(lane)
    taken = lane.take(1000)
    fast = [r.value for r in taken if r.point == "fast"]
    assert [r.value for r in taken if r.point == "slow"] == [0.0]
    assert fast[-1] == 999.0
    assert fast == sorted(float(str(value)) for value in fast)
    assert len(lane) == 0


def test_a_lane_with_more_points_than_room_stays_bounded() -> None:
    lane = ReadingLane(10)
    for n in range(50):
        lane.add(reading(f"p-{n}", n))
    assert len(lane) == 10
    assert lane.dropped == 40


def test_a_small_batch_takes_from_every_point() -> None:
    lane = ReadingLane(100)
    for n in range(10):
        lane.add(reading("a", n))
        lane.add(reading("b", n))
    assert [r.point for r in lane.take(4)] == ["a", "b", "a", "b"]


def alarm(point: str, *, active: bool, severity: Severity = Severity.CRITICAL) -> Event:
    return Event(point, "smoke", active, severity, "fixed-limit", 1.0)


def test_the_siren_sounds_until_the_last_alarm_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "siren"
    local = Local(LocalSection(siren=FileOutput(type="file", file=file)))
    heard: list[str] = []
    for event in (
        alarm("a", active=True, severity=Severity.ADVISORY),
        alarm("b", active=True),
        alarm("c", active=True),
        alarm("b", active=False),
        alarm("c", active=False),
    ):
        local.hear(event, NOW)
        heard.append(file.read_text(encoding="ascii") if file.exists() else "-")
    assert heard == ["0", "1", "1", "1", "0"]


def test_the_lamp_says_that_the_server_does_not_answer(tmp_path: Path) -> None:
    file = tmp_path / "lamp"
    local = Local(LocalSection(lost=FileOutput(type="file", file=file, on="255", off="0"), answer_limit_s=15))
    shown: list[str] = []
    for age in (1.0, 15.1, 40.0, 0.2):
        local.answer_age(age)
        shown.append(file.read_text(encoding="ascii"))
    assert shown == ["0", "255", "255", "0"]


def test_a_broken_output_is_said_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    local = Local(LocalSection(siren=FileOutput(type="file", file=tmp_path / "absent" / "siren")))
    for _ in range(3):
        local.hear(alarm("a", active=True), NOW)
    assert caplog.text.count("absent") == 1


@pytest.mark.parametrize("wall_s", [0.0, -5.0, 1e15], ids=["1970", "before 1970", "beyond all dates"])
def test_a_clock_gone_wrong_still_stamps_and_is_marked(wall_s: float) -> None:
    stamp = still_clock(wall_s=wall_s, synced=False).now()
    assert stamp.mono_s == 100.0
    assert stamp.clock is Quality.UNSYNCED


def test_a_file_may_say_that_the_clock_is_right(tmp_path: Path) -> None:
    clock = system_clock(tmp_path / "synchronized")
    assert clock.quality() is Quality.UNSYNCED
    (tmp_path / "synchronized").touch()
    assert clock.quality() is Quality.SYNCED


def test_pauses_grow_and_start_again_after_a_success() -> None:
    backoff = Backoff()
    assert [backoff.next_s() for _ in range(8)] == [1, 2, 5, 10, 30, 60, 60, 60]
    backoff.reset()
    assert backoff.next_s() == 1


def test_a_pause_ends_at_once_when_stopped() -> None:
    stop = threading.Event()
    stop.set()
    Backoff((60.0,)).wait(stop, lambda: None)


def test_tls_is_on_off_loopback_unless_plain_is_asked_for() -> None:
    assert tls(MqttSection(), clock_synced=True) is None
    assert tls(MqttSection(host="10.0.0.5", plain=True), clock_synced=True) is None
    context = tls(MqttSection(host="10.0.0.5"), clock_synced=True)
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_before_the_clock_is_right_certificate_dates_are_not_judged_but_chain_and_name_are() -> None:
    context = tls(MqttSection(host="10.0.0.5"), clock_synced=False)
    assert context is not None
    assert context.verify_flags & 0x200000
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
