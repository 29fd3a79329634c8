"""Devices that publish to an MQTT broker: Zigbee2MQTT, Tasmota, ESPHome, or any topic with JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from config import Section
from config.hosts import is_loopback
from config.points import PointSection

RADIO_LIMIT_S = 100.0
"""A device that checks in more rarely is auxiliary (辅助): it cannot show a lost link in the time fire systems must."""
HOURLY_S = 3600.0
"""How often battery Zigbee devices check in where nothing else is said."""
PATIENCE = 2.5
"""Declared intervals without a word after which a radio device is a fault."""

ZIGBEE_KEYS = {
    "smoke": "smoke",
    "leak": "water_leak",
    "motion": "occupancy",
    "co": "carbon_monoxide",
    "gas": "gas",
    "contact": "contact",
    "door": "contact",
    "fire-door": "contact",
    "life-ring-box": "contact",
    "temperature": "temperature",
    "heat": "temperature",
}
"""What Zigbee2MQTT calls the value of each kind. Its `contact` is true while the door is closed."""


class MqttPoint(PointSection):
    """A value in the messages of one topic.

    `zigbee = "name"` stands for topic, key, inversion and availability of a Zigbee2MQTT device by its friendly name.
    `interval_s`, the device's own check-in time, sets `silence_s` to 2.5 of it and labels a slow one auxiliary.
    """

    short: ClassVar = ("zigbee",)
    topic: str = Field(min_length=1, max_length=300)
    key: str = ""  # JSON path like "DS18B20.Temperature"; empty for a bare value ("ON", "23.4")
    inverted: bool = False
    availability: str | None = None  # topic that says online or offline
    interval_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        filled: dict[str, Any] = {**data}
        name, kind = filled.pop("zigbee", None), str(filled.get("kind", ""))
        if name is not None:
            key = filled.setdefault("key", ZIGBEE_KEYS.get(kind, ""))
            if not key:
                raise ValueError(f'kind {kind!r} has no usual Zigbee2MQTT key: add key = "…"')
            filled.setdefault("inverted", key == "contact")
            filled.setdefault("topic", f"zigbee2mqtt/{name}")
            filled.setdefault("availability", f"{filled['topic']}/availability")
            filled.setdefault("interval_s", HOURLY_S)
        interval = filled.get("interval_s")
        if isinstance(interval, (int, float)):
            filled.setdefault("silence_s", interval * PATIENCE)
            filled.setdefault("auxiliary", interval > RADIO_LIMIT_S)
        return filled

    @field_validator("topic", "availability")
    @classmethod
    def _is_one_topic(cls, topic: str | None) -> str | None:
        if topic is not None and any(sign in topic for sign in "+#\0"):
            raise ValueError(f"{topic!r} is a filter: name one topic, without + and #")
        return topic


class MqttDeviceBus(Section):
    """The broker the devices publish to. Off loopback TLS is on unless `plain` asks for none by name."""

    type: Literal["mqtt"]
    name: str
    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    plain: bool = False
    keepalive_s: int = Field(default=30, ge=5)
    timeout_s: float = Field(default=5.0, gt=0)
    point: tuple[MqttPoint, ...]

    @property
    def tls(self) -> bool:
        """Whether the link is encrypted: always off loopback unless `plain`; on loopback when a CA is named."""
        return not self.plain and (self.ca_file is not None or not is_loopback(self.host))

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.password_file is not None and self.user is None:
            raise ValueError('password_file without a user: add user = "…"')
        if self.key_file is not None and self.cert_file is None:
            raise ValueError('key_file without a certificate: add cert_file = "…"')
        return self
