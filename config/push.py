"""Who is told of alerts beside the wall: WeCom, DingTalk, any webhook, an SMS modem."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from config import Section
from config.points import Id
from contracts.vocabulary import Severity

WORDS = frozenset({"severity", "what", "where", "time", "school", "point"})
"""What a template may name."""
TEMPLATE = "【{severity}】{where} {what}，{time}"


def _known_words(template: str) -> str:
    try:
        named = [word for _, word, _, _ in string.Formatter().parse(template) if word is not None]
    except ValueError as e:
        raise ValueError(f"template: {e}: write a brace that is meant as {{{{ or }}}}") from e
    for word in named:
        if word not in WORDS:
            raise ValueError(f"template: {{{word}}} is not known; there are {', '.join(sorted(WORDS))}")
    return template


class _Target(Section):
    id: Annotated[Id, Field(max_length=30)]
    name: str = Field(min_length=1, max_length=40)
    sites: tuple[Id, ...] = ()
    """Every site where none is named."""
    severities: tuple[Severity, ...] = (Severity.CRITICAL, Severity.WARNING)
    on: tuple[Literal["raised", "principal"], ...] = ("raised", "principal")
    """A new alert; nobody acknowledged at the water, so that the principal must know."""
    template: Annotated[str, AfterValidator(_known_words), Field(min_length=1, max_length=300)] = TEMPLATE
    language: Literal["zh-CN", "en"] = "zh-CN"
    stale_s: float = Field(default=900.0, ge=30)
    """What could not be sent for so long is not news any more: it is counted and left out."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)


class _Web(_Target):
    url_file: Path
    """Holds the whole address: its key is a secret."""
    ca_file: Path | None = None
    plain: bool = False
    """Without TLS, off this machine."""


class WecomTarget(_Web):
    """A group robot of WeCom (企业微信)."""

    type: Literal["wecom"]
    host: str = "qyapi.weixin.qq.com"
    mobiles: tuple[str, ...] = ()


class DingtalkTarget(_Web):
    """A group robot of DingTalk (钉钉); signed where a secret is given."""

    type: Literal["dingtalk"]
    host: str = "oapi.dingtalk.com"
    secret_file: Path | None = None
    mobiles: tuple[str, ...] = ()


class WebhookTarget(_Web):
    """Any HTTP service, such as the school's own SMS gateway."""

    type: Literal["webhook"]
    host: str
    token_file: Path | None = None
    """Sent as a bearer token."""
    body: Mapping[str, JsonValue] = {"text": "{text}"}
    """JSON; `{text}` in any string of it becomes the message."""


class SmsModemTarget(_Target):
    """A modem with a SIM card on a serial port: works without internet."""

    type: Literal["sms-modem"]
    device: Path
    baud: int = Field(default=115_200, ge=300)
    numbers: tuple[Annotated[str, Field(pattern=r"^\+?\d{3,15}$")], ...] = Field(min_length=1)
    pin_file: Path | None = None


PushSection = Annotated[WecomTarget | DingtalkTarget | WebhookTarget | SmsModemTarget, Field(discriminator="type")]
