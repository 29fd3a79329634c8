"""The one thread that writes: it takes what has queued up into one transaction, commits, then answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from server.database import Database
from server.errors import RefusedError, ServerError
from server.ingest.decode import Arrival, unstorable
from server.ingest.intake import Answer, Answers, Intake, refuse
from server.metrics import Metrics
from server.turns import Turns

BATCH = 500
LEAST_BATCH = 20
LONG_S, SHORT_S = 1.0, 0.25  # a transaction this long is too long: agents wait for receipts; one this short may grow
OFFER_S = 1.0  # how long an arrival waits for room
TRIES = 4
REST_S = 1.0  # after a commit that failed, before the next try
STEADY_S = 3.0  # commits must go well so long after one failed: on a full disk a small one gets through now and then

Result = TypeVar("Result")
_GAVE_WAY = ("40P01", "40001")  # deadlock_detected, serialization_failure
_log = logging.getLogger(__name__)

# What a message of an agent, or a job, can make a database layer raise. A bug beyond these ends the process.
_MISTAKES = (SQLAlchemyError, ServerError, ValueError, TypeError, LookupError, ArithmeticError)


class Outlet(Protocol):
    """Where answers go, and where the broker is told that a message need not be kept."""

    def answer(self, answer: Answer) -> bool: ...
    def acknowledge(self, arrival: Arrival) -> None: ...
    def forgo(self, arrival: Arrival) -> None: ...


@dataclass(frozen=True, slots=True)
class Job(Generic[Result]):
    """Something a person or a clock asks to be written."""

    work: Callable[[Connection], Result]
    done: Future[Result] = field(default_factory=Future[Result])


Item = Arrival | Job[Any]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a transaction leaves to do after its commit."""

    answers: Sequence[Answer]
    results: Sequence[tuple[Job[Any], Any]]


def no_failpoint(name: str) -> None:
    """Stand where a test may break in."""


