"""A camera feed of the user's own in the demonstration: checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass

from server.errors import ServerError

_WAIT_MS = 5000


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the pictures come from, and the line people are counted across: x1, y1, x2, y2 in pixels."""

    source: str
    line: tuple[float, float, float, float]


def opened(source: str) -> Feed:
    """Look at the feed once, to lay the line through the middle of its picture; raise ServerError in one line."""
    import cv2  # noqa: PLC0415 - only a demonstration with a feed needs it

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # ours is one line
    wait = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _WAIT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _WAIT_MS]
    if source.startswith("/dev/"):
        capture = cv2.VideoCapture(source, cv2.CAP_V4L2)
    else:
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, wait)
    try:
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if not capture.read()[0] or width < 2 or height < 2:
            raise ServerError(
                f"--video {shown(source)}: no pictures can be read: name a video, /dev/videoN or rtsp://…"
            )
    finally:
        capture.release()
    return Feed(source, (width / 2, height * 0.05, width / 2, height * 0.95))


def shown(source: str) -> str:
    """Give an address without its password."""
    scheme, sep, rest = source.partition("://")
    return f"{scheme}{sep}{rest.rpartition('@')[2]}" if sep else source
