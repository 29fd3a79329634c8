"""Secrets come from private files or systemd, and stand in no message, print or error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from waiting import until

from config import ConfigError, load
from config.agent import AgentConfig
from config.cameras import CameraSection
from config.secrets import read_secret, redacted, shown
from config.server import ServerConfig
from drivers.capture import with_password
from drivers.errors import DriverError
from server.database import connect
from server.errors import ServerError

ROOT = Path(__file__).parent.parent
PLANTED = "Planted-S3cret"
AGENT = f"""site = "no1"
agent = "lab"
name = "实验楼"
[[camera]]
id = "gate"
name = "校门"
source = "rtsp://admin:{PLANTED}@10.0.0.9/ch1?token={PLANTED}"
detect_source = "rtsp://admin:{PLANTED}/@@x@10.0.0.9/sub"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rtsp://admin:pw@10.0.0.9/ch1", "rtsp://***@10.0.0.9/ch1"),
        ("rtsp://admin:p@/w@10.0.0.9/ch1", "rtsp://***@10.0.0.9/ch1"),
        ("postgresql+psycopg://campus:pw@db/campus?password=pw", "postgresql+psycopg://***@db/campus?***"),
        ("open 'http://a:b@c/d' and 'https://e:f@g/h'", "open 'http://***@c/d' and 'https://***@g/h'"),
        ("https://qyapi.weixin.qq.com/send?key=pw failed", "https://qyapi.weixin.qq.com/send?*** failed"),
        ("/dev/video0", "/dev/video0"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_an_address_is_shown_without_user_password_and_query(text: str, said: str) -> None:
    assert redacted(text) == said


def test_a_credential_of_systemd_is_read_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt-password").write_text("pw\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret(Path("credential:mqtt-password")) == "pw"
    with pytest.raises(FileNotFoundError):
        read_secret(Path("credential:../mqtt-password"))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(FileNotFoundError, match="LoadCredential"):
        read_secret(Path("credential:mqtt-password"))


def test_a_printed_configuration_hides_every_planted_secret(tmp_path: Path) -> None:
    agent, server = tmp_path / "agent.toml", tmp_path / "server.toml"
    agent.write_text(AGENT, encoding="utf-8")
    server.write_text(f'data = "{tmp_path}"\ndatabase = "postgresql://campus:{PLANTED}@localhost/campus"\n')
    for command in (["agent", "config", str(agent)], ["server", "config", "--config", str(server)]):
        ran = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        assert PLANTED not in ran.stdout + ran.stderr
        assert "***" in ran.stdout
    assert '"site": "no1"' in shown(load(agent, AgentConfig))


@pytest.mark.parametrize(
    "more",
    [
        "open_timeout_s = -1",
        "unknown = 1",
        'password_file = "x"',
        "[[camera]]\nid = 'b'\nname = 1\nsource = ['rtsp://admin:Planted-S3cret@10.0.0.9']",
        "[camera.model]\npath = 1",
    ],
)
def test_a_mistake_in_a_configuration_is_told_without_its_secrets(more: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT + more, encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        load(file, AgentConfig)
    assert PLANTED not in str(told.value)


@pytest.mark.parametrize("address", [f"nonsense:{PLANTED}", f"mysql://campus:{PLANTED}@db/campus", f"//a:{PLANTED}@b"])
def test_a_wrong_database_address_is_told_without_its_password(address: str) -> None:
    with pytest.raises(ServerError) as told:
        connect(address)
    assert PLANTED not in str(told.value)


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ("", False),
        ("?sslmode=prefer", False),
        ("?sslmode=require", False),
        ("?sslmode=verify-full", True),
        ("?sslmode=disable", True),
    ],
)
def test_a_database_over_the_network_is_verified_or_plain_by_name(query: str, *, taken: bool) -> None:
    address = f"postgresql://campus@db.example/campus{query}"
    if taken:
        connect(address).close()
    else:
        with pytest.raises(ServerError, match="verify-full"):
            connect(address)


def test_the_database_address_may_lie_in_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f'data = "{tmp_path}"\ndatabase = "sqlite://"\ndatabase_file = "x"\n')
    with pytest.raises(ConfigError, match="give one"):
        load(file, ServerConfig)


def test_a_cameras_password_is_put_into_its_address_only_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("p@ss/w\n")
    source = "rtsp://admin@10.0.0.9:554/ch1"
    assert with_password(source, file) == "rtsp://admin:p%40ss%2Fw@10.0.0.9:554/ch1"
    assert with_password(source, None) == source
    with pytest.raises(DriverError, match="cannot be read"):
        with_password(source, tmp_path / "none")
    with pytest.raises(ValueError, match="USER@HOST"):
        CameraSection(id="c", name="c", source="rtsp://10.0.0.9/ch1", password_file=file)


@pytest.mark.timeout(120)
def test_a_running_agent_never_says_the_password_of_a_camera_it_cannot_reach(tmp_path: Path) -> None:
    file, log = tmp_path / "agent.toml", tmp_path / "agent.log"
    address = f"rtsp://admin:{PLANTED}@127.0.0.1:9/ch1"
    file.write_text(
        'site = "no1"\nagent = "lab"\nname = "实验楼"\n[mqtt]\nport = 9\n'
        f'[outbox]\ndirectory = "{tmp_path / "outbox"}"\n'
        f'[[camera]]\nid = "gate"\nname = "校门"\nsource = "{address}"\nopen_timeout_s = 1.0\n',
        encoding="utf-8",
    )
    with log.open("wb") as out:
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(file)], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        until(
            lambda: "rtsp://***@127.0.0.1" in log.read_text(encoding="utf-8"),
            within_s=90,
            what="the camera's trouble is told",
        )
        for process in psutil.Process(agent.pid).children(recursive=True):
            assert PLANTED not in " ".join(process.cmdline())
            assert PLANTED not in str(process.environ())
    finally:
        agent.terminate()
        agent.wait(30)
    found = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path != file and PLANTED.encode() in path.read_bytes()
    ]
    assert found == []
