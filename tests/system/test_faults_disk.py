"""Full disks in a whole chain: the fault is shown, nothing accepted is lost, all is well again when room returns."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest
from brokers import Broker
from chain import Chain, chain, wait_for
from small_disk import fill, small_disk

LONG = [pytest.mark.soak, pytest.mark.timeout(600)]


def _ready(whole: Chain) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{whole.http_port}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as e:
        return e.code, e.read().decode()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [15, pytest.param(120, marks=LONG)])
def test_a_full_disk_of_the_server_is_shown_and_what_came_meanwhile_is_recorded_when_there_is_room(
    seconds: float, broker: Broker, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "server", 24) as filler, chain(tmp_path, broker, rate=40) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        pid = whole.server.pid
        fill(filler)
        wait_for("the server says that it is not ready", lambda: _ready(whole)[0] == 503, 20)
        before = len(whole.accepted())
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            fill(filler)
            time.sleep(0.5)
        assert len(whole.accepted()) > before + 100, "the agent goes on accepting"
        assert whole.server.running()
        assert whole.server.pid == pid
        filler.unlink()
        wait_for("the server is ready again", whole.ready, 20)
        wait_for("what waited is recorded", lambda: len(whole.recorded()) > before, 90)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        assert whole.server.said().count("cannot write") <= 3, "said once when it breaks, not again and again"
