"""Values as a device gives them, read as a number or as a bit; None where they are neither."""

from __future__ import annotations

import math

from drivers.samples import Value

_TRUE = frozenset({"1", "true", "on", "open", "opened", "alarm", "active", "yes", "wet", "locked"})
_FALSE = frozenset({"0", "false", "off", "closed", "close", "normal", "clear", "inactive", "no", "dry", "unlocked"})


def number(value: Value) -> float | None:
    """Read a finite number; a bit or a word is none."""
    match value:
        case bool() | str():
            return None
        case _:
            return value if math.isfinite(value) else None


def bit(value: Value) -> bool | None:
    """Read a yes or no: a bool, 0 or 1, or one of a contact's usual words."""
    match value:
        case bool():
            return value
        case str():
            word = value.strip().lower()
            return True if word in _TRUE else False if word in _FALSE else None
        case _:
            return bool(value) if value in (0, 1) else None
