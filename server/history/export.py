"""Readings as a file: read in pieces, so that a year needs no more memory than a day."""

from __future__ import annotations

import csv as comma_separated
import importlib.util
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from server.history.latest import Key
from server.history.series import Kept, Series

PIECE = 50_000
PARQUET_TYPE = "application/vnd.apache.parquet"
Piece = Sequence[Kept]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def pieces(series: Series, key: Key, begin: datetime, end: datetime) -> Iterator[Piece]:
    """Give a series from `begin` up to but not including `end`, piece by piece."""
    while begin < end:
        piece = series.read(key, begin, end, PIECE)
        if piece:
            yield piece
        if len(piece) < PIECE:
            return
        begin = piece[-1][0] + timedelta(milliseconds=1)


def csv(found: Iterable[Piece]) -> Iterator[bytes]:
    """Write pieces as CSV: the moment in UTC, the number or text; a hole is an empty field."""
    yield b"at,value\r\n"
    for piece in found:
        text = io.StringIO()
        rows = comma_separated.writer(text)
        rows.writerows((at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), _cell(v)) for at, v in piece)
        yield text.getvalue().encode()


def has_parquet() -> bool:
    """Tell whether Parquet can be written here."""
    return importlib.util.find_spec("pyarrow") is not None


def parquet(found: Iterable[Piece]) -> Path:
    """Write pieces to a temporary file, which is the caller's to delete."""
    import pyarrow as pa  # noqa: PLC0415 - 40 MB of memory that only an export pays
    from pyarrow import parquet as files  # noqa: PLC0415

    arrow: Any = pa  # it has no types of its own
    schema = arrow.schema(
        [("at", arrow.timestamp("ms", tz="UTC")), ("value", arrow.float64()), ("text", arrow.string())]
    )
    with tempfile.NamedTemporaryFile(prefix="readings-", suffix=".parquet", delete=False) as kept:
        file = Path(kept.name)
    try:
        writer: Any = files.ParquetWriter(file, schema)
        with writer:
            for piece in found:
                columns = [
                    [at for at, _ in piece],
                    [float(v) if isinstance(v, (int, float)) else None for _, v in piece],
                    [v if isinstance(v, str) else None for _, v in piece],
                ]
                writer.write_table(arrow.table(columns, schema=schema))
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return file


def _cell(value: float | str | None) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else repr(float(value))
