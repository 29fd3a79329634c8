"""One server put together and run until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from fastapi import APIRouter
from sqlalchemy import Connection

from config.agent import MqttSection
from config.hosts import is_loopback
from config.server import HttpSection, ServerConfig
from server.accounts import sessions, tokens
from server.alerts.actions import end_shelves
from server.alerts.alert import AlertHook
from server.app import create_app
from server.broker import EmbeddedBroker
from server.broker_users import client_secret
from server.chain import chain_of
from server.database import Database, connect, sqlite_address
from server.datadir import claimed
from server.drills.beats import Beats
from server.drills.conductor import Conductor
from server.drills.wiring import Books, agents_at_exits, drill_running, follow, load_schools
from server.duties.plan import load_plan
from server.enrol import authority, doors
from server.errors import ServerError
from server.history.lane import ReadingsLane
from server.history.latest import Latest
from server.history.series import SqliteSeries
from server.ingest.broker_link import BrokerLink, Lanes
from server.ingest.intake import Intake
from server.keeping import keep
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.live import Live
from server.metrics import make_metrics
from server.migrate import migrate
from server.moments import steady_clock
from server.notify import notify
from server.presence.gaps import Request, find_gaps
from server.presence.presence import Presence
from server.push.follow import followers
from server.services import Enrolment, Services
from server.wall.clock import school_time
from server.wall.watching import Watching
from server.water import escalation
from server.water.asking import Asked
from server.water.plan import load_waters
from server.writer import Writer, no_failpoint

HEARTBEAT_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What `assembled` made: the services for the web, and what runs beside it."""

    services: Services
    link: BrokerLink
    lane: ReadingsLane


def now() -> datetime:
    return datetime.now(UTC)


def open_database(config: ServerConfig) -> Database:
    """Open and migrate the configured database."""
    database = connect(config.database or sqlite_address(config.data / "campus.db"))
    migrate(database, config.data / "backups")
    return database


def assemble(
    config: ServerConfig,
    mqtt: MqttSection,
    hook: AlertHook,
    failpoint: Callable[[str], None] = no_failpoint,
    client_id: str = "ingest-0",
) -> Parts:
    """Make every part of a server; nothing runs yet."""
    database = open_database(config)
    metrics = make_metrics()
    sites = frozenset(config.sites)
    presence = Presence(hook, config.presence.silent_fault_s)
    schools = load_schools(config.schools)
    clocks = Beats(agents_at_exits(schools))
    intake = Intake(presence, hook, heartbeat_hook=clocks.hear, drill_running=drill_running, sites=sites)
    writer = Writer(database, intake, metrics, failpoint)
    books = Books(Ledger(load_judgement(config.data), now), load_plan(config.data).duties)
    conductor = Conductor(database, writer.write, schools, books.open_hazard, books.fulfil_duty)
    latest, series = Latest(), SqliteSeries(config.data / "history.db")
    lane = ReadingsLane(latest, series, metrics, sites)
    asked = Asked()
    link = BrokerLink(mqtt, Lanes(writer.offer, lane.offer, asked.hear), metrics, config.sites, client_id)

    steady = steady_clock()

    def tick(_head: int) -> dict[str, object]:
        return {"chain": chain_of(presence, writer, link.age_s(), time.monotonic(), config.data)}

    def still_valid(hashes: Sequence[str]) -> frozenset[str]:
        with database.read.connect() as connection:
            return sessions.standing(connection, hashes, steady()) | tokens.standing(connection, hashes, steady())

    live = Live(database, metrics, tick, latest.take_changed, still_valid)
    writer.on_commit(live.wake)
    token = config.metrics_token_file.read_text(encoding="utf-8").strip() if config.metrics_token_file else ""
    services = Services(
        database=database,
        writer=writer,
        presence=presence,
        live=live,
        latest=latest,
        series=series,
        metrics=metrics,
        alert_hook=hook,
        ledger=Ledger(load_judgement(config.data), now),
        plan=load_plan(config.data),
        waters=load_waters(config.data),
        command=link.command,
        broker_age_s=link.age_s,
        tls=config.http.tls,
        simulated=config.simulated,
        metrics_token=token,
        drills=conductor,
        asked=asked,
        steady=steady,
        enrolment=_enrolment(config),
        push=config.push,
    )
    return Parts(services, link, lane)


