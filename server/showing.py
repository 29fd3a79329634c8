"""A page server: shows what ingest workers record. It keeps nothing of its own, so that any number may run."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from config.server import ServerConfig
from contracts.topics import ROOT, Kind
from server.assembling import assemble
from server.datadir import claimed
from server.enrol import authority, doors
from server.errors import ServerError
from server.ingest.hearing import Hearing
from server.ingest.leases import orphaned
from server.opening import database_address
from server.presence.shared import Hearsay, note_open_pages
from server.running import running
from server.services import Services
from server.wakening import Wakening
from server.web import bound, make_web, serve_web
from server.working import make_keys, require_shared

EVERY_S = 1.0
_log = logging.getLogger(__name__)


async def show(
    config: ServerConfig,
    rooms: Callable[[Services], Sequence[APIRouter]] = lambda _: (),
    ready: Callable[[Services], None] = lambda _: None,
) -> None:
    """Serve pages until SIGTERM or Ctrl-C."""
    require_shared(config, "web")
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    me = f"web-{config.http.port}"
    make_keys(config.data)
    with claimed(config.data / me) as folder, bound(config.http) as listener:
        # Newest values and answers to commands come straight from the broker; alerts only ever from the database.
        live = [(f"{ROOT}/+/+/{kind}", 0) for kind in (Kind.READINGS, Kind.ANSWER)]
        hearing = Hearing(me, (), live, folder=folder, keeps_history=False)
        parts = assemble(config, config.mqtt, hearing=hearing)
        services = parts.services
        wakening = Wakening(database_address(config), services.live.wake)
        tasks = (
            lambda: _follow(services, me),
            lambda: doors.keep(services, authority.load(config.data), config.data),
        )
        try:
            async with running(parts, tasks) as going:
                wakening.start()
                web = make_web(config.http, services, rooms(services))
                await serve_web(web, listener, services, going, stop, lambda: ready(services))
        finally:
            wakening.close()


async def _follow(services: Services, me: str) -> None:
    """Every second: say which pages are open, which also proves that the database takes writes; read who is there."""
    hearsay, failing = Hearsay(services.presence), False
    while True:
        sites = {site for client in services.live.clients for site in client.sites}
        try:
            await asyncio.wrap_future(services.writer.submit(lambda c, sites=sites: note_open_pages(c, me, sites)))
            await asyncio.to_thread(_read, services, hearsay)
            failing = False
        except (ServerError, SQLAlchemyError) as e:
            if not failing:
                _log.warning("agents: cannot be read from the database: %s", str(e).splitlines()[0])
            failing = True
        await asyncio.sleep(EVERY_S)


def _read(services: Services, hearsay: Hearsay) -> None:
    with services.database.read.connect() as connection:
        hearsay.read(connection)
        services.presence.orphaned_sites = orphaned(connection)
