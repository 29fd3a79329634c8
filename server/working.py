"""An ingest worker: takes the messages of its share of the sites into the common PostgreSQL, without pages."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from sqlalchemy import Connection, select

from config.server import ServerConfig
from server.assembling import Parts, assemble
from server.database import Database, insert_new
from server.datadir import claimed, one_at_a_time
from server.drills.wiring import follow
from server.enrol import authority
from server.errors import ServerError
from server.history.upkeep import tidy
from server.ingest.hearing import Hearing
from server.ingest.held import Held
from server.ingest.leases import CHORES
from server.ingest.share import Share
from server.ingest.subscriptions import OF_ALL_SITES
from server.ingest.tables import heard_sites
from server.keeping import keep
from server.ledger import seal
from server.ledger.tables import heads
from server.moments import now
from server.opening import database_address
from server.presence.shared import Telling, watched
from server.push.follow import followers
from server.rounds import Rounds, go_round
from server.running import running
from server.services import Services
from server.stills import retention
from server.trust import TRUSTED, TrustedClock
from server.wall.own import OwnHealth

CHORES_S = 1.0


async def ingest(config: ServerConfig, worker: int) -> None:
    """Run one worker until SIGTERM or Ctrl-C; the others take its sites over."""
    require_shared(config, "ingest")
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    me, held = f"ingest-{worker}", Held()
    make_keys(config.data)
    with claimed(config.data / me) as folder:
        hearing = Hearing(me, (), OF_ALL_SITES, held, folder=folder)
        parts = assemble(config, config.mqtt, hearing=hearing)
        services = parts.services
        share = Share(me, held, services.database, parts.link, services.writer.write, services.presence, config.sites)
        _know_the_key(services.database, config.data)
        telling = Telling(services.presence)

        def tell(connection: Connection) -> None:
            telling.tell(connection)
            for site in hearing.unknown.take():
                insert_new(connection, heard_sites, {"site": site, "first_seen_at": now()})

        own = OwnHealth(services.alert_hook, folder, (), history=parts.lane.trouble)
        rounds = Rounds(services, parts.link.command, lambda: held.covers(CHORES), watched, tell, own)
        tasks = (
            lambda: go_round(rounds),
            lambda: _do_chores(config, services, held),
            lambda: tidy(services.series, TrustedClock(folder / TRUSTED), now),
            lambda: retention.tidy(services, TrustedClock(folder / TRUSTED)),
        )
        async with running(parts, tasks) as going:
            share.start()
            try:
                await _until_over(stop, parts, share, going)
            finally:
                await asyncio.to_thread(share.close)


def require_shared(config: ServerConfig, name: str) -> None:
    """Refuse what several processes cannot share."""
    if config.broker.type != "external" or database_address(config).startswith("sqlite"):
        raise ServerError(
            f"{name}: several processes share one PostgreSQL and one broker:"
            ' set database = "postgresql://…", [broker] type = "external" and [mqtt]'
        )
    if config.history.type == "embedded":
        raise ServerError(
            f"{name}: readings in a file of one process are not seen by the others: set [history] type to a server"
            ' that all share (docs/history.md), or to "none" to keep none'
        )


def make_keys(data: Path) -> None:
    """Make the keys that all processes of a data directory share, where there are none yet."""
    with one_at_a_time(data):
        authority.load(data)
        seal.load_key(data)


def _know_the_key(database: Database, data: Path) -> None:
    """Refuse to sign heads by another key than before: they would look forged."""
    own = seal.load_key(data).public_key().public_bytes_raw().hex()
    with database.read.connect() as connection:
        last = connection.execute(select(heads.c.key).order_by(heads.c.day.desc()).limit(1)).scalar()
    if last is not None and last != own:
        raise ServerError(f"{data / seal.KEY_FILE}: is not the key that signs this ledger: copy that file here")


async def _do_chores(config: ServerConfig, services: Services, held: Held) -> None:
    """While the lease is ours, do what one does for all: time limits, reminders, signed heads, drills, pushes."""
    while True:
        await asyncio.sleep(CHORES_S)
        if not held.covers(CHORES):
            continue
        chores = [keep(services, config.data, config.keep), *(one.run() for one in followers(services, config.push))]
        if services.drills is not None:
            chores.append(follow(services.drills))
        tasks = [asyncio.create_task(one) for one in chores]
        try:
            while held.covers(CHORES):
                done, _ = await asyncio.wait(tasks, timeout=CHORES_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _until_over(stop: asyncio.Event, parts: Parts, share: Share, tasks: list[asyncio.Task[None]]) -> None:
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stopping.done() and parts.services.writer.alive and share.alive:
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED, timeout=0.5)
            for task in tasks:
                if task.done():
                    task.result()  # a mistake in the program: let it be seen, and let systemd start us again
    finally:
        stopping.cancel()
    if not stop.is_set():
        raise ServerError("ingest: a thread ended by a mistake in the program; see the log above")
