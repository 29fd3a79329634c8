"""Columns of a recording as points: what `--point`, `--unit`, `--set` and `--lag` say about each."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config.points import PointSection
from contracts.vocabulary import SensorKind
from drivers.samples import Reading, Value

WORDS = {"true": True, "false": False, "on": True, "off": False, "open": True, "closed": False}
SCALES: dict[str, tuple[float, float]] = {  # unit -> (factor, offset) to the kind's own unit
    "f": (5.0 / 9.0, -160.0 / 9.0),
    "degf": (5.0 / 9.0, -160.0 / 9.0),
    "k": (1.0, -273.15),
    "%vol": (10_000.0, 0.0),  # CO
    "ratio": (100.0, 0.0),
}
AS_IS = frozenset({"", "c", "degc", "°c", "ppm", "%lel", "db/m", "m", "cm", "mm", "ma", "a", "bit", "%"})
KINDS = frozenset(SensorKind) - {SensorKind.LINE, SensorKind.ZONE, SensorKind.CAMERA}
Clock = Callable[[str, int], float]


class ColumnError(ValueError):
    """A recording or an option that cannot be used; one line."""


@dataclass(slots=True)
class Column:
    """One column: its heading, its kind, and how its cells become values."""

    name: str
    key: str  # an id made of the heading
    kind: SensorKind
    unit: str = ""
    rule: dict[str, object] = field(default_factory=dict[str, object])
    lag_s: float = 0.0
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
                "unit": self.unit.removesuffix("-distance"),
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
        word = WORDS.get(text.lower())
        if word is not None:
            return word
        if self.kind is SensorKind.SMOKE and text in ("0", "1"):
            return text == "1"
        try:
            number = float(text)
        except ValueError:
            return text
        factor, offset = SCALES.get(self.unit.lower(), (1.0, 0.0))
        return number * factor + offset

    def _lag(self, value: float, at: float) -> float:
        """First-order lag of a detector's element behind the gas; values no gas can have pass by untouched."""
        if not -100.0 < value < 1250.0:
            return value
        if self._lagged is None:
            self._lagged = value
        else:
            self._lagged += (value - self._lagged) * (1.0 - math.exp(-max(at - self._lagged_at, 0.0) / self.lag_s))
        self._lagged_at = at
        return self._lagged


def columns_of(point: Sequence[str], unit: Sequence[str], settings: Sequence[str], lag: Sequence[str]) -> list[Column]:
    """Make the columns of the options; raise ColumnError with one line for one that is wrong."""
    columns: dict[str, Column] = {}
    for text in point:
        name, kind = _split(text, "--point", "COLUMN=KIND")
        if kind not in KINDS:
            raise ColumnError(f"--point {text}: unknown kind {kind!r}: one of {', '.join(sorted(KINDS))}")
        key = f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')[:34] or 'column'}-{len(columns)}"
        columns[name] = Column(name, key, SensorKind(kind), _usual_unit(name, SensorKind(kind)))
    if not columns:
        raise ColumnError("--point: name at least one column, as COLUMN=KIND")
    for text in unit:
        name, value = _split(text, "--unit", "COLUMN=UNIT")
        if value.lower().removesuffix("-distance") not in AS_IS | set(SCALES):
            known = ", ".join(sorted((AS_IS | set(SCALES)) - {""}))
            raise ColumnError(f"--unit {text}: unknown unit {value!r}: one of {known}, or mm-distance")
        _named(columns, name, "--unit").unit = value
    for text in settings:
        path, value = _split(text, "--set", "COLUMN.KEY=VALUE")
        name, dot, key = path.rpartition(".")
        if not dot:
            raise ColumnError(f"--set {text}: write COLUMN.KEY=VALUE")
        other = _named(columns, value, f"--set {text}:") if key == "second" else None
        _named(columns, name, "--set").rule[key] = other.key if other else _toml(value)
    for text in lag:
        name, value = _split(text, "--lag", "COLUMN=SECONDS")
        try:
            _named(columns, name, "--lag").lag_s = float(value)
        except ValueError:
            raise ColumnError(f"--lag {text}: {value!r} is no number of seconds") from None
    return list(columns.values())


def clock_of(path: Path, column: str, first: str) -> Clock:
    """Tell how a time column counts by its first cell: seconds, seconds or milliseconds since 1970, or ISO 8601."""

    def seconds(text: str, line: int) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise ColumnError(f"{path}: line {line}: {text!r} in column {column!r} is no time")
        return found

    def milliseconds(text: str, line: int) -> float:
        return seconds(text, line) / 1000.0

    def stamp(text: str, line: int) -> float:
        try:
            # nanoseconds are more than datetime reads
            moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", _padded(text.strip())))
        except ValueError:
            raise ColumnError(
                f"{path}: line {line}: {text!r} in column {column!r} is no time: "
                "seconds, seconds since 1970, or ISO 8601 such as 2026-11-23T14:02:00Z"
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    try:
        value = float(first)
    except ValueError:
        return stamp
    return milliseconds if abs(value) > 1e11 else seconds


def _padded(text: str) -> str:
    fraction = re.search(r"\.(\d{1,5})(?!\d)", text)
    return text if fraction is None else text.replace(fraction[0], f".{fraction[1]:0<6}")


def _usual_unit(name: str, kind: SensorKind) -> str:
    """Guess what a heading promises: `..._mm` is mm, a `distance` to water is one."""
    if kind is not SensorKind.WATER_LEVEL:
        return ""
    unit = next((unit for unit in ("mm", "cm") if re.search(rf"(^|[^a-z]){unit}($|[^a-z])", name.lower())), "m")
    return f"{unit}-distance" if "distance" in name.lower() or "sonar" in name.lower() else unit


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise ColumnError(f"{option} {text}: write {form}")
    return name, value


def _named(columns: dict[str, Column], name: str, option: str) -> Column:
    if name not in columns:
        raise ColumnError(f"{option} {name}: is no column of --point ({', '.join(columns)})")
    return columns[name]


def _toml(text: str) -> object:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
