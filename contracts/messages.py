"""Every message on the wire, one frozen pydantic model each, JSON in UTF-8."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.topics import ID_PATTERN
from contracts.vocabulary import Clock, Direction, Severity

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(max_length=200)]
Value = float | bool | str | None


class Message(BaseModel):
    """Frozen; unknown fields are ignored, for a newer sender may know more."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class Stamp(Message):
    """When, by the sender's clocks. Durations use `mono_s` within one `boot_id`, never `at`."""

    at: datetime  # UTC, by the sender's wall clock
    boot_id: str = Field(max_length=64)
    mono_s: float  # seconds since that boot
    clock: Clock = Clock.UNSYNCED


class Limit(Message):
    """A value at which the agent raises an alarm at a point, in the point's unit; pages draw it."""

    name: str = Field(max_length=20)  # the rule's own word: high, low, critical, …
    value: float
    severity: str = Field(default="warning", max_length=20)


class Point(Message):
    """One point as its agent was told to watch it."""

    id: Id
    name: Name
    kind: str = Field(max_length=40)  # a SensorKind, or a newer one
    unit: str = Field(default="", max_length=20)
    place: Name = ""
    grid: Name = ""
    zone: Name = ""
    auxiliary: bool = False  # 辅助: reports too rarely to count as fire-grade
    silence_s: float | None = None  # no good value for this long is a fault
    limits: tuple[Limit, ...] = Field(default=(), max_length=8)


class Line(Message):
    """A counting line across an exit in a camera's picture."""

    id: Id
    name: Name
    place: Name = ""
    exit: Name = ""  # which exit it stands for
    out: Direction | None = None  # which direction of motion leads out of the building
    width_m: float | None = None
    camera: str = Field(default="", max_length=40)  # whose picture it lies in


class Zone(Message):
    """A watched zone in a camera's picture."""

    id: Id
    name: Name
    place: Name = ""
    kind: str = Field(default="water-person", max_length=40)
    camera: str = Field(default="", max_length=40)  # whose picture it lies in


class Birth(Message):
    """Retained: all that an agent watches, in people's words."""

    name: Name
    stamp: Stamp
    session: int = 0  # grows with every connection within one boot
    version: str = ""
    epoch: str = ""
    simulated: bool = False
    points: tuple[Point, ...] = ()
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()


class State(Message):
    """Retained, and the last will (`offline`). A will of an older session never overwrites a newer birth."""

    status: Literal["online", "stopping", "offline"]
    boot_id: str = Field(max_length=64)
    session: int = 0
    booted_at: datetime | None = None  # wall clock of that boot, to tell an older boot from a newer one


class Reading(Message):
    """One value of one point."""

    point: Id
    value: Value
    at: datetime
    mono_s: float = 0.0
    low: float | None = None  # where the value is an estimate: its bounds, and how far it can be believed, 0..1
    high: float | None = None
    quality: float | None = None


class Readings(Message):
    """A batch from the memory lane. `dropped` counts readings thinned away since the agent started."""

    boot_id: str = Field(max_length=64)
    clock: Clock = Clock.UNSYNCED
    dropped: int = 0
    readings: tuple[Reading, ...]


class Durable(Message):
    """What every message of the durable lane carries: who, which, when."""

    id: str = Field(min_length=8, max_length=64)  # UUIDv7, or a uuid5 of its cause so that a replay agrees
    epoch: str = Field(min_length=8, max_length=64)  # UUIDv7 made with the outbox file
    seq: int = Field(ge=1)  # gapless within the epoch
    stamp: Stamp


class Event(Durable):
    """A hazard (or a fault) began or ended at a point."""

    point: Id
    kind: str = Field(max_length=40)  # a Hazard, or a newer one
    active: bool
    severity: Severity
    reason: str = Field(default="", max_length=80)  # machine word: 'fixed-limit', 'rate-of-rise', 'range', …
    value: Value = None
    unit: str = Field(default="", max_length=20)
    detail: dict[str, Value] = {}


class Crossing(Durable):
    """People crossed a line. `count` is usually 1; `low` and `high` bound it honestly."""

    line: Id
    direction: Direction
    count: int = Field(default=1, ge=1)
    low: float | None = None
    high: float | None = None
    quality: float = Field(default=1.0, ge=0, le=1)