class Writer:
    """Group commit: one fsync for all that queued up meanwhile. One agent's arrivals keep their order."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        metrics: Metrics,
        failpoint: Callable[[str], None] = no_failpoint,
        turns: Turns[Job[Any]] | None = None,
    ) -> None:
        self._database = database
        self._intake = intake
        self._metrics = metrics
        self._failpoint = failpoint
        self._turns: Turns[Job[Any]] = Turns() if turns is None else turns  # an empty one is false
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._outlet: Outlet | None = None
        self._listeners: list[Callable[[float], None]] = []
        self._stop = threading.Event()
        self._batch = BATCH
        self._failing = ""
        self._failed_s = 0.0
        self._rolled_back = False  # what presence remembers of the last transaction is not so
        self.committed_s: float | None = None

    def start(self, outlet: Outlet | None = None) -> None:
        """Begin to write; answers go to `outlet`."""
        self._outlet = outlet
        self._thread.start()

    def close(self) -> None:
        """Write what is queued, then end."""
        if self._thread.is_alive() and not self._stop.is_set():
            self._stop.set()
            self._turns.close()
            self._thread.join(5.0)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def failing(self) -> str:
        """Why a commit failed of late; empty when all go well."""
        return self._failing

    @property
    def waiting(self) -> int:
        """How many arrivals and jobs queue."""
        return len(self._turns)

    def on_commit(self, listener: Callable[[float], None]) -> None:
        """Call `listener` with the monotonic second of every commit, on the writer's thread."""
        self._listeners.append(listener)

    def offer(self, arrival: Arrival) -> bool:
        """Queue one arrival; False where it is refused: the agent sends it again, for it gets no receipt."""
        return self._turns.offer(arrival, OFFER_S)

    def submit(self, work: Callable[[Connection], Result]) -> Future[Result]:
        """Queue one job; its future is done after the commit, or has the error. Never waits: an event loop may ask."""
        job: Job[Result] = Job(work)
        if not self._turns.ask(job):
            job.done.set_exception(RefusedError("the server is too busy to write, or stops: try again"))
        return job.done

    def write(self, work: Callable[[Connection], Result], timeout_s: float = 10.0) -> Result:
        """Do one job and wait for its commit."""
        try:
            return self.submit(work).result(timeout_s)
        except TimeoutError as e:
            raise RefusedError(f"not written within {timeout_s:.0f} s: try again") from e

    def _run(self) -> None:
        while True:
            arrivals, jobs = self._turns.take(self._batch)
            if not arrivals and not jobs:
                return
            began_s = time.monotonic()
            self._write([*arrivals, *jobs])
            self._turns.took(arrivals, time.monotonic() - began_s)

    def _pace(self, took_s: float) -> None:
        """Fit the batch to the machine, so that receipts and heartbeats' answers keep coming on a slow one."""
        if took_s > LONG_S:
            self._batch = max(LEAST_BATCH, self._batch // 2)
        elif took_s < SHORT_S:
            self._batch = min(BATCH, self._batch * 2)

    def _write(self, items: Sequence[Item]) -> None:
        began_s = time.monotonic()
        try:
            self._commit_in_turn(items)
            self._pace(time.monotonic() - began_s)
        except OperationalError as e:
            self._failed(items, e)
        except _MISTAKES as e:
            self._rolled_back = True
            _log.debug("ledger: a batch of %d failed, each is tried alone: %s", len(items), e)
            for item in items:
                self._write_one(item)

    def _commit_in_turn(self, items: Sequence[Item]) -> None:
        """Commit; where PostgreSQL made this one of two that waited for each other give way, begin again at once."""
        for tries_left in reversed(range(TRIES)):
            try:
                self._commit(items, self._take)
            except OperationalError as e:
                if not tries_left or getattr(e.orig, "sqlstate", None) not in _GAVE_WAY:
                    raise
                self._rolled_back = True
            else:
                return

    def _write_one(self, item: Item) -> None:
        try:
            self._commit([item], self._take)
        except OperationalError as e:
            self._failed([item], e)
        except _MISTAKES as e:
            self._unwritable(item, e)

    def _unwritable(self, item: Item, error: Exception) -> None:
        """Put an arrival aside that the tables do not hold; tell a job's asker."""
        if isinstance(item, Job):
            _set_exception(item, error)
            return
        reason = f"{type(error).__name__}: {error}".splitlines()[0].replace("\x00", "")[:300]
        _log.warning("%s: a message cannot be stored and is put aside: %s", item.topic, reason)

        def put_aside(connection: Connection, _items: Sequence[Item]) -> _Taken:
            answers = Answers()
            refuse(connection, item, unstorable(item, reason), answers)
            return _Taken(answers.all(), [])

        try:
            self._commit([item], put_aside)
        except _MISTAKES as e:
            self._failed([item], e)

    def _take(self, connection: Connection, items: Sequence[Item]) -> _Taken:
        if self._rolled_back:
            self._rolled_back = False
            self._intake.presence.load(connection, time.monotonic())
        answers = self._intake.take(connection, [item for item in items if isinstance(item, Arrival)])
        results: list[tuple[Job[Any], Any]] = []
        for job in items:
            if not isinstance(job, Job):
                continue
            try:
                with connection.begin_nested():  # a job that is refused takes only its own writes back
                    results.append((job, job.work(connection)))
            except OperationalError:
                raise
            except Exception as e:  # noqa: BLE001 - whatever it is, it is the asker's: the future raises it there
                _set_exception(job, e)
        return _Taken(answers, results)

    def _commit(self, items: Sequence[Item], take: Callable[[Connection, Sequence[Item]], _Taken]) -> None:
        with self._database.write.begin() as connection:
            taken = take(connection, items)
            self._failpoint("before-commit")
        committed_s = time.monotonic()
        self._failpoint("after-commit")
        self.committed_s = committed_s
        if self._failing and committed_s - self._failed_s >= STEADY_S:
            _log.info("ledger: writes again")
            self._failing = ""
        for job, result in taken.results:
            _set_result(job, result)
        for listener in self._listeners:
            listener(committed_s)
        self._answer(items, taken.answers, committed_s)

    def _answer(self, items: Sequence[Item], answers: Sequence[Answer], committed_s: float) -> None:
        metrics, outlet = self._metrics, self._outlet
        metrics.commits.inc()
        metrics.batch.observe(len(items))
        metrics.quarantined.inc(sum(len(answer.receipt.rejected) for answer in answers))
        if outlet is not None:
            for answer in answers:
                if not outlet.answer(answer):
                    metrics.unpublished.inc()
            metrics.to_receipt.observe(time.monotonic() - committed_s)
            self._failpoint("after-receipt")
        for item in items:
            if isinstance(item, Arrival):
                metrics.to_commit.observe(max(0.0, committed_s - item.mono_s))
                if outlet is not None:
                    outlet.acknowledge(item)

    def _failed(self, items: Sequence[Item], error: Exception) -> None:
        """The database did not take it: nobody gets a receipt, so agents send again; askers are told."""
        self._metrics.failed_commits.inc()
        self._rolled_back = True
        reason = str(error.__cause__ or error).splitlines()[0]
        if not self._failing:
            _log.error("ledger: cannot write: %s", reason)
        self._failing, self._failed_s = reason, time.monotonic()
        for item in items:
            if isinstance(item, Job):
                _set_exception(item, ServerError(f"the ledger cannot be written: {reason}"))
            elif self._outlet is not None:
                self._outlet.forgo(item)
        self._stop.wait(REST_S)


def _set_result(job: Job[Any], result: Any) -> None:
    if not job.done.done() and job.done.set_running_or_notify_cancel():
        job.done.set_result(result)


def _set_exception(job: Job[Any], error: Exception) -> None:
    if not job.done.done() and job.done.set_running_or_notify_cancel():
        job.done.set_exception(error)
