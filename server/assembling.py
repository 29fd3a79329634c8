"""One server put together from its configuration; nothing runs yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from config.agent import MqttSection
from config.hosts import is_loopback
from config.secrets import read_secret
from config.server import ServerConfig
from server.accounts import sessions, tokens
from server.accounts.reach import Reach
from server.alerts.alert import AlertHook
from server.chain import chain_of
from server.drills.beats import Beats
from server.drills.conductor import Conductor
from server.drills.wiring import Books, agents_at_exits, drill_running, load_schools
from server.duties.plan import load_plan
from server.enrol import authority
from server.history.lane import ReadingsLane
from server.history.latest import Latest
from server.history.stores import Nowhere, make_series
from server.ingest.allowance import Allowance
from server.ingest.broker_link import EVERY_SITE, BrokerLink, Lanes
from server.ingest.hearing import Hearing
from server.ingest.intake import Intake
from server.ledger.judgement import load_judgement
from server.ledger.sensors import Ledger
from server.live import Live
from server.metrics import make_metrics
from server.moments import now, steady_clock
from server.opening import open_database
from server.presence.presence import Presence
from server.services import Enrolment, Services
from server.stills.folder import StillFolder
from server.stills.lane import StillsLane
from server.turns import PACE, Turns
from server.water.asking import Asked
from server.water.plan import load_waters
from server.writer import Writer, no_failpoint


@dataclass(frozen=True, slots=True)
class Parts:
    """What `assemble` made: the services for the web, and what runs beside it."""

    services: Services
    link: BrokerLink
    lane: ReadingsLane
    stills: StillsLane


def assemble(
    config: ServerConfig,
    mqtt: MqttSection,
    hook: AlertHook | None = None,
    failpoint: Callable[[str], None] = no_failpoint,
    hearing: Hearing | None = None,
) -> Parts:
    """Make every part of a server; nothing runs yet. Without a hook of its own an alert goes into the ledger."""
    ledger, plan = Ledger(load_judgement(config.data), now), load_plan(config.data)
    hook = hook or ledger.record_alert
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
    books = Books(ledger, plan.duties)
    conductor = Conductor(database, writer.write, schools, books.open_hazard, books.fulfil_duty, books.void_duty, hook)
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
    link = BrokerLink(mqtt, lanes, metrics, hearing.sites, hearing.client_id, hearing.common)

    steady = steady_clock()

    def tick(_head: int) -> dict[str, object]:
        return {"chain": chain_of(presence, writer, link.age_s(), len(link.unheard()), time.monotonic(), config.data)}

    def still_valid(hashes: Sequence[str]) -> Mapping[str, Reach | None]:
        with database.read.connect() as connection:
            persons = dict[str, Reach | None].fromkeys(sessions.standing(connection, hashes, steady()))
            return {**persons, **tokens.standing(connection, hashes, steady())}

    live = Live(database, metrics, tick, latest.take_changed, still_valid)
    writer.on_commit(presence.publish_told)  # before pages hear of it, so that what they ask for then is so too
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
        ledger=ledger,
        plan=replace(plan, names={site: school.name for site, school in schools.items()}),
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


def _enrolment(config: ServerConfig) -> Enrolment:
    embedded = config.broker.type == "embedded"
    host, port = (config.broker.host, config.broker.port) if embedded else (config.mqtt.host, config.mqtt.port)
    anywhere = is_loopback(host) or host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return Enrolment(authority.load(config.data), "" if anywhere else host, port)
