"""The input size that an ONNX file declares; read from its bytes, since OpenCV does not tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Field numbers of onnx.proto.
GRAPH, GRAPH_INPUT = 7, 11
GRAPH_FIELDS = range(1, 6)  # of TensorFlow's graph.proto
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


def is_graph(data: bytes) -> bool:
    """Whether these bytes are one whole protobuf message with the fields of a TensorFlow graph."""
    try:
        spans = [(field, end) for field, _, end in _spans(data)]
    except IndexError:
        return False
    return bool(spans) and spans[-1][1] == len(data) and all(field in GRAPH_FIELDS for field, _ in spans)


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
    """Yield number and value of the fields that have one of interest; IndexError when it is no protobuf message."""
    for field, value, _ in _spans(message):
        if value is not None:
            yield field, value


def _spans(message: bytes) -> Iterator[tuple[int, int | bytes | None, int]]:
    """Yield number, value (None where it is a fixed one) and end of each field; IndexError when it is no message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                value, at = _varint(message, at)
                yield key >> 3, value, at
            case 2:
                length, at = _varint(message, at)
                at += length
                yield key >> 3, message[at - length : at], at
            case 1:
                at += 8
                yield key >> 3, None, at
            case 5:
                at += 4
                yield key >> 3, None, at
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
