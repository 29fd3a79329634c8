"""A device is let in over HTTPS, speaks over TLS, renews, and is put out while it speaks; the doors' TLS is judged."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from doors import Caller
from ports import free_port
from serving import PASSWORD, ROOT, add_user
from waiting import until

from agent.identity import PAIR

pytestmark = pytest.mark.timeout(300)


@dataclass
class School:
    """One server as it stands in a school: certificates of its own authority on both ports."""

    folder: Path
    config: Path
    http_port: int
    mqtt_port: int
    known: Path | None = None
    """A device that is let in and stays so."""

    @property
    def trust(self) -> Path:
        return self.folder / "data" / "ca" / "ca.pem"

    def server(self, *arguments: str) -> str:
        return run("server", [*arguments, "--config", str(self.config)])

    def get(self, path: str) -> httpx.Response:
        with self.client() as client:
            return client.get(path)

    def client(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=self.trust)
        return httpx.Client(base_url=f"https://127.0.0.1:{self.http_port}", verify=trusted, timeout=20)

    def noted(self, action: str) -> datetime:
        """When the audit says that something was done."""
        with closing(sqlite3.connect(self.folder / "data" / "campus.db")) as database:
            [(at,)] = database.execute("select max(at) from audit where action = ?", (action,)).fetchall()
        return datetime.fromisoformat(at).replace(tzinfo=UTC)

    def enroll(self, agent: str) -> tuple[Path, str]:
        """Let a device in by the two commands; return its identity's folder and the lines for its configuration."""
        said = self.server("enroll", f"no1/{agent}", "--url", f"https://127.0.0.1:{self.http_port}")
        found = re.search(r"campus-agent enroll (\S+) (\S+) --ca-fingerprint (\S+)", said)
        assert found, said
        url, token, fingerprint = found.groups()
        folder = self.folder / agent
        lines = run(
            "agent", ["enroll", url, "-", "--ca-fingerprint", fingerprint, "--folder", str(folder)], token + "\n"
        )
        return folder, lines


def run(program: str, arguments: Sequence[str], typed: str = "") -> str:
    command = [sys.executable, "-m", program, *arguments]
    ran = subprocess.run(command, cwd=ROOT, input=typed, check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    folder = tmp_path_factory.mktemp("school")
    made = School(folder, folder / "server.toml", free_port(), free_port())
    pair = folder / "data" / "ca" / "server.pem"
    tls = f'cert_file = "{pair}"\nkey_file = "{pair}"\n'
    made.config.write_text(
        f'data = "{folder / "data"}"\n[http]\nport = {made.http_port}\n{tls}[broker]\nport = {made.mqtt_port}\n{tls}',
        encoding="utf-8",
    )
    add_user(folder / "data", "tester", "admin")
    made.server("certify", "127.0.0.1")
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "server", "run", "--config", str(made.config)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: answers(made, process), within_s=90, what="the server is ready")
        made.known = made.enroll("known")[0] / PAIR
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def answers(school: School, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, (school.folder / "server.log").read_text()
    try:
        return school.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_device_is_let_in_speaks_renews_and_is_put_out_while_it_speaks(school: School) -> None:
    folder, lines = school.enroll("lab")
    assert [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077] == []
    config = school.folder / "agent.toml"
    head = 'site = "no1"\nagent = "lab"\nname = "实验楼"\n'
    config.write_text(f'{head}{lines}\n[outbox]\ndirectory = "{school.folder / "outbox"}"\n', encoding="utf-8")
    with (school.folder / "agent.log").open("wb") as log:
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(config)], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        with school.client() as client:
            assert client.post("/api/v1/session", json={"name": "tester", "password": PASSWORD}).status_code == 200
            until(lambda: '"lab"' in client.get("/api/v1/agents").text, what="the agent is heard")
        run("agent", ["renew", "--force", "--folder", str(folder)])
        assert agent.poll() is None
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
    live = Caller(school.mqtt_port, school.trust, folder / PAIR, "no1-lab-live")
    try:
        until(lambda: live.accepted, what="the renewed certificate is let in")  # the broker hears of it within seconds
        lost = live.lost
        with ThreadPoolExecutor(1) as beside:
            revoked = beside.submit(school.server, "revoke", "no1/lab")
            until(lambda: live.lost > lost, within_s=90, what="cut off")
            at = datetime.now(UTC)
            revoked.result(60)
        print(f"cut off {(at - school.noted('revoke')).total_seconds():.2f} s after it was revoked")
    finally:
        live.close()
    again = Caller(school.mqtt_port, school.trust, folder / PAIR, "no1-lab-again")
    try:
        assert not again.inside(3.0)
    finally:
        again.close()


