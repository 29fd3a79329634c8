"""The readings beside a move: all of them come, or it is said, and nothing half is left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.errors import ServerError
from server.history.embedded import SqliteSeries
from server.history.series import Sample
from server.safekeeping import readings

NOW = datetime(2026, 5, 7, 6, 0, tzinfo=UTC)
KEY = ("yx-1", "lab", "smoke-1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    series = SqliteSeries(tmp_path / "data" / "history.db")
    values: list[float | str | None] = [0.04, "open", None, 57.5]
    series.write([Sample(KEY, NOW + timedelta(seconds=n), values[n % 4]) for n in range(1000)])
    series.close()
    return tmp_path / "data"


def test_every_reading_comes_into_the_other_folder(data: Path, tmp_path: Path) -> None:
    moved = readings.carry(data, tmp_path / "there")
    assert moved is not None
    assert moved.words == "1000 readings of 1 points, 2026-05-07 06:00 to 2026-05-07 06:16 UTC"
    there = SqliteSeries(tmp_path / "there" / "history.db")
    kept = there.read(KEY, NOW, NOW + timedelta(hours=1), 2000)
    there.close()
    assert [value for _, value in kept[:4]] == [0.04, "open", None, 57.5]
    assert len(kept) == 1000


def test_a_move_without_them_says_how_many_stay_and_where(data: Path, tmp_path: Path) -> None:
    found = readings.look(data)
    assert found is not None
    assert found.words.startswith("1000 readings")
    assert readings.look(tmp_path) is None


def test_nothing_is_overwritten_and_a_damaged_file_leaves_no_copy(data: Path, tmp_path: Path) -> None:
    readings.carry(data, tmp_path / "there")
    with pytest.raises(ServerError, match="is there already"):
        readings.carry(data, tmp_path / "there")
    (data / "history.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ServerError, match="cannot be read"):
        readings.carry(data, tmp_path / "other")
    assert not (tmp_path / "other" / "history.db").exists()


def test_a_copy_that_differs_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = readings.look(data)
    with closing(sqlite3.connect(data / "history.db")) as file, file:
        file.execute("DELETE FROM samples WHERE ts % 2000 = 0")

    def as_before(_folder: Path) -> readings.Readings | None:
        return full  # as if they had been lost on the way

    monkeypatch.setattr(readings, "look", as_before)
    with pytest.raises(ServerError, match="not copied"):
        readings.carry(data, tmp_path / "there")
    assert not (tmp_path / "there" / "history.db").exists()
