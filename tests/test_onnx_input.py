"""A network runs at the input size its file declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.people.onnx_input import declared_size


def message(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2, len(content)]) + content


def model(*lengths: int) -> bytes:
    """Return the least ONNX file with one input of these lengths; 0 is left free."""
    dimensions = b"".join(
        message(1, b"" if length == 0 else bytes([8, 128 | length & 127, length >> 7])) for length in lengths
    )
    kind = message(2, message(1, b"\x08\x01" + message(2, dimensions)))
    return b"\x08\x07" + message(7, message(11, message(1, b"images") + kind))


@pytest.mark.parametrize(
    ("file", "size"),
    [
        pytest.param(model(1, 3, 416, 416), 416, id="a declared square is taken"),
        pytest.param(model(1, 3, 0, 0), None, id="a free size is not known"),
        pytest.param(model(1, 3, 240, 320), None, id="an oblong is not ours"),
        pytest.param(model(1, 4), None, id="an input that is no picture is passed over"),
        pytest.param(model(1, 3, 416, 416)[:9], None, id="a file cut short declares nothing"),
        pytest.param(b"no model at all", None, id="text declares nothing"),
        pytest.param(b"", None, id="an empty file declares nothing"),
    ],
)
def test_the_declared_size_of_an_input(file: bytes, size: int | None) -> None:
    assert declared_size(file) == size


def test_real_networks_declare_the_size_they_were_trained_for(shared: Path) -> None:
    models = shared / "data" / "models"
    assert declared_size((models / "yolox_nano.onnx").read_bytes()) == 416
    assert declared_size((models / "FastestDet.onnx").read_bytes()) == 352
