"""The kernel's virtual cameras (vivid) from their other side: what they show, and a clip played into their cable."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Self

import cv2

WEBCAM = Path("/dev/video10")  # chooses among sizes and rates, shows test pictures
GRABBER = Path("/dev/video20")  # takes what comes over its cable, at its size
CABLE = Path("/dev/video21")  # the output that the grabber's input is wired to
DRIVER = Path("/sys/bus/platform/drivers/vivid")

_S_CTRL = 0xC008561C  # VIDIOC_…, as <linux/videodev2.h> has them on 64 bits
_S_FMT = 0xC0D05605
_S_DV_TIMINGS = 0xC0845657
_REQBUFS, _QUERYBUF, _QBUF, _DQBUF, _STREAMON = 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611, 0x40045612
_OUTPUT, _MMAP, _BUFFERS = 2, 1, 4  # V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_MEMORY_MMAP
_BGR24 = int.from_bytes(b"BGR3", "little")  # what OpenCV asks of a camera first

_BASE = 0x00F0F000  # controls of vivid
PATTERN, TEXT, MOVES, LOOP, DROPPED, BAD_BUFFER = (_BASE + n for n in (0, 1, 2, 37, 64, 66))
SQUARES, BLACK, WHITE, RED = 4, 5, 6, 7  # patterns
MOVES_SLOWLY, STANDS = 2, 3
ALL_TEXT, NO_TEXT = 0, 2
SMALL = (640, 480, 25_175_000, (16, 96, 48, 10, 2, 33), 1)  # CEA-861, 60 pictures a second
LARGE = (1280, 720, 74_250_000, (110, 40, 220, 5, 5, 20), 4)
Timings = tuple[int, int, int, tuple[int, int, int, int, int, int], int]


def control(node: Path, number: int, value: int) -> None:
    """Set a control of a node."""
    _ask(node, _S_CTRL, struct.pack("Ii", number, value))


def timings(node: Path, wanted: Timings) -> None:
    """Set the size and rate of what goes over the cable, at one of its ends."""
    width, height, clock, porches, code = wanted
    bt = struct.pack("=IIIIQ6I3III", width, height, 0, 0, clock, *porches, 0, 0, 0, 3, 16)
    bt += struct.pack("=IIBB46x", 0, 0, code, 0)
    _ask(node, _S_DV_TIMINGS, (struct.pack("=I", 0) + bt).ljust(132, b"\0"))


def _ask(node: Path, request: int, argument: bytes) -> None:
    handle = os.open(node, os.O_RDWR)
    try:
        fcntl.ioctl(handle, request, argument)
    finally:
        os.close(handle)


def pull_out() -> None:
    """Take all virtual cameras away, whoever reads them."""
    (DRIVER / "unbind").write_text("vivid.0", encoding="ascii")


def plug_in() -> None:
    """Bring them back, as they are after the machine's start."""
    if not (DRIVER / "vivid.0").exists():
        (DRIVER / "bind").write_text("vivid.0", encoding="ascii")
    deadline = time.monotonic() + 10
    while not (WEBCAM.exists() and GRABBER.exists() and CABLE.exists()):
        assert time.monotonic() < deadline, "vivid did not come back"
        time.sleep(0.05)


class Output:
    """The cable as a program writes to it: four buffers that are filled and queued; the last picture stays on it."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width * height * 3
        self._handle = os.open(CABLE, os.O_RDWR)
        pixels = struct.pack("8I", width, height, _BGR24, 1, width * 3, self._size, 8, 0)
        fcntl.ioctl(self._handle, _S_FMT, struct.pack("I4x", _OUTPUT) + pixels.ljust(200, b"\0"))
        fcntl.ioctl(self._handle, _REQBUFS, struct.pack("IIIII", _BUFFERS, _OUTPUT, _MMAP, 0, 0))
        self._free = list(range(_BUFFERS))
        self._memory = [self._map(number) for number in range(_BUFFERS)]
        self._streams = False

    def show(self, picture: bytes) -> None:
        """Put a picture on the cable."""
        index = self._free.pop() if self._free else self._taken_back()
        self._memory[index][: self._size] = picture
        fcntl.ioctl(self._handle, _QBUF, self._buffer(index, self._size))
        if not self._streams:
            fcntl.ioctl(self._handle, _STREAMON, struct.pack("I", _OUTPUT))
            self._streams = True

    def close(self) -> None:
        """Pull the plug."""
        for memory in self._memory:
            memory.close()
        os.close(self._handle)

    def _map(self, index: int) -> mmap.mmap:
        asked = bytearray(self._buffer(index, 0))
        fcntl.ioctl(self._handle, _QUERYBUF, asked, True)  # noqa: FBT003 - "the buffer is changed"
        (offset,) = struct.unpack_from("I", asked, 64)
        return mmap.mmap(self._handle, self._size, offset=offset)

    def _taken_back(self) -> int:
        asked = bytearray(self._buffer(0, 0))
        fcntl.ioctl(self._handle, _DQBUF, asked, True)  # noqa: FBT003 - "the buffer is changed"
        return int(struct.unpack_from("I", asked)[0])

    def _buffer(self, index: int, used: int) -> bytes:
        """A struct v4l2_buffer."""
        return struct.pack("5I36xII24x", index, _OUTPUT, used, 0, 1, 0, _MMAP)


class Player(threading.Thread):
    """Plays a clip into the cable at its own speed; the first picture for a while before, the last one after."""

    def __init__(self, clip: Path, before_s: float) -> None:
        super().__init__(name="player", daemon=True)
        self._before_s = before_s
        self._capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
        size = [int(self._capture.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        self._output = Output(*size)
        self._stop_asked = threading.Event()
        self.ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_asked.set()
        self.join(10)
        self._output.close()
        self._capture.release()

    def run(self) -> None:
        """Show picture by picture, each when it is due."""
        rate, shown, began = self._capture.get(cv2.CAP_PROP_FPS), 0, time.monotonic()
        while not self._stop_asked.is_set():
            ok, picture = self._capture.read()
            if not ok:
                break
            self._output.show(picture.tobytes())
            shown += 1
            self._stop_asked.wait(max(0.0, began + self._before_s * (shown > 1) + shown / rate - time.monotonic()))
            if shown == 1:
                self._stop_asked.wait(self._before_s)
        self.ended.set()
