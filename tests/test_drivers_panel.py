"""Fire panels and alarm hosts: published frames, broken ones, and what a driver makes of them."""

from __future__ import annotations

import contextlib
import socket
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.buses import Bus
from config.panels import HostPoint, PanelPoint
from drivers import dc09, driver_for, gb26875
from drivers.panel_dc09 import Dc09Dialogue
from drivers.panel_gb26875 import Gb26875Dialogue
from drivers.panel_words import PanelWord, spell
from drivers.samples import Reading, Sample

FRAMES = tomllib.loads((Path(__file__).parent / "fixtures" / "panel_frames.toml").read_text(encoding="utf-8"))
FIRE = bytes.fromhex(FRAMES["gb26875"]["hex"])
WRONG = FIRE[:-3] + b"\xd4" + FIRE[-2:]  # the checksum another published copy carries
NOON = datetime(2026, 1, 2, 12, 0, 0)  # noqa: DTZ001 - a panel names no zone


def state(part: int, bits: int, system: int = 3, sequence: int = 1) -> bytes:
    """A frame with one part's state."""
    body = b"\x02\x01\x01" + bytes([system, 0]) + part.to_bytes(4, "little") + bits.to_bytes(2, "little") + bytes(31)
    return gb26875.build(sequence.to_bytes(2, "little"), b"\x01\x01", NOON, bytes(6), bytes(6), 2, body)


def event(code: str, zone: int, sequence: int, account: str = "000000") -> bytes:
    """A DC-09 frame: code with its qualifier, '1110' a fire, '3110' its end."""
    return dc09.build(f'"ADM-CID"{sequence:04}R1L6789#{account}[#{account}|{code} 00 {zone:03}]_17:15:29,12-09-2015')


def panel() -> Gb26875Dialogue:
    own = {"id": "panel", "name": "消防主机"}
    part = {"id": "corridor", "name": "走廊 烟感", "part": "000600D9", "system": 3}
    return Gb26875Dialogue("panel", tuple(PanelPoint.model_validate(p) for p in (own, part)))


def host() -> Dc09Dialogue:
    own = {"id": "host", "name": "报警主机"}
    button = {"id": "button", "name": "门卫 一键报警", "input": 5, "kind": "emergency"}
    return Dc09Dialogue("host", tuple(HostPoint.model_validate(p) for p in (own, button)))


def said(samples: Sequence[Sample]) -> list[tuple[str, object]]:
    return [(s.point, s.value) for s in samples if isinstance(s, Reading)]


def test_the_published_frame_reads_as_its_publisher_says() -> None:
    frames, rest = gb26875.cut(FIRE)
    assert rest == b""
    frame = frames[0]
    assert isinstance(frame, gb26875.Frame)
    assert (frame.sequence, frame.version, frame.target, frame.command) == (0, (1, 1), "010203040506", 2)
    assert frame.time == datetime(2020, 10, 22, 17, 13, 24)  # noqa: DTZ001
    (part,) = gb26875.parts(frame.body)
    assert (part.system_type, part.system, part.part) == (1, 3, "000600D9")
    assert (part.words, part.text) == ((PanelWord.FIRE,), "Ａ区１层呷哺走廊")
    assert part.time == datetime(2020, 8, 1, 19, 18, 48)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("before", "count"),
    [
        (b"", 1),
        (b"\x00\xff@#@", 1),
        (b"@@garbage##", 1),
        (FIRE[:40], 1),
        (FIRE[:26] + b"\x02", 1),
        (b"@@" + bytes(22) + b"\xff\xff" + bytes(40), 1),
        (b"@@" * 300, 1),
        (FIRE, 2),
    ],
    ids=[
        "nothing before", "noise", "marks round garbage", "half a frame", "a frame cut in its head",
        "a length beyond the standard", "a row of start marks", "another frame",
    ],
)  # fmt: skip
def test_a_good_frame_after_anything_is_read_at_once(before: bytes, count: int) -> None:
    frames, _ = gb26875.cut(before + FIRE)
    assert sum(isinstance(frame, gb26875.Frame) for frame in frames) == count


