"""The agent's unit: hardened, fed by the watchdog, never given up."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent / "systemd" / "campus-agent.service"


def section(name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    parser.read(UNIT, encoding="utf-8")
    return dict(parser[name])


def test_the_agent_is_started_again_for_ever_and_watched() -> None:
    assert section("Unit")["StartLimitIntervalSec"] == "0"
    service = section("Service")
    assert service["Restart"] == "always"
    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "20"


def test_the_unit_is_exposed_no_more_than_promised() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    command = [analyze, "security", "--offline=true", "--no-pager", str(UNIT)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", result.stdout)
    assert found, result.stdout + result.stderr
    assert float(found[1]) <= 1.5


@pytest.mark.parametrize("name", ["campus-agent-renew.timer", "campus-agent-renew.service", "campus-crl.service"])
def test_the_units_for_certificates_say_what_they_are_for(name: str) -> None:
    text = (UNIT.parent / name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "Description=Campuswatch" in text
