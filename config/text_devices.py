"""Profiles of devices that print lines by themselves: what a line looks like and what it means, as data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, ValidationError

from config import ConfigError, MistakesError, Section, load, meant, mistakes
from contracts.topics import ID_PATTERN

FOLDER = Path(__file__).parent / "devices" / "text"


class TextMeasure(Section):
    """One value of the line."""

    suffix: str = ""  # told apart in the point's id where a line has several values
    label: str = ""  # the same in its name
    key: str
    kind: str
    unit: str = ""
    rule: dict[str, Any] = Field(default={})


class TextProfile(Section):
    """A kind of device that speaks by itself."""

    name: str
    source: str  # where its format comes from
    traps: tuple[str, ...] = ()  # what goes wrong with it
    baud: int = 9600
    format: Literal["json", "key-value", "pattern", "nmea"]
    pattern: str | None = None
    timeout_s: float = Field(default=10.0, gt=0)
    point: tuple[TextMeasure, ...] = Field(min_length=1)


class Speaker(Section):
    """The one device on a line: its profile; the rest may be said better than by default."""

    profile: str  # the name of a shipped profile, or the path of a file of yours
    id: str | None = Field(default=None, pattern=ID_PATTERN)
    name: str | None = None
    place: str = ""
    grid: str = ""
    zone: str = ""
    rule: dict[str, Any] = Field(default={})  # for the device's first value


class _Line(Section):
    device: Speaker


@cache
def text_profile(name: str) -> TextProfile:
    """Find a profile by its shipped name or by its file's path; raise ConfigError that names those there are."""
    if name.endswith(".toml"):
        return load(Path(name), TextProfile)
    if name not in shipped_texts():
        raise ConfigError(f"profile {name!r} is not known: {meant(name, shipped_texts())} (Or name a .toml file.)")
    return load(FOLDER / f"{name}.toml", TextProfile)


def shipped_texts() -> list[str]:
    """Return the names of the profiles that come with us."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def with_speaker(data: Any) -> Any:
    """Turn a text line's `device` into its points, and fill in how its lines are read."""
    if not isinstance(data, dict) or not data.get("device"):  # pyright: ignore[reportUnknownMemberType]
        return data  # pyright: ignore[reportUnknownVariableType]
    filled: dict[str, Any] = {key: value for key, value in data.items() if key != "device"}  # pyright: ignore[reportUnknownVariableType]
    given = cast("object", data)
    try:
        device = _Line.model_validate({"device": data["device"]}).device
        kind = text_profile(device.profile)
    except ValidationError as e:
        raise MistakesError(mistakes(e, _Line, given)) from e
    except ConfigError as e:
        raise ValueError(f"device: {e}") from e
    for key in ("baud", "format", "pattern", "timeout_s"):
        filled.setdefault(key, getattr(kind, key))
    filled["point"] = [*filled.get("point", ()), *_points(device, kind)]
    return filled


def _points(device: Speaker, kind: TextProfile) -> list[dict[str, Any]]:
    identity, name = device.id or Path(device.profile).stem, device.name or kind.name
    points: list[dict[str, Any]] = []
    for place, measure in enumerate(kind.point):
        point = measure.model_dump(exclude={"suffix", "label"}, exclude_unset=True)
        point |= {"place": device.place, "grid": device.grid, "zone": device.zone}
        point["id"] = f"{identity}-{measure.suffix}" if measure.suffix else identity
        point["name"] = f"{name} {measure.label}".strip()
        if place == 0:
            point["rule"] = {**measure.rule, **device.rule}
        points.append(point)
    return points
