"""From a stick or folder nobody vouches for into a private one: only what the release names, with the right content."""

from __future__ import annotations

import email
import zipfile
from dataclasses import dataclass
from pathlib import Path

from update.errors import UpdateError
from update.release import Release, sha256

LARGEST = 512 * 2**20
LARGEST_METADATA = 2**20


@dataclass(frozen=True, slots=True)
class Staged:
    """The program's own wheel, copied and judged, in a folder with all that it may need."""

    wheel: Path
    name: str
    version: str


def stage(wheel: Path, release: Release, folder: Path) -> Staged:
    """Copy the release's wheels that lie beside `wheel`. The copies are judged: a stick may change its mind."""
    if wheel.name not in release.hashes:
        raise UpdateError(f"{wheel}: is not named by this signature file")
    for name, wanted in release.hashes.items():
        source = wheel.parent / name
        if source.is_file():  # wheels of other machines may have been left out; pip says what it lacks
            _copy(source, folder / name, wanted)
    copy = folder / wheel.name
    if not copy.exists():
        raise UpdateError(f"{wheel}: there is no such file")
    name, version = _named(copy)
    return Staged(copy, name, version)


def _copy(source: Path, target: Path, wanted: str) -> None:
    try:
        with source.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as e:
        raise UpdateError(f"{source}: cannot be read: {e.strerror}") from e
    if len(content) > LARGEST or sha256(content) != wanted:
        raise UpdateError(f"{source}: is not the file that was signed: copy it again, or do not install it")
    target.write_bytes(content)


def _named(wheel: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            (inside,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
            with archive.open(inside) as file:
                metadata = email.message_from_bytes(file.read(LARGEST_METADATA))
    except (zipfile.BadZipFile, ValueError, OSError) as e:
        raise UpdateError(f"{wheel.name}: is no wheel") from e
    return str(metadata["Name"]), str(metadata["Version"])
