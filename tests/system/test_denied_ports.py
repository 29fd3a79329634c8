"""A port that this user may not open: one line that says what to do, and a reason for every point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_NOBODY = 65534
_OPEN = """
import os, sys
import serial
from pydantic import TypeAdapter
from config.buses import Bus
from drivers import driver_for
from drivers.errors import DriverError
point = {"register": 0, "key": "k"}
keys = {"register": ("modbus-rtu", "port"), "key": ("serial-text", "port")}
for word, (type_, where) in keys.items():
    only = [{"id": "p", "name": "p", "kind": "door", word: point[word]}]
    bus = TypeAdapter(Bus).validate_python({"type": type_, "name": "电箱", where: sys.argv[1], "point": only})
    try:
        driver = driver_for(bus)
        os.seteuid(int(sys.argv[2]))  # root may open everything
        driver.__enter__()
    except DriverError as e:
        os.seteuid(os.getuid())
        print(type_, e.reason, e)
"""


@pytest.mark.parametrize("kind", ["modbus-rtu", "serial-text"])
def test_a_device_file_without_rights_is_one_line_with_what_to_do(kind: str) -> None:
    master, slave = os.openpty()
    file = Path(os.ttyname(slave))
    before = file.stat().st_mode
    file.chmod(0)
    try:
        found = subprocess.run(
            [sys.executable, "-c", _OPEN, str(file), str(_NOBODY if os.geteuid() == 0 else os.geteuid())],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    finally:
        file.chmod(before)
        os.close(master)
        os.close(slave)
    (line,) = [line for line in found.stdout.splitlines() if line.startswith(kind)]
    assert line.startswith(f"{kind} permission-denied 电箱: {file}")
    assert line.endswith("Permission denied: put this user into the group that owns it")
