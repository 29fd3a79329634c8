"""A picture in which nobody can be known: averaged cells throughout, larger ones over everybody and all that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.people import Boxes, Mask, People, Picture

ROWS = 40  # cells from top to bottom at most: who fills the picture has a head of five, far too few to be known by
FIGURE = 12  # cells of one who was not noticed and is as tall as the tallest here: a head is less than two
SEEN = 3  # cells of one who was noticed: taller than a head
GROWN = 0.3  # of its own size, each box on every side: hair, bags and what the box cut off
WIDEST = 640  # pixels


def hidden(picture: Picture, people: People, tallest: float) -> NDArray[np.uint8]:
    """Return the picture in cells, at most `WIDEST` pixels wide; `tallest` is a person's height here, pixels.

    A cell is one colour, the mean of all its pixels, so that nothing finer is left in it to be brought back. Where
    somebody was noticed, or the place differs from when it was empty, cells are larger than a head. Who stood there
    before the camera began and never moved is noticed by no background model: for him the cells are coarse everywhere.
    """
    height, width = picture.shape[:2]
    fine = max(height / ROWS, tallest / FIGURE, 1.0)
    ratio = max(2, round(FIGURE / SEEN))
    rows, columns = max(1, round(height / fine / ratio)), max(1, round(width / fine / ratio))
    coarse = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    cells = cv2.resize(picture, (columns * ratio, rows * ratio), interpolation=cv2.INTER_AREA)
    covered = _covered(people, (width, height), (columns, rows))
    large = np.ones((ratio, ratio), np.uint8)
    shown = np.where(np.kron(covered, large)[..., None] > 0, np.kron(coarse, large[..., None]), cells)
    side = max(1, WIDEST // (columns * ratio))
    return np.kron(shown, np.ones((side, side, 1), np.uint8)).astype(np.uint8)


def _covered(people: People, size: tuple[int, int], grid: tuple[int, int]) -> Mask:
    """Return which large cells somebody touches, 0 or 1; all of them while nothing is known of the place."""
    columns, rows = grid
    if not people.usable:
        return np.ones((rows, columns), np.uint8)
    mask = np.zeros((rows, columns), np.uint8)
    scale = np.array((columns / size[0], rows / size[1]) * 2)
    for x1, y1, x2, y2 in _grown(people.boxes) * scale:
        mask[max(0, int(y1)) : max(0, int(y2) + 1), max(0, int(x1)) : max(0, int(x2) + 1)] = 1
    if people.foreground is not None:
        ys, xs = np.nonzero(cv2.dilate(people.foreground.mask, np.ones((5, 5), np.uint8)))
        height, width = people.foreground.mask.shape[:2]
        mask[ys * rows // height, xs * columns // width] = 1
    return mask


def _grown(boxes: Boxes) -> Boxes:
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * GROWN
    return boxes + sides * np.array((-1.0, -1.0, 1.0, 1.0))
