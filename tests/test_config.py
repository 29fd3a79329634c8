"""Configuration: one clear line per mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from config import ConfigError
from config.agent import AgentConfig

GOOD = """
site = "yuxi-no1"
agent = "lab"
name = "实验楼"
[[bus]]
type = "modbus-tcp"
name = "实验楼 Modbus"
host = "127.0.0.1"
[[bus.point]]
id = "lab-heat"
name = "化学实验室 感温"
kind = "heat"
register = 0
rule = { high = 57 }
"""


def test_a_rule_takes_its_kind_from_the_point(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(GOOD, encoding="utf-8")
    assert config.load(file, AgentConfig).bus[0].point[0].rule.kind == "heat"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name = "实验楼"', 'nmae = "实验楼"'), "nmae: unknown key"),
        (("register = 0", ""), "register: is missing"),
        (('site = "yuxi-no1"', "site = "), "is not TOML"),
        (('site = "yuxi-no1"', 'site = "玉溪"'), "site: may hold a-z"),
    ],
    ids=["a misspelt key", "a missing key", "broken TOML", "a bad id"],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"agent\.toml") as error:
        config.load(file, AgentConfig)
    assert any(said in line for line in str(error.value).splitlines())
