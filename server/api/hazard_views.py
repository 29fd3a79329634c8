"""What the API shows of the ledger: codes for programs, words beside them for people."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from config.judgement import Judgement
from server.ledger.ahead import Ahead, label
from server.ledger.entry import STATE_NAMES, Entry
from server.ledger.guards import COLUMN_NAMES
from server.ledger.machine import TRANSITIONS
from server.ledger.packs import Pack, lacking
from server.moments import Moment

_ACTIONS: dict[str, str] = {
    **{t.action: t.zh for t in TRANSITIONS},
    "open": "发现", "join": "再次上报", "merged": "并入他条", "evidence": "取证",
    "overdue": "逾期", "notice": "提醒", "carry": "结转",
    "alert-raised": "再次报警", "alert-repeated": "再次报警", "alert-lasted": "故障持续", "alert-cleared": "报警解除",
    "alert-acked": "已知晓", "alert-normal": "恢复正常", "alert-reset": "复位", "alert-shelved": "搁置",
    "alert-unshelved": "恢复显示", "alert-commented": "备注", "alert-named": "补名称",
}  # fmt: skip


class HazardView(BaseModel):
    """One entry, column by column."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    number: str
    site: str
    register_year: int
    source: str
    source_text: str
    title: str
    found_at: Moment
    found_by: str
    place: str
    grid: str
    description: str
    category: str
    category_text: str
    basis: str
    grade: str
    grade_text: str
    layer: str
    term: str
    clause: str
    interim: str
    judged_by: str
    judged_at: Moment | None
    responsible_unit: str
    responsible: str
    measures: str
    deadline: Moment | None
    funds: str
    plan: str
    rectified_at: Moment | None
    rectified_by: str
    result: str
    verified_by: str
    verified_at: Moment | None
    conclusion: str
    closed_by: str
    closed_at: Moment | None
    state: str
    state_text: str
    open: bool
    version: int
    due_at: Moment | None
    extensions: int
    supervision: str
    recurrence: int
    recurs_of: int | None
    merged_into: int | None
    false_cause: str
    reason: str
    count: int
    last_at: Moment
    agent: str
    point: str
    simulated: bool

    @classmethod
    def of(cls, entry: Entry, judgement: Judgement) -> HazardView:
        """Show an entry."""
        words = {
            f"{name}_text": judgement.words(name).get(getattr(entry, name), getattr(entry, name))
            for name in ("source", "category", "grade")
        }
        shown = {name: getattr(entry, name) for name in cls.model_fields if hasattr(entry, name)}
        said = {"register_year": entry.register, "title": entry.description, "state_text": STATE_NAMES[entry.state]}
        return cls.model_validate({**shown, **words, **said})


class ListView(BaseModel):
    """A page of entries; `next` asks for the one after it."""

    items: list[HazardView]
    next: str | None


class StepView(BaseModel):
    """One step ahead: `missing` are columns it still wants, `refused` says why this person may not take it."""

    action: str
    text: str
    fields: list[str]
    missing: list[str] = []
    missing_text: list[str] = []
    refused: str = ""
    roles: list[str] = []

    @classmethod
    def of(cls, step: Ahead, judgement: Judgement) -> StepView:
        """Show a step."""
        transition = step.transition
        return cls(
            action=transition.action, text=transition.zh, fields=list(transition.fields), missing=list(step.missing),
            missing_text=[label(field, judgement) for field in step.missing], refused=step.refused,
            roles=sorted(transition.roles),
        )  # fmt: skip


class StoryView(HazardView):
    """One entry with all that happened to it, and what this person may do next; `main` comes next, whoever may."""

    story: list[dict[str, Any]]
    next: list[StepView]
    main: StepView | None
    lacking: list[str]
    alerts: list[dict[str, Any]]
    cameras: list[dict[str, Any]]
    still_days: int = Field(default=0, description="how long the stills of its alerts are kept")


