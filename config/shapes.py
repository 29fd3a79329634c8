"""Lines and polygons in a picture, checked as far as that is possible without the picture."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

Point = tuple[float, float]


def corners(polygon: tuple[float, ...]) -> tuple[Point, ...]:
    """Return x, y, x, y, … as points."""
    return tuple(zip(polygon[::2], polygon[1::2], strict=True))


def inside(point: Point, polygon: tuple[Point, ...]) -> bool:
    """Whether the point lies within the polygon (even-odd rule)."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in pairwise((*polygon, polygon[0])):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


def misses(shape: tuple[float, ...], width: float, height: float) -> bool:
    """Whether a line or polygon (x, y, x, y, …) lies outside a picture of this size."""
    xs, ys = shape[::2], shape[1::2]
    return min(xs) >= width or max(xs) < 0 or min(ys) >= height or max(ys) < 0


def cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments a-b and c-d cross inside both."""
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _is_line(line: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if line[:2] == line[2:]:
        raise ValueError("both ends of the line are the same point: draw it across the way people walk")
    return line


def _is_polygon(polygon: tuple[float, ...]) -> tuple[float, ...]:
    if len(polygon) % 2:
        raise ValueError(f"a polygon is pairs X,Y; there are {len(polygon)} numbers")
    points = corners(polygon)
    edges = list(pairwise((*points, points[0])))
    for i, (a, b) in enumerate(edges):
        for c, d in edges[i + 1 :]:
            if cross(a, b, c, d):
                raise ValueError("the polygon crosses itself: give its corners in order around it")
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in edges) / 2
    if abs(area) < 1:
        raise ValueError("the polygon has no area: give at least three corners that are not on one line")
    return polygon


LineEnds = Annotated[tuple[float, float, float, float], AfterValidator(_is_line)]
"""x1, y1, x2, y2 in pixels of the picture."""
Polygon = Annotated[tuple[float, ...], Field(min_length=6), AfterValidator(_is_polygon)]
"""x, y, x, y, x, y, … in pixels of the picture."""
