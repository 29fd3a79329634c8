"""The 周研判 of a school: undecided hazards judged in place, minutes kept, the week concluded when none is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from config.duties import Duties
from config.judgement import Judgement
from server.changes import announce
from server.duties.records import Deed, fulfil
from server.ledger import machine, store
from server.ledger.actions import act, clean
from server.ledger.entry import Entry, State, from_tuple
from server.ledger.guards import Actor, MissingError, RuleError
from server.ledger.sensors import Ledger
from server.ledger.tables import ENTRY, hazards, reviews

MOST = 500  # entries shown of each kind
FIELDS = (*machine.JUDGING, *machine.ORDER)
WRITTEN = {"host": "主持人", "present": "参加人", "minutes": "会议纪要"}
_EARLY = (State.FOUND.value, State.REGISTERED.value, State.JUDGED.value)


@dataclass(frozen=True, slots=True)
class Week:
    """One calendar week of a school, Monday to Sunday."""

    site: str
    first: date

    @property
    def key(self) -> str:
        """Its name, as the duty's slot has it: `2026-W19`."""
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02d}"

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is written of a week's meeting; version 0 where nothing is yet."""

    version: int = 0
    host: str = ""
    present: str = ""
    minutes: str = ""
    concluded_by: str = ""
    concluded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What the meeting of a week has before it, and what it decided."""

    week: Week
    meeting: Meeting
    undecided: tuple[Entry, ...]
    decided: tuple[Entry, ...]


def week_of(site: str, day: date) -> Week:
    """Return the week with this day."""
    return Week(site, day - timedelta(days=day.weekday()))


def lacking(entry: Entry, judgement: Judgement) -> tuple[str, ...]:
    """Return the columns of 三分 and 三明确 that an entry still lacks."""
    wanted = (*judgement.three_parts, *judgement.three_clear)
    if judgement.major(entry.grade):
        wanted += judgement.major_needs
    return tuple(field.field for field in wanted if getattr(entry, field.field) in ("", None))


def meeting_of(connection: Connection, week: Week) -> Meeting:
    """Return what is written of a week."""
    row = connection.execute(select(reviews).where(*_same(week))).one_or_none()
    if row is None:
        return Meeting()
    return Meeting(row.version, row.host, row.present, row.minutes, row.concluded_by, row.concluded_at)


def review(connection: Connection, judgement: Judgement, week: Week) -> Review:
    """Return the week's hazards: those without a decision, found by its end, and those decided in it."""
    zone = judgement.timers.zone
    begin, end = (datetime.combine(day, datetime.min.time(), zone) for day in (week.first, week.last + timedelta(1)))
    c = hazards.c
    early = select(*ENTRY).where(c.site == week.site, c.state.in_(_EARLY), c.found_at < end)
    waiting = [from_tuple(row) for row in connection.execute(early.order_by(c.found_at, c.id).limit(MOST))]
    # Asked by when it was found: nothing older than the register's year is judged for the first time.
    judged = select(*ENTRY).where(c.site == week.site, c.found_at >= begin - timedelta(days=366), c.found_at < end)
    judged = judged.where(c.judged_at >= begin, c.judged_at < end).order_by(c.judged_at, c.id)
    done = [from_tuple(row) for row in connection.execute(judged.limit(MOST))]
    return Review(
        week,
        meeting_of(connection, week),
        tuple(entry for entry in waiting if lacking(entry, judgement)),
        tuple(entry for entry in done if not lacking(entry, judgement)),
    )


def decide(
    connection: Connection, ledger: Ledger, seen: tuple[int, int], fields: Mapping[str, Any], actor: Actor
) -> Entry:
    """Judge one hazard whole, registering it first where that was not done: all of 三分 and 三明确, or nothing."""
    hazard, version = seen
    with connection.begin_nested():
        entry = store.get(connection, hazard, lock=True)
        if entry.state is State.FOUND:
            finding = {name: value for name, value in fields.items() if name in machine.FINDING}
            version = act(connection, ledger, (hazard, version), "register", finding, actor).version
        given = {name: value for name, value in fields.items() if name in FIELDS}
        judged = act(connection, ledger, (hazard, version), "judge", given, actor)
        if missing := lacking(judged, ledger.judgement):
            labels = {field.field: field.zh for field in _all_labels(ledger.judgement)}
            raise MissingError(f"{judged.number}：还缺 {'、'.join(labels[name] for name in missing)}", missing)
    return judged


def keep(
    connection: Connection, week: Week, written: Mapping[str, str], version: int, by: str, now: datetime
) -> Meeting:
    """Keep what is written of the meeting; the second of two writers is told, nothing is overwritten."""
    before = meeting_of(connection, week)
    if before.concluded_at is not None:
        raise RuleError(f"{week.key}：这一周的研判已经结束，纪要不再修改")
    if before.version != version:
        raise store.StaleEditError(f"{week.key}：别人刚刚修改过纪要，请刷新后重做（没有覆盖任何内容）")
    values = {name: _said(name, written.get(name, "")) for name in WRITTEN} | {"by": by, "at": now}
    if version:
        connection.execute(update(reviews).where(*_same(week)).values(**values, version=version + 1))
    else:
        connection.execute(insert(reviews).values(site=week.site, week=week.key, version=1, **values))
    announce(connection, now, "review", week.site, {"week": week.key, "version": version + 1})
    return meeting_of(connection, week)


def conclude(connection: Connection, ledger: Ledger, duties: Duties, week: Week, version: int, actor: Actor) -> Meeting:
    """End the week's 周研判: nothing may be left undecided, and the minutes must say something. It ticks the duty."""
    now = ledger.clock()
    zone = ledger.judgement.timers.zone
    if week.first > now.astimezone(zone).date():
        raise RuleError(f"{week.key}：这一周还没有开始")
    seen = review(connection, ledger.judgement, week)
    if seen.undecided:
        raise RuleError(f"{week.key}：还有 {len(seen.undecided)} 条隐患没有研判，不能结束")
    missing = tuple(name for name in WRITTEN if not getattr(seen.meeting, name).strip())
    if missing:
        raise MissingError(f"{week.key}：还缺 {'、'.join(WRITTEN[name] for name in missing)}", missing)
    if seen.meeting.concluded_at is not None or seen.meeting.version != version:
        raise store.StaleEditError(f"{week.key}：别人刚刚修改或结束了这一周，请刷新")
    told = {"concluded_by": actor.name, "concluded_at": now, "version": version + 1}
    connection.execute(update(reviews).where(*_same(week)).values(told))
    # A meeting held after its week still belongs to that week; that it was late, its notice keeps.
    at = min(now, datetime.combine(week.last + timedelta(days=1), datetime.min.time(), zone) - timedelta(seconds=1))
    evidence = {"会议纪要": seen.meeting.minutes, "本周隐患汇总": f"研判 {len(seen.decided)} 条，无遗留"}
    deed = Deed(week.site, actor.name, at, evidence=evidence, ref=f"week/{week.site}/{week.key}")
    fulfil(connection, duties, "week-judged", deed)
    announce(connection, now, "review", week.site, {"week": week.key, "version": version + 1})
    return meeting_of(connection, week)


def _same(week: Week) -> tuple[Any, ...]:
    return (reviews.c.site == week.site, reviews.c.week == week.key)


def _said(name: str, value: str) -> str:
    try:
        return clean(name, value.strip())
    except MissingError as e:
        raise MissingError(str(e).replace(name, WRITTEN[name]), (name,)) from e


def _all_labels(judgement: Judgement) -> tuple[Any, ...]:
    return (*judgement.three_parts, *judgement.three_clear, *judgement.major_needs)
