"""The first sheet of an Excel file as rows: read in a process of its own, whose time and memory have an end."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import resource
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from server.errors import RefusedError
from server.ledger.guards import ImportRefusedError

MOST_BYTES, MOST_UNPACKED, MOST_ROWS = 10_000_000, 200_000_000, 5_000
MOST_LINES = 100_000  # with the empty ones; a file of 5 kB may name row 99,999,999,999
MOST_COLUMNS = 256
MOST_TEXT = 20_000_000  # characters of all that is kept
CPU_S, WHOLE_S, MEMORY = 20, 60.0, 2**29  # a full register takes 2 s and 100 MB
TURN_S = 5.0

_log = logging.getLogger(__name__)

_NO_FILE = "不是 Excel 文件（.xlsx），请用“导出模板”的格式"
_TOO_MUCH = "文件解开后太大，不像一份台账"
_DAMAGED = (  # what openpyxl raises over a file that is none, or is broken inside
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, OSError, EOFError, NotImplementedError,
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
_turn = threading.BoundedSemaphore(1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns that are read, title to name, and the title that must be there."""

    columns: Mapping[str, str]
    needed: str


def read_apart(content: bytes, wanted: Wanted) -> list[Row]:
    """Read a file in a process of its own, one file at a time; refuse what is no such file, or takes too long.

    Here it would hold up alarms: whoever makes the file decides how long reading it takes.
    """
    _judge_size(content)
    if not _turn.acquire(timeout=TURN_S):
        raise RefusedError("正在读取另一份文件，请稍后再试")
    try:
        asked = json.dumps({"columns": dict(wanted.columns), "needed": wanted.needed}).encode() + b"\n"
        done = subprocess.run(
            [sys.executable, "-I", "-m", "server.ledger.sheets"],
            input=asked + content,
            capture_output=True,
            timeout=WHOLE_S,
            check=True,
            env={"OPENBLAS_NUM_THREADS": "1"},  # numpy, where it is there, would take memory for each core
        )
    except subprocess.TimeoutExpired as e:
        raise ImportRefusedError([_TOO_MUCH]) from e
    except subprocess.CalledProcessError as e:  # its bounds ended it; a broken installation would look the same
        _log.warning("sheet: its reader ended with %d: %s", e.returncode, e.stderr[-500:].decode(errors="replace"))
        raise ImportRefusedError([_TOO_MUCH]) from e
    finally:
        _turn.release()
    answer = json.loads(done.stdout)
    if answer["faults"]:
        raise ImportRefusedError(answer["faults"])
    return [{name: _unpacked(value) for name, value in row.items()} for row in answer["rows"]]


def read_sheet(content: bytes, wanted: Wanted) -> list[Row]:
    """Read a file here; the same refusals, but it may take as long as it likes."""
    _judge_size(content)
    try:
        return _rows(content, wanted)
    except _DAMAGED as e:
        raise ImportRefusedError([_NO_FILE]) from e


def _judge_size(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise ImportRefusedError([f"文件太大（{len(content) // 1_000_000} MB，最多 {MOST_BYTES // 1_000_000} MB）"])


def _rows(content: bytes, wanted: Wanted) -> list[Row]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(item.file_size for item in packed.infolist()) > MOST_UNPACKED:
            raise ImportRefusedError([_TOO_MUCH])
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        lines = book.worksheets[0].iter_rows(max_col=MOST_COLUMNS, values_only=True)
        header = [wanted.columns.get(str(value).strip()) for value in next(lines, ())]
        if wanted.columns[wanted.needed] not in header:
            known = "、".join(wanted.columns)
            raise ImportRefusedError([f"第 1 行：缺少“{wanted.needed}”列；可用的列：{known}"])
        found: list[Row] = []
        text = 0
        for n, line in enumerate(lines):
            row = {name: value for name, value in zip(header, line, strict=False) if name and value is not None}
            if len(found) >= MOST_ROWS:
                raise ImportRefusedError([f"超过 {MOST_ROWS} 行，请分几次导入"])
            if n >= MOST_LINES:
                raise ImportRefusedError([f"空行太多（超过 {MOST_LINES} 行），请删去后再导入"])
            text += sum(len(value) for value in row.values() if isinstance(value, str))
            if text > MOST_TEXT:
                raise ImportRefusedError([_TOO_MUCH])
            if row:
                found.append(row)
        return found
    finally:
        book.close()


def _packed(value: Any) -> Any:
    match value:
        case datetime():
            return {"moment": value.isoformat()}
        case date():
            return {"day": value.isoformat()}
        case bool() | int() | float() | str():
            return value
        case _:  # a time of day, a length of time: words to whoever reads them
            return str(value)


def _unpacked(value: Any) -> Any:
    match value:
        case {"moment": str(text)}:
            return datetime.fromisoformat(text)
        case {"day": str(text)}:
            return date.fromisoformat(text)
        case _:
            return value


def _main(source: BinaryIO) -> Mapping[str, Sequence[Any]]:
    asked = json.loads(source.readline())
    try:
        rows = read_sheet(source.read(), Wanted(asked["columns"], asked["needed"]))
    except ImportRefusedError as e:
        return {"faults": e.lines, "rows": []}
    except MemoryError:
        return {"faults": [_TOO_MUCH], "rows": []}
    return {"faults": [], "rows": [{name: _packed(value) for name, value in row.items()} for row in rows]}


def _bound() -> None:
    """Let this process end before the server suffers: no file, no more than so much memory and time."""
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    _bound()
    print(json.dumps(_main(sys.stdin.buffer)))  # noqa: T201 - the answer
