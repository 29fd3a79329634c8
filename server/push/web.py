"""Send one request to the one host that the configuration names: no proxy, no redirect, an end to every wait."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from config.secrets import secret_path
from server.push.errors import PushError
from server.push.requests import Address, Post, Web, address, judge, request

MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class WebSender:
    """One webhook. Its files are read at each message, so that a changed secret needs no restart."""

    target: Web

    def send(self, text: str) -> None:
        """Send a message; raise PushError unless the service says that it took it."""
        to = address(self.target, _read(self.target, self.target.url_file))
        post = request(self.target, to, text, secret=self._secret(), now_ms=time.time_ns() // 1_000_000)
        try:
            status, body = _exchange(self.target, to, post)
        except ssl.SSLCertVerificationError as e:
            raise PushError(f"push {self.target.id}: {to.host}: its certificate is not good: {e.verify_message}") from e
        except (OSError, http.client.HTTPException) as e:
            raise PushError(f"push {self.target.id}: {to.host}:{to.port}: {_cause(e)}") from e
        judge(self.target, status, body)

    def _secret(self) -> str:
        files = {"dingtalk": "secret_file", "webhook": "token_file"}
        name = files.get(self.target.type)
        file = getattr(self.target, name) if name else None
        return _read(self.target, file) if file else ""


def _read(target: Web, file: object) -> str:
    try:
        with open(secret_path(Path(str(file))), encoding="utf-8") as opened:  # noqa: PTH123 - as much as is sensible
            text = opened.read(4096).strip()
    except (OSError, UnicodeDecodeError) as e:
        raise PushError(f"push {target.id}: {file}: cannot be read") from e
    if not text or any(c.isspace() for c in text):
        raise PushError(f"push {target.id}: {file}: must hold one word and nothing else")
    return text


def _exchange(target: Web, to: Address, post: Post) -> tuple[int, bytes]:
    line = _connection(target, to)
    guard = threading.Timer(2 * target.timeout_s, _cut, (line,))  # a service that answers a byte at a time
    guard.daemon = True
    guard.start()
    try:
        line.request("POST", post.path, post.body, {**post.headers, "Connection": "close"})
        answer = line.getresponse()
        return answer.status, answer.read(MOST_BYTES)
    finally:
        guard.cancel()
        guard.join()
        line.close()


def _connection(target: Web, to: Address) -> http.client.HTTPConnection:
    if not to.tls:
        return http.client.HTTPConnection(to.host, to.port, timeout=target.timeout_s)
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
    except (OSError, ssl.SSLError) as e:
        raise PushError(f"push {target.id}: {target.ca_file}: is no certificate: {_cause(e)}") from e
    return http.client.HTTPSConnection(to.host, to.port, timeout=target.timeout_s, context=context)


def _cut(line: http.client.HTTPConnection) -> None:
    sock: socket.socket | None = line.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


def _cause(e: Exception) -> str:
    return (e.strerror if isinstance(e, OSError) and e.strerror else str(e)) or type(e).__name__