def test_a_wrong_checksum_is_denied_and_raises_nothing() -> None:
    samples, answer = panel().hear(0, WRONG, 1.0, 1e9)
    assert said(samples) == []
    (denial,) = gb26875.cut(answer)[0]
    assert isinstance(denial, gb26875.Frame)
    assert denial.command == gb26875.Command.DENY


def test_a_fire_is_confirmed_with_its_sequence_and_the_addresses_swapped() -> None:
    samples, answer = panel().hear(0, FIRE, 1.0, 1e9)
    assert said(samples) == [("corridor", "fire")]
    (confirmed,) = gb26875.cut(answer)[0]
    assert isinstance(confirmed, gb26875.Frame)
    assert (confirmed.command, confirmed.sequence, confirmed.source) == (3, 0, "010203040506")


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0b1, "normal"), (0b0, "test"), (0b10, "fire"), (0b100, "fault"), (0b111, "fire+fault"), (0b1000, "shielded"),
        (0b10000, "supervised"), (0b100000, "started"), (0b1000000, "feedback"), (0b10000000, "delayed"),
        (0b100000000, "power-fault"), (0xFFFE, "fire+fault+power-fault+shielded+supervised+started+feedback+delayed"),
    ],
)  # fmt: skip
def test_each_state_bit_has_its_word_and_fire_comes_first(bits: int, words: str) -> None:
    assert spell(gb26875.words_of(bits)) == words


def test_a_fire_of_an_unknown_part_raises_the_panel_itself_until_that_part_is_normal() -> None:
    here = panel()
    steps = [state(7, 0b10), state(8, 0b100), state(7, 1), state(8, 1)]
    got = [said(here.hear(0, frame, 1.0, 1e9)[0])[0] for frame in steps]
    assert got == [("panel", "fire"), ("panel", "fire+fault"), ("panel", "fault"), ("panel", "normal")]


def device_state(bits: int) -> bytes:
    """A frame in which the transmission device speaks of itself."""
    return gb26875.build(b"\1\0", b"\x01\x01", NOON, bytes(6), bytes(6), 2, bytes((21, 1, bits)))


def system_state(bits: int, system: int = 3) -> bytes:
    """A frame with the state of a whole system."""
    body = bytes((1, 1, 1, system)) + bits.to_bytes(2, "little")
    return gb26875.build(b"\1\0", b"\x01\x01", NOON, bytes(6), bytes(6), 2, body)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([system_state(1)], [("corridor", "normal"), ("panel", "normal")]),
        ([state(0x000600D9, 0b10), system_state(1)], [("corridor", "fire"), ("panel", "normal")]),
        ([system_state(0b11)], [("panel", "fire")]),
        ([system_state(1 | 1 << 10)], [("panel", "fault")]),
        ([system_state(1, system=4)], [("panel", "normal")]),
        ([device_state(1)], [("panel", "normal")]),
        ([device_state(0b1000001)], [("corridor", "lost"), ("panel", "lost")]),
    ],
    ids=[
        "a normal system answers for parts nothing is known of",
        "but not for a part that has spoken",
        "a system on fire says nothing of its parts",
        "a faulty bus is the panel's fault",
        "another system is not asked",
        "a healthy device says nothing of the parts",
        "a device that has lost the panel makes all parts silent",
    ],
)
def test_what_a_system_or_device_says_of_its_parts(frames: list[bytes], expected: list[tuple[str, object]]) -> None:
    here = panel()
    samples = [sample for frame in frames for sample in here.hear(0, frame, 1.0, 1e9)[0]]
    got = [(s.point, s.value if isinstance(s, Reading) else s.reason) for s in samples]  # type: ignore[union-attr]
    assert got == expected


