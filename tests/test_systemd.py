"""The units: hardened as promised, without a mistake in them, never given up, secrets handed over by systemd."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "systemd"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".service", ".timer", ".path"})
SERVICES = ("campus-agent", "campus-server", "campus-agent-renew")


def section(name: str, unit: str = "campus-agent") -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    parser.read(FOLDER / f"{unit}.service", encoding="utf-8")
    return dict(parser[name])


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *arguments, "--no-pager"], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", ["campus-agent", "campus-server"])
def test_a_program_is_started_again_for_ever_and_watched(unit: str) -> None:
    assert section("Unit", unit)["StartLimitIntervalSec"] == "0"
    service = section("Service", unit)
    assert service["Restart"] == "always"
    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "20"


@pytest.mark.parametrize("unit", SERVICES)
def test_each_program_has_a_user_of_its_own_and_no_capability(unit: str) -> None:
    service = section("Service", unit)
    assert service["User"] == unit.removesuffix("-renew")
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "true"
    assert service["UMask"] == "0077"


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_exposed_no_more_than_promised(unit: str) -> None:
    result = analyze("security", "--offline=true", str(FOLDER / f"{unit}.service"))
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", result.stdout)
    assert found, result.stdout + result.stderr
    assert float(found[1]) <= 1.5, result.stdout


def test_the_agent_opens_only_devices_it_names() -> None:
    lines = (FOLDER / "campus-agent.service").read_text(encoding="utf-8").splitlines()
    allowed = [line.removeprefix("DeviceAllow=").split()[0] for line in lines if line.startswith("DeviceAllow=")]
    assert section("Service")["DevicePolicy"] == "closed"
    assert set(allowed) == {
        f"char-{name}" for name in ("ttyS", "ttyAMA", "ttyUSB", "ttyACM", "gpiochip", "video4linux")
    }


def test_every_unit_is_without_a_mistake(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    names = ("campus-agent", "campus-server")
    for unit in UNITS:
        text = re.sub(r"/opt/campuswatch(\.d/previous)?/bin/[\w-]+", str(program), unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    for name in names:
        (tmp_path / f"{name}.service.d").mkdir()
        shutil.copy(FOLDER / f"{name}-credentials.conf", tmp_path / f"{name}.service.d" / "credentials.conf")
    result = analyze("verify", "--recursive-errors=yes", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS))
    said = [line for line in result.stderr.splitlines() if "campus" in line or "credentials" in line]
    assert (result.returncode, said) == (0, []), result.stderr


def test_secrets_are_handed_over_encrypted_and_never_by_environment_or_argument() -> None:
    for file in FOLDER.iterdir():
        text = file.read_text(encoding="utf-8")
        assert "Environment" not in text, file
        for line in text.splitlines():
            if line.startswith("ExecStart="):
                assert not re.search(r"password|token|secret|key", line), file
            if "LoadCredential" in line and not line.startswith("#"):
                assert line.startswith("LoadCredentialEncrypted="), file


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_says_what_it_is_for(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "Description=Campuswatch" in text


@pytest.mark.parametrize("line", (FOLDER / "60-campuswatch.rules").read_text(encoding="utf-8").splitlines())
def test_a_rule_of_udev_opens_devices_to_a_group_and_to_nobody_else(line: str) -> None:
    if line.startswith("#"):
        return
    parts = dict(re.findall(r'([A-Z]+)(?:\{\w+\})?=+"([^"]*)"', line))
    assert parts["MODE"] == "0660"
    assert parts["GROUP"] in {"dialout", "gpio", "video"}
    assert re.fullmatch(r'([A-Z]+(\{\w+\})?(==|=)"[^"]+"(, |$))+', line)