@asynccontextmanager
async def running(parts: Parts) -> AsyncGenerator[Sequence[asyncio.Task[None]]]:
    """Run all but the web server until the block ends; what was taken by then is written.

    The tasks it gives never end by themselves: one that does has met a mistake in the program.
    """
    services = parts.services
    with services.database.read.connect() as connection:
        services.presence.load(connection, time.monotonic())
    services.writer.start(parts.link)
    parts.lane.start()
    parts.link.start()
    tasks = [asyncio.create_task(services.live.run()), asyncio.create_task(_watch_agents(parts))]
    if services.drills is not None:
        tasks.append(asyncio.create_task(follow(services.drills)))
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(_close, parts)


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
    with claimed(config.data), _bound(config.http) as listener:
        broker = EmbeddedBroker(config.broker, config.data) if config.broker.type == "embedded" else None
        try:
            if broker is not None:
                broker.start()
            mqtt = broker.client_section() if broker is not None else config.mqtt
            ledger = Ledger(load_judgement(config.data), now)
            client_id = f"ingest-0-{client_secret(config.data)}" if broker is not None else "ingest-0"
            parts = assemble(config, mqtt, ledger.record_alert, failpoint, client_id)
            services = parts.services
            async with running(parts) as tasks:
                watching = [asyncio.create_task(broker.watch())] if broker is not None else []
                watching.append(asyncio.create_task(keep(services, config.data)))
                watching.append(asyncio.create_task(doors.keep(services, authority.load(config.data), config.data)))
                watching += [asyncio.create_task(one.run()) for one in followers(services, config.push)]
                web = _web(config.http, services, rooms(services))
                try:
                    await _serve_web(web, listener, services, [*tasks, *watching], stop, lambda: ready(services))
                finally:
                    for task in watching:
                        task.cancel()
        finally:
            if broker is not None:
                broker.stop()


async def ingest(config: ServerConfig, worker: int) -> None:
    """Take the messages of the configured sites into a shared database, without pages, until SIGTERM or Ctrl-C."""
    if config.broker.type != "external" or config.database is None or config.database.startswith("sqlite"):
        raise ServerError(
            "ingest: several processes share one PostgreSQL and one broker:"
            ' set database = "postgresql://…", [broker] type = "external" and [mqtt]'
        )
    if not config.sites:
        raise ServerError("ingest: name the sites of this process in `sites`: each site belongs to one process")
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with claimed(config.data):
        ledger = Ledger(load_judgement(config.data), now)
        parts = assemble(config, config.mqtt, ledger.record_alert, client_id=f"ingest-{worker}")
        async with running(parts) as tasks:
            _log.info("ingest %d: takes %s", worker, ", ".join(config.sites))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            for task in tasks:
                if task.done():
                    task.result()


def _web(http: HttpSection, services: Services, rooms: Sequence[APIRouter]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(services, rooms),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=http.cert_file,
            ssl_keyfile=http.key_file,
            lifespan="off",
        )
    )


async def _serve_web(
    web: uvicorn.Server,
    listener: socket.socket,
    services: Services,
    tasks: Sequence[asyncio.Task[None]],
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    announced = False
    while not serving.done():
        if web.started and not announced:
            announced = True
            notify("READY=1")
            ready()
        broken = not services.writer.alive or any(task.done() for task in tasks)
        if stop.is_set() or web.should_exit or broken:
            web.should_exit = True
            services.live.stop()
        await asyncio.wait([serving], timeout=0.1)
    await serving
    for task in tasks:
        if task.done():
            task.result()  # a mistake in the program: let it be seen, and let systemd start us again
    if not services.writer.alive:
        raise ServerError("the ledger's writer ended by a mistake in the program; see the log above")


async def _watch_agents(parts: Parts) -> None:
    """Every second: judge silence and holes, in the writer's own thread; a commit that proves the ledger alive."""
    services = parts.services
    watching = Watching(services.alert_hook)
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        at, mono_s = now(), time.monotonic()
        watched = {client.site for client in services.live.clients}

        def look(
            c: Connection, at: datetime = at, mono_s: float = mono_s, watched: set[str] = watched
        ) -> Sequence[Request]:
            sites = {site for site, _ in services.presence.watches}
            watching.tick(c, sites, watched, school_time(services, at), mono_s)
            return _look(services, c, at, mono_s)

        job = services.writer.submit(look)
        try:
            requests = await asyncio.wrap_future(job)
        except ServerError as e:
            _log.debug("agents: not judged this second: %s", e)
            continue
        notify("WATCHDOG=1")  # only after a commit: a ledger that hangs is started again
        for request in requests:
            parts.link.command(request.topic.site, request.topic.agent, request.command)


def _enrolment(config: ServerConfig) -> Enrolment:
    embedded = config.broker.type == "embedded"
    host, port = (config.broker.host, config.broker.port) if embedded else (config.mqtt.host, config.mqtt.port)
    anywhere = is_loopback(host) or host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return Enrolment(authority.load(config.data), "" if anywhere else host, port)


def _look(services: Services, connection: Connection, at: datetime, mono_s: float) -> Sequence[Request]:
    services.presence.tick(connection, at, mono_s)
    requests = find_gaps(connection, services.presence, at, mono_s)
    end_shelves(connection, at, services.alert_hook)
    escalation.tick(connection, services.waters, services.alert_hook, at)
    return requests


def _close(parts: Parts) -> None:
    parts.link.close()
    parts.lane.close()
    parts.services.writer.close()
    parts.services.database.close()


def _bound(http: HttpSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
    except OSError as e:
        listener.close()
        raise ServerError(
            f"pages: port {http.port} on {http.host} cannot be used: {e.strerror or e}:"
            " stop what uses it, or set another [http] port"
        ) from e
    return listener
