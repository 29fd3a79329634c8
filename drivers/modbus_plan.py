"""What to ask a Modbus bus, and how to read the registers that come back."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from config.buses import ModbusPoint, Table
from drivers.samples import Reading, Sample, Silence
from drivers.values import value_of

MOST_REGISTERS = 125  # Modbus Application Protocol 1.1b3, 6.3 and 6.4
MOST_BITS = 2000  # the same, 6.1 and 6.2


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one device: `count` registers (or bits) of a table from `start` on, and who wants them."""

    device: int
    table: Table
    start: int
    count: int
    points: tuple[ModbusPoint, ...]


def plan(points: Sequence[ModbusPoint], gap: int = 0) -> tuple[Request, ...]:
    """Merge neighbouring registers of a device's table into as few requests as the protocol allows.

    Registers nobody asked for are read along only over holes of at most `gap`: many devices refuse an unknown one.
    """
    requests: list[Request] = []
    for point in sorted(points, key=lambda p: (p.device, p.table, _span(p))):
        begin, end = _span(point)
        last = requests[-1] if requests else None
        most = MOST_BITS if point.table in {"coil", "discrete"} else MOST_REGISTERS
        if (
            last is not None
            and (last.device, last.table) == (point.device, point.table)
            and begin <= last.start + last.count + gap
            and end - last.start <= most
        ):
            count = max(last.count, end - last.start)
            requests[-1] = Request(last.device, last.table, last.start, count, (*last.points, point))
        else:
            requests.append(Request(point.device, point.table, begin, end - begin, (point,)))
    return tuple(requests)


def width(point: ModbusPoint) -> int:
    """Return how many registers (or bits) the point takes."""
    return 2 if point.type in {"int32", "uint32", "float32"} and point.table in {"holding", "input"} else 1


def _span(point: ModbusPoint) -> tuple[int, int]:
    """Return the first register of a point, and the one after its last, with those that explain it."""
    asked = (point.register_, point.register_ + width(point) - 1, *point.beside)
    return min(asked), max(asked) + 1


def samples_of(request: Request, words: Sequence[int], at: float, utc: float) -> list[Sample]:
    """Turn an answer into one sample a point: special codes first, they are no values."""
    samples: list[Sample] = []
    for point in request.points:
        first = point.register_ - request.start
        mine = words[first : first + width(point)]
        special = point.special_code(raw_of(mine, point.words))
        trouble = _trouble(point, request.start, words) or (f"special-code {special}" if special else None)
        places = 0 if point.decimals is None else words[point.decimals - request.start]
        value = value_of(point.kind, shifted(decode(point, mine), places))
        trouble = trouble or (None if value is True else _own_fault(point, request.start, words))
        if trouble:
            samples.append(Silence(point.id, trouble, at, utc))
        elif value is None:
            samples.append(Silence(point.id, "not-a-number", at, utc))
        else:
            samples.append(Reading(point.id, value, at, utc))
    return samples


def _trouble(point: ModbusPoint, start: int, words: Sequence[int]) -> str | None:
    """Return what the registers beside a value have against it."""
    if any(words[int(register, 0) - start] != wanted for register, wanted in point.expect.items()):
        return "wrong-device"
    if point.ready is not None and not words[point.ready - start] & 1:
        return "not-ready"
    return None


def _own_fault(point: ModbusPoint, start: int, words: Sequence[int]) -> str | None:
    """Return the first fault by which the device says that its value is not to be believed."""
    return next((word for register, bit, word in point.fault_bits if words[register - start] >> bit & 1), None)


def shifted(value: float, places: int) -> float:
    """Return a value whose point stands so many places to the left; no number has more than 12 of them."""
    if places == 0 or isinstance(value, bool):
        return value
    return value / 10**places if 0 < places <= 12 else math.nan


def raw_of(words: Sequence[int], order: str = "big") -> int:
    """Return the unsigned number the registers spell; `order` says which register comes first."""
    raw = 0
    for word in words if order == "big" else reversed(words):
        raw = raw << 16 | word
    return raw


def decode(point: ModbusPoint, words: Sequence[int]) -> float | bool:
    """Return the value in the point's unit: raw × scale + offset; bits are bools."""
    raw = raw_of(words, point.words)
    if point.table in {"coil", "discrete"}:
        return bool(raw)
    match point.type:
        case "bit":
            return bool(raw >> point.bit & 1)
        case "uint16" | "uint32":
            number: float = raw
        case "int16":
            number = raw - 0x10000 if raw & 0x8000 else raw
        case "int32":
            number = raw - 0x1_0000_0000 if raw & 0x8000_0000 else raw
        case "float32":
            number = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
            return number * point.scale + point.offset if math.isfinite(number) else math.nan
        case _:
            assert_never(point.type)
    return number * point.scale + point.offset
