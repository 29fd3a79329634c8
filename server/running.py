"""One server put together and run until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import uvicorn
from fastapi import APIRouter

from config.agent import MqttSection
from config.hosts import is_loopback
from config.secrets import read_secret
from config.server import HttpSection, ServerConfig
from server.accounts import sessions, tokens
from server.accounts.reach import Reach
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
from server.history.stores import Nowhere, make_series
from server.history.upkeep import tidy
from server.ingest.allowance import Allowance
from server.ingest.broker_link import EVERY_SITE, BrokerLink, Lanes
from server.ingest.hearing import Hearing
from server.ingest.intake import Intake
from server.keeping import keep
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.live import Live
from server.metrics import dropped, make_metrics
from server.migrate import migrate
from server.moments import steady_clock
from server.notify import notify
from server.patience import make_room, patient
from server.presence.presence import Presence
from server.push.follow import followers
from server.rounds import Rounds, go_round
from server.services import Enrolment, Services
from server.stills import retention
from server.stills.folder import StillFolder
from server.stills.lane import StillsLane
from server.trust import TRUSTED, TrustedClock
from server.turns import PACE, Turns
from server.wall.own import OwnHealth, own_certificates
from server.water.asking import Asked
from server.water.plan import load_waters
from server.writer import Writer, no_failpoint

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What `assembled` made: the services for the web, and what runs beside it."""

    services: Services
    link: BrokerLink
    lane: ReadingsLane
    stills: StillsLane


def now() -> datetime:
    return datetime.now(UTC)


def open_database(config: ServerConfig) -> Database:
    """Open and migrate the configured database."""
    database = connect(database_address(config))
    migrate(database, config.data / "backups")
    return database


def database_address(config: ServerConfig) -> str:
    """Return the configured address, from its private file where it lies there."""
    if config.database_file is None:
        return config.database or sqlite_address(config.data / "campus.db")
    try:
        return read_secret(config.database_file)
    except OSError as e:
        raise ServerError(f"database_file: {config.database_file}: cannot be read: {e.strerror}") from e


def assemble(
    config: ServerConfig,
    mqtt: MqttSection,
    hook: AlertHook,
    failpoint: Callable[[str], None] = no_failpoint,
    hearing: Hearing | None = None,
) -> Parts:
    """Make every part of a server; nothing runs yet."""
    hearing = hearing or Hearing(sites=config.sites or (EVERY_SITE,))
    folder = hearing.folder or config.data
    database = open_database(config)
    metrics = make_metrics()
    sites = frozenset(config.sites)
    presence = Presence(hook, config.presence.silent_fault_s, hearing.held)
    schools = load_schools(config.schools)
    clocks = Beats(agents_at_exits(schools))
    intake = Intake(
        presence,
        hook,
        heartbeat_hook=clocks.hear,
        drill_running=drill_running,
        sites=sites,
        aged=metrics.to_arrival.observe,
    )
    allowance = Allowance(config.limits)
    writer = Writer(database, intake, metrics, failpoint, Turns(refused=allowance.refused, pace=PACE))
    books = Books(Ledger(load_judgement(config.data), now), load_plan(config.data).duties)
    conductor = Conductor(database, writer.write, schools, books.open_hazard, books.fulfil_duty, books.void_duty)
    latest = Latest()
    series = make_series(config.history, folder, metrics, writes=hearing.keeps_history)
    lane = ReadingsLane(latest, series if hearing.keeps_history else Nowhere(), metrics, sites)
    asked = Asked()
    folder_of_stills = StillFolder(config.data / "stills", config.stills.keep_days)
    stills = StillsLane(folder_of_stills, database, writer.write, metrics, now)
    lanes = Lanes(
        lambda arrival: allowance.admits(arrival) and writer.offer(arrival),
        lambda arrival: allowance.admits(arrival) and lane.offer(arrival),
        asked.hear,
        lambda arrival: allowance.admits(arrival) and stills.offer(arrival),
        hearing.ours,
    )
    link = BrokerLink(mqtt, lanes, metrics, hearing.sites, hearing.client_id, hearing.extra)

    steady = steady_clock()

    def tick(_head: int) -> dict[str, object]:
        return {"chain": chain_of(presence, writer, link.age_s(), time.monotonic(), config.data)}

    def still_valid(hashes: Sequence[str]) -> Mapping[str, Reach | None]:
        with database.read.connect() as connection:
            persons = dict[str, Reach | None].fromkeys(sessions.standing(connection, hashes, steady()))
            return {**persons, **tokens.standing(connection, hashes, steady())}

    live = Live(database, metrics, tick, latest.take_changed, still_valid)
    writer.on_commit(live.wake)
    token = read_secret(config.metrics_token_file) if config.metrics_token_file else ""
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
        plan=replace(load_plan(config.data), names={site: school.name for site, school in schools.items()}),
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
        allowance=allowance,
        stills=folder_of_stills,
    )
    return Parts(services, link, lane, stills)


async def _listen_on(link: BrokerLink) -> None:
    while True:
        await asyncio.sleep(1.0)
        if not link.alive:
            raise ServerError("the way to the broker ended by a mistake in the program; see the log above")


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
            ledger = Ledger(load_judgement(config.data), now)
            client_id = f"ingest-0-{client_secret(config.data)}" if broker is not None else "ingest-0"
            hearing = Hearing(client_id, config.sites or (EVERY_SITE,))
            parts = assemble(config, mqtt, ledger.record_alert, failpoint, hearing)
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


CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2, as Mozilla's 'intermediate' has them; 1.3 has its own


def make_web(http: HttpSection, services: Services, rooms: Sequence[APIRouter]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(services, rooms),
            http=patient(http.connections_an_address),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=http.cert_file,
            ssl_keyfile=http.key_file,
            ssl_ciphers=CIPHERS,
            lifespan="off",
        )
    )


async def serve_web(
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


def _enrolment(config: ServerConfig) -> Enrolment:
    embedded = config.broker.type == "embedded"
    host, port = (config.broker.host, config.broker.port) if embedded else (config.mqtt.host, config.mqtt.port)
    anywhere = is_loopback(host) or host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return Enrolment(authority.load(config.data), "" if anywhere else host, port)


def _close(parts: Parts) -> None:
    parts.link.close()
    parts.lane.close()
    parts.stills.close()
    parts.services.writer.close()
    parts.services.database.close()


def bound(http: HttpSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle on and every answer of two writes waits 40 ms for the reader.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
    except OSError as e:
        listener.close()
        raise ServerError(
            f"pages: port {http.port} on {http.host} cannot be used: {e.strerror or e}:"
            " stop what uses it, or set another [http] port (demo: --port)"
        ) from e
    return listener
