"""Lines and zones drawn by a person, kept beside the outbox with the version before; they win over the TOML file."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.agent import AgentConfig
from config.cameras import CameraSection
from contracts.messages import Configure, Drawn

log = logging.getLogger(__name__)


class DrawnShapes:
    """One small file; read at the start, replaced whole at each change."""

    def __init__(self, file: Path, config: AgentConfig) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._own = {camera.id: frozenset(s.id for s in (*camera.line, *camera.zone)) for camera in config.camera}
        self._kept = self._load()
        self._config = config
        for camera in config.camera:
            now = self._kept.get(camera.id, {}).get("now")
            try:
                if now:
                    self._config = self._config.with_camera(self.redrawn(camera, Configure.model_validate(now)))
            except ValueError as e:
                log.warning("%s: what was drawn is not used: %s: %s", camera.id, file, str(e).splitlines()[0])

    @property
    def config(self) -> AgentConfig:
        """The configuration with what was drawn last; a spoiled drawing is left out and named."""
        return self._config

    def redrawn(self, camera: CameraSection, drawn: Configure) -> CameraSection:
        """Return the camera with these shapes; raise ValueError where one cannot be, or its id is another's."""
        section = redrawn(camera, drawn, self._own[camera.id])
        self._config.with_camera(section)
        return section

    def drawn_of(self, camera: CameraSection) -> tuple[Drawn, ...]:
        """Return those lines and zones of a camera that a person drew and the TOML file does not name."""
        own = self._own[camera.id]
        lines = (
            Drawn(id=s.id, name=s.name, kind="line", exit=s.exit, out=s.out) for s in camera.line if s.id not in own
        )
        zones = (Drawn(id=s.id, name=s.name, kind="zone", dwell_s=s.dwell_s) for s in camera.zone if s.id not in own)
        return (*lines, *zones)

    def keep(self, drawn: Configure, before: CameraSection, after: CameraSection) -> AgentConfig:
        """Write a drawing down with what was there before; raise OSError where the disk does not take it."""
        with self._lock:
            config = self._config.with_camera(after)
            was = Configure.model_validate(
                {"id": "before", "camera": before.id, **shapes_of(before), "drawn": self.drawn_of(before)}
            ).model_dump(mode="json")
            now = drawn.model_copy(update={"drawn": self.drawn_of(after)}).model_dump(mode="json")
            entry = {"now": now, "before": self._kept.get(drawn.camera, {}).get("now", was)}
            kept = {**self._kept, drawn.camera: entry}
            partial = self._file.with_suffix(".part")
            with partial.open("w", encoding="utf-8") as out:
                json.dump(kept, out)
                out.flush()
                os.fsync(out.fileno())
            partial.replace(self._file)
            self._kept, self._config = kept, config
            return config

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as e:
            log.warning("%s: cannot be read, the configuration's lines and zones are used: %s", self._file, e)
            return {}


def shapes_of(camera: CameraSection) -> dict[str, dict[str, tuple[float, ...]]]:
    """Return the lines and zones of a camera by id, pixels."""
    return {"lines": {s.id: s.line for s in camera.line}, "zones": {s.id: s.zone for s in camera.zone}}


def redrawn(camera: CameraSection, drawn: Configure, own: Collection[str]) -> CameraSection:
    """Return the camera with the drawn shapes; raise ValueError for one that cannot be. `own` are the file's ids."""
    fields = camera.model_dump()
    corners = {**drawn.lines, **drawn.zones}
    if drawn.drawn is not None:
        _check_new(camera, drawn.drawn, corners, own)
        for kind in ("line", "zone"):
            new = [_section_of(one, corners[one.id]) for one in drawn.drawn if one.kind == kind]
            fields[kind] = [s for s in fields[kind] if s["id"] in own] + new
    known = {s["id"] for s in (*fields["line"], *fields["zone"])}
    if strange := sorted(set(corners) - known):
        raise ValueError(f"{camera.id}: has no line or zone {strange[0]!r}")
    for line in fields["line"]:
        line["line"] = drawn.lines.get(line["id"], line["line"])
    for zone in fields["zone"]:
        zone["zone"] = drawn.zones.get(zone["id"], zone["zone"])
    try:
        return CameraSection.model_validate(fields)
    except ValidationError as e:
        raise ValueError(f"{camera.id}: {e.errors()[0]['msg']}") from e


def _check_new(
    camera: CameraSection, new: tuple[Drawn, ...], corners: dict[str, tuple[float, ...]], own: Collection[str]
) -> None:
    width, height = camera.drawn_on or (float("inf"), float("inf"))
    for one in new:
        if one.id in own:
            raise ValueError(f"{camera.id}: {one.id!r} is named in the agent's file and changed there")
        shape = corners.get(one.id)
        if shape is None:
            raise ValueError(f"{camera.id}: {one.id!r} has no corners")
        if not all(0 <= x <= width for x in shape[::2]) or not all(0 <= y <= height for y in shape[1::2]):
            raise ValueError(f"{camera.id}: {one.id!r} leaves the picture")


def _section_of(one: Drawn, corners: tuple[float, ...]) -> dict[str, object]:
    if one.kind == "line":
        return {"id": one.id, "name": one.name, "exit": one.exit, "out": one.out, "line": corners}
    return {"id": one.id, "name": one.name, "dwell_s": one.dwell_s, "zone": corners}
