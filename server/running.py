"""One server run until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter

from config.server import ServerConfig
from server.assembling import Parts, assemble
from server.broker import EmbeddedBroker
from server.broker_users import client_secret
from server.datadir import claimed
from server.drills.wiring import follow
from server.enrol import authority, doors
from server.errors import ServerError
from server.history.upkeep import tidy
from server.ingest.broker_link import EVERY_SITE, BrokerLink
from server.ingest.hearing import Hearing
from server.keeping import keep
from server.metrics import dropped
from server.moments import now
from server.patience import make_room
from server.push.follow import followers
from server.rounds import Rounds, go_round
from server.services import Services
from server.stills import retention
from server.trust import TRUSTED, TrustedClock
from server.wall.own import OwnHealth, own_certificates
from server.web import bound, make_web, serve_web
from server.writer import no_failpoint


async def serve(
    config: ServerConfig,
    rooms: Callable[[Services], Sequence[APIRouter]] = lambda _: (),
    ready: Callable[[Services], None] = lambda _: None,
    failpoint: Callable[[str], None] = no_failpoint,
) -> None:
    """Run a whole server until SIGTERM or Ctrl-C; raise ServerError in one line where it cannot."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with claimed(config.data), bound(config.http) as listener:
        broker = EmbeddedBroker(config.broker, config.data) if config.broker.type == "embedded" else None
        try:
            make_room()
            if broker is not None:
                broker.start()
            mqtt = broker.client_section() if broker is not None else config.mqtt
            client_id = f"ingest-0-{client_secret(config.data)}" if broker is not None else "ingest-0"
            hearing = Hearing(client_id, config.sites or (EVERY_SITE,))
            parts = assemble(config, mqtt, failpoint=failpoint, hearing=hearing)
            services = parts.services
            if broker is not None:
                broker.keep_out(services.allowance.kept_out)
            lost = partial(dropped, services.metrics)
            own = OwnHealth(
                services.alert_hook, config.data, own_certificates(config), history=parts.lane.trouble, dropped=lost
            )
            rounds = Rounds(services, parts.link.command, own=own)
            tasks = [
                lambda: go_round(rounds),
                lambda: keep(services, config.data, config.keep),
                lambda: tidy(services.series, TrustedClock(config.data / TRUSTED), now),
                lambda: retention.tidy(services, TrustedClock(config.data / TRUSTED)),
                lambda: doors.keep(services, authority.load(config.data), config.data),
                *([partial(follow, services.drills)] if services.drills is not None else []),
                *(one.run for one in followers(services, config.push)),
                *([broker.watch] if broker is not None else []),
            ]
            async with running(parts, tasks) as going:
                web = make_web(config.http, services, rooms(services))
                await serve_web(web, listener, services, going, stop, lambda: ready(services))
        finally:
            if broker is not None:
                broker.stop()


@asynccontextmanager
async def running(
    parts: Parts, rounds: Sequence[Callable[[], Coroutine[None, None, None]]]
) -> AsyncGenerator[list[asyncio.Task[None]]]:
    """Run all but the web server until the block ends; what was taken by then is written.

    The tasks it gives never end by themselves: one that does has met a mistake in the program.
    """
    services = parts.services
    with services.database.read.connect() as connection:
        services.presence.load(connection, time.monotonic())
    # Most of what a batch reads lives until its commit: to look through it again and again cost a sixth of the CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    services.writer.start(parts.link)
    parts.lane.start()
    parts.stills.start()
    parts.link.start()
    tasks = [
        asyncio.create_task(services.live.run()),
        asyncio.create_task(_listen_on(parts.link)),
        *(asyncio.create_task(one()) for one in rounds),
    ]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(_close, parts)


async def _listen_on(link: BrokerLink) -> None:
    while True:
        await asyncio.sleep(1.0)
        if not link.alive:
            raise ServerError("the way to the broker ended by a mistake in the program; see the log above")


def _close(parts: Parts) -> None:
    parts.link.close()
    parts.lane.close()
    parts.stills.close()
    parts.services.writer.close()
    parts.services.database.close()