def context(school: School, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=school.trust)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are meant
        made.minimum_version = made.maximum_version = version
    made.set_ciphers(ciphers)
    if school.known is not None:
        made.load_cert_chain(school.known)  # the broker shakes hands with nobody else
    return made


def shaken(port: int, tls: ssl.SSLContext) -> tuple[str, str] | None:
    """Return version and cipher of a handshake; None where it is refused."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
            tls.wrap_socket(raw, server_hostname="127.0.0.1") as line,
        ):
            cipher = line.cipher()
            return (line.version() or "", cipher[0] if cipher else "")
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.fixture(params=["pages", "broker"])
def port(request: pytest.FixtureRequest, school: School) -> int:
    return school.http_port if request.param == "pages" else school.mqtt_port


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["TLS 1.0", "TLS 1.1"])
def test_an_old_tls_is_not_spoken(version: ssl.TLSVersion, school: School, port: int) -> None:
    assert shaken(port, context(school, version)) is None


def test_tls_1_2_offers_what_mozillas_intermediate_has_and_nothing_weaker(school: School, port: int) -> None:
    every = [str(one["name"]) for one in context(school, ssl.TLSVersion.TLSv1_2).get_ciphers()]
    tried = [name for name in every if not name.startswith("TLS_")]
    taken = {name for name in tried if shaken(port, context(school, ssl.TLSVersion.TLSv1_2, f"{name}:@SECLEVEL=0"))}
    assert len(tried) > 20
    assert taken
    assert all(
        re.fullmatch(r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)", one) for one in taken
    )


@pytest.mark.soak
def test_sslyze_finds_nothing_against_mozillas_intermediate(school: School) -> None:
    uv = shutil.which("uv", path=f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert uv, "uv is missing; make setup brings it"
    scan = [uv, "tool", "run", "--from", "sslyze==6.3.1", "sslyze", "--mozilla_config=intermediate"]
    scan += [f"--certinfo_ca_file={school.trust}", f"--cert={school.known}", f"--key={school.known}"]
    pages, broker = f"127.0.0.1:{school.http_port}", f"127.0.0.1:{school.mqtt_port}"
    ran = subprocess.run([*scan, pages, broker], check=False, capture_output=True, text=True, timeout=280)
    _, found, verdict = ran.stdout.partition("COMPLIANCE AGAINST")
    assert found, ran.stdout + ran.stderr
    named = dict(re.findall(r"^ +(\S+:\d+): (OK|FAILED)", verdict, re.MULTILINE))
    assert named[broker] == "OK", verdict
    # Python's ssl cannot leave out single curves before 3.15; those two are not weaker than the ones Mozilla lists.
    complaints = re.findall(r"^ +\* (.+)$", verdict, re.MULTILINE)
    assert all(re.fullmatch(r"tls_curves: .*\{[X48secp521r1', ]+\}.*", one) for one in complaints), verdict


def test_tls_1_3_is_spoken(school: School, port: int) -> None:
    found = shaken(port, context(school, ssl.TLSVersion.TLSv1_3))
    assert found is not None
    assert found[0] == "TLSv1.3"


def test_a_stranger_authority_is_noticed_by_whoever_connects(school: School, port: int) -> None:
    assert shaken(port, ssl.create_default_context()) is None


def test_behind_tls_the_browser_is_told_to_stay_and_the_cookie_is_the_hosts_own(school: School) -> None:
    with school.client() as client:
        answer = client.post("/api/v1/session", json={"name": "tester", "password": PASSWORD})
    assert int(answer.headers["strict-transport-security"].split("=")[1]) >= 31_536_000
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-session=")
    assert all(word in cookie for word in ("secure", "httponly", "samesite=strict", "path=/"))


def test_plain_http_on_the_tls_port_gives_nothing(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.http_port), timeout=20) as raw:
        raw.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" not in raw.recv(1000)
