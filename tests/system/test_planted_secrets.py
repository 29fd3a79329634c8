"""Known secrets go in, all that comes out is searched: logs, answers, prints, errors, backups, processes, files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
from agent_process import configuration
from ports import free_port
from serving import PASSWORD, ROOT, ServerProcess, add_user, logged_in
from waiting import until

pytestmark = pytest.mark.timeout(300)

PUSH = """
[[push]]
type = "webhook"
id = "gateway"
name = "短信网关"
host = "127.0.0.1"
url_file = "{url}"
token_file = "{gateway-token}"
[[push]]
type = "dingtalk"
id = "robot"
name = "值班群"
host = "localhost"
plain = true
url_file = "{robot-url}"
secret_file = "{robot-secret}"
[[push]]
type = "sms-modem"
id = "modem"
name = "短信"
device = "/dev/null"
numbers = ["+8613900000000"]
pin_file = "{pin}"
"""


@dataclass
class Planted:
    """Secrets, each in its private file; `words` is what must be found nowhere else."""

    folder: Path
    words: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, before: str = "", after: str = "") -> Path:
        self.words[name] = f"Pl4nted-{name}-{os.urandom(6).hex()}"
        file = self.folder / name
        file.write_text(f"{before}{self.words[name]}{after}\n")
        file.chmod(0o600)
        return file

    def among(self, content: bytes) -> list[str]:
        return [name for name, word in self.words.items() if word.encode() in content]


@dataclass
class Scene:
    """A server and an agent that run with all of them."""

    folder: Path
    planted: Planted
    config: Path
    server: ServerProcess
    agent: subprocess.Popen[bytes]
    agent_config: Path
    out: dict[str, bytes] = field(default_factory=dict)
    """All that came out, by where."""

    def command(self, program: str, *arguments: str) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", program, *arguments], cwd=ROOT, check=False, capture_output=True, timeout=120
        )
        self.out[f"{program} {arguments[0]}"] = ran.stdout + ran.stderr


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    planted = Planted(private)
    closed, http, broker = free_port(), free_port(), free_port()
    config = server_file(tmp_path, planted, closed, http, broker)
    add_user(tmp_path / "data")
    enrolled = subprocess.run(
        [sys.executable, "-m", "server", "enroll", "demo/pi-1", "--password", "--config", str(config)],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    agent_config = agent_file(tmp_path, planted, closed, broker)
    server = ServerProcess(config, http)
    server.start(wait=False)
    try:
        until(server.ready, within_s=150, what="the server is ready")
    except BaseException:
        server.end()
        raise
    with (tmp_path / "agent.log").open("wb") as log:
        command = [sys.executable, "-m", "agent", "run", "--config", str(agent_config)]
        agent = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    made = Scene(tmp_path, planted, config, server, agent, agent_config)
    made.out["server enroll"] = enrolled.stdout + enrolled.stderr
    try:
        yield made
    finally:
        agent.terminate()
        agent.wait(30)
        server.end(signal.SIGTERM)


def server_file(folder: Path, planted: Planted, closed: int, http: int, broker: int) -> Path:
    """Write the server's file: it pushes to a port nobody listens on, by addresses and words that are secret."""
    files = {
        "url": planted.put("url", f"http://127.0.0.1:{closed}/send?key="),
        "gateway-token": planted.put("gateway-token"),
        "robot-url": planted.put("robot-url", f"http://localhost:{closed}/robot?access_token="),
        "robot-secret": planted.put("robot-secret"),
        "pin": planted.put("pin"),
    }
    push = PUSH
    for name, file in files.items():
        push = push.replace("{" + name + "}", str(file))
    config = folder / "server.toml"
    config.write_text(
        f'data = "{folder / "data"}"\nmetrics_token_file = "{planted.put("metrics")}"\n[http]\nport = {http}\n'
        f'[broker]\ntype = "embedded"\nport = {broker}\n{push}',
        encoding="utf-8",
    )
    return config


