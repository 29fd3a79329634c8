"""A fire panel called over TCP and over a serial line: asked, heard, pulled out, plugged in again, misread."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from system.fire_panel import FirePanel, serial_panel, tcp_panel
from system.pty_pair import pty_pair

from config.buses import Bus
from drivers import driver_for
from drivers.errors import DriverError
from drivers.interface import Driver
from drivers.samples import Reading

FIRE, NORMAL = 0b10, 0b1
CORRIDOR, HALL = 0x000600D9, 0x000600DA


def driver(**keys: Any) -> Driver:
    points = [
        {"id": "panel", "name": "消防主机"},
        {"id": "corridor", "name": "走廊 烟感", "part": "000600D9", "system": 3},
        {"id": "hall", "name": "大厅 烟感", "part": "000600DA", "system": 3},
    ]
    data = {"type": "gb26875", "name": "消防主机", "point": points, **keys}
    return driver_for(TypeAdapter[Bus](Bus).validate_python(data))


def until(here: Driver, **wanted: object) -> None:
    """Read until each point has said what is wanted of it last: a value, or the reason of a silence."""
    said: dict[str, object] = {}
    deadline = time.monotonic() + 30
    while any(said.get(point) != value for point, value in wanted.items()):
        assert time.monotonic() < deadline, said
        said.update({s.point: s.value if isinstance(s, Reading) else s.reason for s in here.read()})  # type: ignore[union-attr]


def lose(here: Driver) -> DriverError:
    """Read on until the link is lost."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            here.read()
        except DriverError as e:
            return e
    raise AssertionError("never lost")


def test_a_panel_that_is_called_tells_its_whole_state_and_again_after_each_loss() -> None:
    panel, port = FirePanel(), 0
    panel.parts = {CORRIDOR: FIRE, HALL: NORMAL}
    here: Driver | None = None
    for round_ in range(3):
        with tcp_panel(panel, port) as (port, say):
            here = here or driver(mode="connect", host="127.0.0.1", tcp_port=port)
            here.__enter__()
            until(here, corridor="fire", hall="normal", panel="fire")
            say(panel.tell(HALL, FIRE))
            until(here, hall="fire")
            say(panel.tell(HALL, NORMAL))
            until(here, hall="normal")
            deadline = time.monotonic() + 30
            while panel.confirmed < 2 * (round_ + 1):
                assert time.monotonic() < deadline
        error = lose(here)
        assert str(error).startswith("消防主机: 127.0.0.1:")
        assert error.reason == "hung-up", round_
        here.close()
        with pytest.raises(DriverError, match=r"cannot be reached: Connection refused") as refused:
            here.__enter__()
        assert refused.value.reason == "unreachable"
    assert {kind for kind, _ in panel.asked} == {61, 62}


def test_a_panel_on_a_serial_line_is_asked_and_heard_through_unpluggings(tmp_path: Path) -> None:
    panel = FirePanel()
    panel.parts = {CORRIDOR: NORMAL, HALL: FIRE}
    here = driver(mode="serial", port=str(tmp_path / "line-ours"))
    for _ in range(3):
        with pty_pair(tmp_path) as cable, serial_panel(panel, cable.theirs) as say:
            here.__enter__()
            until(here, corridor="normal", hall="fire", panel="fire")
            say(b"\xff\x00@@" + panel.tell(CORRIDOR, FIRE))
            until(here, corridor="fire")
            panel.parts[CORRIDOR] = NORMAL
        error = lose(here)
        assert "line-ours is lost" in str(error)
        assert error.reason == "unplugged"
        here.close()
        with pytest.raises(DriverError, match=r"line-ours cannot be opened: No such file") as gone:
            here.__enter__()
        assert gone.value.reason == "unplugged"


def test_a_panel_that_answers_only_for_its_system_makes_quiet_parts_known() -> None:
    panel = FirePanel()
    with tcp_panel(panel) as (port, _), driver(mode="connect", host="127.0.0.1", tcp_port=port) as here:
        until(here, corridor="normal", hall="normal", panel="normal")


def test_a_line_that_died_without_a_word_is_silence_and_opened_anew() -> None:
    panel = FirePanel(deaf=True)
    keys = {"mode": "connect", "host": "127.0.0.1", "timeout_s": 0.5}
    panel.parts = {CORRIDOR: FIRE}
    with tcp_panel(panel) as (port, _), driver(**keys, tcp_port=port) as here:
        until(here, corridor="timeout", hall="timeout", panel="timeout")
        panel.deaf = False
        until(here, corridor="fire", panel="fire")


def test_a_wrong_baud_rate_is_a_silence_that_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pty_pair(tmp_path) as cable, driver(mode="serial", port=str(cable.ours), timeout_s=0.5) as here:
        line = os.open(cable.theirs, os.O_RDWR | os.O_NOCTTY)
        os.write(line, bytes.fromhex("e0 1c fc 00 e0 e0 fe 80 1c") * 9)
        until(here, corridor="garbage", panel="garbage")
        os.close(line)
    assert "check baud rate" in caplog.text
