"""What sounds and lights at the agent itself: a siren for its alarms, a lamp for a server that does not answer."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, Protocol, assert_never

from agent.intake import Instant
from config.agent import FileOutput, GpioOutput, LocalSection, OutputSection
from detectors.findings import Event, Finding

log = logging.getLogger(__name__)


class OutputError(Exception):
    """An output that cannot be switched; the text starts with its name."""


class Output(Protocol):
    """Something that is on or off."""

    def switch(self, *, on: bool) -> None:
        """Switch it; raise OutputError."""
        ...


class FileSwitch:
    """Writes a word to a file, such as a kernel LED's brightness."""

    def __init__(self, file: Path, on: str, off: str) -> None:
        self._file = file
        self._words = {True: on, False: off}

    def switch(self, *, on: bool) -> None:
        try:
            self._file.write_text(self._words[on], encoding="ascii")
        except OSError as e:
            raise OutputError(f"{self._file}: {e.strerror}") from e


class GpioSwitch:
    """One line of a GPIO chip."""

    def __init__(self, section: GpioOutput) -> None:
        self._section = section
        self._request: Any = None

    def switch(self, *, on: bool) -> None:
        import gpiod  # noqa: PLC0415  # hardware libraries load when they are needed
        from gpiod.line import Direction, Value  # noqa: PLC0415

        section = self._section
        value = Value.ACTIVE if on else Value.INACTIVE
        try:
            if self._request is None:
                settings = gpiod.LineSettings(
                    direction=Direction.OUTPUT, active_low=section.active_low, output_value=value
                )
                self._request = gpiod.request_lines(
                    str(section.chip), consumer="campus-agent", config={section.line: settings}
                )
            self._request.set_value(section.line, value)
        except (OSError, ValueError) as e:
            raise OutputError(f"{section.chip} line {section.line}: {e}") from e


class Silent:
    """No output is wired."""

    def switch(self, *, on: bool) -> None:
        del on


def output_for(section: OutputSection | None) -> Output:
    """Make an output."""
    match section:
        case None:
            return Silent()
        case FileOutput():
            return FileSwitch(section.file, section.on, section.off)
        case GpioOutput():
            return GpioSwitch(section)
        case _:
            assert_never(section)


class Local:
    """Switches the outputs. Any thread may call it; it never waits for server or disk."""

    def __init__(self, section: LocalSection) -> None:
        self._section = section
        self._siren = output_for(section.siren)
        self._lost = output_for(section.lost)
        self._active: set[tuple[str, str]] = set()
        self._state: dict[str, bool] = {}
        self._broken: set[str] = set()
        self._lock = threading.Lock()

    def hear(self, finding: Finding, now: Instant) -> None:
        """Sound the siren while an alarm stands."""
        del now
        if not isinstance(finding, Event):
            return
        with self._lock:
            key = (finding.point, finding.kind)
            if finding.active and finding.severity in self._section.siren_for:
                self._active.add(key)
            elif not finding.active:
                self._active.discard(key)
            self._set("siren", self._siren, on=bool(self._active))

    def answer_age(self, age_s: float) -> None:
        """Show that the server has not answered for long."""
        with self._lock:
            self._set("lost", self._lost, on=age_s > self._section.answer_limit_s)

    def off(self) -> None:
        """Leave everything quiet at the end."""
        with self._lock:
            self._set("siren", self._siren, on=False)
            self._set("lost", self._lost, on=False)

    def _set(self, name: str, output: Output, *, on: bool) -> None:
        if self._state.get(name) == on:
            return
        try:
            output.switch(on=on)
        except OutputError as e:
            if name not in self._broken:
                log.error("local %s: %s", name, e)  # noqa: TRY400  # expected trouble: one line, no trace
            self._broken.add(name)
        else:
            if on and name == "lost":
                log.error("the server has not answered for %.0f s: local lamp on", self._section.answer_limit_s)
            self._broken.discard(name)
            self._state[name] = on
