"""Fire panels (GB/T 26875.3) and alarm hosts (SIA DC-09): where they are, and which address is which point."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from config import Section
from config.points import PointSection

Mode = Literal["listen", "connect", "serial"]


class PanelPoint(PointSection):
    """One part of a panel. The point without `part` is the panel itself: it speaks for addresses nobody listed."""

    part: str | None = None  # 8 hexadecimal digits, as the panel's address list has them: "000600D9"
    system: int | None = Field(default=None, ge=0, le=255)  # where the panel serves several systems
    system_type: int = Field(default=1, ge=0, le=255)  # GB/T 26875.3 table 4: 1 is a fire alarm system

    @model_validator(mode="before")
    @classmethod
    def _is_a_panel_point(cls, data: Any) -> Any:
        return {"kind": "panel", **data} if isinstance(data, dict) else data  # pyright: ignore[reportUnknownVariableType]

    @field_validator("part")
    @classmethod
    def _eight_digits(cls, part: str | None) -> str | None:
        if part is None:
            return None
        try:
            return f"{int(part, 16):08X}"
        except ValueError:
            raise ValueError(f"{part!r} is not a part's address: write 8 hexadecimal digits like 000600D9") from None


class HostPoint(PointSection):
    """One input of an alarm host. The point without `input` is the host itself, for inputs nobody listed."""

    account: str | None = None  # where several hosts report here
    input: int | None = Field(default=None, ge=0, le=999)  # the Contact ID zone

    @model_validator(mode="before")
    @classmethod
    def _is_a_panel_point(cls, data: Any) -> Any:
        return {"kind": "panel", **data} if isinstance(data, dict) else data  # pyright: ignore[reportUnknownVariableType]


class _Place(Section):
    """How the panel is reached: it connects to us, we connect to it, or a serial line."""

    name: str
    mode: Mode = "listen"
    host: str = "0.0.0.0"  # noqa: S104 - a panel has no TLS and no login: put it on a network of its own, see `allow`
    tcp_port: int = Field(default=0, ge=0, le=65535)
    allow: tuple[str, ...] = ()  # with mode = "listen": the addresses that may connect; all where none is given
    port: Path | None = None  # with mode = "serial"
    baud: int = 9600
    connect_timeout_s: float = Field(default=5.0, gt=0)
    timeout_s: float = Field(default=100.0, gt=0)  # nothing heard for this long: every point is silent
    table: Path | None = None  # CSV with the points' keys as its header

    @model_validator(mode="before")
    @classmethod
    def _points_of_the_table(cls, data: Any) -> Any:
        return cls.spelled_out(data)

    @classmethod
    def spelled_out(cls, data: Any) -> Any:
        """Add the points of the table."""
        if isinstance(data, dict) and data.get("table"):  # pyright: ignore[reportUnknownMemberType]
            rows = _rows(Path(str(data["table"])))  # pyright: ignore[reportUnknownArgumentType]
            return {**data, "point": [*data.get("point", ()), *rows]}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return data  # pyright: ignore[reportUnknownVariableType]

    @model_validator(mode="after")
    def _way_is_whole(self) -> Self:
        if self.mode == "serial" and self.port is None:
            raise ValueError('mode = "serial" needs a port: add port = "/dev/serial/by-id/…"')
        if self.mode != "serial" and not self.tcp_port:
            raise ValueError(f'mode = "{self.mode}" needs a TCP port: add tcp_port = 5200')
        return self


class PanelBus(_Place):
    """A fire panel's transmission device that speaks GB/T 26875.3."""

    type: Literal["gb26875"]
    ask_s: float = Field(default=30.0, ge=0)  # ask for the systems' state so often, for all when it connects; 0: never
    address: str = Field(default="000000000000", pattern="^[0-9A-Fa-f]{12}$")  # asked there before it has spoken
    point: tuple[PanelPoint, ...]

    @model_validator(mode="after")
    def _has_itself(self) -> Self:
        if all(point.part is not None for point in self.point):
            raise ValueError("has no point of its own: add one point without `part` for what nobody listed")
        return self


class AlarmHostBus(_Place):
    """Intruder and one-key alarm hosts that speak SIA DC-09 with Contact ID (ADM-CID)."""

    type: Literal["dc09"]
    point: tuple[HostPoint, ...]

    @model_validator(mode="after")
    def _has_itself(self) -> Self:
        if all(point.input is not None for point in self.point):
            raise ValueError("has no point of its own: add one point without `input` for what nobody listed")
        return self


def _rows(file: Path) -> list[dict[str, str]]:
    """Read an address table; Excel in China saves GB18030 where nobody tells it otherwise."""
    try:
        data = file.read_bytes()
    except OSError as e:
        raise ValueError(f"table {file} cannot be read: {e.strerror}") from e
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    try:
        return [
            {key.strip(): value.strip() for key, value in row.items() if key and isinstance(value, str) and value}  # pyright: ignore[reportUnnecessaryIsInstance] - csv gives lists for cells too many
            for row in csv.DictReader(io.StringIO(text, newline=""))
        ]
    except csv.Error as e:
        raise ValueError(f"table {file} is not CSV: {e}") from e
