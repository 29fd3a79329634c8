"""The outbox: nothing accepted is lost, alarms leave first, and a bad disk is told but stops nothing."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from agent_fakes import bodies, crossing, event, in_line, own_words, running_outbox, still_clock
from waiting import until

from agent.disk import BusyError
from agent.faults import STORAGE, OwnFault
from agent.outbox import Outbox
from agent.storage import RefusedError
from agent.store import Entry, NewerError, Store
from config.agent import OutboxSection
from contracts.messages import Event
from contracts.vocabulary import Severity


def test_many_threads_get_gapless_numbers_after_the_commit(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        seqs: list[int] = []

        def add() -> None:
            seqs.extend(outbox.add(event()).seq for _ in range(25))

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = sorted(seq for _, seq in in_line(outbox))  # the outbox's own first word may come in between
    assert stored == list(range(1, len(stored) + 1))
    assert len(set(seqs)) == 200
    assert set(seqs) <= set(stored)
    again = Store(tmp_path / "outbox.db")
    assert again.last_seq == stored[-1]
    again.close()


def test_alarms_leave_before_notices_and_these_before_crossings(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        outbox.add(crossing())
        outbox.add(event("a", active=False))
        outbox.add(event("b", severity=Severity.ADVISORY))
        outbox.add(event("c", severity=Severity.WARNING))
        order = [getattr(entry, "point", "crossing") for entry in bodies(outbox)]
    assert order == ["c", "a", "b", "crossing"]


def test_an_alarm_takes_along_what_its_own_point_said_before(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        outbox.add(event("other", active=False))
        outbox.add(event("smoke", active=False))
        outbox.add(event("smoke"))
        order = [(getattr(entry, "point", ""), getattr(entry, "active", None)) for entry in bodies(outbox)]
    assert order == [("smoke", False), ("smoke", True), ("other", False)]


def test_only_a_receipt_of_its_own_epoch_takes_an_entry_out(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        stored = outbox.add(event())
        outbox.acknowledge("01a20a50-0000-7000-8000-000000000000", [stored.seq])
        assert [entry.id for entry in bodies(outbox)] == [stored.id]
        outbox.acknowledge(stored.epoch, [stored.seq])
        assert not bodies(outbox)


def test_a_receipt_for_a_number_never_given_does_not_swallow_the_entry_that_gets_it(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        first = outbox.add(event())
        outbox.acknowledge(first.epoch, [first.seq + 1])
        second = outbox.add(event())
        assert second.id in {entry.id for entry in bodies(outbox)}


def test_entries_wait_over_a_restart_and_numbers_go_on(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        first, second = outbox.add(event()), outbox.add(event())
        outbox.acknowledge(first.epoch, [first.seq])
    with running_outbox(tmp_path) as outbox:
        third = outbox.add(event())
        waiting = {entry.id for entry in bodies(outbox)}
    assert waiting == {second.id, third.id}
    assert third.epoch == first.epoch
    assert third.seq > second.seq


def test_the_server_may_ask_for_acknowledged_entries_again(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        stored = outbox.add(event())
        outbox.acknowledge(stored.epoch, [stored.seq])
        outbox.resend(stored.epoch, stored.seq, stored.seq)
        until(lambda: stored.id in {entry.id for entry in bodies(outbox)})


def test_a_second_agent_in_the_same_folder_is_told_so(tmp_path: Path) -> None:
    second = Outbox(OutboxSection(directory=tmp_path), OwnFault(STORAGE, still_clock()))
    with running_outbox(tmp_path), pytest.raises(BusyError, match="another agent uses this folder"):
        second.open()


def test_a_file_of_a_newer_agent_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "outbox.db")
    store._write.execute("pragma user_version = 99")
    store.close()
    with pytest.raises(NewerError, match="version 99"), running_outbox(tmp_path):
        pass


def test_a_damaged_file_at_the_start_is_set_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"not a database at all" * 500)
    with running_outbox(tmp_path) as outbox:
        stored = outbox.add(event())
        assert (True, "reset") in own_words(outbox)
        assert [entry.id for entry in bodies(outbox)] == [stored.id]
    assert list(tmp_path.glob("outbox.db.corrupt-*"))


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_over_the_file_while_it_runs_start_another_epoch(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    with running_outbox(tmp_path) as outbox:
        epoch = {outbox.add(event(f"p{i}")).epoch for i in range(300)}.pop()
        for name in ("outbox.db", "outbox.db-wal"):
            with (tmp_path / name).open("r+b") as file:
                size = (tmp_path / name).stat().st_size
                for _ in range(200):
                    file.seek(dice.randrange(max(1, size)))
                    file.write(dice.randbytes(512))
        until(lambda: bool(outbox.bodies(in_line(outbox)) or outbox.add(event())) and outbox.epoch != epoch)
        stored = outbox.add(event("after"))
        assert stored.epoch != epoch
        assert (True, "reset") in own_words(outbox)
        assert stored.id in {entry.id for entry in bodies(outbox)}


def test_a_lost_end_of_the_file_is_a_hole_and_no_number_comes_twice(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        kept = outbox.add(event())
    saved = (tmp_path / "outbox.db").read_bytes()
    with running_outbox(tmp_path) as outbox:
        lost = [outbox.add(event()) for _ in range(5)]
    (tmp_path / "outbox.db").write_bytes(saved)  # as a disk that lied about its flush would leave it
    with running_outbox(tmp_path) as outbox:
        later = outbox.add(event())
        assert later.epoch == kept.epoch
        assert later.seq > lost[-1].seq
        assert (True, "reset") in own_words(outbox)


def test_without_a_usable_disk_events_are_kept_in_memory_and_sent(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("a file where a folder should be")
    with running_outbox(tmp_path / "box") as outbox:
        stored = outbox.add(event())
        assert [entry.id for entry in bodies(outbox)] == [stored.id]
        assert any(active for active, _ in own_words(outbox))
        assert outbox.trouble()
        outbox.acknowledge(stored.epoch, [stored.seq])
        assert not bodies(outbox)


def test_a_full_outbox_refuses_crossings_before_alarms(tmp_path: Path) -> None:
    with running_outbox(tmp_path, max_entries=1000) as outbox:
        for future in [outbox.submit(crossing()) for _ in range(1000)]:
            future.exception(10)
        with pytest.raises(RefusedError, match="1000 entries wait already"):
            outbox.add(crossing())
        outbox.add(event())
        assert "refused" in outbox.trouble()
        assert outbox.health().refused > 0  # the heartbeat says so, and the wall shows a fault


def test_old_acknowledged_entries_are_forgotten_but_never_the_last_number(tmp_path: Path) -> None:
    store = Store(tmp_path / "outbox.db")
    store.commit([event() for _ in range(10)], ())
    store.commit([], range(1, 11))
    assert store.prune(keep_s=3600, most=100) == 0
    while store.prune(keep_s=-1, most=100):
        pass
    assert store.count == 1
    store.close()
    again = Store(tmp_path / "outbox.db")
    assert again.last_seq == 10
    again.close()


def test_waiting_entries_are_never_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "outbox.db")
    store.commit([event() for _ in range(10)], ())
    assert store.prune(keep_s=-1, most=1) == 0
    assert store.depth == 10
    store.close()


def test_what_is_accepted_is_witnessed_after_the_commit(tmp_path: Path) -> None:
    witness = tmp_path / "accepted"
    with running_outbox(tmp_path / "box", accepted_log=witness) as outbox:
        stored = outbox.add(event())
        assert stored.id in witness.read_text(encoding="utf-8")


def test_an_entry_that_meets_a_bug_is_refused_and_counted_and_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Store.commit

    def poisoned(store: Store, entries: Sequence[Entry], receipts: Iterable[int]) -> list[Entry]:
        if any(isinstance(entry, Event) and entry.point == "poison" for entry in entries):
            raise ZeroDivisionError("a bug")
        return commit(store, entries, receipts)

    monkeypatch.setattr(Store, "commit", poisoned)
    with running_outbox(tmp_path) as outbox:
        done = [outbox.submit(event(point)) for point in ("a", "b", "poison", "c")]
        assert len({done[n].result(10).seq for n in (0, 1, 3)}) == 3
        with pytest.raises(RefusedError, match="ZeroDivisionError: a bug"):
            done[2].result(10)
        assert outbox.health().refused == 1
        outbox.add(event("d"))
        assert {e.point for e in bodies(outbox) if isinstance(e, Event)} >= {"a", "b", "c", "d"}


def test_receipts_are_written_with_the_next_entry_or_at_the_end_and_hold_over_a_restart(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        first, second = outbox.add(event("a")), outbox.add(event("b"))
        outbox.acknowledge(first.epoch, [first.seq])
        third = outbox.add(event("c"))
        with sqlite3.connect(tmp_path / "outbox.db") as reader:  # while it runs: not only by its end
            unwritten = [row[0] for row in reader.execute("select seq from entry where receipt is null order by seq")]
        reader.close()
        assert first.seq not in unwritten
        assert {second.seq, third.seq} <= set(unwritten)
        outbox.acknowledge(second.epoch, [second.seq])
    with running_outbox(tmp_path) as outbox:
        assert [body.seq for body in bodies(outbox) if isinstance(body, Event) and body.point in "abc"] == [third.seq]


def test_what_has_a_receipt_waits_no_more_though_that_is_not_written_yet(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        newest = [outbox.add(event(point)) for point in "abc"][-1]
        until(lambda: outbox.health().last_seq == 4)  # the disk's own first word is among them
        assert outbox.health().oldest_waiting_s > 0.0
        outbox.acknowledge(newest.epoch, range(1, outbox.health().last_seq + 1))
        health = outbox.health()
        assert (health.depth, health.oldest_waiting_s) == (0, 0.0)
        assert outbox.empty()


def test_a_second_receipt_while_the_disk_can_only_be_read_holds_nothing_back(tmp_path: Path) -> None:
    with running_outbox(tmp_path) as outbox:
        first, waits = outbox.add(event("a")), outbox.add(event("b"))
        done = [seq for _, seq in in_line(outbox) if seq != waits.seq]
        outbox.acknowledge(first.epoch, done)
        storage, stores = outbox._storage, outbox._storage.stores
        until(lambda: stores.depth == 1)
        with stores.lock:
            disk, stores.disk, storage._disk_again = stores.disk, None, float("inf")
            stores.leave(disk)
        outbox.acknowledge(first.epoch, [first.seq])
        until(lambda: stores.left_receipts)
        assert (waits.epoch, waits.seq) in in_line(outbox)
