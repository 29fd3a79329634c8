"""A technician's usual mistakes in an agent's file: each is one line that names the thing and says what to do."""

from __future__ import annotations

import pytest

from config import ConfigError, read
from config.agent import AgentConfig

GOOD = """
site = "yuxi-no1"
agent = "lab"
name = "实验楼"
[[bus]]
type = "modbus-tcp"
name = "实验楼 Modbus"
host = "127.0.0.1"
[[bus.point]]
id = "lab-heat"
name = "实验室 感温"
kind = "heat"
register = 0
rule = { high = 57, rise = 8.3 }
[[bus]]
type = "modbus-rtu"
name = "水泵房 485"
port = "/dev/ttyUSB0"
device = [{ profile = "sen0591", address = 1, rule = { high = 57 } }]
[[bus]]
type = "serial-text"
name = "河道"
port = "/dev/ttyUSB1"
device = { profile = "mb7389" }
[[bus]]
type = "gpio"
name = "门磁"
[[bus.point]]
id = "door-1"
name = "北门"
kind = "door"
line = 4
"""
HEAT, PUMPS, GATE = 'bus "实验楼 Modbus", point "实验室 感温", ', 'bus "水泵房 485"', 'bus "门磁"'


def test_the_file_without_mistakes_is_taken() -> None:
    assert len(read(GOOD.encode(), AgentConfig, "agent.toml").bus) == 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("57, rise", "57 rise", "is not TOML: line 14: a comma or the closing } is missing: rule = { high = 57 rise"),
        ("8.3 }", "8.3", "is not TOML: line 14: a comma or the closing } is missing: rule = {"),
        ('"实验楼"\n', "实验楼\n", 'is not TOML: line 4: text stands in quotes "…"'),
        ('"实验楼"\n', "“实验楼”\n", 'is not TOML: line 4: “ is typed by a Chinese input method: write ":'),
        ('"实验楼"\n', '"实验楼\n', "is not TOML: line 4: the closing quote is missing"),
        ('site = "', 'site "', "is not TOML: line 2: write key = value"),
        ('agent = "lab"', 'agent = "lab"\nagent = "x"', "is not TOML: line 4: this key is given twice"),
        ('[[bus]]\ntype = "gpio"', '[bus]\ntype = "gpio"', "is not TOML: line 25: this section is given twice"),
        ('"/dev/ttyUSB0"', '"C:\\COM3"', "is not TOML: line 18: write a path with /"),
        ("site =", "sight =", "sight: unknown key: did you mean site?"),
        ("{ high = 57, rise", "{ hihg = 57, rise", f"{HEAT}rule, hihg: unknown key: did you mean high?"),
        ("register = 0", "colour = 1\nregister = 0", f"{HEAT}colour: unknown key: there are auxiliary, bit, decimals"),
        ("register = 0", 'register = "abc"', f"{HEAT}register: must be a whole number, not 'abc'"),
        ("register = 0", "register = 70000", f"{HEAT}register: must be at most 65535, not 70000"),
        ("register = 0\n", "", f"{HEAT}register: is missing: add register = …"),
        ("57, rise", '"57 °C", rise', f"{HEAT}rule, high: must be a number, not '57 °C'"),
        ("57, rise", "nan, rise", f"{HEAT}rule, high: must be a number, not nan"),
        ("{ high = 57, rise = 8.3 }", "57", f"{HEAT}rule: must be a section {{ … }}, not 57"),
        ('kind = "heat"', 'kind = "heet"', f"{HEAT}kind: 'heet' is not known: did you mean heat?"),
        ('kind = "heat"\n', "", f"{HEAT}kind: is missing: add kind = …"),
        ("host =", "port = 99999\nhost =", 'bus "实验楼 Modbus", port: must be at most 65535, not 99999'),
        ('"gpio"', '"gpoi"', f'{GATE}: type "gpoi" is not known: did you mean gpio?'),
        ('type = "gpio"\n', "", f"{GATE}: type is missing: add type = … (there are dc09, gb26875, gpio"),
        ("sen0591", "sen591", f"{PUMPS}: device: profile 'sen591' is not known: did you mean sen0591?"),
        ("address = 1", "adress = 1", f'{PUMPS}: device "sen0591", adress: unknown key: did you mean address?'),
        ("address = 1", "address = 300", f'{PUMPS}: device "sen0591", address: must be at most 247, not 300'),
        (
            "rule = { high = 57 } }]",
            "rule = { hihg = 1 } }]",
            f'{PUMPS}, point "DFRobot SEN0591 超声波测距 1", rule, hihg',
        ),
        (
            '"/dev/ttyUSB0"',
            '"/dev/ttyUSB0"\nparity = "even"',
            f"{PUMPS}, parity: 'even' is not known: there are E, N, O",
        ),
        ("mb7389", "mb738", "bus \"河道\": device: profile 'mb738' is not known: did you mean mb7389?"),
        ("line = 4", "line = -1", f'{GATE}, point "北门", line: must be at least 0, not -1'),
        (
            "line = 4",
            'line = 4\nbias = "up"',
            f"{GATE}, point \"北门\", bias: 'up' is not known: there are as-is, none",
        ),
        ('"door-1"', '"Door 1"', f'{GATE}, point "北门", id: may hold a-z, 0-9 and - only'),
        ('"door-1"', '"lab-heat"', "the id 'lab-heat' is given twice (实验楼 Modbus and 门磁): every point"),
        ('name = "实验楼"\n', '[mqtt]\nname = "实验楼"\n', "mqtt, name: does not belong here: put it above the first"),
        ("site = ", "camera = { id = 'x' }\nsite = ", "camera: write [[camera]] in two brackets: there may be several"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_to_do(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as error:
        read(GOOD.replace(old, new).encode(), AgentConfig, "agent.toml")
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"agent.toml: {said}")


def test_a_file_saved_by_windows_with_a_mark_at_its_head_is_taken() -> None:
    assert read(GOOD.encode("utf-8-sig"), AgentConfig, "agent.toml").agent == "lab"


def test_a_secret_in_a_wrong_place_is_not_shown() -> None:
    text = GOOD.replace("register = 0", 'register = "rtsp://admin:hunter2@10.0.0.9/1"')
    with pytest.raises(ConfigError) as error:
        read(text.encode(), AgentConfig, "agent.toml")
    assert "hunter2" not in str(error.value)


CAMERA = '[[camera]]\nid = "gate"\nname = "gate"\nsource = "/dev/video0"\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('model = { path = "x.onnx", sha256 = "zz" }', "model, sha256: must be 64 digits and letters a-f, not 'zz'"),
        (
            'zone = [{ id = "z", name = "z", zone = [0, 0, 9, 0, 9, 9], armed = ["22"] }]',
            'zone "z", armed 1: must be hours like "22:00-06:00", not \'22\'',
        ),
        ('line = [{ id = "l", name = "l", line = [nan, 0, 9, 0] }]', 'line "l", line 1: must be a number, not nan'),
    ],
)
def test_a_mistake_in_a_cameras_section_says_what_is_meant(lines: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(f"{GOOD}\n{CAMERA}{lines}\n".encode(), AgentConfig, "agent.toml")
    (line,) = str(error.value).splitlines()
    assert said in line
