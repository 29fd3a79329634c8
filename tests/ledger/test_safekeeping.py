"""Backup, restore, upgrade and move: nothing is lost, nothing is half done, and the chain holds after each."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ledger_clock import NOW, Clock
from sqlalchemy import Connection, func, insert, select, text, update

from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.accounts.tables import audit
from server.alerts.tables import alerts
from server.changes import announce, head
from server.database import Database, connect
from server.errors import ServerError
from server.ledger import seal, search
from server.ledger.actions import Finding, act, report
from server.ledger.checking import check_database
from server.ledger.guards import Actor
from server.ledger.query import Wanted, page
from server.ledger.sensors import Ledger
from server.ledger.tables import hazards, journal
from server.ledger.verify import verify
from server.migrate import alembic_of, migrate, own
from server.safekeeping import commands
from server.safekeeping.backup import backup, restore
from server.safekeeping.move import digest_of, move
from server.safekeeping.secret import seal as seal_files
from server.safekeeping.secret import unseal
from server.tables import metadata
from server.wall.tables import plans

PASSPHRASE = b"a passphrase of a test"
SAFETY = Actor("安全乙", Role.SAFETY, Reach.of("yx-1"))
FIRST = "0002"  # the first schema that holds a ledger


@dataclass(frozen=True, slots=True)
class School:
    """A server's data directory and its database."""

    data: Path
    database: Database


@contextmanager
def opened(address: str) -> Generator[Database]:
    database = connect(address)
    try:
        yield database
    finally:
        database.close()
        database.write.dispose()


def live_through(database: Database, ledger: Ledger, n: int = 5) -> None:
    """Let some things happen: entries, steps, a user, an alert, lines of the audit, numbers given and taken back."""
    with database.write.begin() as connection:
        users.add(connection, "安全乙", Role.SAFETY, "a-password-for-tests", NOW, Reach.of("yx-1"))
        for i in range(n):
            found = Finding("yx-1", "report", f"消防通道堆放杂物 📦 𠮷 {i}", place="食堂", category="fire")
            entry = report(connection, ledger, found, SAFETY)
            act(connection, ledger, (entry.id, 1), "register", {}, SAFETY)
        announce(connection, NOW, "alert", "yx-1", {"text": "最后一条"})
        connection.execute(
            insert(audit).values(at=NOW, by="安全乙", action="login", address="::1", subject="", text="")
        )
        row = {"id": "a-1", "n": 1, "site": "yx-1", "agent": "lab", "point": "smoke-1", "name": "烟感", "place": "三层",
               "grid": "", "kind": "smoke", "severity": "critical", "active": True, "acked": False, "open": True,
               "reason": "", "value": {"dB/m": 0.17}, "unit": "dB/m", "began_at": NOW, "received_at": NOW,
               "acked_by": "", "comment": "", "count": 1, "simulated": False, "drill": False, "late": False,
               "latched": True, "reset_by": ""}  # fmt: skip
        connection.execute(insert(alerts).values(row))


def hold(database: Database, data: Path) -> int:
    """Return how many journal rows stand and hold."""
    with database.read.connect() as connection:
        proof = check_database(connection, data)
    assert proof.broken is None
    return proof.rows


@pytest.fixture
def school(database: Database, ledger: Ledger, tmp_path: Path) -> School:
    data = tmp_path / "data"
    (data / "config").mkdir(parents=True)
    (data / "config" / "duties.toml").write_text('name = "own"\n', encoding="utf-8")
    (data / "broker").mkdir()
    (data / "broker" / "server.password").write_text("SECRET-PASSWORD", encoding="utf-8")
    live_through(database, ledger)
    picture = {"id": "p1", "name": "一层", "type": "png", "width": 1, "height": 1, "image": b"\x89PNG\0\xff", "at": NOW}
    with database.write.begin() as connection:
        connection.execute(insert(plans).values(**picture, by="甲"))
        seal.seal_day(connection, seal.load_key(data), "2026-05-07")
    return School(data, database)


def digests(database: Database) -> dict[str, tuple[int, str]]:
    with database.read.connect() as connection:
        return {table.name: digest_of(connection, table) for table in metadata.sorted_tables}


