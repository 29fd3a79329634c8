"""The live stream: committed changes by cursor, encoded once, sent to every page that listens."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.exc import SQLAlchemyError

from server.accounts.reach import EVERYWHERE, Reach
from server.changes import changes, head, oldest
from server.database import Database
from server.metrics import Metrics

TICK_S = 2.0
POINTS_S = 1.0
BUFFERED = 500  # messages a slow page may be behind before it is dropped; it comes back with Last-Event-ID
REPLAYED = 1_000  # rows read at once

_log = logging.getLogger(__name__)


def encode(kind: str, data: str, n: int | None = None) -> bytes:
    """Write one server-sent event."""
    lines = f"event: {kind}\ndata: {data}\n\n"
    return (f"id: {n}\n{lines}" if n is not None else lines).encode()


def to_json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """One encoded message; `n` is 0 where it is not part of the feed. `site` is empty where all may see it."""

    n: int
    site: str
    data: bytes
    grid: str | None = None
    """None: of the whole school; else who sees some of its grids sees it only where this is one of them."""
    queued_s: float = field(default_factory=time.monotonic)

    def seen_by(self, reach: Reach) -> bool:
        """Tell whether an account may see it."""
        if not self.site:
            return True
        return reach.sees(self.site) if self.grid is None else reach.sees_grid(self.site, self.grid)


@dataclass(slots=True, eq=False)
class Client:
    """One page that listens."""

    session: str
    reach: Reach
    queue: asyncio.Queue[Sent | None] = field(default_factory=lambda: asyncio.Queue[Sent | None](BUFFERED))

    def seen_as(self, valid: Mapping[str, Reach | None]) -> bool:
        """Tell whether its session stands and sees what it saw when this stream began."""
        return self.session in valid and valid[self.session] in (None, self.reach)

    @property
    def sites(self) -> frozenset[str]:
        """The schools this page shows; an empty one stands for every school."""
        return frozenset({""}) if self.reach.sites is None else self.reach.sites


@dataclass(slots=True)
class Live:
    """The hub. All but `wake` belongs to the event loop."""

    database: Database
    metrics: Metrics
    tick: Callable[[int], Mapping[str, Any]]  # given the head, what a tick says
    points: Callable[[], Sequence[Mapping[str, Any]]]  # the newest values that changed since the last call
    still_valid: Callable[[Sequence[str]], Mapping[str, Reach | None]]
    """Which of these sessions and tokens still stand; of a token how far it sees now."""
    clients: set[Client] = field(default_factory=set[Client])
    sent: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _committed_s: float | None = None
    _stopping: bool = False

    def wake(self, committed_s: float) -> None:
        """Say that something was committed; called from the writer's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._note, committed_s)

    def _note(self, committed_s: float) -> None:
        if self._committed_s is None:
            self._committed_s = committed_s
        self._woken.set()

    async def run(self) -> None:
        """Follow the feed until cancelled; tick whether or not anything happens."""
        self._loop = asyncio.get_running_loop()
        self.sent = await asyncio.to_thread(self._head)
        tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._tick()),
                 asyncio.create_task(self._points())]  # fmt: skip
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            self.stop()

    def stop(self) -> None:
        """End every stream."""
        self._stopping = True
        for client in list(self.clients):
            self._drop(client)

    def drop_session(self, session: str) -> None:
        """End the streams of one session, e.g. at its logout."""
        for client in [c for c in self.clients if c.session == session]:
            self._drop(client)

    def drop_later(self, session: str) -> None:
        """The same from another thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.drop_session, session)

    async def listen(self, client: Client, after: int | None) -> AsyncGenerator[bytes]:
        """Give what came after number `after` (the newest where it is None), then everything that comes."""
        self.clients.add(client)
        self.metrics.clients.set(len(self.clients))
        try:
            yield b"retry: 1000\n\n"
            reached = self.sent if after is None else after
            if after is not None and await asyncio.to_thread(self._forgotten, after):
                reached = self.sent  # between the two are numbers that nobody can tell any more
                yield encode("reset", to_json({"head": reached}), reached)
            while rows := await asyncio.to_thread(self._read, reached, client.reach):
                for sent in rows:
                    reached = sent.n
                    if sent.seen_by(client.reach):
                        yield sent.data
            yield self._encoded_tick().data
            while not self._stopping:
                sent = await client.queue.get()
                if sent is None:
                    return
                if sent.n and sent.n <= reached:
                    continue  # was replayed already
                yield sent.data
                if sent.n:
                    self.metrics.to_socket.observe(time.monotonic() - sent.queued_s)
        finally:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if client in self.clients:
            self.clients.discard(client)
            self.metrics.clients.set(len(self.clients))
            while client.queue.full():
                client.queue.get_nowait()
            client.queue.put_nowait(None)

    def _send(self, sent: Sent) -> None:
        for client in list(self.clients):
            if client.reach.sites is not None and not sent.seen_by(client.reach):
                continue
            try:
                client.queue.put_nowait(sent)
            except asyncio.QueueFull:
                self.metrics.slow_clients.inc()
                self._drop(client)

    async def _follow(self) -> None:
        broken = False
        while True:
            try:
                async with asyncio.timeout(1.0):  # another process may have committed without waking us
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            committed_s, self._committed_s = self._committed_s, None
            try:
                rows = await asyncio.to_thread(self._read, self.sent, EVERYWHERE)
            except SQLAlchemyError as e:
                if not broken:
                    _log.error("live stream: cannot read the feed: %s", e.__cause__ or e)
                broken = True
                continue
            broken = False
            for sent in rows:
                self.sent = sent.n
                self._send(sent)
            if committed_s is not None and rows:
                self.metrics.to_stream.observe(time.monotonic() - committed_s)
            if len(rows) == REPLAYED:
                self._woken.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._send(self._encoded_tick())
            sessions = {client.session for client in self.clients}
            if sessions:
                await self._end_invalid(sessions)

    async def _end_invalid(self, sessions: set[str]) -> None:
        try:
            valid = await asyncio.to_thread(self.still_valid, sorted(sessions))
        except SQLAlchemyError as e:  # the database is away: the page must go on to hear just that
            _log.debug("live stream: sessions are not judged now: %s", e)
            return
        for client in list(self.clients):
            if client.session in sessions and not client.seen_as(valid):
                self._drop(client)

    async def _points(self) -> None:
        while True:
            await asyncio.sleep(POINTS_S)
            if not self.clients:
                continue
            by_site: dict[str, list[Mapping[str, Any]]] = {}
            for value in self.points():
                by_site.setdefault(value["site"], []).append(value)
            for site, values in by_site.items():
                self._send(Sent(0, site, encode("points", to_json({"points": values}))))

    def _encoded_tick(self) -> Sent:
        data = {"head": self.sent, "server_time": _now(), **self.tick(self.sent)}
        return Sent(0, "", encode("tick", to_json(data)))

    def _head(self) -> int:
        with self.database.read.connect() as connection:
            return head(connection)

    def _forgotten(self, after: int) -> bool:
        with self.database.read.connect() as connection:
            return after < oldest(connection) - 1

    def _read(self, after: int, reach: Reach) -> Sequence[Sent]:
        here = [or_(changes.c.site == "", seen) for seen in reach.where(changes.c.site)]
        statement = select(changes).where(changes.c.n > after, *here).order_by(changes.c.n).limit(REPLAYED)
        with self.database.read.connect() as connection:
            rows = connection.execute(statement).all()
        return [
            Sent(row.n, row.site, encode(row.kind, to_json({"n": row.n, **row.payload}), row.n), _grid(row))
            for row in rows
        ]


def _grid(row: Row[Any]) -> str | None:
    return str(row.payload.get("grid", "")) if row.kind == "hazard" else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
