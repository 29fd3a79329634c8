"""What probe finds and what it prints."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from system.modbus_device import serial_device
from system.pty_pair import pty_pair

from agent.probe import main, serial_ports
from agent.probe_scan import addresses, snippet


@pytest.mark.parametrize(("text", "expected"), [("1-3", [1, 2, 3]), ("1,3,0x50", [1, 3, 80]), ("7", [7])])
def test_addresses_are_ranges_or_lists(text: str, expected: list[int]) -> None:
    assert addresses(text) == expected


@pytest.mark.parametrize("text", ["", "x", "0", "1-300", "3-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        addresses(text)


def test_ports_are_named_by_their_stable_links(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "ttyUSB1").touch()
    (tmp_path / "serial" / "by-id").mkdir(parents=True)
    link = tmp_path / "serial" / "by-id" / "usb-FTDI-port0"
    link.symlink_to("../../ttyUSB1")
    assert serial_ports(tmp_path) == [
        (str(link), str(tmp_path / "ttyUSB1")),
        (str(tmp_path / "ttyUSB0"), str(tmp_path / "ttyUSB0")),
    ]


def test_the_snippet_names_what_the_technician_must_state() -> None:
    text = snippet("/dev/x", [("qdy30a", 1)])
    assert 'profile = "qdy30a"\naddress = 1\nunit = …' in text


def test_without_a_port_it_lists_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(None, None, None) == 0
    assert "serial ports" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("port", "scan", "code", "said"),
    [(None, "1-3", 2, "needs a port"), ("/dev/none", "x", 2, "is no address"), ("/dev/none", "1", 1, "No such file")],
)
def test_a_mistake_is_one_clear_line(
    port: str | None, scan: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(port, scan, None) == code
    assert said in capsys.readouterr().out


def test_a_scan_finds_the_device_that_answers_and_prints_its_toml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pty_pair(tmp_path) as cable, serial_device(cable.theirs, 2):
        assert main(str(cable.ours), "2", None) == 0
    out = capsys.readouterr().out
    assert "qdy30a at 2: qdy30a-2 = 204.0" in out
    assert 'profile = "qdy30a"\naddress = 2' in out


def test_a_device_that_speaks_by_itself_is_heard_before_anybody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pty_pair(tmp_path) as cable:
        line, stop = os.open(cable.theirs, os.O_RDWR | os.O_NOCTTY), threading.Event()

        def speak() -> None:
            while not stop.wait(0.1):
                os.write(line, b"R1234\r")

        gauge = threading.Thread(target=speak)
        gauge.start()
        assert main(str(cable.ours), None, None) == 0
        stop.set()
        gauge.join()
        os.close(line)
    assert 'device = { profile = "mb7389" }' in capsys.readouterr().out


def test_profiles_that_fit_one_address_are_offered_as_alternatives() -> None:
    text = snippet("/dev/x", [("sen0591", 1), ("sen0592", 1), ("sen0591", 2)], 9600)
    assert 'baud = 9600\n[[bus.device]]\nprofile = "sen0591"\naddress = 1\n# or profile = "sen0592"' in text
    assert text.count("[[bus.device]]") == 2
