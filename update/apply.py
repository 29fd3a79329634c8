"""One update from the file to the confirmed switch."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.update import UpdateSection
from update.confirm import Unit, judge
from update.errors import UpdateError
from update.install import install, installed_extras, try_out
from update.place import Place
from update.release import read, version
from update.staging import Staged, stage

PROJECT = "campuswatch"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to install, where, and what must hold. `trial` makes of the new release the command that tries it out."""

    wheel: Path
    signature: Path
    unit_name: str
    running: str
    """The version that runs now."""
    trial: Callable[[Path], Sequence[str]]
    allow_older: bool = False


def apply(wish: Wish, section: UpdateSection, place: Place, unit: Unit, stop: threading.Event) -> str:
    """Install, switch, watch; return the version that runs now. Raise UpdateError where the old one still does."""
    os.umask(0o022)  # the program's user must be able to read it
    place.adopt()
    with (place.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise UpdateError("another update runs: wait for its end") from e
        if place.pending() is not None:
            raise UpdateError("the last update is not confirmed yet: wait for campus-update.service")
        folder = place.folder / "staging"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            staged = _judged(wish, section, folder)
            target = place.release(staged.version)
            if target.resolve() == place.link.resolve():
                raise UpdateError(f"{wish.wheel}: version {staged.version} runs already")
            install(staged, target, installed_extras(PROJECT))
            try_out(wish.trial(target))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        place.switch(target, wish.unit_name, section.hold_s)
        unit.restart()
        pending = place.pending()
        if pending is not None:
            judge(place, pending, unit, stop)
        return staged.version


def _judged(wish: Wish, section: UpdateSection, folder: Path) -> Staged:
    if not section.key:
        raise UpdateError('no key is pinned: put the releases\' public key into [update] key = "…"')
    try:
        signed = wish.signature.read_bytes()
    except OSError as e:
        raise UpdateError(f"{wish.signature}: cannot be read: {e.strerror}") from e
    staged = stage(wish.wheel, read(signed, section.key), folder)
    if staged.name != PROJECT:
        raise UpdateError(f"{wish.wheel}: holds {staged.name[:60]!r}, not {PROJECT}")
    if version(staged.version) < version(wish.running) and not wish.allow_older:
        raise UpdateError(
            f"{wish.wheel}: {staged.version} is older than {wish.running}, which may have been mended since:"
            " give --allow-older if you mean it"
        )
    if version(staged.version) == version(wish.running):
        raise UpdateError(f"{wish.wheel}: version {staged.version} runs already")
    return staged
