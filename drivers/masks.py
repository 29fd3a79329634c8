"""Black out what nobody may look at, before anything else sees the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cv2.typing import MatLike


def blacken(picture: MatLike, polygons: Sequence[Sequence[float]]) -> None:
    """Fill the polygons (x, y, x, y, … in pixels) with black, in place."""
    import cv2  # noqa: PLC0415 - an agent without cameras does not load it

    for polygon in polygons:
        corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2).round().astype(np.int32)
        cv2.fillPoly(picture, [corners], (0, 0, 0))
