"""The audit is a chain: whoever has the database and changes it is found out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from ledger_clock import NOW
from sqlalchemy import Connection, text

from config.server import KeepSection
from server.accounts.audit import note
from server.database import Database
from server.ledger import checking, seal
from server.ledger.sensors import Ledger
from server.ledger.upkeep import Upkeep, tick
from server.retention import prune

DAY = timedelta(days=1)


def written(database: Database, ledger: Ledger, data: Path) -> None:
    """Write six lines, the first two of them too old to be kept; then the day's signed head and the anchors."""
    with database.write.begin() as connection:
        for age in (900, 800, 300, 200, 100, 0):
            note(connection, NOW - age * DAY, "门卫甲", "login", f"{age} days ago", address="10.0.0.9")
    with database.write.begin() as connection:
        tick(connection, Upkeep(ledger, seal.load_key(data), data))
        seal.note(connection, seal.load_key(data), data, NOW)


def broken(connection: Connection, data: Path) -> str:
    return str(checking.check_database(connection, data).broken)


def test_an_audit_nobody_touched_is_whole_and_its_end_is_noted_outside(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    written(database, ledger, tmp_path)
    with database.read.connect() as connection:
        proof = checking.check_database(connection, tmp_path)
    assert (proof.broken, proof.audit_lines) == (None, 6)
    assert [head.site for head in seal.read_anchors(tmp_path / seal.ANCHOR_FILE)] == ["_audit"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("UPDATE audit SET by = '门卫乙' WHERE place = 3", "line 3: was altered", id="another name"),
        pytest.param("UPDATE audit SET at = '2026-01-01 00:00:00' WHERE place = 3", "line 3: was", id="another time"),
        pytest.param("DELETE FROM audit WHERE place = 3", "line 3: is missing", id="a line taken out"),
        pytest.param("DELETE FROM audit WHERE place = 6", "line 6: is missing", id="the last taken out"),
        pytest.param("DELETE FROM audit", "line 1: is missing", id="all taken out"),
        pytest.param("DELETE FROM audit WHERE place < 3", "no retention says so", id="the first taken out"),
        pytest.param("UPDATE audit SET place = NULL WHERE place < 3", "no retention says", id="the first unchained"),
        pytest.param("UPDATE audit SET place = NULL WHERE place = 4", "line 4: is missing", id="one unchained"),
        pytest.param(
            "INSERT INTO audit (at, by, address, action, subject, text) VALUES ('2026-01-01', 'x', '', 'y', '', '')",
            "outside of the chain",
            id="one put in",
        ),
        pytest.param(
            "UPDATE hazard_chains SET n = 5, hash = (SELECT hash FROM audit WHERE place = 5) WHERE site = '_audit'",
            "is not where the audit ends",
            id="the tip moved",
        ),
    ],
)
def test_what_was_done_to_the_audit_past_the_program_is_named(
    database: Database, ledger: Ledger, tmp_path: Path, statement: str, said: str
) -> None:
    written(database, ledger, tmp_path)
    with database.write.begin() as connection:
        connection.execute(text(statement))
    with database.read.connect() as connection:
        assert said in broken(connection, tmp_path)


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_noted(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    written(database, ledger, tmp_path)
    with database.write.begin() as connection:
        connection.execute(text("DELETE FROM audit"))
        connection.execute(text("DELETE FROM hazard_chains WHERE site = '_audit'"))
        for n in range(8):
            note(connection, NOW, "门卫甲", "login", f"invented {n}")
    with database.read.connect() as connection:
        assert "is not the line that was anchored" in broken(connection, tmp_path)


def test_what_went_for_its_age_leaves_a_chain_that_is_whole(database: Database, ledger: Ledger, tmp_path: Path) -> None:
    written(database, ledger, tmp_path)
    with database.write.begin() as connection:
        assert prune(connection, KeepSection(), NOW)["audit"] == 2
    with database.read.connect() as connection:
        proof = checking.check_database(connection, tmp_path)
        assert (proof.broken, proof.audit_lines) == (None, 5)
    with database.write.begin() as connection:
        prune(connection, KeepSection(audit_days=183), NOW)
        connection.execute(text("DELETE FROM audit WHERE place = 5"))
    with database.read.connect() as connection:
        assert "line 5: is missing" in broken(connection, tmp_path)


def test_lines_older_than_the_chain_stay_readable_outside_of_it(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    values = "('2026-01-01 00:00:00', 'x', '', 'y', '', '')"
    with database.write.begin() as connection:
        connection.execute(text(f"INSERT INTO audit (at, by, address, action, subject, text) VALUES {values}"))
    written(database, ledger, tmp_path)
    with database.read.connect() as connection:
        proof = checking.check_database(connection, tmp_path)
    assert (proof.broken, proof.audit_lines) == (None, 6)
