"""Small video files, drawn picture by picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt


def write_clip(path: Path, pictures: Iterable[npt.NDArray[np.uint8]]) -> Path:
    """Write pictures of one size as an AVI of ten a second; return its path."""
    writer: cv2.VideoWriter | None = None
    for picture in pictures:
        if writer is None:
            height, width = picture.shape[:2]
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
        writer.write(picture)
    assert writer is not None, "a clip needs a picture"
    writer.release()
    return path
