"""The lane of stills: its own small queue and thread, so that no event waits for one; what has no room is dropped."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.database import Database, insert_new
from server.errors import ServerError
from server.ingest.decode import Arrival
from server.metrics import Metrics
from server.stills.belonging import alert_of
from server.stills.folder import StillFolder
from server.stills.reading import Read, StillError, read_still
from server.stills.tables import stills
from server.turns import agent_of

PLACES = 16
A_MINUTE, MINUTE_S = 6, 60.0  # of one agent
SAID_S = 3600.0  # a refusal is said so often of one agent
REMEMBERED = 1_000  # agents

_log = logging.getLogger(__name__)


class Write(Protocol):
    """The writer's own word."""

    def __call__(self, work: Callable[[Connection], Any], /) -> Any: ...


class StillsLane:
    """Takes stills where the school keeps them, and refuses them where it does not."""

    def __init__(
        self, folder: StillFolder, database: Database, write: Write, metrics: Metrics, now: Callable[[], datetime]
    ) -> None:
        self._folder = folder
        self._database = database
        self._write = write
        self._metrics = metrics
        self._now = now
        self._queue: queue.Queue[Arrival | None] = queue.Queue(PLACES)
        self._thread = threading.Thread(target=self._run, name="stills-lane", daemon=True)
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()
        self._said: OrderedDict[str, float] = OrderedDict()

    def start(self) -> None:
        """Begin to take stills, where any are kept."""
        if self._folder.on:
            self._thread.start()

    def close(self) -> None:
        """Take what is queued, then end; may be called twice."""
        if self._thread.is_alive():
            try:
                self._queue.put(None, timeout=1.0)
            except queue.Full:
                return
            self._thread.join(3.0)

    def offer(self, arrival: Arrival) -> bool:
        """Queue one; False where it is refused."""
        if not self._folder.on:
            self._say(arrival.topic, "[stills] keep_days is 0: none is kept here")
            return False
        try:
            self._queue.put_nowait(arrival)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while (arrival := self._queue.get()) is not None:
            try:
                self.take(arrival)
            except StillError as e:
                self._metrics.dropped.labels("stills").inc()
                self._say(arrival.topic, str(e))
            except (ServerError, SQLAlchemyError, OSError) as e:
                self._metrics.dropped.labels("stills").inc()
                self._say(arrival.topic, f"cannot be kept: {str(e).splitlines()[0]}")

    def take(self, arrival: Arrival) -> str:
        """Keep one still; return its alarm. Raise StillError for one that may not be kept."""
        self._pace(agent_of(arrival.topic), arrival.mono_s)
        read = read_still(arrival)
        with self._database.read.connect() as connection:
            alert = alert_of(connection, read, self._now())
        self._folder.put(alert, read.jpeg)
        row = _row(alert, read, self._now())
        if not self._write(lambda c: insert_new(c, stills, row)):
            raise StillError("its alarm has one already")
        return alert

    def _pace(self, agent: str, mono_s: float) -> None:
        taken = self._taken.setdefault(agent, deque(maxlen=A_MINUTE))
        self._taken.move_to_end(agent)
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)
        if len(taken) == A_MINUTE and mono_s - taken[0] < MINUTE_S:
            raise StillError(f"more than {A_MINUTE} in a minute")
        taken.append(mono_s)

    def _say(self, topic: str, reason: str) -> None:
        """Say a refusal, of one agent once an hour."""
        agent, now_s = agent_of(topic), time.monotonic()
        if now_s - self._said.get(agent, -SAID_S) >= SAID_S:
            self._said[agent] = now_s
            _log.warning("%s: a still of an alarm is refused: %s", agent[:200], reason)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)


def _row(alert: str, read: Read, now: datetime) -> dict[str, object]:
    message = read.message
    return {
        "alert": alert, "site": read.topic.site, "agent": read.topic.agent, "camera": message.camera,
        "event": message.event, "at": message.at, "received_at": now, "size": len(read.jpeg),
        "sha256": hashlib.sha256(read.jpeg).hexdigest(), "width": message.width, "height": message.height,
    }  # fmt: skip
