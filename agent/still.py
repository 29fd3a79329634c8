"""One still as a small JPEG: for a person who draws lines and zones on it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_BYTES = 200_000
WIDEST = 960
LATEST_S = 6.0


def still(image: NDArray[np.uint8]) -> str:
    """Return a picture as JPEG in base64, smaller until it fits; what is private in it is black already."""
    height, width = image.shape[:2]
    if width > WIDEST:
        image = cv2.resize(image, (WIDEST, round(height * WIDEST / width)), interpolation=cv2.INTER_AREA)  # pyright: ignore[reportAssignmentType]
    for quality in (80, 60, 40, 20, 5):
        _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        if jpeg.size <= MOST_BYTES:
            return base64.b64encode(jpeg.tobytes()).decode("ascii")
    return ""
