"""Drawings without a camera: taken back when nobody confirms, kept by the agent with the version before."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from serving import add_user
from sqlalchemy import select

from agent.drawn import DrawnShapes, redrawn, shapes_of
from agent.still import MOST_BYTES, still
from config.agent import MqttSection
from config.cameras import CameraSection
from config.server import ServerConfig
from contracts.messages import Answer, Command, Configure, Still
from server.alerts.alert import no_ledger
from server.errors import RefusedError
from server.ingest.decode import Arrival
from server.running import assemble
from server.water.asking import Asked
from server.water.drawing import At, Shapes, send, take_still
from server.water.tables import drawings

OLD, NEW = (0.0, 0.0, 9.0, 0.0, 9.0, 9.0), (1.0, 1.0, 8.0, 1.0, 8.0, 8.0)
CAMERA = CameraSection.model_validate(
    {"id": "cam", "name": "池塘", "source": "x", "zone": [{"id": "z", "name": "岸边", "zone": OLD}]}
)


def test_an_unconfirmed_drawing_is_taken_back_and_only_the_asked_agent_can_confirm(tmp_path: Path) -> None:
    add_user(tmp_path / "data")
    parts = assemble(ServerConfig(data=tmp_path / "data"), MqttSection(), no_ledger)
    asked, sent = Asked(still_s=0.2, confirm_s=0.2), list[Command]()

    def answer(agent: str, ok: bool) -> None:  # noqa: FBT001
        command = sent[-1]
        assert isinstance(command, Configure | Still)
        body = Answer(id=command.id, ok=ok).model_dump_json().encode()
        asked.hear(Arrival(f"campus/1/s1/{agent}/answer", body, datetime.now(UTC), time.monotonic()))

    replies: list[tuple[str, bool]] = []

    def command(_site: str, _agent: str, what: Command) -> bool:
        sent.append(what)
        if replies:
            threading.Thread(target=answer, args=replies.pop(0)).start()
        return True

    services = replace(parts.services, asked=asked, command=command)
    services.writer.start()
    at, new, old = At("s1", "pi", "cam", "lead"), Shapes(zones={"z": NEW}), Shapes(zones={"z": OLD})
    replies.append(("stranger", True))
    with pytest.raises(RefusedError, match="没有确认"):
        send(services, at, new, old)
    assert isinstance(sent[-1], Configure)
    assert sent[-1].zones == {"z": OLD}
    asked.confirm_s = 20
    replies.append(("pi", True))
    send(services, at, new, old)
    replies.append(("pi", False))
    with pytest.raises(RefusedError):
        send(services, at, new, old)
    with pytest.raises(RefusedError, match="画面"):
        take_still(services, at)
    with services.database.read.connect() as connection:
        states = connection.execute(select(drawings.c.state).order_by(drawings.c.at)).scalars().all()
    assert states == ["rolled-back", "applied", "refused"]
    services.writer.close()
    services.database.close()


def test_a_drawing_is_kept_with_the_one_before_and_a_spoiled_file_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "shapes.json"
    drawn = DrawnShapes(file)
    assert drawn.sections([CAMERA]) == [CAMERA]
    drawn.keep(Configure(id="c-1", camera="cam", zones={"z": NEW}), CAMERA)
    [now] = DrawnShapes(file).sections([CAMERA])
    assert shapes_of(now)["zones"] == {"z": NEW}
    file.write_text("{", encoding="utf-8")
    assert DrawnShapes(file).sections([CAMERA]) == [CAMERA]
    with pytest.raises(ValueError, match="crosses itself"):
        redrawn(CAMERA, Configure(id="c", camera="cam", zones={"z": (0, 0, 9, 9, 9, 0, 0, 9)}))
    with pytest.raises(ValueError, match="no line or zone"):
        redrawn(CAMERA, Configure(id="c", camera="cam", zones={"other": NEW}))


def test_a_still_is_small_whatever_the_picture() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3)).astype(np.uint8)
    assert 0 < len(still(noise)) <= MOST_BYTES * 4 / 3 + 4
