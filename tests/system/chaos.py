"""A TCP line that can be made bad: delayed, half-open, cut, refused, cut every few seconds."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Weather:
    """How the line behaves. `delay_s` ± `jitter_s` each way; `stalled` passes nothing yet keeps connections open."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    stalled_up: bool = False  # client to server
    stalled_down: bool = False  # server to client
    refuse: bool = False
    cut_every_s: float | None = None
    hiccup: float = 0.0  # share of chunks that wait a retransmission time more, as behind a lost packet
    retransmit_s: float = 0.3


FINE = Weather()
HALF_OPEN = Weather(stalled_up=True, stalled_down=True)
DEAF = Weather(stalled_down=True)


class ChaosLine:
    """Listens on a port of loopback and carries bytes to `target`, in whatever weather is set."""

    def __init__(self, target: tuple[str, int], seed: int) -> None:
        self.target = target
        self.weather = FINE
        self.port = 0
        self.connections = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos-line", daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def set(self, weather: Weather) -> None:
        """Change the weather; connections that stand keep standing unless it refuses."""
        self.weather = weather
        if weather.refuse:
            self.cut()

    def cut(self) -> None:
        """Reset every connection that stands."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        ends = {writer}
        try:
            if not self.weather.refuse:
                far_reader, far_writer = await asyncio.open_connection(*self.target)
                ends.add(far_writer)
                self._ends |= ends
                both = asyncio.gather(self._way(reader, far_writer, up=True), self._way(far_reader, writer, up=False))
                await asyncio.wait_for(both, self.weather.cut_every_s)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # a cut line is what this is for
        finally:
            for end in ends:
                end.transport.abort()
            self._ends -= ends
            self._tasks.discard(task)

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        while chunk := await reader.read(CHUNK):
            while self.weather.stalled_up if up else self.weather.stalled_down:
                await asyncio.sleep(0.05)
            weather = self.weather
            pause = weather.delay_s + self._random.uniform(-weather.jitter_s, weather.jitter_s)
            if self._random.random() < weather.hiccup:
                pause += weather.retransmit_s
            if pause > 0:
                await asyncio.sleep(pause)
            writer.write(chunk)
            await writer.drain()
        writer.transport.abort()
