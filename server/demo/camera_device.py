"""The camera above the east exit: people drawn as they walk out, served as HTTP MJPEG like a real camera's stream."""

from __future__ import annotations

import asyncio
from typing import Any

from server.demo.campus import Campus

WIDTH, HEIGHT = 480, 360
LINE = (240, 20, 240, 340)
"""Where people are counted: x1, y1, x2, y2 in pixels; out is to the right."""
RATE = 10
_FLOOR = (128, 132, 130)
_WALL = (170, 172, 168)
_COATS = ((60, 40, 150), (150, 70, 40), (40, 110, 60), (50, 50, 50), (30, 120, 170))
_BOUNDARY = b"frame"


def picture(campus: Campus) -> bytes:
    """Draw the exit as it is now; return it as JPEG."""
    import cv2  # noqa: PLC0415 - only the demonstration's devices draw
    import numpy as np  # noqa: PLC0415

    canvas: Any = np.full((HEIGHT, WIDTH, 3), _FLOOR, np.uint8)
    cv2.rectangle(canvas, (0, 0), (WIDTH, 110), _WALL, -1)
    cv2.rectangle(canvas, (200, 30), (280, 110), (96, 100, 98), -1)
    noise = np.random.default_rng(int(campus.at_s * 1000)).integers(0, 5, canvas.shape, np.uint8)
    for number, walked in enumerate(campus.walkers):
        _person(cv2, canvas, walked, number)
    done, jpeg = cv2.imencode(".jpg", canvas + noise, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return bytes(jpeg) if done else b""


def _person(cv2: Any, canvas: Any, walked: float, number: int) -> None:
    x = round(-30 + walked * (WIDTH + 60))
    feet = 300 + (number % 3) * 12
    cv2.rectangle(canvas, (x - 15, feet - 110), (x + 15, feet - 45), _COATS[number % len(_COATS)], -1)
    stride = round(10 * abs((walked * 12) % 2 - 1))
    for leg in (-stride, stride):
        cv2.line(canvas, (x, feet - 45), (x + leg, feet), (45, 45, 60), 9)
    cv2.circle(canvas, (x, feet - 124), 13, (120, 150, 190), -1)


class CameraDevice:
    """Serves the stream on loopback to whoever asks."""

    def __init__(self, campus: Campus, port: int) -> None:
        self._campus = campus
        self._port = port

    async def start(self) -> None:
        """Listen; OSError when the port cannot be had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                await reader.readuntil(b"\r\n\r\n")
            head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=" + _BOUNDARY
            writer.write(head + b"\r\nCache-Control: no-store\r\n\r\n")
            while True:
                jpeg = picture(self._campus)
                head = b"--" + _BOUNDARY + b"\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                writer.write(head + jpeg + b"\r\n")
                await writer.drain()
                await asyncio.sleep(1 / RATE)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the agent went away, or was none
        finally:
            writer.transport.abort()
