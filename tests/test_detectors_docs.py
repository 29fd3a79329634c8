"""What docs/detectors.md says is true: its example loads and is watched, every kind is told."""

from __future__ import annotations

import re
from pathlib import Path

import config
from config.agent import AgentConfig
from contracts.vocabulary import SensorKind
from detectors import detectors_for

PAGE = (Path(__file__).parent.parent / "docs" / "detectors.md").read_text(encoding="utf-8")


def test_the_example_loads_and_every_point_of_it_is_watched(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0], encoding="utf-8")
    agent = config.load(file, AgentConfig)
    assert all(detectors_for(point, agent.calendar) for point in agent.bus[0].point)


def test_every_sensor_kind_is_told() -> None:
    kinds = set(SensorKind) - {SensorKind.LINE, SensorKind.ZONE, SensorKind.CAMERA}
    assert not [kind for kind in kinds if f"`{kind}`" not in PAGE]
