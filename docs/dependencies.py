"""What a running agent or server is made of: version, licence and date, from uv.lock and the installed packages."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from email.message import Message

HERE = Path(__file__).parent
LOCK = HERE.parent / "uv.lock"
PAGE = HERE / "dependencies.md"
OLD = timedelta(days=548)
_ABSENT = {"colorama": "BSD-3-Clause", "tzdata": "Apache-2.0"}  # only where the platform lacks something
_NAMES = {  # what older metadata says in other words
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
}


@dataclass(frozen=True, slots=True)
class Dependency:
    """One package at run time."""

    name: str
    version: str
    licence: str
    released: datetime
    files: int
    hashed: int


def lock() -> Mapping[str, Mapping[str, Any]]:
    """Return the locked packages by name."""
    return {package["name"]: package for package in tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]}


def at_run_time(locked: Mapping[str, Mapping[str, Any]]) -> Sequence[Dependency]:
    """Return everything that an agent or a server may load, sorted by name."""
    names: set[str] = set()
    waiting = list(_needed(locked["campuswatch"]))
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += _needed(locked[name])
    return [_dependency(locked[name]) for name in sorted(names)]


def old(dependencies: Sequence[Dependency]) -> Sequence[Dependency]:
    """Return those without a release for 18 months before the newest of them all."""
    newest = max(one.released for one in dependencies)
    return [one for one in dependencies if newest - one.released > OLD]


def reasons() -> Mapping[str, str]:
    """Return why old packages are kept."""
    return tomllib.loads((HERE / "dependencies.toml").read_text(encoding="utf-8"))


def page() -> str:
    """Write the page."""
    dependencies, why = at_run_time(lock()), reasons()
    stale = {one.name for one in old(dependencies)}
    lines = [
        "# What it is made of",
        "",
        "Made from uv.lock and the packages' own metadata by `make docs`. Every file is locked with its SHA-256;",
        "`make sbom` writes the same as CycloneDX into `dist/`. What had no release for 18 months says why it is kept.",
        "",
        "| package | version | licence | released | why it is kept |",
        "|---|---|---|---|---|",
        *(
            f"| {one.name} | {one.version} | {one.licence} | {one.released:%Y-%m} |"
            f" {why.get(one.name, '') if one.name in stale else ''} |"
            for one in dependencies
        ),
    ]
    return "\n".join(lines) + "\n"


def _needed(package: Mapping[str, Any]) -> Sequence[str]:
    groups = [package.get("dependencies", []), *package.get("optional-dependencies", {}).values()]
    return [str(one["name"]) for group in groups for one in group]


def _dependency(package: Mapping[str, Any]) -> Dependency:
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    released = max(datetime.fromisoformat(file["upload-time"]) for file in files)
    hashed = sum(str(file.get("hash", "")).startswith("sha256:") for file in files)
    name = str(package["name"])
    return Dependency(name, str(package["version"]), licence_of(name), released, len(files), hashed)


def licence_of(name: str) -> str:
    """Return a package's licence by its own metadata, as an SPDX expression."""
    try:
        metadata = cast("Message", importlib.metadata.metadata(name))
    except importlib.metadata.PackageNotFoundError:
        return _ABSENT.get(name, "unknown")
    classifiers = [one.rpartition("::")[2].strip() for one in metadata.get_all("Classifier") or []]
    said = metadata.get("License-Expression")
    said = said or next((one for one in classifiers if one in _NAMES), None)
    said = said or metadata.get("License", "unknown")
    return _NAMES.get(said, said)
