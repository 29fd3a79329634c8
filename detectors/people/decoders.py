"""Raw network outputs to boxes: YOLOX, GFL heads (NanoDet, PicoDet), FastestDet, TensorFlow SSD. Person is class 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Decode = Callable[[Sequence[Array], int], Array]

IMAGENET_MEAN = (123.675, 116.28, 103.53)  # RGB, as the families below were trained
IMAGENET_STD = (58.395, 57.12, 57.375)
IMAGENET_MEAN_BGR = (103.53, 116.28, 123.675)
IMAGENET_STD_BGR = (57.375, 57.12, 58.395)


@dataclass(frozen=True, slots=True)
class Family:
    """How one kind of network wants its picture, and how its outputs become boxes."""

    name: str
    mean: tuple[float, float, float]  # in the order of the channels it wants
    std: tuple[float, float, float]
    rgb: bool
    decode: Decode  # (outputs, input size) -> (n, 5): x1 y1 x2 y2 in input pixels, score


def recognise(shapes: Sequence[tuple[int, ...]], size: int) -> Family | None:
    """Return the family whose outputs look like this for a square input of `size` pixels."""
    flat = [tuple(n for n in shape if n != 1) for shape in shapes]
    cells = [(size // stride) ** 2 for stride in (8, 16, 32)]
    if len(flat) == 1 and flat[0] == (sum(cells), 85):
        return Family("YOLOX", (0, 0, 0), (1, 1, 1), rgb=False, decode=yolox)
    if len(flat) == 1 and len(flat[0]) == 3 and flat[0][0] == 85 and flat[0][1] * 16 == size:
        return Family("FastestDet", (0, 0, 0), (255, 255, 255), rgb=False, decode=fastestdet)
    if len(flat) == 1 and flat[0][-1:] == (7,):
        return Family("SSD", (0, 0, 0), (1, 1, 1), rgb=True, decode=ssd)
    grids = [shape[0] for shape in flat if len(shape) == 2 and shape[1] == 32]
    classes = [shape[0] for shape in flat if len(shape) == 2 and shape[1] == 80]
    if grids and grids == classes and grids[:3] == cells:
        if len(grids) == 3:
            return Family("NanoDet", IMAGENET_MEAN_BGR, IMAGENET_STD_BGR, rgb=False, decode=gfl)
        return Family("PicoDet", IMAGENET_MEAN, IMAGENET_STD, rgb=True, decode=gfl)
    return None


def yolox(outputs: Sequence[Array], size: int) -> Array:
    """Decode (1, n, 85): x y w h objectness classes, relative to a grid of three strides."""
    rows = outputs[0].reshape(-1, 85)
    centres, strides = _grid(size, (8, 16, 32), half=False)
    xy = rows[:, :2] * strides[:, None] + centres
    wh = np.exp(np.clip(rows[:, 2:4], -10, 10)) * strides[:, None]
    return np.column_stack((xy - wh / 2, xy + wh / 2, rows[:, 4] * rows[:, 5]))


def gfl(outputs: Sequence[Array], size: int) -> Array:
    """Decode class scores (n, 80) and box distributions (n, 4 * 8) per stride."""
    flat = [output.reshape(-1, output.shape[-1]) for output in outputs]
    scores = np.concatenate([part for part in flat if part.shape[1] == 80])[:, 0]
    sides = np.concatenate([part for part in flat if part.shape[1] == 32]).reshape(-1, 4, 8)
    if scores.min() < 0 or scores.max() > 1:
        scores = _sigmoid(scores)
    strides = tuple(8 * 2**k for k in range(sum(part.shape[1] == 80 for part in flat)))
    centres, stride = _grid(size, strides, half=True)
    weights = np.exp(sides - sides.max(axis=2, keepdims=True))
    away = (weights / weights.sum(axis=2, keepdims=True)) @ np.arange(8) * stride[:, None]
    return np.column_stack((centres - away[:, :2], centres + away[:, 2:], scores))


def fastestdet(outputs: Sequence[Array], size: int) -> Array:
    """Decode (1, 85, h, w): objectness, box, classes on one grid."""
    rows = outputs[0].reshape(85, -1).T
    side = round(len(rows) ** 0.5)
    y, x = np.divmod(np.arange(len(rows)), side)
    centre = np.column_stack((x + np.tanh(rows[:, 1]), y + np.tanh(rows[:, 2]))) * size / side
    extent = _sigmoid(rows[:, 3:5]) * size
    score = np.clip(rows[:, 0], 0, 1) ** 0.6 * np.clip(rows[:, 5], 0, 1) ** 0.4
    return np.column_stack((centre - extent / 2, centre + extent / 2, score))


def ssd(outputs: Sequence[Array], size: int) -> Array:
    """Decode (1, 1, n, 7): image, class, score, box in 0..1; class 1 is the person."""
    rows = outputs[0].reshape(-1, 7)
    rows = rows[rows[:, 1] == 1]
    return np.column_stack((rows[:, 3:7] * size, rows[:, 2]))


def _grid(size: int, strides: Sequence[int], *, half: bool) -> tuple[Array, Array]:
    """Cell positions (n, 2) in pixels and their strides (n,)."""
    centres: list[Array] = []
    all_strides: list[Array] = []
    for stride in strides:
        side = -(-size // stride)
        y, x = np.divmod(np.arange(side * side), side)
        centres.append((np.column_stack((x, y)) + (0.5 if half else 0.0)) * stride)
        all_strides.append(np.full(side * side, float(stride)))
    return np.concatenate(centres), np.concatenate(all_strides)


def _sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
