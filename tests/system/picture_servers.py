"""Pretended network cameras: HTTP MJPEG and RTSP, whose picture can be changed, stalled, cut and refused at will."""

from __future__ import annotations

import http.server
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
RATE = 10.0


class Scene:
    """What the camera shows: `draw` gives picture number n; `stalled` sends nothing and keeps the line open."""

    def __init__(self, draw: Callable[[int], Picture]) -> None:
        self.draw = draw
        self.stalled = threading.Event()
        self.closed = threading.Event()
        self.connections = 0
        self._generation = 0

    def change(self, draw: Callable[[int], Picture]) -> None:
        """Show something else; those connected stay."""
        self.draw = draw

    def restart(self, draw: Callable[[int], Picture]) -> None:
        """Come back as after a reboot: those connected before get nothing any more, new ones see something else."""
        self.draw = draw
        self._generation += 1

    def send(self, put: Callable[[Picture], None]) -> None:
        """Feed one connection until it breaks or the camera is closed."""
        mine, number = self._generation, 0
        self.connections += 1
        try:
            while not self.closed.wait(1 / RATE):
                if mine == self._generation and not self.stalled.is_set():
                    put(self.draw(number))
                    number += 1
        except OSError:
            return


def noisy(width: int, height: int, factor: float = 1.0) -> Callable[[int], Picture]:
    """A wall of tiles with a sensor's noise."""
    tiles = np.random.default_rng(7).integers(40, 210, (18, 32, 3), dtype=np.uint8)
    wall = cv2.resize(tiles, (width, height), interpolation=cv2.INTER_NEAREST) * factor

    def draw(number: int) -> Picture:
        noise = np.random.default_rng(number).integers(-4, 5, wall.shape)
        return np.clip(wall + noise * (factor > 0), 0, 255).astype(np.uint8)

    return draw


def jpeg(picture: Picture) -> bytes:
    """Encode with 4:2:0, as RTP wants it."""
    flags = (cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420)
    return cv2.imencode(".jpg", picture, flags)[1].tobytes()


class _Serving:
    """A server in a thread, with its scene."""

    scheme = ""

    def __init__(self, scene: Scene, handler: type[socketserver.BaseRequestHandler]) -> None:
        self.scene = scene
        self._server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = True
        self._server.scene = scene
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.scene.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Mjpeg(_Serving):
    """`http://127.0.0.1:PORT/video.mjpg`."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, _MjpegHandler)
        self.url = f"http://127.0.0.1:{self.port}/video.mjpg"


class _MjpegHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        scene: Scene = self.server.scene  # type: ignore[attr-defined]
        scene.send(self._put)

    def _put(self, picture: Picture) -> None:
        data = jpeg(picture)
        head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, *args: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Say nothing."""


class Rtsp(_Serving):
    """`rtsp://…@127.0.0.1:PORT/ch1`: motion JPEG (RFC 2435) interleaved on the connection's TCP (RFC 2326)."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, _RtspHandler)
        self.url = f"rtsp://admin:secret@127.0.0.1:{self.port}/ch1"


class _RtspHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        scene: Scene = self.server.scene  # type: ignore[attr-defined]
        sender: threading.Thread | None = None
        try:
            while (request := self._request()) is not None:
                method, number = request
                self._answer(method, number)
                if method == "PLAY" and sender is None:
                    sender = threading.Thread(target=scene.send, args=(_Rtp(self.request).put,), daemon=True)
                    sender.start()
                if method == "TEARDOWN":
                    break
        except OSError:
            pass
        finally:
            self.request.close()
            if sender is not None:
                sender.join(5)

    def _request(self) -> tuple[str, str] | None:
        """Read one request; skip what the player sends back on the interleaved channels."""
        while (first := self.rfile.read(1)) == b"$":
            _, length = struct.unpack("!BH", self.rfile.read(3))
            self.rfile.read(length)
        if not first:
            return None
        method = (first + self.rfile.readline()).split(b" ")[0].decode()
        number = "0"
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"cseq":
                number = value.strip().decode()
        return method, number

    def _answer(self, method: str, number: str) -> None:
        head, body = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n", ""
        match method:
            case "OPTIONS":
                head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            case "DESCRIBE":
                body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"
                head += "Content-Type: application/sdp\r\n"
            case "SETUP":
                head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            case _:
                head += "Session: 1\r\n"
        self.wfile.write((head + f"Content-Length: {len(body)}\r\n\r\n" + body).encode())


class _Rtp:
    """One stream of RTP packets."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sequence = 0
        self._picture = 0

    def put(self, picture: Picture) -> None:
        """Send one picture in packets of 1,400 bytes."""
        tables, scan = _parts(jpeg(picture))
        height, width = picture.shape[:2]
        at = 0
        while at < len(scan):
            piece = scan[at : at + 1400]
            head = struct.pack("!BBHBBBB", 0, at >> 16, at & 0xFFFF, 1, 255, width // 8, height // 8)
            if at == 0:
                head += struct.pack("!BBH", 0, 0, len(tables)) + tables
            last = at + len(piece) >= len(scan)
            self._packet(head + piece, last=last)
            at += len(piece)
        self._picture += 1

    def _packet(self, payload: bytes, *, last: bool) -> None:
        stamp = int(self._picture * 90_000 / RATE) & 0xFFFFFFFF
        rtp = struct.pack("!BBHII", 0x80, 26 | (0x80 if last else 0), self._sequence & 0xFFFF, stamp, 1) + payload
        self._sequence += 1
        self._connection.sendall(struct.pack("!cBH", b"$", 0, len(rtp)) + rtp)


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """Take a baseline JPEG with the standard Huffman tables apart: quantisation tables, entropy-coded scan."""
    tables, at = b"", 2
    while True:
        kind, length = struct.unpack("!xBH", data[at : at + 4])
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if kind == 0xDB:
            while body:
                tables, body = tables + body[1:65], body[65:]
        if kind == 0xDA:
            return tables, data[at:-2]
