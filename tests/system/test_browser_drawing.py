"""Zones drawn in a real browser on a real camera process's picture: applied without a restart, or taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import fits, mistakes, opened
from clips import write_clip
from drilling import NAME, PASSWORD, DrillServer
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from waiting import until

from server import broker_users

ZONE = [20, 20, 300, 20, 300, 160, 20, 160]


def yard() -> Iterator[NDArray[np.uint8]]:
    """A few seconds of a grey yard with a brighter square that moves."""
    for i in range(60):
        image = np.full((180, 320, 3), 90, np.uint8)
        image[60:100, 20 + 4 * i : 50 + 4 * i] = 180
        yield image


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[DrillServer, Path]]:
    folder = tmp_path_factory.mktemp("drawing")
    server = DrillServer(folder)
    server.prepare()
    server.start()
    write_clip(folder / "yard.avi", yard())
    let_in = broker_users.enroll(server.data, "s1", "pi")
    cameras = "".join(
        f'[[camera]]\nid = "{id_}"\nname = "{name}"\nsource = "{folder / "yard.avi"}"\nprivate = {private}\n'
        f'[[camera.zone]]\nid = "{id_}-zone"\nname = "岸边"\nzone = {ZONE}\n'
        for id_, name, private in (("pond-cam", "池塘摄像机", "false"), ("dorm-cam", "宿舍摄像机", "true"))
    )
    file = folder / "agent.toml"
    file.write_text(
        f'site = "s1"\nagent = "pi"\nname = "池塘终端"\n[mqtt]\nport = {server.broker_port}\nuser = "{let_in.user}"\n'
        f'password_file = "{let_in.password_file}"\n[outbox]\ndirectory = "{folder / "outbox"}"\n{cameras}',
        encoding="utf-8",
    )
    with (folder / "agent.log").open("wb") as log:
        agent = subprocess.Popen([sys.executable, "-m", "agent", "run", "--config", str(file)], stdout=log, stderr=log)
    yield server, folder
    agent.terminate()
    agent.wait(15)
    server.stop()


def test_a_zone_drawn_by_keys_is_confirmed_kept_and_survives(
    browser: Browser, campus: tuple[DrillServer, Path], tmp_path: Path
) -> None:
    server, folder = campus
    client = server.login()
    until(lambda: len(client.get("/api/v1/cameras").json()) == 2, "the agent's cameras", within_s=90)
    base = "/api/v1/cameras/s1/pi/pond-cam"
    until(lambda: client.post(f"{base}/still", timeout=20).status_code == 200, "a first picture")
    private = client.post("/api/v1/cameras/s1/pi/dorm-cam/still", timeout=20)
    assert (private.status_code, "private" in private.json()["detail"]) == (409, True)
    with opened(browser, f"{server.url}/login?next=/water/draw") as page:
        page.fill('[name="name"]', NAME)
        page.fill('[name="password"]', PASSWORD)
        page.press('[name="password"]', "Enter")
        page.wait_for_url("**/water/draw")
        page.select_option("#camera", label="池塘摄像机 ")
        page.click("#still")
        first = page.locator("#canvas circle").first
        expect(first).to_be_visible(timeout=15_000)
        first.focus()
        for _ in range(3):
            page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Insert")
        expect(page.locator("#canvas circle")).to_have_count(5)
        assert fits(page)
        assert mistakes(page) == []
        page.screenshot(path=tmp_path / "draw.png", full_page=True)
        page.click("#save")
        expect(page.locator("#said")).to_contain_text("已确认", timeout=35_000)
    kept = json.loads((folder / "outbox" / "shapes.json").read_text(encoding="utf-8"))["pond-cam"]
    assert kept["now"]["zones"]["pond-cam-zone"][:2] == [50.0, 20.0]
    assert kept["before"]["zones"]["pond-cam-zone"] == ZONE
    assert client.post(f"{base}/still", timeout=20).json()["shapes"]["zones"]["pond-cam-zone"][:2] == [50.0, 20.0]
    crossed = {"pond-cam-zone": [20, 20, 300, 160, 300, 20, 20, 160]}
    outside = {"pond-cam-zone": [20, 20, 900, 20, 300, 160]}
    strange = {"nowhere": ZONE}
    for zones, words in ((crossed, "相交"), (outside, "画面外"), (strange, "nowhere")):
        body = {"width": 320, "height": 180, "shapes": {"zones": zones}, "before": {}}
        answer = client.put(f"{base}/shapes", json=body, timeout=40)
        assert (answer.status_code, words in answer.json()["detail"]) == (409, True), answer.text
    client.close()


def test_a_zone_and_a_line_are_added_by_taps_and_keys_become_points_and_are_removed_again(
    browser: Browser, campus: tuple[DrillServer, Path], tmp_path: Path
) -> None:
    server, folder = campus
    client = server.login()
    base = "/api/v1/cameras/s1/pi/pond-cam"

    def watched() -> set[str]:
        camera = next((c for c in client.get("/api/v1/cameras").json() if c["id"] == "pond-cam"), None)
        return {one["name"] for one in (*camera["zones"], *camera["lines"])} if camera else set()

    until(lambda: bool(watched()), "the agent's cameras", within_s=90)
    until(lambda: client.post(f"{base}/still", timeout=20).status_code == 200, "a first picture")
    with opened(browser, f"{server.url}/login?next=/water/draw") as page:
        page.fill('[name="name"]', NAME)
        page.fill('[name="password"]', PASSWORD)
        page.press('[name="password"]', "Enter")
        page.wait_for_url("**/water/draw")
        page.select_option("#camera", label="池塘摄像机 ")
        page.click("#still")
        expect(page.locator("#canvas circle").first).to_be_visible(timeout=15_000)
        page.click("#add-zone")
        canvas = page.locator("#canvas")
        box = canvas.bounding_box()
        assert box is not None
        for x, y in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.7), (0.4, 0.4)):
            canvas.click(position={"x": box["width"] * x, "y": box["height"] * y})
        expect(page.locator("#canvas circle[data-i]")).to_have_count(3)
        page.fill("#own-name", "码头")
        assert mistakes(page) == []
        page.click("#add-line")
        for keys in (("Shift+ArrowUp",) * 3, ("Shift+ArrowLeft",) * 4):
            for key in keys:
                page.keyboard.press(key)
            page.keyboard.press("Enter")
        expect(page.locator("#canvas circle[data-i]")).to_have_count(2)
        page.fill("#own-name", "东侧出口线")
        page.select_option("#own-out", "up")
        assert fits(page)
        assert mistakes(page) == []
        page.screenshot(path=tmp_path / "new.png", full_page=True)
        page.click("#save")
        expect(page.locator("#said")).to_contain_text("已确认", timeout=60_000)
        until(lambda: watched() == {"岸边", "码头", "东侧出口线"}, "the new ones in the birth")
        drawn = client.post(f"{base}/still", timeout=20).json()["shapes"]["drawn"]
        assert {(one["kind"], one["name"], one["out"]) for one in drawn} == {
            ("zone", "码头", None), ("line", "东侧出口线", "up"),
        }  # fmt: skip
        page.click("#remove")
        page.click("#save")
        expect(page.locator("#said")).to_contain_text("已确认", timeout=60_000)
        until(lambda: watched() == {"岸边", "码头"}, "the birth without the line")
    kept = json.loads((folder / "outbox" / "shapes.json").read_text(encoding="utf-8"))["pond-cam"]
    assert [one["name"] for one in kept["now"]["drawn"]] == ["码头"]
    assert {one["name"] for one in kept["before"]["drawn"]} == {"码头", "东侧出口线"}
    client.close()
