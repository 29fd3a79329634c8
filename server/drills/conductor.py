"""Keep drills going: start what is due, follow what runs, finish what has ended. Everything from the database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, select

from config.school import SchoolConfig
from contracts.topics import Kind
from contracts.vocabulary import Clock
from server.alerts.alert import AlertHook
from server.alerts.alert import no_ledger as no_alert_ledger
from server.changes import announce
from server.database import Database
from server.drills import doors, outcome, store
from server.drills.beats import known_beats
from server.drills.clocks import Moment, Trust, align
from server.drills.engine import result
from server.drills.gather import gather, horizon
from server.drills.inputs import DrillKind, Signal, Start
from server.drills.results import Phase, Result, Verdict
from server.drills.triggers import signal_of
from server.drills.words import missed
from server.errors import RefusedError
from server.ingest.tables import durables

Written = TypeVar("Written")
_log = logging.getLogger(__name__)


class Write(Protocol):
    """The writer thread's `write`."""

    def __call__(self, work: Callable[[Connection], Written], timeout_s: float = 10.0) -> Written: ...


class OpenHazard(Protocol):
    """Opens a ledger entry, or joins the open one of the same cause; returns its number."""

    def __call__(self, connection: Connection, found: Flaw) -> int | None: ...


class FulfilDuty(Protocol):
    """Ticks the duty that a finished drill proves."""

    def __call__(self, connection: Connection, drill: store.Drill, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Flaw:
    """What a drill found wanting."""

    site: str
    cause: str
    description: str
    place: str
    by: str
    at: datetime


def no_ledger(connection: Connection, found: Flaw) -> int | None:  # noqa: ARG001
    """Stand in where no ledger is wired."""
    return None


def no_duties(connection: Connection, drill: store.Drill, now: datetime) -> None:
    """Stand in where no duties are wired."""


def no_void(connection: Connection, drill: store.Drill) -> None:
    """Stand in where no duties are wired."""


@dataclass(slots=True)
class Conductor:
    """One a server. `step` is called about twice a second, by one caller at a time."""

    database: Database
    write: Write
    schools: Mapping[str, SchoolConfig]
    open_hazard: OpenHazard = no_ledger
    fulfil_duty: FulfilDuty = no_duties
    void_duty: Callable[[Connection, store.Drill], None] = no_void
    alert_hook: AlertHook = no_alert_ledger
    _known: dict[str, Result] = field(default_factory=dict[str, Result])
    _looked: dict[str, int] = field(default_factory=dict[str, int])
    _settled_s: float = 0.0

    def step(self, now_s: float) -> None:
        """Look at every open drill once."""
        settled = now_s - self._settled_s >= 30.0
        if settled:
            self._settled_s = now_s
            self._close_doors(now_s)
        with self.database.read.connect() as connection:
            opened = store.open_drills(connection, now_s)
        for drill in opened:
            school = self.schools.get(drill.site)
            if school is None:
                continue
            self._start(drill, school, now_s)
            if drill.begun_s is None:
                continue
            if settled or (drill.phase in store.RUNNING and now_s - drill.begun_s < store.LONGEST_S):
                self._follow(drill, school, now_s)
        alive = {drill.id for drill in opened}
        for memory in (self._known, self._looked):
            for gone in set(memory) - alive:
                del memory[gone]

    def compute(self, connection: Connection, drill: store.Drill, now_s: float) -> Result:
        """The drill as it stands now."""
        school = self.schools.get(drill.site) or SchoolConfig(site=drill.site, name=drill.site)
        return result(gather(connection, drill, school), horizon(connection, drill, school, now_s))

    def _close_doors(self, now_s: float) -> None:
        """A door that is open still, long after its drill, is a real alarm from now on."""
        with self.database.read.connect() as connection:
            found = doors.left_open(connection, now_s)
        now = datetime.fromtimestamp(now_s, tz=UTC)
        for alert in found:
            self.write(lambda c, a=alert: doors.stand(c, a, now, self.alert_hook))

    def _start(self, drill: store.Drill, school: SchoolConfig, now_s: float) -> None:
        """Give the signals that the schedule, a relay, a panel or the length of the shelter phase call for."""
        if drill.phase not in (Phase.PLANNED, Phase.ALARM, Phase.SHELTER):
            return
        due = self._scheduled(drill, now_s)
        with self.database.read.connect() as connection:
            due += self._triggered(connection, drill, school, now_s)
        now = datetime.fromtimestamp(now_s, tz=UTC)
        for start in due:
            try:
                self.write(lambda c, s=start: store.say(c, store.get(c, drill.id), s, s.source, now))
            except RefusedError as e:
                _log.debug("drill %s: %s does not start it: %s", drill.id, start.source, e)

    def _scheduled(self, drill: store.Drill, now_s: float) -> list[Start]:
        due: list[Start] = []
        sheltering = drill.kind is DrillKind.EARTHQUAKE
        if drill.starts_itself and drill.planned_at is not None and drill.phase is Phase.PLANNED:
            at_s = drill.planned_at.timestamp()
            if at_s <= now_s < at_s + store.LONGEST_S:
                signal = Signal.SHELTER if sheltering else Signal.EVACUATE
                due.append(Start("schedule", signal, Moment(at_s, 0.0, Trust.MEASURED), "schedule"))
        shelter_s = drill.record.get("shelter_s")
        if drill.phase is Phase.SHELTER and shelter_s and drill.begun_s is not None:
            at_s = drill.begun_s + float(shelter_s)
            if at_s <= now_s:
                due.append(Start("shelter-over", Signal.EVACUATE, Moment(at_s, 0.0, Trust.MEASURED), "schedule"))
        return due

    def _triggered(self, connection: Connection, drill: store.Drill, school: SchoolConfig, now_s: float) -> list[Start]:
        if drill.armed_until is None or drill.armed_until.timestamp() < now_s or not school.trigger:
            return []
        after = self._looked.get(drill.id, drill.after_n)
        query = (
            select(durables)
            .where(durables.c.n > after, durables.c.site == drill.site, durables.c.kind == Kind.EVENTS.value)
            .order_by(durables.c.n)
        )
        beats = known_beats(connection, drill.site, now_s - 900, now_s)
        due: list[Start] = []
        for row in connection.execute(query):
            self._looked[drill.id] = row.n
            signal = signal_of(school, row.agent, row.place, row.body["kind"], active=bool(row.body["active"]))
            if signal is None:
                continue
            known = beats.get((row.agent, row.boot_id), ())
            wall_s, came_s = row.at.timestamp(), row.received_at.timestamp()
            when = align(row.mono_s, wall_s, came_s, synced=row.clock == Clock.SYNCED, beats=known)
            if when.at_s >= drill.created_at.timestamp():
                due.append(Start(f"event-{row.n}", signal, when, f"{row.agent}/{row.place}"))
        return due

    def _follow(self, drill: store.Drill, school: SchoolConfig, now_s: float) -> None:
        """Compute; where something changed, keep it and let the pages know."""
        with self.database.read.connect() as connection:
            drill = store.get(connection, drill.id)
            found = result(gather(connection, drill, school), horizon(connection, drill, school, now_s))
        if found == self._known.get(drill.id):
            return
        now = datetime.fromtimestamp(now_s, tz=UTC)
        self.write(lambda c: self._keep(c, drill.id, found, now))
        self._known[drill.id] = found

    def _keep(self, connection: Connection, drill_id: str, found: Result, now: datetime) -> None:
        drill = store.get(connection, drill_id)
        if drill.finished_at is None or found.phase in (Phase.FINISHED, Phase.VOID):
            store.set_phase(connection, drill, found, now)
        if found.phase is Phase.FINISHED:
            revision = outcome.keep_result(connection, drill.id, found, now)
            if revision == 1:
                _log.info("drill %s: finished, %s", drill.id, found.official)
                if found.official is not None:  # a drill nobody was timed in proves nothing
                    self.fulfil_duty(connection, drill, now)
            self._miss(connection, drill, found, now)
        if found.phase is Phase.VOID:
            self.void_duty(connection, drill)
        announce(connection, now, "drill", drill.site, {"id": drill.id, "phase": found.phase.value})

    def _miss(self, connection: Connection, drill: store.Drill, found: Result, now: datetime) -> None:
        """A missed target is a problem by itself, once."""
        for stage in found.stages:
            if stage.verdict is not Verdict.MISSED or stage.official is None:
                continue
            text = missed(drill, stage)
            problem = outcome.Problem(f"target-{stage.id}", now, "演练计时", text, drill.name, None)
            if any(p.id == problem.id for p in outcome.problems(connection, drill.id)):
                continue
            cause = f"drill/{drill.id}/{problem.id}"
            hazard = self.open_hazard(connection, Flaw(drill.site, cause, text, drill.name, problem.by, now))
            outcome.add_problem(
                connection, drill, outcome.Problem(problem.id, now, problem.by, text, drill.name, hazard), now
            )