def test_a_backup_brings_everything_back_on_a_fresh_machine(
    school: School, empty_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    file = tmp_path / "out" / "b.zip"
    kept = backup(school.database, school.data, file, PASSPHRASE)
    assert (kept.counts["hazards"], kept.counts["hazard_journal"], kept.secrets) == (5, 10, True)
    assert file.stat().st_mode & 0o777 == 0o600
    before, fresh = digests(school.database), tmp_path / "fresh"
    fresh.mkdir()
    sqlite = school.database.read.dialect.name == "sqlite"
    with opened(f"sqlite:///{fresh}/campus.db" if sqlite else empty_postgresql()) as database:
        restore(database, fresh, file, PASSPHRASE)
        assert digests(database) == before
        assert hold(database, fresh) == 10  # by the signing key that came back sealed
        with database.write.begin() as connection:
            assert announce(connection, NOW, "alert", "yx-1", {}) == 12  # no number of the feed is given twice
            assert users.check(connection, "安全乙", "a-password-for-tests") is not None
    assert (fresh / "config" / "duties.toml").read_text(encoding="utf-8") == 'name = "own"\n'
    assert (fresh / "broker" / "server.password").read_text(encoding="utf-8") == "SECRET-PASSWORD"
    assert (fresh / "broker" / "server.password").stat().st_mode & 0o777 == 0o600


def test_no_secret_stands_in_a_backup_in_the_clear(school: School, tmp_path: Path) -> None:
    key = (school.data / "ledger.key").read_bytes()
    for name, passphrase in (("with", PASSPHRASE), ("without", None)):
        file = tmp_path / f"{name}.zip"
        kept = backup(school.database, school.data, file, passphrase)
        assert kept.secrets is (passphrase is not None)
        with zipfile.ZipFile(file) as packed:
            content = b"".join(packed.read(part) for part in packed.namelist())
        assert key not in content
        assert b"SECRET-PASSWORD" not in content
        assert b"a-password-for-tests" not in content
    assert "WITHOUT keys" in kept.words


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_is_of_the_database_whose_address_lies_in_a_file(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, config = tmp_path / "address", tmp_path / "server.toml"
    address.write_text(school.database.read.url.render_as_string(hide_password=False), encoding="utf-8")
    address.chmod(0o600)
    config.write_text(f'data = "{tmp_path / "empty"}"\ndatabase_file = "{address}"\n', encoding="utf-8")
    commands.backup(config, tmp_path / "b.zip")
    assert "5 ledger entries" in capsys.readouterr().out


def test_sealed_files_come_back_to_their_own_places_alone() -> None:
    for name in ("../../etc/cron.d/x", "ca/../../x", "/etc/x", "server.toml"):
        with pytest.raises(ServerError, match="no file that a backup of ours holds"):
            unseal(seal_files({"ledger.key": b"k", name: b"x"}, PASSPHRASE), PASSPHRASE)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_that_is_damaged_foreign_or_locked_is_one_line_and_touches_nothing(
    school: School, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    backup(school.database, school.data, file, PASSPHRASE)
    before = digests(school.database)
    wrong = {
        "not the passphrase": (file, b"another passphrase"),
        "name the passphrase": (file, None),
        "not a whole backup": (_cut(file, tmp_path / "cut.zip"), PASSPHRASE),
        "is damaged": (_swapped(file, tmp_path / "swapped.zip"), PASSPHRASE),
        "cannot be read": (tmp_path / "none.zip", PASSPHRASE),
        "a backup of postgresql": (_of_postgresql(file, tmp_path / "pg.zip"), PASSPHRASE),
    }
    for words, (bad, passphrase) in wrong.items():
        with pytest.raises(ServerError, match=words) as error:
            restore(school.database, school.data, bad, passphrase)
        assert "\n" not in str(error.value)
    assert digests(school.database) == before


def test_a_restore_sets_aside_what_is_there(school: School, tmp_path: Path) -> None:
    if school.database.read.dialect.name == "postgresql":
        file = tmp_path / "b.zip"
        backup(school.database, school.data, file, None)
        with pytest.raises(ServerError, match="not empty"):
            restore(school.database, school.data, file, None)
        return
    file, here = tmp_path / "b.zip", Path(school.database.read.url.database or "")
    backup(school.database, school.data, file, None)
    with school.database.write.begin() as connection:
        users.add(connection, "后来的人", Role.GRID, "a-password-for-tests", NOW, Reach.of("yx-1"))
    restore(school.database, school.data, file, None)
    with school.database.read.connect() as connection:
        assert [u.name for u in users.listed(connection)] == ["安全乙"]
    (aside,) = here.parent.glob(f"{here.name}.replaced-*")
    with opened(f"sqlite:///{aside}") as old, old.read.connect() as connection:
        assert "后来的人" in {u.name for u in users.listed(connection)}


def test_a_backup_made_while_entries_come_in_is_of_one_moment(
    school: School, ledger: Ledger, empty_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with school.database.write.begin() as connection:
                report(connection, ledger, Finding("yx-1", "report", "灯坏", category="fire"), SAFETY)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        files = [tmp_path / f"{n}.zip" for n in range(3)]
        kept = [backup(school.database, school.data, file, None) for file in files]
    finally:
        stop.set()
        writing.join(20)
    assert kept[0].counts["hazards"] <= kept[2].counts["hazards"]
    for n, (file, one) in enumerate(zip(files, kept, strict=True)):
        fresh = tmp_path / f"fresh-{n}"
        fresh.mkdir()
        sqlite = school.database.read.dialect.name == "sqlite"
        with opened(f"sqlite:///{fresh}/campus.db" if sqlite else empty_postgresql()) as database:
            restore(database, fresh, file, None)
            with database.read.connect() as connection:
                proof = verify(connection)
                assert proof.broken is None, proof.broken
                assert connection.execute(select(func.count()).select_from(hazards)).scalar() == one.counts["hazards"]


def user_of_one_school_and_one_of_all(connection: Connection, name: str, role: Role, *_: object) -> None:
    """As the first schema had them: the one school a user sees, empty for every school."""
    columns = "name, role, site, password, disabled, created_at"
    row = text(f"INSERT INTO users ({columns}) VALUES (:n, :r, :s, '-', :no, :at)")
    for one, site in ((name, "yx-1"), ("市局", "")):
        connection.execute(row, {"n": one, "r": role.value, "s": site, "no": False, "at": NOW})


def test_the_first_schema_with_its_data_is_brought_to_this_one_after_a_backup(
    empty_addresses: Callable[[], str], ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(empty_addresses()) as database:
        with database.write.connect() as connection, connection.begin():
            command.upgrade(alembic_of(connection), FIRST)
        with monkeypatch.context() as before:
            before.setattr(search, "put", _nothing)  # that schema had no index of texts
            before.setattr(users, "add", user_of_one_school_and_one_of_all)
            live_through(database, ledger, 20)
        with database.read.connect() as connection:
            old = [tuple(row) for row in connection.execute(select(journal).order_by(journal.c.n))]
        migrate(database, tmp_path / "backups")
        with database.write.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts={"include_name": own}), metadata) == []
            assert [tuple(row) for row in connection.execute(select(journal).order_by(journal.c.n))] == old
            assert verify(connection).broken is None
            assert len(page(connection, Wanted(text="杂物")).entries) == 20
            assert connection.execute(select(alerts.c.value)).scalar() == {"dB/m": 0.17}
            seen = {user.name: (user.role, user.reach.words()) for user in users.listed(connection)}
            assert seen == {"安全乙": (Role.SAFETY, ["yx-1"]), "市局": (Role.SAFETY, ["*"])}
        with pytest.raises(Exception, match="append-only"), database.write.begin() as connection:
            connection.execute(update(journal).values(by="另一个人"))
        with database.write.begin() as connection:
            report(connection, ledger, Finding("yx-1", "report", "升级以后", category="fire"), SAFETY)
        kind = database.read.dialect.name
    (copy,) = (tmp_path / "backups").glob(f"before-*-{FIRST}.zip")
    with zipfile.ZipFile(copy) as packed:
        manifest = json.loads(packed.read("manifest.json"))
    assert (manifest["kind"], manifest["revision"], manifest["counts"]["hazards"]) == (kind, FIRST, 20)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with opened(f"sqlite:///{fresh}/campus.db" if kind == "sqlite" else empty_addresses()) as database:
        restore(database, fresh, copy, None)  # a copy from before is restored, and upgraded again
        with database.read.connect() as connection:
            assert verify(connection).rows == 40
            assert compare_metadata(MigrationContext.configure(connection, opts={"include_name": own}), metadata) == []


def test_a_school_moves_to_postgresql_with_counts_and_hashes_compared(
    school: School, ledger: Ledger, empty_postgresql: Callable[[], str]
) -> None:
    before = digests(school.database)
    to = empty_postgresql()
    moved = move(school.database, to)
    assert {one.table: (one.rows, one.digest) for one in moved} == before
    with opened(to) as database:
        assert digests(database) == before
        assert hold(database, school.data) == 10
        with database.write.begin() as connection:
            assert announce(connection, NOW, "alert", "yx-1", {}) == 12
            assert head(connection) == 12
            entry = report(connection, ledger, Finding("yx-1", "report", "搬家以后", category="fire"), SAFETY)
            assert (entry.id, entry.number) == (6, "YX-1-2026-0006")
        with database.read.connect() as connection:
            assert verify(connection).broken is None


def test_a_move_into_a_used_database_or_of_a_broken_chain_leaves_nothing(
    school: School, empty_postgresql: Callable[[], str], clock: Clock
) -> None:
    assert clock.now == NOW
    to = empty_postgresql()
    move(school.database, to)
    with pytest.raises(ServerError, match="not empty"):
        move(school.database, to)
    with school.database.write.begin() as connection:
        connection.execute(update(hazards).where(hazards.c.id == 3).values(place="改过"))
    other = empty_postgresql()
    with pytest.raises(ServerError, match="the journal does not hold"):
        move(school.database, other)
    with opened(other) as database, database.read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM hazards")).scalar() == 0
    with pytest.raises(ServerError, match="is to be PostgreSQL"):
        move(school.database, "sqlite:///x.db")


def _nothing(*_words: object) -> None:
    """Stand in for what was not there yet."""


def _cut(file: Path, target: Path) -> Path:
    target.write_bytes(file.read_bytes()[:-200])
    return target


def _swapped(file: Path, target: Path) -> Path:
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            out.writestr(name, b"other" if name == "campus.db" else source.read(name))
    return target


def _of_postgresql(file: Path, target: Path) -> Path:
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            content = source.read(name)
            out.writestr(name, content.replace(b'"sqlite"', b'"postgresql"') if name == "manifest.json" else content)
    return target
