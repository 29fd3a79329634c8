"""A zone redrawn in a browser on a real clip: watched, shown on its water's tile, taken back where nobody confirms."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from browsing import opened
from drilling import NAME, PASSWORD, SITE, DrillServer
from playwright.sync_api import Browser, Page, expect
from test_camera_live import CLIPS
from waiting import until

from server import broker_users

EMPTY, PATH = [8, 8, 60, 8, 60, 50, 8, 50], [40, 120, 740, 120, 740, 560, 40, 560]
WATERS = f'[[water]]\nsite = "{SITE}"\nid = "pond"\nname = "荷花池"\ngrade = "red"\npoints = ["pi/bank"]\n'
PATIENT_MS = 90_000
ON_SCREEN = """([x, y]) => {
  const at = new DOMPoint(x, y).matrixTransform(document.getElementById("canvas").getScreenCTM());
  return [at.x, at.y];
}"""
TALL = (1280, 1500)  # the whole picture is in sight, so that each corner can be dragged


@dataclass(frozen=True, slots=True)
class Bank:
    """A server, the agent whose camera looks at a path people walk along, and where that agent keeps what was drawn."""

    server: DrillServer
    agent: subprocess.Popen[bytes]
    kept: Path

    def zone(self) -> Sequence[float]:
        shapes = json.loads(self.kept.read_text(encoding="utf-8"))["yard"]["now"]
        return list(shapes["zones"]["bank"])


@pytest.fixture
def bank(tmp_path: Path) -> Generator[Bank]:
    clip = next((clip for clip in CLIPS if clip.exists()), None)
    if clip is None:
        pytest.skip("vtest.avi is on no place known: apt install opencv-doc")
    server = DrillServer(tmp_path)
    server.prepare()
    (server.data / "config").mkdir()
    (server.data / "config" / "waters.toml").write_text(WATERS, encoding="utf-8")
    server.start()
    let_in = broker_users.enroll(server.data, SITE, "pi")
    file = tmp_path / "agent.toml"
    file.write_text(
        f'site = "{SITE}"\nagent = "pi"\nname = "池塘终端"\n[mqtt]\nport = {server.broker_port}\n'
        f'user = "{let_in.user}"\npassword_file = "{let_in.password_file}"\n'
        f'[outbox]\ndirectory = "{tmp_path / "box"}"\n'
        f'[[camera]]\nid = "yard"\nname = "岸边摄像机"\nsource = "{clip}"\n'
        f'[[camera.zone]]\nid = "bank"\nname = "岸边"\nzone = {EMPTY}\n',
        encoding="utf-8",
    )
    with (tmp_path / "agent.log").open("wb") as log:
        agent = subprocess.Popen([sys.executable, "-m", "agent", "run", "--config", str(file)], stdout=log, stderr=log)
    yield Bank(server, agent, tmp_path / "box" / "shapes.json")
    agent.send_signal(signal.SIGCONT)
    agent.terminate()
    agent.wait(15)
    server.stop()


def drag(page: Page, zone: Sequence[float]) -> None:
    """Move each corner to its new place with the mouse."""
    for i in range(0, len(zone), 2):
        corner = page.locator(f'#canvas circle[data-i="{i}"]')
        start = [float(corner.get_attribute(name) or "") for name in ("cx", "cy")]
        page.mouse.move(*page.evaluate(ON_SCREEN, start))
        page.mouse.down()
        page.mouse.move(*page.evaluate(ON_SCREEN, list(zone[i : i + 2])), steps=3)
        page.mouse.up()


def redraw(page: Page, bank: Bank, zone: Sequence[float]) -> None:
    """Take a picture and redraw its zone."""
    page.goto(f"{bank.server.url}/water/draw")
    page.select_option("#camera", index=0)
    page.click("#still")
    expect(page.locator("#canvas circle").first).to_be_visible(timeout=PATIENT_MS)
    drag(page, zone)


@pytest.mark.timeout(400)
def test_a_redrawn_zone_is_watched_and_shown_on_its_waters_tile_and_taken_back_where_nobody_confirms(
    browser: Browser, bank: Bank
) -> None:
    with closing(bank.server.login()) as client, opened(browser, f"{bank.server.url}/login?next=/water", TALL) as page:
        until(lambda: len(client.get("/api/v1/cameras").json()) == 1, "the agent's camera", within_s=90)
        page.fill('[name="name"]', NAME)
        page.fill('[name="password"]', PASSWORD)
        page.press('[name="password"]', "Enter")
        tile = page.locator(f'[data-water="{SITE}/pond"]')
        expect(tile).to_have_attribute("data-state", "clear", timeout=PATIENT_MS)  # nobody comes to that corner
        redraw(page, bank, PATH)
        page.click("#save")
        expect(page.locator("#said")).to_contain_text("已确认", timeout=PATIENT_MS)
        assert bank.zone() == pytest.approx(PATH, abs=6)
        watched = bank.zone()
        page.goto(f"{bank.server.url}/water")
        expect(tile.locator(".state")).to_contain_text("有人", timeout=PATIENT_MS)  # who walks along the path
        redraw(page, bank, EMPTY)
        bank.agent.send_signal(signal.SIGSTOP)
        page.click("#save")
        expect(page.locator("#said")).to_contain_text("30 秒内没有确认，已退回原来的形状", timeout=PATIENT_MS)
        bank.agent.send_signal(signal.SIGCONT)
        until(lambda: asked(client) == watched, "the agent to watch the old zone", within_s=90)
    assert bank.zone() == watched


def asked(client: httpx.Client) -> Sequence[float] | None:
    """What the camera watches, by its own word."""
    answer = client.post(f"/api/v1/cameras/{SITE}/pi/yard/still", timeout=20)
    return list(answer.json()["shapes"]["zones"]["bank"]) if answer.status_code == 200 else None
