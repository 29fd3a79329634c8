"""Open a picture source (file, V4L2, RTSP, HTTP) by FFmpeg or V4L2, with time-outs, without ever showing a password."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from config.secrets import read_secret
from drivers.errors import DriverError, cause_of, reason_of

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 8192  # pixels on a side; larger pictures exhaust a small machine
SMALLEST = 16  # in less nobody can be seen
ONE_CORE = 1280 * 720  # pixels of a picture that one core of a small machine decodes in time
PATIENCE = 8  # times the time to open, at most, for the first picture: some cameras send a whole one every 20 s
KNOCK_S = 4.0
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
OPTIONS = {  # of FFmpeg, for addresses
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",  # sound is not even asked for
    "fpsprobesize": "0",  # else it looks at 20 pictures first: four seconds at five a second
    "analyzeduration": "30000000",  # us; a camera that sends no whole picture when it is asked sends the next one then
    "probesize": "20000000",  # bytes, of the same
}


class UnreachedError(DriverError):
    """Nobody answers at the address: more patience with the first picture would not help."""


class Format(NamedTuple):
    """What a source says about itself."""

    width: int
    height: int
    frames_per_s: float  # 0 where it does not say
    frames: int  # 0 where it does not say, or never ends


def with_password(source: str, file: Path | None) -> str:
    """Put the password of a private file into an address that names a user; raise DriverError if it has none."""
    if file is None:
        return source
    try:
        password = quote(read_secret(file), safe="")
    except OSError as e:
        raise DriverError(f"{redact(source)}: {file}: cannot be read: {e.strerror}") from e
    scheme, _, rest = source.partition("://")
    user, _, place = rest.rpartition("@")
    return f"{scheme}://{user}:{password}@{place}"


def redact(source: str) -> str:
    """Return the source as it may be shown: an address without its user and password, nor its query."""
    match = re.match(r"([a-z][a-z0-9+.-]*:/{1,2})([^?]*)", source, re.IGNORECASE)  # a path swallows one of the slashes
    if match is None:
        return source
    scheme, rest = match.groups()
    _, at, place = rest.rpartition("@")  # the last one: a password may hold @ and /
    return f"{scheme}***@{place}" if at else scheme + place


def is_live(source: str) -> bool:
    """Whether the source goes on without us: an address or a device, not a file."""
    return "://" in source or source.isdigit() or source.startswith("/dev/")


def open_capture(source: str, open_timeout_s: float = 4.0, read_timeout_s: float = 3.0) -> cv2.VideoCapture:
    """Open a source; raise DriverError that names it (without password) and says what to do."""
    os.environ.setdefault("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")  # else one address that is slow to open holds all others
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET: it writes to stderr by itself, passwords too
    import cv2  # noqa: PLC0415 - an agent without cameras does not load it

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the one line that is said is ours
    shown = redact(source)
    if source.isdigit() or source.startswith("/dev/"):
        device = f"/dev/video{source}" if source.isdigit() else source
        if not Path(device).exists():
            raise DriverError(f"{shown}: there is no such device: is the camera plugged in?")
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(read_timeout_s))))
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    elif "://" in source:
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "|".join(f"{k};{v}" for k, v in OPTIONS.items()))
        _knock(source, min(open_timeout_s, KNOCK_S))
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_timeout_s * 1000),
        ]  # fmt: skip
        capture = _by_ffmpeg(source, limits)
    else:
        _check_file(Path(source))
        capture = _by_ffmpeg(source, [])
    if not capture.isOpened():
        capture.release()
        hint = "is it a video, and whole?"
        if is_live(source):
            hint = "user, password and path?" if "://" in source else "is it a camera, and free?"
        raise DriverError(f"{shown}: no picture can be read from it: {hint}")
    return capture


def _by_ffmpeg(source: str, limits: list[int]) -> cv2.VideoCapture:
    """Open for one core, or for all of them where the picture is more than one can do.

    FFmpeg gives a picture of H.264, H.265 or MPEG-4 only when one more for each further core has come: on four cores,
    at 10 pictures a second, everybody would leave 0.3 s late.
    """
    import cv2  # noqa: PLC0415 - see above

    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [*limits, cv2.CAP_PROP_N_THREADS, 1])
    if format_of(capture).width * format_of(capture).height <= ONE_CORE:
        return capture
    capture.release()
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, [*limits, cv2.CAP_PROP_N_THREADS, 0])


def format_of(capture: cv2.VideoCapture) -> Format:
    """Return what the opened source says about itself, nonsense replaced by 0."""
    import cv2  # noqa: PLC0415 - see above

    rate = capture.get(cv2.CAP_PROP_FPS)
    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return Format(
        width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        frames_per_s=rate if 0 < rate <= 1000 else 0.0,
        frames=int(frames) if 0 < frames < 1e9 else 0,
    )


def read_picture(capture: cv2.VideoCapture, name: str) -> NDArray[np.uint8] | None:
    """Return the next picture (height, width, 3), BGR; None at the end of the source."""
    import cv2  # noqa: PLC0415 - see above
    import numpy as np  # noqa: PLC0415 - see above

    try:
        ok, picture = capture.read()
    except cv2.error as e:
        raise DriverError(f"{name}: a picture cannot be decoded: {str(e).splitlines()[0]}") from e
    if not ok:
        return None
    if max(picture.shape[:2]) > LARGEST:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise DriverError(f"{name}: the picture is {size}, more than {LARGEST} on a side: set the camera smaller")
    if min(picture.shape[:2]) < SMALLEST:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise DriverError(f"{name}: the picture is {size}: nobody can be seen in less than {SMALLEST} on a side")
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    return picture.astype(np.uint8, copy=False)


def _knock(source: str, timeout_s: float) -> None:
    """See that somebody listens at the address, for FFmpeg does not say what went wrong."""
    shown = redact(source)
    try:
        place = urlsplit(shown.replace("***@", "", 1))  # whatever a password holds, it is neither read nor shown
        if not place.hostname or place.scheme.lower() not in PORTS:
            return
        port = place.port or PORTS[place.scheme.lower()]
        socket.create_connection((place.hostname, port), timeout_s).close()
    except ValueError:  # of a name, UnicodeError too
        raise DriverError(f"{shown}: is no address of a camera: rtsp://user@10.0.0.9:554/path is one") from None
    except OSError as e:
        cause = cause_of(e) if isinstance(e, socket.gaierror) else e.strerror or str(e)
        text = f"{shown}: cannot be reached: {cause}: is the camera on, and is this its address?"
        raise UnreachedError(text, reason_of(e)) from e


def _check_file(path: Path) -> None:
    if not path.exists():
        raise DriverError(f"{path}: there is no such file")
    if not path.is_file():
        raise DriverError(f"{path}: is not a file")
    if path.stat().st_size == 0:
        raise DriverError(f"{path}: is empty")
