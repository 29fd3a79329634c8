"""What a process did to its files, by strace, and what a power cut at any moment would have left of them."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CALL = re.compile(r'^\d+ +(\w+)\(\d+<([^>]*)>(?:, "((?:\\x[0-9a-f]{2})*)")?(?:, (\d+))?(?:, (\d+))?\) += (-?\d+)')
_UNFINISHED = re.compile(r"^(\d+) .* <unfinished \.\.\.>")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>")
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a file."""

    name: str
    file: str
    data: bytes
    numbers: tuple[int, ...]


def trace(command: Sequence[str], files: Sequence[Path], out: Path, timeout_s: float) -> list[Call]:
    """Run a command and return what it did to these files, in order."""
    strace = shutil.which("strace")
    assert strace is not None
    paths = [part for file in files for part in ("-P", str(file))]
    what = "trace=pwrite64,write,fdatasync,fsync,ftruncate"
    whole = [strace, "-f", "-y", "-xx", "-s", "10000000", "-e", what, "-e", "signal=none", *paths, "-o", str(out)]
    subprocess.run([*whole, *command], check=True, timeout=timeout_s)
    return list(_calls(out))


def _calls(out: Path) -> Iterator[Call]:
    begun: dict[str, str] = {}  # another thread came between the two halves of a call
    with out.open(encoding="ascii") as lines:
        for line in lines:
            if cut := _UNFINISHED.match(line):
                begun[cut[1]] = cut[0].removesuffix(" <unfinished ...>")
                continue
            whole = line
            if rest := _RESUMED.match(line):
                whole = begun.pop(rest[1]) + line[rest.end() :]
            found = _CALL.match(whole)
            if found is None:
                assert " exited with " in line, f"not understood: {line[:200]} ... {line[-60:]}"
                continue
            name, file, data, *numbers, result = found.groups()
            assert int(result) >= 0, line[:200]
            path = bytes.fromhex(file.replace("\\x", "")).decode() if file.startswith("\\x") else file
            yield Call(name, path, bytes.fromhex((data or "").replace("\\x", "")), tuple(int(n) for n in numbers if n))


@dataclass
class Disk:
    """A disk that holds for sure only what was synced."""

    dice: random.Random
    durable: dict[str, bytearray] = field(default_factory=dict[str, bytearray])
    pending: dict[str, list[Call]] = field(default_factory=dict[str, list[Call]])

    def apply(self, call: Call) -> None:
        """Take one call."""
        match call.name:
            case "pwrite64" | "ftruncate":
                self.pending.setdefault(call.file, []).append(call)
            case "fsync" | "fdatasync":
                content = self.durable.setdefault(call.file, bytearray())
                for write in self.pending.pop(call.file, []):
                    _write(content, write)
            case _:
                raise AssertionError(call.name)

    def cut(self, folder: Path, *, torn: bool) -> None:
        """Write what a power cut now might leave: any part of what was not synced, in torn sectors if so wanted."""
        for file in self.durable.keys() | self.pending.keys():
            content = bytearray(self.durable.get(file, b""))
            for write in self.pending.get(file, []):
                if torn and self.dice.random() < 0.5:
                    _write(content, self._torn(write))
            (folder / Path(file).name).write_bytes(content)

    def _torn(self, write: Call) -> Call:
        if write.name != "pwrite64" or len(write.data) <= _SECTOR:
            return write
        kept = self.dice.randrange(0, len(write.data), _SECTOR)
        return Call(write.name, write.file, write.data[:kept], (kept, write.numbers[-1]))


def _write(content: bytearray, call: Call) -> None:
    if call.name == "ftruncate":
        size = call.numbers[0]
        del content[size:]
        content.extend(b"\0" * (size - len(content)))
        return
    at = call.numbers[-1]
    if len(content) < at:
        content.extend(b"\0" * (at - len(content)))
    content[at : at + len(call.data)] = call.data
