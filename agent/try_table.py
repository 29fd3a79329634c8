"""A table as people export it: whatever its encoding and separator, its heading is found and its rows are text."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PEEK_BYTES = 65_536
PEEK_LINES = 30  # loggers write some lines about themselves above the heading
SEPARATORS = (",", ";", "\t", "|")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")


class TableError(ValueError):
    """A recording or an option that cannot be used; one line."""


@dataclass(frozen=True, slots=True)
class Table:
    """The heading, and each row below it with its line number."""

    heading: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


@contextmanager
def open_table(path: Path, wanted: Sequence[str]) -> Generator[Table]:
    """Open a CSV whose heading has the `wanted` names; raise TableError for a file that has none."""
    try:
        encoding, separator = _form(path, wanted)
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            reader = csv.reader((line.replace("\0", "") for line in file), delimiter=separator)
            heading = next((names for row in reader if not _missing(wanted, names := _names(row))), ())
            yield Table(heading, _rows(reader, decimal_comma=separator != ","))
    except OSError as e:
        raise TableError(f"{path}: cannot be read: {e.strerror}") from e
    except csv.Error as e:
        raise TableError(f"{path}: is not a CSV: {e}") from e


def _rows(reader: Iterator[list[str]], *, decimal_comma: bool) -> Iterator[tuple[int, list[str]]]:
    for row in reader:
        if row:
            line: int = reader.line_num  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
            yield line, [_pointed(cell) for cell in row] if decimal_comma else row


def _pointed(cell: str) -> str:
    return cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell


def _names(row: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip().removeprefix("\ufeff") for name in row)


def _missing(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in wanted if name not in names), None)


def _form(path: Path, wanted: Sequence[str]) -> tuple[str, str]:
    """Return the encoding and the separator with which the heading is found."""
    with path.open("rb") as file:
        start = file.read(PEEK_BYTES)
    encoding = _encoding(start)
    lines = start.decode(encoding, errors="replace").replace("\0", "").splitlines()[:PEEK_LINES]
    found: dict[str, list[tuple[str, ...]]] = {
        separator: [_names(row) for row in csv.reader(lines, delimiter=separator) if row] for separator in SEPARATORS
    }
    for separator, rows in found.items():
        if any(_missing(wanted, names) is None for names in rows):
            return encoding, separator
    names = max((rows[0] for rows in found.values() if rows), key=len, default=())
    raise TableError(f"{path}: has no column {_missing(wanted, names)!r}: it has {', '.join(names)[:300] or 'none'}")


def _encoding(start: bytes) -> str:
    """Tell the encoding by its mark, else by what can be read: UTF-8, or what Chinese programs on Windows write."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"