class WorkerHealth(Message):
    """One worker thread or camera process of an agent."""

    name: str = Field(max_length=80)
    state: Literal["running", "waiting", "failed"]
    beat_age_s: float
    reason: str = Field(default="", max_length=300)


class Heartbeat(Message):
    """Every few seconds; the server answers with the same `n` in a receipt."""

    n: int
    stamp: Stamp
    session: int = 0
    epoch: str
    last_seq: int = 0
    depth: int = 0  # durable entries without a receipt
    oldest_unacked_s: float = 0.0
    uptime_s: float = 0.0
    answer_age_s: float | None = None  # since the last answer came
    answered: int | None = None  # the `n` which that answer was for: bounds the agent's clock from below
    dropped_readings: int = 0
    dropped_entries: int = 0  # events and crossings that found no room any more, since the start
    dropped_stills: int = 0  # stills of alarms that could not go, since the start
    disk_free_mb: float | None = None
    workers: tuple[WorkerHealth, ...] = ()
    point_ages_s: dict[str, float] = {}  # since each point's last good value


class Rejection(Message):
    """An entry the server will never take: it is quarantined there, and leaves the outbox."""

    seq: int
    reason: str = Field(max_length=300)


class Receipt(Message):
    """Committed to the ledger: only this removes entries from an outbox."""

    epoch: str = ""
    seqs: tuple[int, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    heartbeat: int | None = None  # answers the heartbeat with this `n`
    server_time: datetime | None = None


class Resend(Message):
    """Send these entries again: the server's hole detector misses them."""

    name: Literal["resend"] = "resend"
    epoch: str
    first: int
    last: int


class Reset(Message):
    """A person resets a latched alarm."""

    name: Literal["reset"] = "reset"
    point: Id
    by: Name = ""


class Drawn(Message):
    """A line or zone that a person drew and no file names; its corners are in `lines` or `zones`, by its id."""

    id: str = Field(pattern=ID_PATTERN, max_length=37)
    name: str = Field(min_length=1, max_length=60)
    kind: Literal["line", "zone"]
    exit: Name = ""  # lines: which exit it stands for
    out: Direction | None = None  # lines: which direction of motion leads out
    dwell_s: float = Field(default=0.0, ge=0, le=3600)  # zones: who stays longer raises the severity


class Configure(Message):
    """New lines and zones of a camera, drawn by a person; rolled back if not confirmed."""

    name: Literal["configure"] = "configure"
    id: str
    camera: Id
    lines: dict[str, tuple[float, float, float, float]] = {}
    zones: dict[str, tuple[float, ...]] = {}
    drawn: tuple[Drawn, ...] | None = Field(default=None, max_length=40)  # all of them; null: as they are


class Still(Message):
    """One picture of a camera for a person who draws on it: answered once, stored nowhere."""

    name: Literal["still"] = "still"
    id: str = Field(max_length=64)
    camera: Id


class AlarmStill(Message):
    """What a camera saw when an alarm began, in averaged cells so coarse that nobody can be known.

    Only where a school turned it on. Sent once, after the receipt of its event; dropped where that takes long.
    """

    event: str = Field(min_length=8, max_length=64)  # the `id` of the event it belongs to
    camera: Id
    at: datetime
    width: int = Field(gt=0, le=1280)
    height: int = Field(gt=0, le=1280)
    image: str = Field(max_length=80_000)  # JPEG in base64, at most 60 kB before that


Command = Annotated[Resend | Reset | Configure | Still, Field(discriminator="name")]


class CommandMessage(Message):
    """What the server asks of one agent."""

    command: Command


class Answer(Message):
    """What came of a command with this `id`. Coordinates are pixels of the camera's own picture."""

    id: str = Field(max_length=64)
    ok: bool
    reason: str = Field(default="", max_length=300)
    image: str = Field(default="", max_length=280_000)  # JPEG in base64, at most 200 kB before that
    width: int = 0
    height: int = 0
    lines: dict[str, tuple[float, float, float, float]] = {}
    zones: dict[str, tuple[float, ...]] = {}
    drawn: tuple[Drawn, ...] = ()
