"""Black out what nobody may look at, before anything else sees the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cv2.typing import MatLike


def blacken(picture: MatLike, polygons: Sequence[Sequence[float]], drawn_on: tuple[int, int] | None = None) -> None:
    """Fill the polygons (x, y, x, y, … in pixels of a picture of that width and height) with black, in place."""
    import cv2  # noqa: PLC0415 - an agent without cameras does not load it

    height, width = picture.shape[:2]
    ratio = (1.0, 1.0) if drawn_on is None else (width / drawn_on[0], height / drawn_on[1])
    for polygon in polygons:
        corners = (np.asarray(polygon, dtype=np.float64).reshape(-1, 2) * ratio).round()
        cv2.fillPoly(picture, [corners.astype(np.int32)], (0, 0, 0))
