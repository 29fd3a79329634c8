"""The input size that an ONNX file declares; read from its bytes, since OpenCV does not tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Field numbers of onnx.proto.
GRAPH, GRAPH_INPUT = 7, 11
TYPE, TENSOR, SHAPE, DIMENSION, LENGTH = 2, 1, 2, 1, 1


def declared_size(model: bytes) -> int | None:
    """Return the side in pixels of the first square picture input; None where none is declared or it is free."""
    try:
        for graph in _messages(model, GRAPH):
            for given in _messages(graph, GRAPH_INPUT):
                lengths = _lengths(given)
                if len(lengths) == 4 and lengths[2] == lengths[3] and lengths[2] > 3:
                    return lengths[2]
    except IndexError:
        return None
    return None


def _lengths(given: bytes) -> list[int]:
    """Return the lengths of a ValueInfoProto's dimensions; 0 where one is free."""
    return [
        next((value for field, value in _fields(dimension) if field == LENGTH and isinstance(value, int)), 0)
        for kind in _messages(given, TYPE)
        for tensor in _messages(kind, TENSOR)
        for shape in _messages(tensor, SHAPE)
        for dimension in _messages(shape, DIMENSION)
    ]


def _messages(message: bytes, wanted: int) -> Iterator[bytes]:
    for field, value in _fields(message):
        if field == wanted and isinstance(value, bytes):
            yield value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field number and value of a protobuf message; IndexError when it is none."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                value, at = _varint(message, at)
                yield key >> 3, value
            case 2:
                length, at = _varint(message, at)
                yield key >> 3, message[at : at + length]
                at += length
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                raise IndexError("not a protobuf message")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
