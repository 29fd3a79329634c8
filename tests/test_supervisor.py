"""The supervisor: dead and hung workers are replaced, a machine that stood still is not punished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from agent.supervisor import Supervisor, guard
from agent.worker import ThreadWorker


class FakeWorker:
    """A worker whose life the test decides."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.limit_s = 10.0
        self.lives = 0
        self.kills = 0
        self.running = False
        self.age = 0.0

    def start(self) -> None:
        self.lives += 1
        self.running = True
        self.age = 0.0

    def alive(self) -> bool:
        return self.running

    def beat_age(self) -> float:
        return self.age

    def stop(self) -> None:
        self.running = False

    def kill(self) -> None:
        self.kills += 1

    def join(self, timeout_s: float) -> None:
        pass

    def failure(self) -> str:
        return "" if self.running else "a bug"


def started(*workers: FakeWorker) -> tuple[Supervisor, list[str], float]:
    told: list[str] = []
    supervisor = Supervisor(workers, lambda: None, told.append)
    stopped = threading.Event()
    stopped.set()
    supervisor.run(stopped)
    return supervisor, told, time.monotonic()


def test_it_says_ready_when_all_are_started_and_stopping_at_the_end() -> None:
    _, told, _ = started(FakeWorker("a"))
    assert told == ["READY=1", "STOPPING=1"]


def test_a_dead_worker_starts_again_after_growing_pauses_and_others_do_not_notice() -> None:
    bad, good = FakeWorker("bad"), FakeWorker("good")
    supervisor, _, now = started(bad, good)
    starts: list[float] = []
    for second in range(10):
        bad.running = bad.running and second == -1
        before = bad.lives
        supervisor.look(now + second)
        if bad.lives > before:
            starts.append(second)
    assert starts == [1, 4]
    assert good.lives == 1


def test_the_heartbeat_names_the_dead_worker_and_its_cause() -> None:
    bad = FakeWorker("bad")
    supervisor, _, now = started(bad)
    bad.running = False
    supervisor.look(now + 1)
    (health,) = supervisor.health()
    assert (health.state, health.reason) == ("failed", "a bug")


def test_a_hung_worker_is_ended_once_named_and_starves_the_watchdog() -> None:
    hung, good = FakeWorker("hung"), FakeWorker("good")
    supervisor, _, now = started(hung, good)
    hung.age = 11.0
    assert [supervisor.look(now + second) for second in (1, 2, 3)] == [False, False, False]
    assert (hung.kills, good.kills) == (1, 0)
    assert "hung" in supervisor.health()[0].reason
    hung.age = 0.0
    assert supervisor.look(now + 4)


def test_a_machine_that_stood_still_is_no_reason_to_replace_anyone() -> None:
    workers = [FakeWorker(name) for name in "abc"]
    supervisor, _, now = started(*workers)
    supervisor.look(now + 1)
    for worker in workers:
        worker.age = 31.0
    assert supervisor.look(now + 32)
    assert supervisor.look(now + 33)
    assert sum(worker.kills for worker in workers) == 0
    supervisor.look(now + 36)
    supervisor.look(now + 39)
    supervisor.look(now + 42)
    supervisor.look(now + 45)
    assert sum(worker.kills for worker in workers) == 3, "those that stay hung afterwards are"


class Failing:
    """A job with a bug."""

    name = "failing"
    limit_s = 5.0

    def run(self, beat: Callable[[], None], stop: threading.Event) -> None:
        beat()
        raise ZeroDivisionError("a bug")

    def interrupt(self) -> None:
        pass

    def trouble(self) -> str:
        return ""


def test_a_bug_in_a_thread_ends_that_thread_alone_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    worker = ThreadWorker(Failing(), guard)
    worker.start()
    worker.join(5)
    assert not worker.alive()
    assert worker.failure() == "ZeroDivisionError: a bug"
    assert "a bug ended this worker" in caplog.text
