"""A real clip through the live pipeline: camera process, agent, broker, server, database."""

from __future__ import annotations

from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, wait_for
from chain_files import SITE, server_config
from ports import free_port
from program import BIN, Program

CLIPS = (
    Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi"),  # Debian's opencv-doc
    Path(__file__).parents[3] / "shared" / "data" / "video" / "count_vtest.avi",
)


@pytest.mark.timeout(180)
def test_people_of_a_real_clip_are_counted_into_the_servers_database(mosquitto: Broker, tmp_path: Path) -> None:
    clip = next((clip for clip in CLIPS if clip.exists()), None)
    if clip is None:
        pytest.skip("vtest.avi is on no place known: apt install opencv-doc")
    (tmp_path / "server").mkdir()
    http_port = free_port()
    server_file = server_config(tmp_path, http_port, (mosquitto.host, mosquitto.port))
    agent_file = tmp_path / "agent.toml"
    agent_file.write_text(
        f'site = "{SITE}"\nagent = "cam"\nname = "摄像终端"\n[mqtt]\nport = {mosquitto.port}\n'
        f'[outbox]\ndirectory = "{tmp_path / "box"}"\naccepted_log = "{tmp_path / "accepted-cam.jsonl"}"\n'
        f'[[camera]]\nid = "yard"\nname = "院子"\nsource = "{clip}"\n'
        '[[camera.line]]\nid = "path"\nname = "小路"\nline = [340, 150, 340, 575]\nout = "right"\n',
        encoding="utf-8",
    )
    server = Program("server", [str(BIN / "campus-server"), "run", "--config", str(server_file)], tmp_path)
    agent = Program("cam", [str(BIN / "campus-agent"), "run", "--config", str(agent_file)], tmp_path)
    whole = Chain(tmp_path, mosquitto, [agent], server, [], http_port)
    try:
        server.start()
        agent.start()

        def directions() -> list[str]:
            sql = "select json_extract(body, '$.direction') from durables where kind = 'crossings' order by seq"
            return [str(row[0]) for row in whole.query(sql)]

        wait_for("four people are counted", lambda: len(directions()) >= 4, 120)
    finally:
        agent.kill()
        server.kill()
    # the clip's truth begins: right at 1.2 s (the model still learns the scene), left at 6.5 s, right at 9.7 s, left …
    assert {"left", "right"} <= set(directions())
