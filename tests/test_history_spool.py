"""What waits on disk for a history server: in order, bounded, whole after a crash, and sent again where it must be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.errors import ServerError
from server.history import spool as spooling
from server.history.spool import SEGMENT_BYTES, Spool


class Clock:
    """Seconds a test sets."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    monkeypatch.setattr(spooling, "LEAST_FREE_MB", 0.0)  # the machine's own disk is not what is tested
    with closing(Spool(tmp_path / "spool", 10 * SEGMENT_BYTES, mono_s=clock)) as one:
        one.load()
        yield one


def sent(spool: Spool, clock: Clock) -> list[bytes]:
    """Send all that waits."""
    found: list[bytes] = []
    clock.s += 1.0
    while segment := spool.oldest():
        found.append(segment.read())
        spool.taken(segment)
    return found


def test_lines_leave_in_the_order_they_came_and_once(spool: Spool, clock: Clock) -> None:
    big = b"x" * (SEGMENT_BYTES - 1) + b"\n"
    for lines in (b"a\n", b"b\n", big, b"c\n"):
        assert spool.append(lines, 1) == 0
    assert spool.behind_s == 0.0
    assert sent(spool, clock) == [b"a\nb\n" + big, b"c\n"]
    assert sent(spool, clock) == []
    assert spool.waiting_bytes == 0


def test_what_a_run_left_is_sent_by_the_next_without_the_line_it_did_not_finish(
    spool: Spool, clock: Clock, tmp_path: Path
) -> None:
    spool.append(b"a\nb\n", 2)
    spool.close()
    file = next((tmp_path / "spool").iterdir())
    file.write_bytes(file.read_bytes() + b"torn in the mid")
    with closing(Spool(tmp_path / "spool", SEGMENT_BYTES, mono_s=clock)) as after:
        after.load()
        after.append(b"c\n", 1)
        assert sent(after, clock) == [b"a\nb\n", b"c\n"]


def test_what_was_taken_lately_is_sent_again_after_a_rewind_and_before_what_came_since(
    spool: Spool, clock: Clock, tmp_path: Path
) -> None:
    spool.append(b"old\n", 1)
    sent(spool, clock)
    clock.s += spool.settle_s
    spool.append(b"young\n", 1)
    sent(spool, clock)  # now the first has settled
    spool.append(b"new\n", 1)
    assert spool.rewind() == 1
    assert sent(spool, clock) == [b"young\n", b"new\n"]
    clock.s += spool.settle_s
    spool.append(b"last\n", 1)
    sent(spool, clock)
    assert len(list((tmp_path / "spool").iterdir())) == 1


def test_the_oldest_makes_room_and_only_what_nobody_took_counts_as_lost(spool: Spool, clock: Clock) -> None:
    half = b"x" * (SEGMENT_BYTES // 2 - 1) + b"\n"
    spool.append(half, 7)
    sent(spool, clock)
    lost = [spool.append(half, 7) for _ in range(22)]
    assert sum(lost) % 7 == 0
    assert lost[:19] == [0] * 19
    assert sum(lost) >= 14
    assert sum(len(lines) for lines in sent(spool, clock)) == (22 * 7 - sum(lost)) // 7 * len(half)


def test_a_disk_that_takes_nothing_is_said_and_leaves_no_half_line(
    spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(b"whole\n", 1)
    real, calls = spooling.os.write, list[int]()

    def full(fd: int, data: memoryview) -> int:
        calls.append(fd)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(fd, data[:3])

    with monkeypatch.context() as broken:
        broken.setattr(spooling.os, "write", full)
        with pytest.raises(ServerError, match="No space left"):
            spool.append(b"broken\n", 1)
    spool.append(b"after\n", 1)
    assert sent(spool, clock) == [b"whole\nafter\n"]


def test_a_disk_that_is_nearly_full_belongs_to_the_ledger(
    spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = b"x" * (SEGMENT_BYTES - 1) + b"\n"
    spool.append(big, 3)
    monkeypatch.setattr(spooling, "LEAST_FREE_MB", float("inf"))
    assert spool.append(b"a\n", 1) == 3
    assert sent(spool, clock) == [b"a\n"]