def test_a_peer_is_asked_for_all_once_and_for_its_systems_in_time() -> None:
    own, part = {"id": "panel", "name": "x"}, {"id": "c", "name": "x", "part": "000600D9", "system": 3}
    here = Gb26875Dialogue("panel", tuple(PanelPoint.model_validate(p) for p in (own, part)), 30.0, "0000000004D2")

    def asked(at: float) -> list[tuple[str, bytes]]:
        frames, _ = gb26875.cut(here.ask(0, at, 1e9))
        return [(f.target, f.body) for f in frames if isinstance(f, gb26875.Frame)]

    for_system = ("0000000004D2", bytes((61, 1, 1, 3)))
    assert asked(0.0) == [for_system, ("0000000004D2", bytes.fromhex("3e 01 01 03 d9 00 06 00"))]
    assert asked(29.0) == []
    assert asked(30.0) == [for_system]
    here.lost()
    assert len(asked(31.0)) == 2


def test_no_frame_is_lost_where_a_full_buffer_meets_half_a_frame() -> None:
    here, frames = panel(), b"".join(state(0x000600D9, 0b10 if n % 2 else 1) for n in range(500))
    got = [
        pair for at in range(0, len(frames), 4096) for pair in said(here.hear(0, frames[at : at + 4096], 1.0, 1e9)[0])
    ]
    assert len(got) == 500
    events = b"".join(event("1120" if n % 2 else "3120", 5, n) for n in range(500))
    other = host()
    got = [
        pair for at in range(0, len(events), 4096) for pair in said(other.hear(0, events[at : at + 4096], 1.0, 1e9)[0])
    ]
    assert len(got) == 500


def test_a_flood_of_unknown_parts_is_bounded_and_keeps_the_fire() -> None:
    here = panel()
    here.hear(0, state(1, 0b10), 1.0, 1e9)
    last: tuple[str, object] = ("", "")
    for part in range(2, 3000):
        (last,) = said(here.hear(0, state(part, 0b100), 1.0, 1e9)[0])
    assert last == ("panel", "fire+fault")
    assert len(here._own_words) <= 1000


def test_every_short_pulse_of_a_part_is_told_twice() -> None:
    here = panel()
    stream = b"".join(state(0x600D9, 0b10, sequence=n) + state(0x600D9, 1, sequence=n) for n in range(20))
    got: list[object] = []
    for start in range(0, len(stream), 7):  # in pieces, as TCP may cut them
        got += [value for _, value in said(here.hear(0, stream[start : start + 7], 1.0, 1e9)[0])]
    assert got == ["fire", "normal"] * 20


def test_the_published_dc09_frames_agree_with_their_crc() -> None:
    disarmed, _, rest = dc09.cut(FRAMES["dc09"]["disarmed"].encode())
    assert rest == b""
    assert disarmed[0].event == dc09.Event(400, begins=False, group="00", zone=0)
    for name in ("heartbeat", "acknowledgement"):
        assert len(dc09.cut(FRAMES["dc09"][name].encode())[0]) == 1
    assert dc09.cut(FRAMES["dc09"]["heartbeat"].replace("93B3", "93B4").encode())[:2] == ([], 1)


def test_a_heartbeat_is_acknowledged_and_says_nothing() -> None:
    samples, answer = host().hear(0, FRAMES["dc09"]["heartbeat"].encode(), 1.0, 1e9)
    assert samples == []
    assert b'"ACK"0000R1234L6789#000000[]' in answer


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([event("1120", 5, 1)], [("button", True)]),
        ([event("1120", 5, 1), event("1120", 5, 1)], [("button", True)]),
        ([event("1120", 5, 1), event("3120", 5, 2)], [("button", True), ("button", False)]),
        (
            [event("1120", 5, 1), event("3120", 5, 2), event("1120", 5, 1)],
            [("button", True), ("button", False)],
        ),
        ([event("1120", 5, 1), event("1120", 5, 2)], [("button", True)] * 2),
        ([event("1110", 9, 1)], [("host", "fire")]),
        ([event("1110", 9, 1), event("1381", 8, 2)], [("host", "fire"), ("host", "fire+lost")]),
        ([event("1400", 5, 1)], []),
    ],
    ids=[
        "a button", "the same again is one event", "a button and its end", "a late repetition raises nothing again",
        "another sequence is another event", "an unlisted input is the host's", "two unlisted inputs",
        "arming is no state",
    ],
)  # fmt: skip
def test_events_become_states(frames: list[bytes], expected: list[tuple[str, object]]) -> None:
    here = host()
    assert [pair for frame in frames for pair in said(here.hear(0, frame, 1.0, 1e9)[0])] == expected


