"""What the agent asks of a camera's running process: a still, or other lines and zones. One JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from config.cameras import CameraSection


@dataclass(frozen=True, slots=True)
class Order:
    """A still where there is no section, else what to watch from now on."""

    id: str
    section: CameraSection | None = None


def write_order(order: Order) -> str:
    """Return one line of JSON."""
    section = order.section.model_dump(mode="json") if order.section else None
    return json.dumps({"id": order.id, "section": section}) + "\n"


def read_order(line: str) -> Order | None:
    """Return what one line asks; None for a line that is no order."""
    try:
        fields: dict[str, Any] = json.loads(line)
        section = fields.get("section")
        return Order(str(fields["id"]), CameraSection.model_validate(section) if section else None)
    except (ValueError, KeyError, AttributeError, ValidationError):
        return None
