"""What every watched point has in common, whatever bus it hangs on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from config import Section
from config.rules import Rule
from contracts.topics import ID_PATTERN
from contracts.vocabulary import SensorKind

STORAGE = "agent-storage"
"""The point under which an agent reports its own disk; no sensor may take its name."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]


class PointSection(Section):
    """One point. Each bus adds its own address keys by subclassing.

    In TOML the rule needs no kind of its own: it takes the point's, with that kind's defaults.
    """

    id: Id
    name: str
    kind: SensorKind
    rule: Rule
    unit: str = ""
    place: str = ""
    grid: str = ""
    zone: str = ""  # points of one zone confirm each other
    auxiliary: bool = False  # 辅助: reports too rarely to be fire-grade
    silence_s: float | None = Field(default=None, gt=0)  # no good value for this long is a fault

    @model_validator(mode="before")
    @classmethod
    def _rule_takes_the_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("rule", {}), dict) and "kind" in data:  # pyright: ignore[reportUnknownMemberType]
            return {**data, "rule": {"kind": data["kind"], **data.get("rule", {})}}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return data  # pyright: ignore[reportUnknownVariableType]
