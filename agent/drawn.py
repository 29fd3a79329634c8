"""Lines and zones drawn by a person, kept beside the outbox with the version before; they win over the TOML file."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.cameras import CameraSection
from contracts.messages import Configure

log = logging.getLogger(__name__)


class DrawnShapes:
    """One small file; read at the start, replaced whole at each change."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, dict[str, Any]] = {}

    def sections(self, cameras: Iterable[CameraSection]) -> list[CameraSection]:
        """Return the cameras of the TOML file with what was drawn last; a spoiled drawing is left out and named."""
        self._kept = self._load()
        found: list[CameraSection] = []
        for camera in cameras:
            now = self._kept.get(camera.id, {}).get("now")
            try:
                found.append(redrawn(camera, Configure.model_validate(now)) if now else camera)
            except ValueError as e:
                log.warning("%s: what was drawn is not used: %s: %s", camera.id, self._file, str(e).splitlines()[0])
                found.append(camera)
        return found

    def keep(self, drawn: Configure, before: CameraSection) -> None:
        """Write a drawing down with what was there before; raise OSError where the disk does not take it."""
        was = {"name": "configure", "id": "before", "camera": before.id, **shapes_of(before)}
        now = drawn.model_dump(mode="json")
        kept = {**self._kept, drawn.camera: {"now": now, "before": self._kept.get(drawn.camera, {}).get("now", was)}}
        partial = self._file.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as out:
            json.dump(kept, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(self._file)
        self._kept = kept

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


def redrawn(camera: CameraSection, drawn: Configure) -> CameraSection:
    """Return the camera with the drawn shapes; raise ValueError for one that cannot be or is not its own."""
    known = {s.id for s in (*camera.line, *camera.zone)}
    if strange := sorted({*drawn.lines, *drawn.zones} - known):
        raise ValueError(f"{camera.id}: has no line or zone {strange[0]!r}")
    fields = camera.model_dump()
    for line in fields["line"]:
        line["line"] = drawn.lines.get(line["id"], line["line"])
    for zone in fields["zone"]:
        zone["zone"] = drawn.zones.get(zone["id"], zone["zone"])
    try:
        return CameraSection.model_validate(fields)
    except ValidationError as e:
        raise ValueError(f"{camera.id}: {e.errors()[0]['msg']}") from e
