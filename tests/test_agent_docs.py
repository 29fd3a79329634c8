"""What docs/agent.md says is there."""

from __future__ import annotations

import re
from pathlib import Path

from config.agent import ClockSection, LocalSection, MqttSection, OutboxSection

PAGE = (Path(__file__).parent.parent / "docs" / "agent.md").read_text(encoding="utf-8")


def test_every_setting_of_the_agents_own_sections_is_documented() -> None:
    for section in (MqttSection, OutboxSection, LocalSection, ClockSection):
        for key in section.model_fields:
            if key in {"keepalive_s", "timeout_s"}:
                continue  # for experts: the class says what they are
            assert re.search(rf"\b{key}\b", PAGE), f"{section.__name__}.{key} is not in docs/agent.md"
