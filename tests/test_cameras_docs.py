"""What docs/cameras.md says is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from config.cameras import CameraSection

PAGE = (Path(__file__).parent.parent / "docs" / "cameras.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_is_a_camera() -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    camera = CameraSection.model_validate(tomllib.loads(found[1])["camera"][0])
    assert [part.id for part in (*camera.line, *camera.zone)] == ["gate-out", "pond-edge"]
