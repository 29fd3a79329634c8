"""What is pushed: the words, what each service wants, which address is allowed, the PDUs of a modem."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError

import config
from config.push import DingtalkTarget, PushSection, WebhookTarget, WecomTarget
from config.server import ServerConfig
from server.pages.catalogue import read
from server.push.errors import PushError
from server.push.requests import address, judge, request
from server.push.sms import pdus
from server.push.words import line, together

ROOT = Path(__file__).parent.parent
ZONE = timezone(timedelta(hours=8))
ALERT: dict[str, Any] = {
    "site": "no1", "point": "p1", "place": "教学楼A 三层东", "name": "烟感", "kind": "smoke", "severity": "critical",
    "began_at": "2026-09-01T06:02:00Z", "drill": False, "simulated": False,
}  # fmt: skip
WEB = {"id": "duty", "name": "值班群", "url_file": "url"}


def target(kind: str, **more: Any) -> Any:
    hosts = {"webhook": {"host": "gate.example"}}
    return TypeAdapter[Any](PushSection).validate_python({"type": kind, **WEB, **hosts.get(kind, {}), **more})


@pytest.mark.parametrize(
    ("more", "change", "words"),
    [
        ({}, {}, "【紧急】教学楼A 三层东 烟感 烟雾报警，09-01 14:02"),
        ({"language": "en"}, {}, "Urgent"),
        ({}, {"drill": True}, "[演练期间]【紧急】"),
        ({}, {"simulated": True}, "[模拟]【紧急】"),
        ({}, {"place": ""}, "【紧急】烟感 烟雾报警"),
        ({}, {"kind": "tornado"}, "【紧急】教学楼A 三层东 烟感 报警"),
        ({"template": "{school}：{what}"}, {}, "一中：烟雾报警"),
    ],
    ids=["as shipped", "English", "in a drill", "simulated", "no place", "a kind of a newer agent", "own template"],
)
def test_an_alert_is_worded_as_the_template_says(more: dict[str, Any], change: dict[str, Any], words: str) -> None:
    one = target("wecom", **more)
    assert words in line(one, {**ALERT, **change}, read(one.language), "一中", ZONE)


@pytest.mark.parametrize("template", ["{colour}", "{", "{0}", ""])
def test_a_template_with_a_word_that_is_not_known_is_refused(template: str) -> None:
    with pytest.raises(ValidationError, match=r"template"):
        target("wecom", template=template)


def test_many_alerts_are_one_message_that_counts_the_rest() -> None:
    text = together([f"第{i}条" for i in range(14)], read("zh-CN"), 3)
    assert text.splitlines()[-2:] == ["另有 4 条，见值守墙", "有 3 条因发送中断已过时，未发送"]
    assert len(text.splitlines()) == 12


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://evil.example/cgi?key=s3cret", "leads to evil.example"),
        ("https://qyapi.weixin.qq.com.evil.example/?key=s3cret", "leads to"),
        ("https://qyapi.weixin.qq.com@evil.example/?key=s3cret", "holds no http"),
        ("http://qyapi.weixin.qq.com/?key=s3cret", "is not https"),
        ("file:///etc/passwd", "holds no http"),
        ("https://qyapi.weixin.qq.com:x/?key=s3cret", "no number"),
        ("", "holds no http"),
    ],
)
def test_an_address_leads_only_to_the_host_the_configuration_names(url: str, said: str) -> None:
    with pytest.raises(PushError, match=said) as error:
        address(target("wecom"), url)
    assert "s3cret" not in str(error.value)


def test_a_good_address_is_taken_apart_and_its_key_is_in_no_repr() -> None:
    to = address(target("wecom"), "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s3cret\n")
    assert (to.host, to.port, to.tls, to.path) == ("qyapi.weixin.qq.com", 443, True, "/cgi-bin/webhook/send?key=s3cret")
    assert "s3cret" not in repr(to)


def test_each_service_gets_what_it_wants() -> None:
    wecom = target("wecom", mobiles=["13900000000"])
    assert isinstance(wecom, WecomTarget)
    to = address(wecom, "https://qyapi.weixin.qq.com/send?key=k")
    content = {"content": "烟", "mentioned_mobile_list": ["13900000000"]}
    assert json.loads(request(wecom, to, "烟").body) == {"msgtype": "text", "text": content}

    dingtalk = target("dingtalk")
    assert isinstance(dingtalk, DingtalkTarget)
    to = address(dingtalk, "https://oapi.dingtalk.com/robot/send?access_token=t")
    post = request(dingtalk, to, "烟", secret="SEC1", now_ms=1_700_000_000_000)
    query = parse_qs(urlsplit(post.path).query)
    digest = hmac.new(b"SEC1", b"1700000000000\nSEC1", hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(digest).decode()]
    assert query["access_token"] == ["t"]
    assert json.loads(post.body)["text"] == {"content": "烟"}

    webhook = target("webhook", body={"to": ["a"], "sms": {"text": "告警 {text}"}})
    assert isinstance(webhook, WebhookTarget)
    post = request(webhook, address(webhook, "https://gate.example/"), 'a "quoted" 烟', secret="tok")
    assert json.loads(post.body) == {"to": ["a"], "sms": {"text": '告警 a "quoted" 烟'}}
    assert post.headers["Authorization"] == "Bearer tok"


@pytest.mark.parametrize(
    ("kind", "status", "body", "said"),
    [
        ("wecom", 200, b'{"errcode":0,"errmsg":"ok"}', ""),
        ("wecom", 200, b'{"errcode":45009,"errmsg":"api freq out of limit"}', "refuses: 45009"),
        ("wecom", 200, b"<html>", "no robot's answer"),
        ("wecom", 200, b"[]", "no robot's answer"),
        ("dingtalk", 302, b"", "HTTP 302"),
        ("webhook", 204, b"", ""),
        ("webhook", 500, b"", "HTTP 500"),
    ],
)
def test_only_a_yes_counts_as_sent(kind: str, status: int, body: bytes, said: str) -> None:
    if not said:
        return judge(target(kind), status, body)
    with pytest.raises(PushError, match=said):
        judge(target(kind), status, body)
    return None


def read_pdu(text: str) -> tuple[str, str, bytes]:
    """Read a SUBMIT back as TS 23.040 lays it out: number, text, header."""
    data = bytes.fromhex(text)
    assert data[0] == 0  # the modem's own service centre
    first, digits = data[1], data[3]
    octets = data[5 : 5 + (digits + 1) // 2]
    number = "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in octets).rstrip("F")
    rest = data[5 + len(octets) :]
    assert rest[:3] == bytes((0, 8, 0xA7))
    content = rest[4:]
    assert len(content) == rest[3] <= 140
    header = content[: content[0] + 1] if first & 0x40 else b""
    return ("+" if data[4] == 0x91 else "") + number, content[len(header) :].decode("utf-16-be"), header


@pytest.mark.parametrize("number", ["+8613900000000", "10086", "+861390000000"])
def test_a_short_message_is_one_pdu(number: str) -> None:
    [one] = pdus(number, "【紧急】烟感", 7)
    assert read_pdu(one.text) == (number, "【紧急】烟感", b"")
    assert one.length == len(one.text) // 2 - 1


@pytest.mark.parametrize(("length", "parts"), [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (500, 3)])
def test_a_long_message_goes_in_parts_and_is_cut_at_three(length: int, parts: int) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(length))
    found = [read_pdu(one.text) for one in pdus("+86139", text, 300)]
    assert len(found) == parts
    whole = "".join(part for _, part, _ in found)
    assert whole == (text if length <= 201 else text[:200] + "…")
    if parts > 1:
        assert [header for _, _, header in found] == [bytes((5, 0, 3, 300 & 255, parts, n + 1)) for n in range(parts)]


def test_the_servers_example_loads_and_shows_every_option() -> None:
    from test_agent_example import sections

    file = ROOT / "config" / "server.example.toml"
    example = config.load(file, ServerConfig)
    assert {one.type for one in example.push} == {"wecom", "dingtalk", "webhook", "sms-modem"}
    text = file.read_text(encoding="utf-8")
    for name, model in sections(ServerConfig, {}).items():
        for key in model.model_fields:
            assert any(f in text for f in (f"{key} =", f"[{key}]", f"[[{key}]]", f".{key}]")), f"{name}.{key}"


def test_two_targets_of_one_id_are_refused() -> None:
    one = {"type": "wecom", **WEB}
    with pytest.raises(ValidationError, match="given twice"):
        ServerConfig.model_validate({"data": "x", "push": [one, one]})
