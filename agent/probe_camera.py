"""A still of one camera with a grid of its pixels, for whoever writes down a line or a zone; on this machine only."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.capture import open_capture, read_picture, redact
from drivers.errors import DriverError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEP = 100  # pixels between lines of the grid
FIRST_S = 30.0  # some cameras send a whole picture only every so often
QUIET_S = 3.0
WARM_UP = 5  # the first pictures of many cameras are dark


def still(source: str, out: Path) -> str:
    """Write the still; return what was written in one line. Raise DriverError in one line where it cannot be."""
    import cv2  # noqa: PLC0415 - an agent without cameras does not load it

    if out.suffix.lower() not in {".png", ".jpg"} or not out.absolute().parent.is_dir():
        raise DriverError(f"{out}: give a .png or .jpg in a folder that exists")
    pictures: list[NDArray[np.uint8]] = []
    patience = threading.Timer(QUIET_S, sys.stderr.write, [f"{redact(source)}: it may take {FIRST_S:.0f} s to begin\n"])
    patience.start()
    try:
        capture = open_capture(source, FIRST_S, FIRST_S)
        try:
            while len(pictures) < WARM_UP and (picture := read_picture(capture, redact(source))) is not None:
                pictures.append(picture)
        finally:
            capture.release()
    finally:
        patience.cancel()
    if not pictures:
        raise DriverError(f"{redact(source)}: gives no picture")
    shown = pictures[-1]
    height, width = shown.shape[:2]
    for x in range(0, width, STEP):
        cv2.line(shown, (x, 0), (x, height), (0, 200, 255), 1)
        cv2.putText(shown, str(x), (x + 2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 255), 1)
    for y in range(STEP, height, STEP):
        cv2.line(shown, (0, y), (width, y), (0, 200, 255), 1)
        cv2.putText(shown, str(y), (2, y - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 255), 1)
    if not cv2.imwrite(str(out), shown):
        raise DriverError(f"{out}: cannot be written")
    middle = f"line = [0, {height // 2}, {width - 1}, {height // 2}]"
    return f"{redact(source)}: {width}x{height}, written to {out}\ndrawn_on = [{width}, {height}]\n{middle}"
