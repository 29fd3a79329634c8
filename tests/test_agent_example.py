"""The agent's example configuration and every example of docs/devices.md load; every option is shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import config
from config import Section
from config.agent import AgentConfig
from config.buses import Bus
from config.rules import Rule
from drivers import driver_for

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "agent.example.toml"
BLOCKS = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "devices.md").read_text(encoding="utf-8"), re.DOTALL)
RULES = {rule.__name__ for rule in get_args(get_args(Rule)[0])}


def sections(model: type[Section], found: dict[str, type[Section]]) -> dict[str, type[Section]]:
    """Collect a section and all that hang below it, rules apart."""
    if model.__name__ not in found and model.__name__ not in RULES:
        found[model.__name__] = model
        for field in model.model_fields.values():
            for part in parts(field.annotation):
                sections(part, found)
    return found


def parts(annotation: object) -> list[type[Section]]:
    """Find the sections in a type."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation] if issubclass(annotation, Section) else []
    return [part for argument in get_args(annotation) for part in parts(argument)]


def test_the_example_loads_and_every_bus_type_has_its_driver() -> None:
    agent = config.load(EXAMPLE, AgentConfig)
    assert {type(bus) for bus in agent.bus} == set(get_args(get_args(Bus)[0]))
    for bus in agent.bus:
        assert driver_for(bus).name == bus.name


def test_every_option_is_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    missing = [
        f"{name}.{field.alias or key}"
        for name, model in sections(AgentConfig, {}).items()
        for key, field in model.model_fields.items()
        if not re.search(rf"(^|[\s#{{,]){field.alias or key}\s*=|\[\[?([a-z]+\.)?{field.alias or key}\]", text)
        and key not in {"rule", "after", "before"}
    ]
    assert missing == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(re.search(r'name = "(.*?)"', block)))
def test_every_example_of_the_device_page_loads(block: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f'site = "yuxi"\nagent = "lab"\nname = "实验楼"\n{block}', encoding="utf-8")
    agent = config.load(file, AgentConfig)
    assert agent.bus
    for bus in agent.bus:
        assert driver_for(bus).name == bus.name
    assert tomllib.loads(block)
