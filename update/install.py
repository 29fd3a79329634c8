"""A release into an environment of its own, without a network and without a look at anything that was not signed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from update.errors import UpdateError
from update.staging import Staged

PIP_S = 900.0  # OpenCV on a small card
TRY_S = 60.0
_EXTRA = re.compile(r"""^([A-Za-z0-9_.-]+).*;.*\bextra\s*==\s*['"]([\w-]+)['"]""")


def install(staged: Staged, folder: Path, extras: Sequence[str]) -> None:
    """Make `folder` an environment with the staged wheels; raise UpdateError and leave nothing where it cannot be."""
    shutil.rmtree(folder, ignore_errors=True)
    wanted = f"{staged.wheel}[{','.join(extras)}]" if extras else str(staged.wheel)
    python = str(folder / "bin" / "python")
    offline = ["--no-index", "--find-links", str(staged.wheel.parent), "--only-binary", ":all:", "--no-cache-dir"]
    pip = [python, "-I", "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "-q", *offline, wanted]
    try:
        _run([str(Path(sys.base_prefix) / "bin" / "python3"), "-I", "-m", "venv", str(folder)])
        _run(pip)
    except UpdateError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def try_out(command: Sequence[str]) -> None:
    """Let the new program read the configuration of the old one, before anything is switched."""
    _run(command, TRY_S)


def installed_extras(name: str) -> list[str]:
    """Return the extras whose every requirement is here: the next release is to have them too."""
    wanted: dict[str, set[str]] = {}
    for line in distribution(name).requires or []:
        if (match := _EXTRA.match(line)) is not None:
            wanted.setdefault(match[2], set()).add(match[1])
    return sorted(extra for extra, needs in wanted.items() if all(map(_is_here, needs)))


def _is_here(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _run(command: Sequence[str], timeout_s: float = PIP_S) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout_s)  # noqa: S603 - our own arguments
    except (OSError, subprocess.TimeoutExpired) as e:
        raise UpdateError(f"{command[0]}: did not end well: {e}; nothing was switched") from e
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UpdateError(f"{Path(command[0]).name}: {said[-1][:300] if said else 'failed'}; nothing was switched")
