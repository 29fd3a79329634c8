"""Who may do what: one table, read by `require(...)` on every route."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a user is here for."""

    GATEKEEPER = "gatekeeper"  # 门卫
    SECURITY = "security"  # 安保
    TEACHER = "teacher"
    GRID = "grid"  # 网格员
    SAFETY = "safety"  # 学校安全负责人
    PRINCIPAL = "principal"
    COUNTY = "county"  # 县区教育局
    CITY = "city"  # 市教育局
    ADMIN = "admin"
    TECHNICIAN = "technician"
    KIOSK = "kiosk"  # a screen at a post, with no person's name: shows the wall and acknowledges
    SCREEN = "screen"  # the same, but it only shows


KIOSKS = frozenset({Role.KIOSK, Role.SCREEN})
"""Devices, not persons: they stay logged in until somebody revokes them."""

_EVERYBODY = frozenset(Role) - KIOSKS
_SEEING = _EVERYBODY | KIOSKS
_POST = frozenset({Role.GATEKEEPER, Role.SECURITY})  # who stands where the alerts are
_SCHOOL = frozenset({Role.SAFETY, Role.PRINCIPAL})
_ABOVE = frozenset({Role.COUNTY, Role.CITY})

PERMISSIONS: dict[str, frozenset[Role]] = {
    "alerts.read": _SEEING,
    "alerts.ack": _POST | _SCHOOL | {Role.ADMIN, Role.TEACHER, Role.GRID, Role.KIOSK},
    "alerts.comment": _POST | _SCHOOL | {Role.ADMIN, Role.TEACHER, Role.GRID},
    "alerts.reset": _POST | _SCHOOL | {Role.ADMIN},
    "alerts.shelve": _SCHOOL | {Role.ADMIN},
    "agents.read": _SEEING,
    "points.read": _SEEING,
    "readings.read": _EVERYBODY,
    "readings.export": _SCHOOL | _ABOVE | {Role.ADMIN, Role.TECHNICIAN},
    "stream.read": _SEEING,
    "hazards.read": _EVERYBODY,
    "hazards.report": _EVERYBODY,
    "hazards.write": _EVERYBODY - {Role.ADMIN},  # which step is whose: server/ledger/machine.py
    "hazards.assign": _SCHOOL | _ABOVE,  # who is shown the names of those who could be responsible
    "hazards.review": _SCHOOL | _ABOVE,  # 周研判: judge in the meeting, keep its minutes, conclude it
    "hazards.import": _SCHOOL | _ABOVE,
    "hazards.export": _SCHOOL | _ABOVE | {Role.ADMIN},
    "hazards.verify": _SCHOOL | _ABOVE | {Role.ADMIN},
    "drills.read": _SEEING,
    "drills.lead": _SCHOOL | {Role.ADMIN},
    "drills.report": _POST | _SCHOOL | {Role.ADMIN, Role.TEACHER, Role.GRID},
    "water.read": _EVERYBODY,
    "water.dispatch": _POST | _SCHOOL | {Role.ADMIN, Role.TEACHER, Role.GRID},
    "water.patrol": _POST | _SCHOOL | {Role.ADMIN, Role.TEACHER, Role.GRID},
    "water.draw": _SCHOOL | {Role.ADMIN, Role.TECHNICIAN},  # stills and shapes of cameras
    "water.codes": _SCHOOL | {Role.ADMIN, Role.TECHNICIAN},  # QR codes of checkpoints
    "duties.read": _EVERYBODY,
    "duties.write": _EVERYBODY - {Role.ADMIN},
    "duties.feed": _EVERYBODY,  # the calendar feed by an address that holds a token, for a phone
    "duties.arrange": _SCHOOL | _ABOVE | {Role.ADMIN},  # classes, grids, waters
    "stills.read": _SCHOOL | _ABOVE | {Role.SECURITY},  # of alarms; never on a screen that others look at
    "pages.read": _SEEING,
    "wall.read": _SEEING,
    "wall.write": _SCHOOL | {Role.ADMIN},  # what to do, who is on duty, plans
    "kiosks.write": frozenset({Role.ADMIN}),
    "users.read": frozenset({Role.ADMIN}),
    "users.write": frozenset({Role.ADMIN}),
    "tokens.write": _EVERYBODY,  # one's own; never more than one may do oneself
    "account.write": _EVERYBODY,  # one's own password
    "audit.read": frozenset({Role.ADMIN, Role.SAFETY}) | _ABOVE,
}

BY_GRID = frozenset(
    {"hazards.read", "hazards.write", "hazards.export", "stills.read", "duties.read", "duties.write", "duties.feed"}
)
"""What goes by grid for an account that sees some grids of a school only; all else goes by school. Nobody who stands
in the next grid may miss an alarm, a drill or somebody in the water."""


def may(role: Role, permission: str) -> bool:
    """Tell whether a role has a permission; an unknown permission is a mistake in the program."""
    return role in PERMISSIONS[permission]