class WordsView(BaseModel):
    """What a form may offer: options of each column, labels, who may be made responsible."""

    options: dict[str, list[dict[str, str]]]
    labels: dict[str, str]
    three_parts: list[str]
    three_clear: list[str]
    major_needs: list[str]
    majors: list[str]
    people: list[str]
    sites: list[dict[str, str]]

    @classmethod
    def of(cls, judgement: Judgement, people: list[str], sites: list[dict[str, str]]) -> WordsView:
        """Show the dictionary."""
        columns = ("grade", "layer", "term", "category", "source", "false_cause", "clause", "supervision")
        options = {name: [{"id": i, "zh": zh} for i, zh in judgement.words(name).items()] for name in columns}
        options["state"] = [{"id": state.value, "zh": zh} for state, zh in STATE_NAMES.items()]
        return cls(
            options=options, labels={name: label(name, judgement) for name in COLUMN_NAMES},
            three_parts=[f.field for f in judgement.three_parts], three_clear=[f.field for f in judgement.three_clear],
            major_needs=[f.field for f in judgement.major_needs], majors=[g.id for g in judgement.grades if g.major],
            people=people, sites=sites,
        )  # fmt: skip


class ClosingView(BaseModel):
    """What `verify` found."""

    whole: bool
    rows: int
    broken: str


class PackView(BaseModel):
    """The papers of one meeting."""

    title: str
    first: date
    last: date
    found: list[HazardView]
    unjudged: list[dict[str, Any]]
    major: list[HazardView]
    overdue: list[HazardView]
    common: list[tuple[str, int]]
    states: dict[str, int]
    totals: dict[str, int]
    minutes: str = Field(default="", description="of the 周研判 of one school")
    decided: list[HazardView] = []

    @classmethod
    def of(cls, pack: Pack, judgement: Judgement) -> PackView:
        """Show a pack."""
        views = {
            name: [HazardView.of(e, judgement) for e in getattr(pack, name)]
            for name in ("found", "major", "overdue", "decided")
        }
        unjudged = [
            {"id": e.id, "number": e.number, "title": e.description, "lacking": list(lacking(e, judgement))}
            for e in pack.unjudged
        ]
        return cls(
            title=pack.title, first=pack.first, last=pack.last, found=views["found"], unjudged=unjudged,
            major=views["major"], overdue=views["overdue"], common=list(pack.common), states=pack.states,
            totals=pack.totals, minutes=pack.meeting.minutes if pack.meeting else "", decided=views["decided"],
        )  # fmt: skip


class Step(BaseModel):
    """What a person fills in for one step. Only the fields of that step may be sent."""

    model_config = ConfigDict(extra="forbid")

    version: int
    into: str | None = None  # the number of the entry to merge into
    place: str = ""
    grid: str = ""
    description: str = ""
    category: str = ""
    basis: str = ""
    grade: str = ""
    layer: str = ""
    term: str = ""
    clause: str = ""
    interim: str = ""
    responsible_unit: str = ""
    responsible: str = ""
    measures: str = ""
    deadline: Moment | None = None
    funds: str = ""
    plan: str = ""
    result: str = ""
    conclusion: str = ""
    reason: str = ""
    supervision: str = ""
    false_cause: str = ""


_SHOWN = Step.model_fields.keys() - {"version", "into"}


def told(row: dict[str, Any], judgement: Judgement) -> dict[str, Any]:
    """Say one row of the journal in people's words."""
    words: str = _ACTIONS.get(row["action"], "") or row["action"]
    states = {state.value: zh for state, zh in STATE_NAMES.items()}
    if row["from"] and row["from"] != row["to"]:
        words += f"（{states.get(row['from'], row['from'])} → {states.get(row['to'], row['to'])}）"
    given = {name: value for name, value in row["body"].get("set", {}).items() if name in _SHOWN and value}
    if "deadline" in given:
        zone = timezone(timedelta(hours=judgement.timers.utc_offset_hours))
        given["deadline"] = f"{datetime.fromisoformat(given['deadline']).astimezone(zone):%Y-%m-%d %H:%M}"
    shown = [str(judgement.words(name).get(str(value), value)) for name, value in given.items()]
    if still := row["body"].get("evidence", {}).get("still"):
        words += f"（另有 {still['camera']} 的打码画面，到期删除，SHA-256 {still['sha256'][:16]}…）"
    if row["action"] != "open" and shown:
        words += "：" + "，".join(shown)
    return {**row, "text": words}