def agent_file(folder: Path, planted: Planted, closed: int, broker: int) -> Path:
    """Write the agent's file, once it is enrolled: the broker's password, and a camera's that does not answer."""
    password_file = folder / "data" / "broker" / "demo.pi-1.password"
    planted.words["broker-password"] = password_file.read_text().strip()
    extra = (
        f'[[camera]]\nid = "gate"\nname = "校门"\nsource = "rtsp://admin@127.0.0.1:{closed}/ch1"\n'
        f'password_file = "{planted.put("camera")}"\nopen_timeout_s = 1.0\n'
    )
    file = configuration(folder, broker, extra=extra)
    text = file.read_text(encoding="utf-8")
    text = text.replace("[mqtt]\n", f'[mqtt]\nuser = "demo.pi-1"\npassword_file = "{password_file}"\n', 1)
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_planted_is_found_nowhere_but_where_it_was_put(scene: Scene) -> None:
    with logged_in(scene.server.base) as client:
        make_noise(scene, client)
        ask_everything(scene, client)
    scene.command("server", "config", "--config", str(scene.config))
    scene.command("agent", "config", str(scene.agent_config))
    scene.command("agent", "check", str(scene.agent_config))
    for target in ("gateway", "robot", "modem"):
        scene.command("server", "push", target, "--config", str(scene.config))
    scene.command("server", "verify", "--config", str(scene.config))
    scene.command("server", "backup", "--config", str(scene.config), str(scene.folder / "copy.zip"))
    start_with_a_database_that_is_away(scene)
    look_at_processes(scene)
    look_at_files(scene)
    assert len(scene.out) > 60, sorted(scene.out)
    found = {where: names for where, content in scene.out.items() if (names := scene.planted.among(content))}
    assert found == {}


def make_noise(scene: Scene, client: httpx.Client) -> None:
    """Let things fail: pushes to nobody, a camera that is away, wrong passwords, a token that is used and revoked."""
    words = scene.planted.words
    words["session"] = client.cookies["session"]
    words["password"] = PASSWORD
    words["wrong-password"] = "Pl4nted-wrong-password"
    bad = httpx.post(
        f"{scene.server.base}/api/v1/session", json={"name": "tester", "password": words["wrong-password"]}, timeout=20
    )
    assert bad.status_code == 401
    made = client.post("/api/v1/tokens", json={"name": "p", "scope": ["alerts.read"]})
    assert made.status_code == 201, made.text
    words["token"] = made.json()["token"]
    used = httpx.get(
        f"{scene.server.base}/api/v1/alerts", headers={"Authorization": f"Bearer {words['token']}"}, timeout=20
    )
    assert used.status_code == 200
    wrong = {"Authorization": f"Bearer {words['metrics']}x"}
    scene.out["wrong metrics"] = httpx.get(f"{scene.server.base}/metrics", headers=wrong, timeout=20).content
    until(lambda: client.get("/api/v1/alerts").json(), what="an alert of the agent")
    until(lambda: "push gateway" in scene.server.log(), what="the push is told to have failed")
    agent_log = scene.folder / "agent.log"
    until(lambda: "rtsp://" in agent_log.read_text(encoding="utf-8"), what="the camera's trouble is told")


def ask_everything(scene: Scene, client: httpx.Client) -> None:
    """Ask every address that takes no part, as an administrator, and a few that are not there."""
    paths = client.get("/openapi.json").json()["paths"]
    plain = [path for path, kinds in paths.items() if "get" in kinds and "{" not in path and "stream" not in path]
    for path in [*plain, "/", "/ledger", "/people", "/account", "/agents", "/audit", "/nothing/here"]:
        scene.out[f"GET {path}"] = client.get(path).content
    broken = client.post("/api/v1/session", content=scene.planted.words["wrong-password"].encode())
    scene.out["a body that is no JSON"] = broken.content


def start_with_a_database_that_is_away(scene: Scene) -> None:
    address = scene.planted.put("database", "postgresql://campus:", f"@127.0.0.1:{free_port()}/campus")
    other = scene.folder / "other.toml"
    other.write_text(f'data = "{scene.folder / "other"}"\ndatabase_file = "{address}"\n', encoding="utf-8")
    scene.command("server", "run", "--config", str(other))
    assert b"campus-server:" in scene.out["server run"]


def look_at_processes(scene: Scene) -> None:
    assert scene.server.process is not None
    for root in (scene.server.process.pid, scene.agent.pid):
        for one in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
            for part in ("cmdline", "environ"):
                scene.out[f"{part} of {one.name()} {one.pid}"] = Path(f"/proc/{one.pid}/{part}").read_bytes()


def look_at_files(scene: Scene) -> None:
    """Every file but the private ones; what the embedded broker must know is for the server's own user alone."""
    for file in scene.folder.rglob("*"):
        if not file.is_file() or scene.planted.folder in file.parents:
            continue
        if file.parent.name == "broker" and file.suffix in {".password", ".json", ".conf"}:
            assert file.stat().st_mode & 0o077 == 0, file
            continue
        name = str(file.relative_to(scene.folder))
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                scene.out |= {f"{name}/{one}": archive.read(one) for one in archive.namelist()}
        else:
            scene.out[name] = file.read_bytes()
