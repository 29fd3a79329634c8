"""What a drill is computed from: the plan, what people said, and who crossed. All frozen, order-free.

Times are seconds since 1970 on the server's clock; every input carries an id, so that a repeat is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.drills.clocks import Moment


class DrillKind(StrEnum):
    """What is rehearsed. An earthquake drill shelters before it evacuates."""

    FIRE = "fire"
    EARTHQUAKE = "earthquake"
    BUS = "bus"
    INTRUDER = "intruder"


class Signal(StrEnum):
    """What a start signal begins."""

    ALARM = "alarm"  # the siren; the official clock does not run yet
    SHELTER = "shelter"  # under the desks
    EVACUATE = "evacuate"  # t0: the official clock starts


@dataclass(frozen=True, slots=True)
class Start:
    """A signal sounded."""

    id: str
    signal: Signal
    when: Moment
    source: str = ""  # who or what: a person, 'schedule', 'api', 'agent/point'


@dataclass(frozen=True, slots=True)
class Arrived:
    """A class stands at its assembly place."""

    id: str
    class_id: str
    when: Moment


@dataclass(frozen=True, slots=True)
class Reported:
    """A class's head count; a later one of the same class corrects it."""

    id: str
    class_id: str
    when: Moment
    expected: int  # 应到
    present: int  # 实到
    excused: int  # 免演
    by: str = ""

    @property
    def missing(self) -> int:
        """缺: neither present nor excused."""
        return self.expected - self.present - self.excused


@dataclass(frozen=True, slots=True)
class Ended:
    """The leader ended the drill by hand."""

    id: str
    when: Moment
    by: str = ""


@dataclass(frozen=True, slots=True)
class Voided:
    """The drill does not count, and why."""

    id: str
    when: Moment
    by: str = ""
    reason: str = ""


Act = Start | Arrived | Reported | Ended | Voided


@dataclass(frozen=True, slots=True)
class Passage:
    """People passed an exit. `low` and `high` bound the number honestly."""

    id: str
    exit_id: str
    when: Moment
    count: int
    low: float
    high: float
    back: bool = False  # re-entered the building


@dataclass(frozen=True, slots=True)
class PlannedClass:
    """A class as the school's list has it."""

    id: str
    name: str
    stage_id: str
    size: int


@dataclass(frozen=True, slots=True)
class PlannedExit:
    """An exit that takes part."""

    id: str
    name: str
    width_m: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage with its target, None where the rule gives none."""

    id: str
    name: str
    target_s: float | None
    why: str = ""  # where the target comes from, in people's words


@dataclass(frozen=True, slots=True)
class Plan:
    """Who and what takes part, as it stood when the drill was planned."""

    kind: DrillKind
    classes: tuple[PlannedClass, ...] = ()
    exits: tuple[PlannedExit, ...] = ()
    stages: tuple[PlannedStage, ...] = ()
    people: int | None = None  # expected where no class list is kept
    quiet_s: float = 20.0
    straggler_s: float = 600.0  # who leaves later than this after the end goes about other business


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far we see: `now`, and until when every crossing of the exits has surely arrived."""

    now_s: float
    complete_until_s: float


@dataclass(frozen=True, slots=True)
class Inputs:
    """All of one drill."""

    plan: Plan
    acts: tuple[Act, ...] = ()
    passages: tuple[Passage, ...] = ()
