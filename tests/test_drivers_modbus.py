"""Modbus without a wire: the polling plan, published frames, special codes, dead devices, device profiles."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config import devices
from config.buses import Bus, ModbusPoint, ModbusSerialBus
from drivers.attendance import Attendance
from drivers.modbus_frames import Nothing, Refusal, Words, answer, question
from drivers.modbus_plan import Request, plan, samples_of
from drivers.samples import Reading, Sample

FRAMES: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "fixtures" / "modbus_frames.toml").read_text(encoding="utf-8")
)


def point(device: int, register: int, **keys: Any) -> ModbusPoint:
    data = {"id": f"d{device}-r{register}", "name": "点", "kind": "level", "device": device, "register": register}
    return ModbusPoint.model_validate({**data, **keys})


def bus(*device: dict[str, Any], **keys: Any) -> Any:
    data = {"type": "modbus-rtu", "name": "总线", "port": "/dev/serial/by-id/x", "device": list(device), **keys}
    return TypeAdapter[Bus](Bus).validate_python(data)


def spans(requests: tuple[Request, ...]) -> list[tuple[int, str, int, int]]:
    return [(r.device, r.table, r.start, r.count) for r in requests]


@pytest.mark.parametrize(
    ("points", "gap", "expected"),
    [
        ([(1, 0), (1, 1), (1, 2)], 0, [(1, "holding", 0, 3)]),
        ([(1, 2), (1, 0), (1, 1)], 0, [(1, "holding", 0, 3)]),
        ([(1, 0), (1, 2)], 0, [(1, "holding", 0, 1), (1, "holding", 2, 1)]),
        ([(1, 0), (1, 2)], 1, [(1, "holding", 0, 3)]),
        ([(1, 0), (2, 1)], 0, [(1, "holding", 0, 1), (2, "holding", 1, 1)]),
        ([(1, r) for r in range(130)], 0, [(1, "holding", 0, 125), (1, "holding", 125, 5)]),
        ([(1, 4), (1, 4)], 0, [(1, "holding", 4, 1)]),
    ],
    ids=[
        "neighbours are asked together", "in any order", "a hole is not read", "unless it is allowed",
        "devices are asked apart", "no more than the protocol allows", "two points may share a register",
    ],
)  # fmt: skip
def test_the_plan(points: list[tuple[int, int]], gap: int, expected: list[tuple[int, str, int, int]]) -> None:
    assert spans(plan([point(d, r) for d, r in points], gap)) == expected


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400), st.sampled_from(["int16", "float32"])), max_size=60))
def test_every_point_is_in_exactly_one_request_that_covers_it(points: list[tuple[int, int, str]]) -> None:
    requests = plan([point(d, r, type=t, id=f"p{n}") for n, (d, r, t) in enumerate(points)])
    asked = [p.id for r in requests for p in r.points]
    assert sorted(asked) == sorted(f"p{n}" for n in range(len(points)))
    for request in requests:
        assert request.count <= 125
        for p in request.points:
            assert request.start <= p.register_
            assert p.register_ + (2 if p.type == "float32" else 1) <= request.start + request.count


@pytest.mark.parametrize("name", ["uwei", "sen0492"])
def test_published_frames_are_asked_and_read_by_the_shipped_profiles(name: str) -> None:
    frame = FRAMES[name]
    profile = {"uwei": "uwei-ultrasonic"}.get(name, name)
    factory = devices.profile(profile).address
    (request,) = plan(bus({"profile": profile, "address": factory}).point)
    assert question(request, "rtu") == bytes.fromhex(frame["question"])
    said = answer(bytes.fromhex(frame["answer"]), request, "rtu")
    assert isinstance(said, Words)
    (sample,) = samples_of(request, said.words, 1.0, 2.0)
    assert isinstance(sample, Reading)
    assert sample.value == frame["value"]


def test_the_vendors_printed_answer_with_a_wrong_crc_is_refused_by_the_real_framer() -> None:
    (request,) = plan(bus({"profile": "uwei-ultrasonic", "address": 1}).point)
    assert answer(bytes.fromhex(FRAMES["uwei"]["printed"]), request, "rtu") == Nothing("crc")


def test_all_seven_registers_of_a_qdy30a_are_one_question() -> None:
    (request,) = plan([point(1, r) for r in range(7)])
    assert question(request, "rtu") == bytes.fromhex(FRAMES["qdy30a"]["question"])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(0xFFFE, "special-code interference"), (0xFFFD, "special-code nothing-seen"), (1803, 1803.0), (0xFFFC, 65532.0)],
)
def test_the_special_codes_of_a_sen0754_are_never_a_level(raw: int, expected: object) -> None:
    (request,) = plan(bus({"profile": "sen0754", "address": 1}).point)
    (sample,) = samples_of(request, [raw], 1.0, 2.0)
    assert (sample.value if isinstance(sample, Reading) else sample.reason) == expected  # type: ignore[union-attr]


def said(sample: Sample) -> object:
    return sample.value if isinstance(sample, Reading) else sample.reason  # type: ignore[union-attr]


def test_the_published_answer_of_a_leak_cable_is_dry_and_in_feet() -> None:
    (request,) = plan(bus({"profile": "aqualeak-10k", "address": 2}).point)
    found = answer(bytes.fromhex(FRAMES["aqualeak"]["answer"]), request, "rtu")
    assert isinstance(found, Words)
    assert [said(s) for s in samples_of(request, found.words, 1.0, 2.0)] == [False, "not-metres"]


@pytest.mark.parametrize(
    ("profile", "words", "expected"),
    [
        ("aqualeak-10k", [0b0000, 0, 0], [False, 0.0]),
        ("aqualeak-10k", [0b1001, 123, 0], [True, 12.3]),
        ("rle-ld1500", [0b1001, 123, 0], [True, 123.0]),
        ("rle-ld1500", [0b0010, 0, 0], ["cable-break", 0.0]),
        ("rle-ld1500", [0b0100, 0, 0], ["contaminated", 0.0]),
        ("rle-ld1500", [0b0111, 5, 0], [True, 5.0]),
        ("calectro-ug3", [1, 0, 0], [False]),
        ("calectro-ug3", [1, 0, 1], [True]),
        ("calectro-ug3", [1, 1, 1], [True]),
        ("calectro-ug3", [1, 1, 0], ["service"]),
        ("calectro-ug3", [0, 0, 0], ["not-ready"]),
    ],
)
def test_a_leak_cable_and_a_duct_smoke_detector_tell_their_faults_and_hide_no_alarm(
    profile: str, words: list[int], expected: list[object]
) -> None:
    (request,) = plan(bus({"profile": profile, "address": 1}).point)
    assert [said(sample) for sample in samples_of(request, words, 1.0, 2.0)] == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([1, 4, 1235, 0, 1], 123.5),
        ([1, 4, 0, 1, 0], 65536.0),
        ([0, 4, 1235, 0, 1], "not-ready"),
        ([1, 1, 1235, 0, 1], "wrong-device"),
        ([1, 4, 1235, 0, 99], "not-a-number"),
    ],
    ids=["decimals", "low word first", "warming up", "a methane probe", "no number has so many decimals"],
)
def test_a_gas_transmitter_is_read_with_its_gas_code_decimals_and_status(words: list[int], expected: object) -> None:
    (request,) = plan(bus({"profile": "dfrobot-gas-co", "address": 1}).point)
    assert (request.table, request.start, request.count) == ("input", 7, 5)
    (sample,) = samples_of(request, words, 1.0, 2.0)
    assert (sample.value if isinstance(sample, Reading) else sample.reason) == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("keys", "words", "expected"),
    [
        ({"type": "int16"}, [0xFFFF], -1.0),
        ({"type": "uint16"}, [0xFFFF], 65535.0),
        ({"type": "int16", "scale": 0.1, "offset": -40}, [251], pytest.approx(-14.9)),
        ({"type": "int32"}, [0xFFFF, 0xFFFE], -2.0),
        ({"type": "uint32", "words": "little"}, [1, 0], 1.0),
        ({"type": "float32"}, [0x411E, 0], 9.875),
        ({"type": "float32"}, [0x7FC0, 0], "not-a-number"),
        ({"type": "float32"}, [0x7F80, 0], "not-a-number"),
        ({"type": "bit", "bit": 3, "kind": "leak"}, [0b1000], True),
        ({"type": "bit", "bit": 2, "kind": "leak"}, [0b1000], False),
        ({"table": "coil", "kind": "door"}, [1], True),
    ],
    ids=[
        "signed", "unsigned", "scale and offset", "two registers", "low register first", "a float", "not a number",
        "infinity", "a bit that is set", "a bit that is not", "a coil",
    ],
)  # fmt: skip
def test_registers_become_values(keys: dict[str, Any], words: list[int], expected: object) -> None:
    (request,) = plan([point(1, 0, **keys)])
    (sample,) = samples_of(request, words, 1.0, 2.0)
    assert (sample.value if isinstance(sample, Reading) else sample.reason) == expected  # type: ignore[union-attr]


def test_answers_are_told_apart() -> None:
    (request,) = plan([point(1, 0)])
    other = bytes.fromhex(FRAMES["sen0492"]["answer"])
    good = bytes.fromhex("01 03 02 00 64 B9 AF")
    assert answer(b"", request, "rtu") == Nothing("timeout")
    assert answer(good, request, "rtu") == Words([100])
    assert answer(b"\x00\xff" + good, request, "rtu") == Words([100])
    assert answer(other, request, "rtu") == Nothing("wrong-unit")
    assert answer(other + good, request, "rtu") == Words([100])
    assert answer(good[:-1] + b"\x00", request, "rtu") == Nothing("crc")
    assert answer(bytes.fromhex("01 83 02 C0 F1"), request, "rtu") == Refusal(2)
    assert answer(good, plan([point(1, 0), point(1, 1)])[0], "rtu") == Nothing("wrong-answer")
    tcp = bytes.fromhex("00 07 00 00 00 05 01 03 02 00 64")
    assert answer(tcp, request, "tcp", 7) == Words([100])
    assert answer(tcp, request, "tcp", 8) == Nothing("timeout")
    assert answer(tcp + tcp.replace(b"\x00\x07", b"\x00\x08"), request, "tcp", 8) == Words([100])
    assert answer(b"HTTP/1.1 400 Bad Request", request, "tcp", 7) == Nothing("crc")


@settings(max_examples=300, deadline=None)
@given(garbage=st.binary(max_size=60), framing=st.sampled_from(["rtu", "tcp"]))
def test_no_bytes_break_an_answer(garbage: bytes, framing: Any) -> None:
    (request,) = plan([point(1, 0)])
    answer(garbage, request, framing, 7)


@settings(max_examples=300, deadline=None)
@given(flips=st.sets(st.integers(0, 55), min_size=1, max_size=3))
def test_up_to_three_flipped_bits_never_make_a_wrong_value(flips: set[int]) -> None:
    (request,) = plan([point(1, 0)])
    good = bytes.fromhex("01 03 02 00 64 B9 AF")
    spoilt = bytearray(good)
    for flip in flips:
        spoilt[flip // 8] ^= 1 << flip % 8
    assert not isinstance(answer(bytes(spoilt), request, "rtu"), Words)


def test_a_dead_device_is_asked_every_tenth_round_and_only_one_a_round() -> None:
    here = Attendance([1, 2, 3])
    asked: list[set[int]] = []
    for _ in range(34):
        now = set(here.begin_round())
        asked.append(now)
        here.answered(1)
        for dead in now - {1}:
            here.missed(dead)
    assert asked[:2] == [{1, 2, 3}] * 2
    assert max(len(now) for now in asked[2:]) == 2
    for dead in (2, 3):
        rounds = [n for n, now in enumerate(asked) if dead in now]
        assert len(rounds) == 5
    assert all(1 in now for now in asked)


def test_a_device_that_answers_again_is_asked_again_each_round() -> None:
    here = Attendance([1])
    here.begin_round()
    assert not here.missed(1)
    here.begin_round()
    assert here.missed(1)
    rounds = next(n for n in range(1, 20) if 1 in here.begin_round())
    assert rounds == 10
    assert here.answered(1)
    assert 1 in here.begin_round()


def test_a_profile_needs_an_address_and_nothing_else() -> None:
    here = bus({"profile": "sen0591", "address": 7})
    assert isinstance(here, ModbusSerialBus)
    assert (here.baud, here.parity, here.stop_bits) == (115200, "N", 1)
    assert [(p.id, p.register_, p.unit, p.device) for p in here.point] == [
        ("sen0591-7", 0x100, "mm", 7),
        ("sen0591-7-temperature", 0x102, "°C", 7),
    ]
    assert here.point[0].rule.at_most == 3000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ([{"profile": "qdy30a", "address": 1}], "add unit = …: register 2"),
        ([{"profile": "qdy3oa", "address": 1}], "profile 'qdy3oa' is not known: did you mean qdy30a"),
        ([{"profile": "sen0591", "adress": 1}], "adress: unknown key"),
        (
            [{"profile": "sen0591", "address": 1}, {"profile": "uwei-ultrasonic", "address": 2}],
            "baud differs on one",
        ),
        ([{"profile": "/none/own.toml", "address": 1}], "/none/own.toml: cannot be read"),
    ],
    ids=["the lying unit must be stated", "a misspelt profile", "a misspelt key", "two speeds on one line", "no file"],
)
def test_a_mistake_in_a_device_is_one_clear_line(device: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        bus(*device)


@pytest.mark.parametrize("name", devices.shipped())
def test_every_shipped_profile_makes_a_bus(name: str) -> None:
    profile = devices.profile(name)
    here = bus({"profile": name, "address": profile.address, "unit": "mm", "scale": 1})
    assert here.baud == profile.serial.baud
    assert profile.source
    assert plan(here.point)


def test_a_device_of_your_own_needs_a_file_and_no_code(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'name = "自制"\nsource = "bench"\n[[point]]\nkind = "temperature"\nregister = 3\nscale = 0.1\n', "utf-8"
    )
    (only,) = bus({"profile": str(file), "address": 9, "name": "锅炉房"}).point
    assert (only.id, only.name, only.register_, only.scale) == ("own-9", "锅炉房", 3, 0.1)
