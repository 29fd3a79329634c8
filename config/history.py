"""Where the course of readings is kept, and how long."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from config import Section
from config.hosts import is_loopback


class InfluxSection(Section):
    """A server that takes line protocol. Off loopback it needs https, unless `plain` asks for none by name."""

    url: str = "http://127.0.0.1:8086"
    database: str = Field(default="campus", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")
    """Its three parts are the retention policies, or the buckets, `samples`, `minutes` and `hours` of it."""
    org: str = "campus"
    """InfluxDB 2 only."""
    token_file: Path | None = None
    """InfluxDB 2 and 3."""
    user: str | None = None
    password_file: Path | None = None
    """InfluxDB 1, VictoriaMetrics behind a proxy."""
    ca_file: Path | None = None
    plain: bool = False
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    spool_mb: int = Field(default=1_024, ge=8)
    """What waits on this disk while the server is away; the oldest goes first."""

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: write http://HOST:PORT or https://HOST:PORT")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url: give HOST and PORT alone; secrets go into token_file or password_file")
        if parts.scheme == "http" and not is_loopback(parts.hostname) and not self.plain:
            raise ValueError(f"url: {parts.hostname} is reached over the network: write https://, or plain = true")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together: give both")
        if self.user is not None and self.token_file is not None:
            raise ValueError("token_file and user say the same: give one")
        return self


class HistorySection(Section):
    """How long readings are kept, and where: in a file beside the database, on a server, or nowhere."""

    type: Literal["embedded", "influxdb", "influxdb-1", "victoria-metrics", "none"] = "embedded"
    """`influxdb` is 1.8 and newer, `influxdb-1` what is older (Debian's)."""
    keep_days: int = Field(default=90, ge=2, le=36_500)
    """Every reading as it came."""
    keep_minutes_days: int = Field(default=730, ge=2, le=36_500)
    """Lowest, highest and mean of each minute."""
    keep_hours_days: int = Field(default=3_650, ge=2, le=36_500)
    """The same of each hour."""
    influx: InfluxSection = InfluxSection()

    @model_validator(mode="after")
    def _coarse_is_kept_longer(self) -> Self:
        if not self.keep_days <= self.keep_minutes_days <= self.keep_hours_days:
            raise ValueError("keep_days, keep_minutes_days, keep_hours_days: none may be shorter than the one before")
        return self
