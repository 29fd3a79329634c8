"""A Linux that runs as a program of this one (user mode, no KVM), with a camera and a GPIO chip of its own in it.

Debian's kernels have `vivid` but not `gpio-sim`, and its user-mode kernel has neither: so one is built, once, from
Debian's source as it is, with what `kernel.config` adds to the defaults.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

CONFIG = Path(__file__).with_name("kernel.config")
DEBIAN = ("apt-get", "apt-cache", "dpkg-deb")
# Tools, and the packages they come in.
TOOLS = {
    "make": "make",
    "gcc": "gcc",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "xz": "xz-utils",
}


class MissingPartError(Exception):
    """One line: what is missing, and what to do."""


def user_kernel(cache: Path) -> Path:
    """Return the kernel, a program; fetched and built where the cache has none of this configuration."""
    name = hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:12]
    linux = cache / f"linux-{name}"
    if linux.exists():
        return linux
    if any(shutil.which(tool) is None for tool in DEBIAN):
        raise MissingPartError("its kernel is built from Debian's source: run it on Debian")
    if missing := [package for tool, package in TOOLS.items() if shutil.which(tool) is None]:
        raise MissingPartError(f"its kernel is built here: apt install {' '.join(missing)}")
    source = _source(cache)
    print("make machine: building its kernel, once: ten minutes of processor time, 2 GB of disk meanwhile", flush=True)
    _make(source, "defconfig")
    with (source / ".config").open("a", encoding="utf-8") as file:
        file.write(CONFIG.read_text(encoding="utf-8"))
    _make(source, "olddefconfig")
    _refuse_a_gap(source / ".config")
    _make(source, f"-j{os.cpu_count() or 1}", "linux")
    shutil.copy2(source / "linux", linux)
    shutil.rmtree(source)
    return linux


def _source(cache: Path) -> Path:
    """Fetch Debian's source of its kernel with apt, and unpack it, installing nothing."""
    shown = _run(["apt-cache", "show", "--no-all-versions", "linux-source"])
    match = re.search(r"^Depends: .*?(linux-source-\d[^ ,]*)", shown, re.MULTILINE)
    if match is None:
        raise MissingPartError("apt knows no linux-source: apt-get update first, on Debian")
    to = cache / "source"
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    _run(["apt-get", "download", match.group(1)], to)
    _run(["dpkg-deb", "-x", str(next(to.glob("*.deb"))), str(to)])
    archive = next(to.glob("usr/src/*.tar.xz"))
    _run(["tar", "xJf", str(archive), "-C", str(to)])
    return next(to.glob("linux-source-*/"))


def _make(source: Path, *targets: str) -> None:
    _run(["make", "-s", "ARCH=um", *targets], source)


def _refuse_a_gap(config: Path) -> None:
    """Raise MissingPartError where this kernel does not know, or does not allow, what the tests ask for."""
    has = set(config.read_text(encoding="utf-8").splitlines())
    asked = [line for line in CONFIG.read_text(encoding="utf-8").splitlines() if line.endswith("=y")]
    if lacking := [line for line in asked if line not in has]:
        raise MissingPartError(f"this kernel's source does not offer {', '.join(lacking)}")


def _run(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=7200)
    if done.returncode:
        cause = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingPartError(f"{' '.join(command[:3])} failed: {cause}")
    return done.stdout
