"""What the API shows of the ledger: codes for programs, words beside them for people."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from config.judgement import Judgement
from server.ledger.entry import STATE_NAMES, Entry
from server.moments import Moment


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


class ClosingView(BaseModel):
    """What `verify` found."""

    whole: bool
    rows: int
    broken: str


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
