"""What docs/agent.md says is there."""

from __future__ import annotations

import re
from pathlib import Path

from config import load
from config.agent import AgentConfig, ClockSection, LocalSection, MqttSection, OutboxSection

PAGE = (Path(__file__).parent.parent / "docs" / "agent.md").read_text(encoding="utf-8")


def test_every_setting_of_the_agents_own_sections_is_documented() -> None:
    for section in (MqttSection, OutboxSection, LocalSection, ClockSection):
        for key in section.model_fields:
            if key in {"keepalive_s", "timeout_s"}:
                continue  # for experts: the class says what they are
            assert re.search(rf"\b{key}\b", PAGE), f"{section.__name__}.{key} is not in docs/agent.md"


def test_the_smallest_file_of_the_page_is_whole(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    file = tmp_path / "agent.toml"
    file.write_text(block[1], encoding="utf-8")
    assert [point.id for bus in load(file, AgentConfig).bus for point in bus.point] == ["lab-heat"]


def test_every_file_that_the_page_installs_is_there() -> None:
    root = Path(__file__).parent.parent
    named = re.findall(r"systemd/campus-agent[-\w.*]*", PAGE)
    assert named
    for pattern in named:
        assert list(root.glob(pattern)), pattern
