"""The whole proof: database, anchors, signed heads, an exported file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from ledger_clock import NOW
from sqlalchemy import insert

from server.accounts.permissions import Role
from server.database import Database
from server.errors import ServerError
from server.ledger import checking, seal
from server.ledger.actions import Finding, report
from server.ledger.guards import Actor
from server.ledger.sensors import Ledger
from server.ledger.tables import heads
from server.ledger.upkeep import Upkeep, tick
from server.ledger.verify import Tip


@pytest.fixture
def kept(database: Database, ledger: Ledger, tmp_path: Path) -> Database:
    key = seal.load_key(tmp_path)
    with database.write.begin() as connection:
        for n in range(4):
            report(connection, ledger, Finding("yx-1", "report", f"第{n}处"), Actor("甲", Role.SAFETY))
        tick(connection, Upkeep(ledger, key, tmp_path))
        seal.note(connection, key, tmp_path, NOW)
    return database


def test_a_whole_ledger_is_proved_with_heads_and_anchors(kept: Database, tmp_path: Path) -> None:
    with kept.read.connect() as connection:
        proof = checking.check_database(connection, tmp_path)
        assert (proof.broken, proof.rows) == (None, 4)
        with pytest.raises(ServerError, match="no such file of anchors"):
            checking.check_database(connection, tmp_path, tmp_path / "none.json")


def test_a_head_of_a_foreign_key_is_named(kept: Database, tmp_path: Path) -> None:
    foreign = tmp_path / "other"
    foreign.mkdir()
    forged = seal.sign(seal.load_key(foreign), Tip("yx-1", 4, "0" * 64), "2026-05-08")
    with kept.write.begin() as connection:
        connection.execute(insert(heads).values(asdict(forged)))
        assert "did not sign" in str(checking.check_database(connection, tmp_path).broken)


@pytest.mark.parametrize(
    ("order", "words", "said"),
    [
        pytest.param((0, 1, 2, 3), "第1处", None, id="whole"),
        pytest.param((0, 1, 3), "第1处", "journal row 3: is missing", id="a line taken out"),
        pytest.param((1, 0, 2, 3), "第1处", "journal row 1: is missing", id="two exchanged"),
        pytest.param((0, 1, 2), "第1处", "journal row 4: is missing", id="the tail cut off"),
        pytest.param((0, 1, 2, 3), "第9处", "journal row 2: was altered", id="a word changed"),
    ],
)
def test_an_exported_file_is_proved_too(
    kept: Database, tmp_path: Path, order: tuple[int, ...], words: str, said: str | None
) -> None:
    file = tmp_path / "journal.jsonl"
    with kept.read.connect() as connection:
        assert checking.export(connection, file) == 4
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[n] for n in order).replace("第1处", words), encoding="utf-8")
    proof = checking.check_file(file, tmp_path / seal.ANCHOR_FILE)
    assert (proof.broken is None) if said is None else (said in str(proof.broken))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"n": 1}))
    with pytest.raises(ServerError, match=r"x\.jsonl: line 1 is no row"):
        checking.check_file(file)
    with pytest.raises(ServerError, match="cannot be read"):
        checking.check_file(tmp_path / "none")
    file.write_bytes(b"PK\x03\x04\xbb\xff")
    with pytest.raises(ServerError, match=r"x\.jsonl: is no exported journal"):
        checking.check_file(file)


def test_a_file_that_cannot_be_written_is_named(kept: Database, tmp_path: Path) -> None:
    with kept.read.connect() as connection, pytest.raises(ServerError, match=r"none/x: cannot be written"):
        checking.export(connection, tmp_path / "none" / "x")


def test_a_head_stays_what_it_was(tmp_path: Path) -> None:
    head = seal.sign(seal.load_key(tmp_path), Tip("yx-1", 4, "ab" * 32), "2026-05-08")
    assert seal.genuine(head, head.key)
    assert not seal.genuine(replace(head, day="2026-05-09"), head.key)
