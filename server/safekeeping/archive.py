"""One backup file: a ZIP of parts with a manifest that holds each part's SHA-256. Whole on the disk, or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.errors import ServerError

MANIFEST = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `kind` is the database's; `sums` are SHA-256 by part; `tips` where each chain ended."""

    kind: str
    revision: str
    made_at: str
    counts: dict[str, int]
    tips: dict[str, list[Any]]
    sums: dict[str, str]
    format: int = FORMAT


@contextmanager
def fresh(file: Path) -> Generator[Path]:
    """Give a name to write to beside `file`; it takes `file`'s place when the block ends well, and is gone if not."""
    part = file.with_name(f"{file.name}.part")
    try:
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        yield part
        with part.open("rb+") as whole:
            os.fsync(whole.fileno())
        part.replace(file)
    except OSError as e:
        raise ServerError(f"{file}: cannot be written: {e.strerror or e}") from e
    finally:
        part.unlink(missing_ok=True)


def pack(target: Path, parts: dict[str, Path], manifest: Manifest) -> None:
    """Write the parts and the manifest with their sums."""
    sums = {name: digest(part) for name, part in sorted(parts.items())}
    whole = asdict(manifest) | {"sums": sums}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr(MANIFEST, json.dumps(whole, ensure_ascii=False, indent=1))
        for name, part in sorted(parts.items()):
            packed.write(part, name)


def unpack(file: Path, folder: Path) -> Manifest:
    """Take a backup apart into `folder`; raise ServerError in one line where it is damaged or not one of ours."""
    try:
        with zipfile.ZipFile(file) as packed:
            manifest = Manifest(**json.loads(packed.read(MANIFEST)))
            if manifest.format != FORMAT:
                raise ServerError(f"{file}: was made by a newer version (format {manifest.format})")
            for name, wanted in manifest.sums.items():
                part = folder / name
                if not part.resolve().is_relative_to(folder.resolve()):
                    raise ServerError(f"{file}: part {name!r} would lie outside of the backup")
                part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with packed.open(name) as source, part.open("wb") as out:
                    shutil.copyfileobj(source, out, _CHUNK)
                part.chmod(0o600)
                if digest(part) != wanted:
                    raise ServerError(f"{file}: part {name} is damaged: its content does not match its SHA-256")
            return manifest
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as e:
        raise ServerError(f"{file}: is not a whole backup of campus-server: {e}") from e
    except OSError as e:
        raise ServerError(f"{file}: cannot be read: {e.strerror or e}") from e


def digest(file: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
