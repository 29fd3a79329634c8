"""Drawings without a camera: taken back when nobody confirms, kept by the agent with the version before."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import add_user
from sqlalchemy import select

from agent.birth import birth
from agent.drawn import DrawnShapes, shapes_of
from agent.still import MOST_BYTES, still
from config.agent import AgentConfig, MqttSection
from config.cameras import CameraSection
from config.server import ServerConfig
from contracts.messages import Answer, Command, Configure, Drawn, Stamp, Still
from contracts.vocabulary import Direction
from server.alerts.alert import no_ledger
from server.assembling import assemble
from server.errors import RefusedError
from server.ingest.decode import Arrival
from server.water.asking import Asked
from server.water.drawing import At, Shapes, check, send, shapes_in, take_still
from server.water.tables import drawings

OLD, NEW = (0.0, 0.0, 9.0, 0.0, 9.0, 9.0), (1.0, 1.0, 8.0, 1.0, 8.0, 8.0)
CAMERA = CameraSection.model_validate(
    {
        "id": "cam",
        "name": "池塘",
        "source": "x",
        "drawn_on": (20, 20),
        "zone": [{"id": "z", "name": "岸边", "zone": OLD}],
    }
)
AGENT = AgentConfig.model_validate({"site": "s1", "agent": "pi", "name": "终端", "camera": (CAMERA,)})
PIER = Drawn(id="pier", name="码头", kind="zone", dwell_s=20)
GATE = Drawn(id="gate", name="东侧", kind="line", exit="东门", out=Direction.UP)
STAMP = Stamp(at=datetime.now(UTC), boot_id="b", mono_s=1)


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
    drawn = DrawnShapes(file, AGENT)
    assert drawn.config == AGENT
    move = Configure(id="c-1", camera="cam", zones={"z": NEW})
    drawn.keep(move, CAMERA, drawn.redrawn(CAMERA, move))
    [now] = DrawnShapes(file, AGENT).config.camera
    assert shapes_of(now)["zones"] == {"z": NEW}
    file.write_text("{", encoding="utf-8")
    assert DrawnShapes(file, AGENT).config == AGENT


def test_new_lines_and_zones_are_born_survive_a_restart_and_can_be_removed_again(tmp_path: Path) -> None:
    file = tmp_path / "shapes.json"
    shapes = DrawnShapes(file, AGENT)
    add = Configure(
        id="c-1", camera="cam", zones={"z": OLD, "pier": NEW}, lines={"gate": (1, 5, 9, 5)}, drawn=(PIER, GATE)
    )
    after = shapes.redrawn(CAMERA, add)
    told = birth(shapes.keep(add, CAMERA, after), STAMP, 1, "epoch")
    assert [(z.id, z.name, z.kind, z.camera) for z in told.zones][-1] == ("pier", "码头", "water-person", "cam")
    assert [(line.id, line.out, line.exit) for line in told.lines] == [("gate", Direction.UP, "东门")]
    assert {p.id for p in told.points} >= {"gate", "gate-in"}
    again = DrawnShapes(file, AGENT)
    assert again.config.camera == (after,)
    assert again.drawn_of(after) == (GATE, PIER)
    moved = again.redrawn(after, Configure(id="c-2", camera="cam", zones={"pier": OLD}))
    assert (shapes_of(moved)["zones"]["pier"], moved.zone[-1].dwell_s) == (OLD, 20)
    removed = again.redrawn(after, Configure(id="c-3", camera="cam", drawn=(GATE,), lines={"gate": (1, 5, 9, 5)}))
    again.keep(Configure(id="c-3", camera="cam", drawn=(GATE,), lines={"gate": (1, 5, 9, 5)}), after, removed)
    kept = json.loads(file.read_text(encoding="utf-8"))["cam"]
    assert [[one["id"] for one in kept[when]["drawn"]] for when in ("before", "now")] == [["gate", "pier"], ["gate"]]
    assert {z.id for z in DrawnShapes(file, AGENT).config.camera[0].zone} == {"z"}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"zones": {"z": (0, 0, 9, 9, 9, 0, 0, 9)}}, "crosses itself"),
        ({"zones": {"other": NEW}}, "no line or zone"),
        ({"zones": {"pier": (0, 0, 9, 9, 9, 0, 0, 9)}, "drawn": (PIER,)}, "crosses itself"),
        ({"drawn": (PIER,)}, "no corners"),
        ({"zones": {"pier": (0, 0, 30, 0, 30, 30)}, "drawn": (PIER,)}, "leaves the picture"),
        ({"zones": {"pier": NEW}, "drawn": (PIER, PIER)}, "given twice"),
        ({"zones": {"z": NEW}, "drawn": (PIER.model_copy(update={"id": "z"}),)}, "in the agent's file"),
        ({"zones": {"cam": NEW}, "drawn": (PIER.model_copy(update={"id": "cam"}),)}, "given twice"),
        ({"zones": {"agent-storage": NEW}, "drawn": (PIER.model_copy(update={"id": "agent-storage"}),)}, "own"),
    ],
)
def test_the_agent_refuses_a_drawing_that_cannot_be(tmp_path: Path, what: dict[str, Any], words: str) -> None:
    shapes = DrawnShapes(tmp_path / "shapes.json", AGENT)
    with pytest.raises(ValueError, match=words):
        shapes.redrawn(CAMERA, Configure.model_validate({"id": "c", "camera": "cam", **what}))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (Shapes(drawn=(PIER,)), "还没有画出来"),
        (Shapes(zones={"pier": NEW}, drawn=(PIER, PIER)), "编号重复"),
        (Shapes(zones={"gate": NEW}, lines={"gate": (1, 5, 9, 5)}, drawn=(GATE,)), "编号重复"),
        (Shapes(zones={"pier": (0, 0, 90, 0, 90, 90)}, drawn=(PIER,)), "画面外"),
    ],
)
def test_the_server_refuses_a_drawing_that_cannot_be(shapes: Shapes, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        check(shapes, 20, 20)


GOOD = still(np.zeros((30, 40, 3), np.uint8))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"image": ""}, id="no picture"),
        pytest.param({"image": base64.b64encode(b"<svg onload=alert(1)>").decode()}, id="a script"),
        pytest.param({"image": "no base64"}, id="no base64"),
        pytest.param({"zones": {"z": (float("nan"), 1.0, 2.0, 3.0)}}, id="no number"),
        pytest.param({"lines": {"l": (0.0, 0.0, float("inf"), 1.0)}}, id="without end"),
        pytest.param({"zones": {"../x": OLD}}, id="an id that is none"),
        pytest.param({"zones": {f"z{n}": OLD for n in range(21)}}, id="too many"),
    ],
)
def test_what_a_stolen_agent_answers_is_refused_in_a_sentence_and_never_shown(more: dict[str, Any]) -> None:
    assert shapes_in(Answer(id="c", ok=True, image=GOOD, zones={"z": OLD})) == Shapes(zones={"z": OLD}, drawn=())
    with pytest.raises(RefusedError, match="摄像机的回答"):
        shapes_in(Answer.model_validate({"id": "c", "ok": True, "image": GOOD, **more}))


def test_a_still_is_small_whatever_the_picture() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3)).astype(np.uint8)
    assert 0 < len(still(noise)) <= MOST_BYTES * 4 / 3 + 4
