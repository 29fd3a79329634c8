"""The same network by another engine sees the same people; what is missing or no model is one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.cameras import ModelSection
from detectors.people.engines import LiteRtEngine, engine_for
from detectors.people.model import Network
from drivers.errors import DriverError
from drivers.recording import Recording


@pytest.fixture
def models(shared: Path) -> Path:
    return shared / "data" / "models"


def street(shared: Path) -> np.ndarray:
    with Recording(str(shared / "data" / "video" / "count_vtest.avi")) as recording:
        return next(recording.frames()).image


@pytest.mark.parametrize("name", ["yolox_nano.onnx", "nanodet.onnx", "FastestDet.onnx"])
def test_onnxruntime_sees_what_opencv_sees(shared: Path, models: Path, name: str) -> None:
    pytest.importorskip("onnxruntime")
    picture = street(shared)
    boxes, scores = Network(ModelSection(path=models / name)).people(picture)
    others, their_scores = Network(ModelSection(path=models / name, runtime="onnxruntime")).people(picture)
    assert len(boxes) >= 3
    np.testing.assert_allclose(others, boxes, atol=0.5)
    np.testing.assert_allclose(their_scores, scores, atol=0.01)


def test_litert_runs_a_network_with_its_own_post_processing(shared: Path, models: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    network = Network(ModelSection(path=models / "efficientdet-lite0.tflite"))
    boxes, _ = network.people(street(shared))
    assert (network.family.name, network.size, network.engine.name) == ("SSD", 320, "litert")
    others, _ = Network(ModelSection(path=models / "yolox_nano.onnx")).people(street(shared))
    middles = [tuple((box[:2] + box[2:]) / 2) for box in others]
    seen = [any(b[0] < x < b[2] and b[1] < y < b[3] for b in boxes) for x, y in middles]
    assert sum(seen) >= 3  # of the same people


@pytest.mark.parametrize(
    ("name", "runtime", "words"),
    [
        ("text.onnx", "opencv", "is no model that OpenCV can read"),
        ("text.onnx", "onnxruntime", "is no ONNX model that onnxruntime can read"),
        ("text.tflite", "opencv", "is no model that LiteRT can read"),
        ("text.pb", "opencv", "is no model that OpenCV can read"),  # OpenCV itself would end the process
    ],
)
def test_a_file_that_is_no_model_is_one_clear_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, runtime: str, words: str
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / name
    path.write_bytes(b"words, not weights\n" * 9)
    with pytest.raises(DriverError, match=words) as refused:
        engine_for(path, runtime)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""  # the libraries say nothing beside it


def test_a_graph_with_a_text_that_is_none_is_one_clear_line(
    models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "graph.pb"
    graph.symlink_to(models / "ssdlite_pedestrian.pb")
    graph.with_suffix(".pbtxt").write_text("words, no graph\n", "utf-8")
    with pytest.raises(DriverError, match="is no model that OpenCV can read"):
        engine_for(graph, "opencv")
    assert capfd.readouterr().err == ""


def test_an_engine_that_is_not_installed_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(DriverError, match="LiteRT is not installed: uv sync --extra litert"):
        LiteRtEngine(tmp_path / "x.tflite")
