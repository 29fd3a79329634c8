"""Device profiles: what a Modbus device measures and where, as data. A new device is a new TOML file, no code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, ValidationError

from config import ConfigError, MistakesError, Section, load, meant, mistakes
from contracts.topics import ID_PATTERN

FOLDER = Path(__file__).parent / "devices"


class Settings(Section):
    """The serial settings the device leaves the factory with."""

    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_s: float = Field(default=0.3, gt=0)


class Measure(Section):
    """One value of the device; the keys of a bus's point, without what the place decides."""

    suffix: str = ""  # told apart in the point's id where a device has several values
    label: str = ""  # the same in its name
    kind: str
    register_: int = Field(alias="register", ge=0, le=0xFFFF)
    table: str = "holding"
    type: str = "int16"
    scale: float = 1.0
    offset: float = 0.0
    bit: int = 0
    words: str = "big"
    special: dict[str, str] = Field(default={})
    decimals: int | None = None
    ready: int | None = None
    expect: dict[str, int] = Field(default={})
    faults: dict[str, str] = Field(default={})
    unit: str = ""
    rule: dict[str, Any] = Field(default={})


class Profile(Section):
    """A kind of device."""

    name: str
    source: str  # where its registers come from
    address: int = Field(default=1, ge=1, le=247)  # from the factory
    ask: tuple[Literal["unit", "scale", "offset"], ...] = ()  # what the profile cannot know and the technician states
    traps: tuple[str, ...] = ()  # what goes wrong with it
    serial: Settings = Settings()
    point: tuple[Measure, ...] = Field(min_length=1)


class DeviceSection(Section):
    """One device on a bus: its profile and its address; the rest may be said better than by default."""

    profile: str  # the name of a shipped profile, or the path of a file of yours
    address: int = Field(ge=0, le=247)
    id: str | None = Field(default=None, pattern=ID_PATTERN)
    name: str | None = None
    place: str = ""
    grid: str = ""
    zone: str = ""
    unit: str | None = None
    scale: float | None = None
    offset: float | None = None
    rule: dict[str, Any] = Field(default={})  # for the device's first value


class _Devices(Section):
    device: tuple[DeviceSection, ...]


@cache
def profile(name: str) -> Profile:
    """Find a profile by its shipped name or by its file's path; raise ConfigError that names those there are."""
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml") and name not in shipped():
        raise ConfigError(f"profile {name!r} is not known: {meant(name, shipped())} (Or name a .toml file.)")
    return load(file, Profile)


def shipped() -> list[str]:
    """Return the names of the profiles that come with us."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def with_devices(data: Any) -> Any:
    """Turn a Modbus bus's `device` sections into its points, and fill in the serial settings they agree on."""
    if not isinstance(data, dict) or not data.get("device"):  # pyright: ignore[reportUnknownMemberType]
        return data  # pyright: ignore[reportUnknownVariableType]
    filled: dict[str, Any] = {key: value for key, value in data.items() if key != "device"}  # pyright: ignore[reportUnknownVariableType]
    given = cast("object", data)
    try:
        devices = _Devices.model_validate({"device": data["device"]}).device
        known = [(device, profile(device.profile)) for device in devices]
    except ValidationError as e:
        raise MistakesError(mistakes(e, _Devices, given)) from e
    except ConfigError as e:
        raise ValueError(f"device: {e}") from e
    filled["point"] = [*filled.get("point", ()), *(point for device, kind in known for point in _points(device, kind))]
    if filled.get("type") == "modbus-rtu":
        for key in ("baud", "parity", "stop_bits"):
            wanted = {str(getattr(kind.serial, key)): device.profile for device, kind in known}
            if key not in filled and len(wanted) > 1:
                both = " and ".join(f"{who} {value}" for value, who in sorted(wanted.items()))
                raise ValueError(f"device: {key} differs on one line ({both}): set the devices alike and say {key} = …")
            filled.setdefault(key, getattr(known[0][1].serial, key))
        filled.setdefault("timeout_s", max(kind.serial.timeout_s for _, kind in known))
    return filled


def _points(device: DeviceSection, kind: Profile) -> list[dict[str, Any]]:
    stated = {"unit": device.unit, "scale": device.scale, "offset": device.offset}
    for key in kind.ask:
        if stated[key] is None:
            raise ValueError(f"device {device.profile} at {device.address}: add {key} = …: {kind.traps[0]}")
    points: list[dict[str, Any]] = []
    for place, measure in enumerate(kind.point):
        point = measure.model_dump(by_alias=True, exclude={"suffix", "label"}, exclude_unset=True)
        name = device.name or f"{kind.name} {device.address}"
        identity = device.id or f"{Path(device.profile).stem}-{device.address}"
        point |= {"device": device.address, "place": device.place, "grid": device.grid, "zone": device.zone}
        point["id"] = f"{identity}-{measure.suffix}" if measure.suffix else identity
        point["name"] = f"{name} {measure.label}".strip()
        if place == 0:
            point |= {key: value for key, value in stated.items() if value is not None}
            point["rule"] = {**measure.rule, **device.rule}
        points.append(point)
    return points