def test_what_is_repeated_is_acknowledged_again() -> None:
    here = host()
    answers = [here.hear(0, event("1120", 5, 1), 1.0, 1e9)[1] for _ in range(2)]
    assert answers[0] == answers[1] != b""


def test_an_unknown_body_with_a_right_crc_is_answered_duh() -> None:
    frame = dc09.build('"*SIA-DCS"0001L0#1234[encrypted]')
    assert b'"DUH"0001L0#1234' in host().hear(0, frame, 1.0, 1e9)[1]


@settings(max_examples=300, deadline=None)
@given(garbage=st.binary(max_size=300), cut_at=st.integers(0, 78), damage=st.binary(min_size=1, max_size=4))
def test_no_bytes_break_a_panel_and_a_good_frame_after_them_is_read(garbage: bytes, cut_at: int, damage: bytes) -> None:
    here = panel()
    here.hear(0, FIRE[:cut_at] + damage + FIRE[cut_at + len(damage) :] + garbage, 1.0, 1e9)
    samples, _ = here.hear(0, FIRE, 1.0, 1e9)
    assert ("corridor", "fire") in said(samples)
    assert len(here._held[0]) <= 1100


@settings(max_examples=300, deadline=None)
@given(garbage=st.binary(max_size=300), cut_at=st.integers(0, 80), damage=st.binary(min_size=1, max_size=4))
def test_no_bytes_break_a_host_and_a_good_frame_after_them_is_read(garbage: bytes, cut_at: int, damage: bytes) -> None:
    here, good = host(), event("1120", 5, 4711)
    here.hear(0, good[:cut_at] + damage + garbage, 1.0, 1e9)
    samples, answer = here.hear(0, good, 1.0, 1e9)
    assert ("button", True) in said(samples) or b"ACK" in answer
    assert len(here._held[0]) <= 1100


@given(body=st.binary(max_size=200))
def test_a_body_is_states_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        gb26875.parts(body)


def bus(tmp_path: Path, **keys: Any) -> Bus:
    table = tmp_path / "parts.csv"
    table.write_bytes("part,system,id,name,place\n000600D9,3,corridor,走廊 烟感,教学楼A 一层\n".encode("gb18030"))
    data = {"type": "gb26875", "name": "消防主机", "host": "127.0.0.1", "table": str(table), **keys}
    return TypeAdapter[Bus](Bus).validate_python({"point": [{"id": "panel", "name": "消防主机"}], **data})


def test_the_address_table_may_come_from_excel_in_china(tmp_path: Path) -> None:
    points = bus(tmp_path, tcp_port=1).point
    assert [(point.id, point.place) for point in points] == [("panel", ""), ("corridor", "教学楼A 一层")]


def test_a_panel_without_a_point_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="has no point of its own"):
        bus(tmp_path, tcp_port=1, point=[])


def test_a_panel_that_calls_is_heard_answered_and_missed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with driver_for(bus(tmp_path, tcp_port=port)) as driver:
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(FIRE)
            got: list[Sample] = []
            while not got:
                got += driver.read()
            assert said(got) == [("corridor", "fire")]
            assert caller.recv(100)[26] == gb26875.Command.CONFIRM
        lost: list[Sample] = []
        while not lost:
            lost += driver.read()
        assert {(s.point, s.reason) for s in lost if not isinstance(s, Reading)} == {  # type: ignore[union-attr]
            ("panel", "unplugged"), ("corridor", "unplugged"),
        }  # fmt: skip


def test_a_caller_that_is_not_allowed_is_hung_up_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    driver = driver_for(bus(tmp_path, tcp_port=port, allow=("192.0.2.1",)))
    with driver, socket.create_connection(("127.0.0.1", port)) as caller:
        assert driver.read() == []
        assert caller.recv(1) == b""
