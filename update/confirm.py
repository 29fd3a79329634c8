"""Watch the new release for a while, and go back by itself where it does not hold; also after a power cut."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from update.errors import UpdateError
from update.place import Pending, Place

OPT = Place(Path("/opt/campuswatch"), Path("/opt/campuswatch.d"))
START_S = 180.0  # a server may have a large database to migrate
LOOK_S = 1.0
COMMAND_S = 240.0


@dataclass(frozen=True, slots=True)
class Look:
    """A unit at one moment. `run` is another one whenever it was started again."""

    active: bool
    run: str


class Unit(Protocol):
    """A service that can be started again and looked at."""

    def restart(self) -> None: ...
    def look(self) -> Look: ...


@dataclass(frozen=True, slots=True)
class Systemd:
    """A unit of systemd. It is active once it said READY=1, and its watchdog ends it where it hangs."""

    name: str

    def restart(self) -> None:
        self._systemctl("restart", "--no-block", self.name)

    def look(self) -> Look:
        said = self._systemctl("show", "--property=ActiveState,InvocationID", self.name)
        shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        return Look(shown.get("ActiveState") == "active", shown.get("InvocationID", ""))

    def _systemctl(self, *arguments: str) -> str:
        command = ["/usr/bin/systemctl", *arguments]
        try:
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_S)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as e:
            raise UpdateError(f"{self.name}: systemctl {arguments[0]} failed: {e}") from e
        return done.stdout


def judge(place: Place, pending: Pending, unit: Unit, stop: threading.Event) -> None:
    """Keep the new release if it runs for `hold_s` without a new start; else go back and raise UpdateError."""
    if holds(unit, pending.hold_s, stop):
        place.confirm()
        return
    place.go_back(pending)
    unit.restart()
    raise UpdateError(
        f"{pending.unit}: the new release did not run for {pending.hold_s:.0f} s; went back to {pending.previous}."
        " A server that had migrated its database says so: restore the backup in data/backups"
    )


def holds(unit: Unit, hold_s: float, stop: threading.Event) -> bool:
    """Tell whether it becomes active in time and then stays so without another start."""
    began_s = time.monotonic()
    while not (first := unit.look()).active:
        if time.monotonic() - began_s > START_S or stop.wait(LOOK_S):
            return False
    active_s = time.monotonic()
    while time.monotonic() - active_s < hold_s:
        if stop.wait(min(LOOK_S, hold_s / 4)) or unit.look() != first:
            return False
    return True


def main() -> None:
    """Judge a switch that is pending: what `campus-update.service` does after a start of the machine."""
    try:
        pending = OPT.pending()
        if pending is not None:
            judge(OPT, pending, Systemd(pending.unit), threading.Event())
    except (UpdateError, OSError) as e:
        sys.exit(f"campus-update: {e}")


if __name__ == "__main__":
    main()
