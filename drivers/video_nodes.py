"""Which of a machine's video nodes give pictures: a webcam has a second one for its metadata, others are outputs."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP of <linux/videodev2.h>: a struct v4l2_capability
_SIZE, _NODE_CAN = 104, 88  # bytes; where `device_caps` stands
_CAPTURES = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, and the same in several planes


def gives_pictures(node: Path) -> bool:
    """Whether pictures can be read from a node; True where it does not say, for then a person may try."""
    asked = bytearray(_SIZE)
    try:
        handle = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.ioctl(handle, _QUERYCAP, asked)
        finally:
            os.close(handle)
    except OSError:
        return True
    (able,) = struct.unpack_from("I", asked, _NODE_CAN)
    return bool(able & _CAPTURES)
