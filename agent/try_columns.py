"""Columns of a recording as points: what `--point`, `--unit`, `--set` and `--lag` say about each."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.try_table import TableError
from agent.try_units import point_unit, scale_of, usual_unit
from config.points import PointSection
from contracts.vocabulary import SensorKind
from drivers.samples import Reading, Value

KINDS = frozenset(SensorKind) - {SensorKind.LINE, SensorKind.ZONE, SensorKind.CAMERA}
LOST_K = 5.0  # exactly 0 from further off is a sensor that dropped out


@dataclass(slots=True)
class Column:
    """One column: its heading, its kind, and how its cells become values."""

    name: str
    key: str  # an id made of the heading
    kind: SensorKind
    unit: str = ""
    told: bool = False  # the unit was given, not guessed by the heading
    rule: dict[str, object] = field(default_factory=dict[str, object])
    lag_s: float = 0.0
    _numbers: bool = False  # a column of 0 and 1 alone is a smoke detector's own bit
    _lagged: float | None = None
    _lagged_at: float = 0.0

    def point(self, known: PointSection | None) -> PointSection:
        """Return the point: this kind's defaults, or a known point's rule; then what `--set` says. One zone for all."""
        base = known.rule.model_dump(exclude_unset=True) if known is not None and known.kind is self.kind else {}
        distance = {"distance": True} if self.unit.endswith("-distance") else {}
        return PointSection.model_validate(
            {
                "id": self.key,
                "name": self.name,
                "kind": self.kind,
                "unit": point_unit(self.kind, self.unit) if known is None or self.told else known.unit,
                "zone": "try",
                "rule": {**base, **distance, **self.rule},
            }
        )

    def reading(self, cell: str, at: float, utc: float) -> Reading | None:
        """Return the reading of one cell, None for an empty one."""
        text = cell.strip()
        if not text:
            return None
        value = self._value(text)
        if isinstance(value, float) and self.lag_s > 0:
            value = self._lag(value, at)
        return Reading(self.key, value, at, utc)

    def _value(self, text: str) -> Value:
        if self.kind is SensorKind.PANEL:
            return text
        try:
            number = float(text)
        except ValueError:
            return text
        if self.kind is SensorKind.SMOKE and not self._numbers:
            if text in {"0", "1"} and self.unit in {"", "bit"}:
                return text == "1"
            self._numbers = True
        return scale_of(self.kind, self.unit)(number)

    def _lag(self, value: float, at: float) -> float:
        """First-order lag of a detector's element behind the gas; what is a lost wire and no gas passes by."""
        lost = value == 0.0 and self._lagged is not None and abs(self._lagged) > LOST_K
        if lost or not -100.0 < value < 1250.0:
            return value
        if self._lagged is None:
            self._lagged = value
        else:
            self._lagged += (value - self._lagged) * (1.0 - math.exp(-max(at - self._lagged_at, 0.0) / self.lag_s))
        self._lagged_at = at
        return self._lagged


def columns_of(point: Sequence[str], unit: Sequence[str], settings: Sequence[str], lag: Sequence[str]) -> list[Column]:
    """Make the columns of the options; raise TableError with one line for one that is wrong."""
    columns: dict[str, Column] = {}
    for text in point:
        name, kind = _split(text, "--point", "COLUMN=KIND")
        if kind not in KINDS:
            raise TableError(f"--point {text}: unknown kind {kind!r}: one of {', '.join(sorted(KINDS))}")
        if name in columns:
            raise TableError(f"--point {text}: column {name!r} is {columns[name].kind} already: give one kind a run")
        key = f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')[:34] or 'column'}-{len(columns)}"
        columns[name] = Column(name, key, SensorKind(kind), usual_unit(name, SensorKind(kind)))
    if not columns:
        raise TableError("--point: name at least one column, as COLUMN=KIND")
    for text in unit:
        _set_unit(columns, text)
    for text in settings:
        path, value = _split(text, "--set", "COLUMN.KEY=VALUE")
        name, dot, key = path.rpartition(".")
        if not dot:
            raise TableError(f"--set {text}: write COLUMN.KEY=VALUE")
        other = _named(columns, value, f"--set {text}:") if key == "second" else None
        _named(columns, name, "--set").rule[key] = other.key if other else _toml(value)
    for text in lag:
        name, value = _split(text, "--lag", "COLUMN=SECONDS")
        try:
            _named(columns, name, "--lag").lag_s = float(value)
        except ValueError:
            raise TableError(f"--lag {text}: {value!r} is no number of seconds") from None
    return list(columns.values())


def _set_unit(columns: dict[str, Column], text: str) -> None:
    """Take one `--unit`. A heading that promises a distance keeps it: `mm` alone does not turn it upside down."""
    name, unit = _split(text, "--unit", "COLUMN=UNIT")
    column = _named(columns, name, "--unit")
    if column.unit.endswith("-distance") and not unit.endswith("-distance"):
        unit += "-distance"
    try:
        scale_of(column.kind, unit)
    except ValueError as e:
        raise TableError(f"--unit {text}: {e}") from None
    column.unit, column.told = unit if column.kind is SensorKind.LEVEL else unit.lower(), True


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise TableError(f"{option} {text}: write {form}")
    return name, value


def _named(columns: dict[str, Column], name: str, option: str) -> Column:
    if name not in columns:
        raise TableError(f"{option} {name}: is no column of --point ({', '.join(columns)})")
    return columns[name]


def _toml(text: str) -> object:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
