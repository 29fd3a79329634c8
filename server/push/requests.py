"""What each kind of webhook wants to be sent, and whether its answer means yes. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, assert_never
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from config.hosts import is_loopback
from config.push import DingtalkTarget, WebhookTarget, WecomTarget
from server.push.errors import PushError

Web = WecomTarget | DingtalkTarget | WebhookTarget


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes; `path` holds the key and must reach no log."""

    host: str
    port: int
    tls: bool
    path: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """One request."""

    path: str = field(repr=False)
    body: bytes
    headers: dict[str, str] = field(repr=False)


def address(target: Web, url: str) -> Address:
    """Take a target's secret address apart; it must lead to the host that the configuration names."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError as e:
        raise PushError(f"push {target.id}: {target.url_file}: its port is no number") from e
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise PushError(f"push {target.id}: {target.url_file}: holds no http(s) address")
    if host != target.host.lower():
        raise PushError(
            f"push {target.id}: {target.url_file}: leads to {host}, the configuration allows {target.host} alone"
        )
    tls = parts.scheme == "https"
    if not tls and not target.plain and not is_loopback(host):
        raise PushError(f"push {target.id}: {target.url_file}: is not https: write plain = true if that is meant")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(host, port or (443 if tls else 80), tls, path)


def request(target: Web, to: Address, text: str, *, secret: str = "", now_ms: int = 0) -> Post:
    """Word a message for one kind of service."""
    match target:
        case WecomTarget():
            content: dict[str, Any] = {"content": text, "mentioned_mobile_list": list(target.mobiles)}
            return _json(to.path, {"msgtype": "text", "text": content})
        case DingtalkTarget():
            body = {"msgtype": "text", "text": {"content": text}, "at": {"atMobiles": list(target.mobiles)}}
            return _json(to.path + (_signed(secret, now_ms) if secret else ""), body)
        case WebhookTarget():
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            return _json(to.path, _filled(dict(target.body), text), headers)
        case _:
            assert_never(target)


def judge(target: Web, status: int, body: bytes) -> None:
    """Raise PushError where an answer is no yes. Robots answer 200 to what they refuse."""
    if not 200 <= status < 300:
        raise PushError(f"push {target.id}: {target.host} answers HTTP {status}")
    if isinstance(target, WebhookTarget):
        return
    try:
        answer: Any = json.loads(body)
        code, why = answer["errcode"], str(answer.get("errmsg", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise PushError(f"push {target.id}: {target.host} answers something that is no robot's answer") from e
    if code != 0:
        raise PushError(f"push {target.id}: {target.host} refuses: {code} {why[:120]}")


def _json(path: str, body: JsonValue | dict[str, Any], headers: dict[str, str] | None = None) -> Post:
    data = json.dumps(body, ensure_ascii=False).encode()
    return Post(path, data, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


def _signed(secret: str, now_ms: int) -> str:
    """DingTalk's signature: HMAC-SHA256 over time and secret, into the address."""
    digest = hmac.new(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"&timestamp={now_ms}&sign={quote(base64.b64encode(digest).decode(), safe='')}"


def _filled(value: JsonValue, text: str) -> JsonValue:
    match value:
        case str():
            return value.replace("{text}", text)
        case list():
            return [_filled(one, text) for one in value]
        case dict():
            return {key: _filled(one, text) for key, one in value.items()}
        case _:
            return value
