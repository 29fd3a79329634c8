"""`campus-agent try count` on real and on bad recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from clips import write_clip
from numpy.typing import NDArray
from typer.testing import CliRunner

from agent.probe_camera import still
from agent.try_video import crossing, register
from contracts.vocabulary import Direction
from detectors.findings import Crossing
from drivers.capture import redact
from drivers.errors import DriverError

app = typer.Typer()
register(app)


CLIPS = (
    Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi"),  # Debian's opencv-doc
    Path(__file__).parent.parent.parent / "shared" / "data" / "video" / "count_vtest.avi",
)


@pytest.fixture
def vtest() -> Path:
    """A real clip: nine people on a campus for 79.5 s."""
    for clip in CLIPS:
        if clip.exists():
            return clip
    pytest.skip("vtest.avi is on no place known: apt install opencv-doc")


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of two people who walk, drawn."""
    return write_clip(tmp_path_factory.mktemp("cut") / "walk.avi", walking())


def walking() -> Iterator[NDArray[np.uint8]]:
    for step in range(60):
        picture = np.full((576, 768, 3), 120, np.uint8)
        if step >= 20:
            x = step * 18 - 340
            picture[200:360, max(0, x) : max(0, x + 60)] = 20
        yield picture


def run(*words: str) -> tuple[int, list[dict[str, object]], str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_real_people_are_counted_on_a_real_clip(vtest: Path) -> None:
    code, lines, _ = run("count", str(vtest), "--line", "340,150,340,575", "--json")
    summary = lines[-1]["summary"]
    assert code == 0
    assert {line["direction"] for line in lines[:-1]} == {"left", "right"}
    assert 24 <= len(lines) - 1 <= 40  # 32 are true; bench/crossings.py judges each
    assert isinstance(summary, dict)
    assert summary["frames"] == 795
    assert summary["seconds_of_input"] == 79.5


def test_a_walk_over_the_lawn_is_one_visit(vtest: Path) -> None:
    polygon = "0,400,330,400,430,470,560,575,0,575"
    code, lines, _ = run("zone", str(vtest), "--zone", polygon, "--json")
    assert code == 0
    assert [line["kind"] for line in lines[:-1]] == ["enter", "leave"]
    times = [line["t"] for line in lines[:-1]]
    assert times == pytest.approx([52.0, 69.0], abs=2.0)


@pytest.mark.parametrize(
    ("polygon", "word"),
    [
        pytest.param("0,0,9,9,9,0,0,9", "crosses itself", id="a bow tie is no polygon"),
        pytest.param("0,0,9,9", "three or more corners", id="two corners are no polygon"),
        pytest.param("0,0,9,9,9", "there are 5 numbers", id="half a corner is none"),
        pytest.param("1,1,5,5,9,9", "no area", id="a line is no polygon"),
    ],
)
def test_a_polygon_that_is_none_is_one_clear_message(vtest: Path, polygon: str, word: str) -> None:
    code, lines, error = run("zone", str(vtest), "--zone", polygon, "--json")
    assert (code, lines) == (2, [])
    assert word in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "word"),
    [
        pytest.param("340,150", "X1,Y1,X2,Y2", id="two numbers are no line"),
        pytest.param("340,150,a,9", "not a list of numbers", id="letters are no numbers"),
        pytest.param("5,5,5,5", "same point", id="a point is no line"),
        pytest.param("nan,1,9,9", "must be a number", id="what is no number is no place"),
        pytest.param("inf,1,9,9", "must be a number", id="nor is the infinite"),
    ],
)
def test_a_line_that_is_none_is_one_clear_message(vtest: Path, line: str, word: str) -> None:
    code, lines, error = run("count", str(vtest), "--line", line, "--json")
    assert (code, lines) == (2, [])
    assert word in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("content", "word"), [(b"words, not pictures\n" * 99, "is it a video"), (b"", "is empty")])
def test_a_file_that_is_no_video_is_one_clear_message(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    code, lines, error = run("count", str(path), "--line", "1,1,9,9", "--json")
    assert (code, lines) == (2, [])
    assert "text.mp4" in error
    assert word in error
    assert error.count("\n") == 1


def test_an_address_is_refused_without_showing_its_password() -> None:
    code, lines, error = run("count", "rtsp://admin:secret@10.0.0.9:554/ch1", "--line", "1,1,9,9", "--json")
    assert (code, lines) == (2, [])
    assert "secret" not in error
    assert "probe --camera" in error
    assert error.count("\n") == 1


def test_a_picture_of_one_pixel_is_one_clear_message(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.avi", [np.zeros((1, 1, 3), np.uint8)])
    code, lines, error = run("count", str(path), "--line", "0,0,0,1", "--json")
    assert (code, lines) == (2, [])
    assert "the picture is 1x1: nobody can be seen" in error
    assert error.count("\n") == 1


def test_a_picture_of_8k_is_watched(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "large.avi", [np.zeros((4320, 7680, 3), np.uint8)])
    code, lines, _ = run("count", str(path), "--line", "100,100,7000,4000", "--json")
    assert code == 0
    assert '"frames": 1,' in json.dumps(lines)


def test_each_of_several_whom_the_flow_tells_of_is_an_object_of_his_own() -> None:
    found = Crossing("line", Direction.DOWN, 2.0, 3, low=0.0, high=4.2, quality=0.5)
    assert crossing(found) == [{"t": 2.0, "kind": "crossing", "direction": "down", "quality": 0.5}] * 3


def test_a_truncated_clip_gives_what_is_there_and_says_so(vtest: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    path.write_bytes(vtest.read_bytes()[:1_000_000])
    code, lines, error = run("count", str(path), "--line", "340,150,340,575", "--json")
    assert code == 2
    assert "summary" in lines[-1]
    assert "ends early" in error


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://admin:secret@10.0.0.9:554/ch1?key=secret", "rtsp://***@10.0.0.9:554/ch1"),
        ("rtsp://admin:p@ss/w@10.0.0.9/ch1", "rtsp://***@10.0.0.9/ch1"),
        ("http://10.0.0.9/video.mjpg", "http://10.0.0.9/video.mjpg"),
        ("rtsp:/admin:secret@10.0.0.9/ch1", "rtsp:/***@10.0.0.9/ch1"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_an_address_is_shown_without_its_password(source: str, shown: str) -> None:
    assert redact(source) == shown


@pytest.mark.parametrize("name", ["seen.mp4", "seen.png"])
def test_what_was_seen_is_drawn_where_asked_and_changes_no_count(cut: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    words = ("count", str(cut), "--line", "340,150,340,575", "--json")
    _, plain, _ = run(*words)
    code, lines, _ = run(*words, "--show", str(out))
    assert code == 0
    assert lines[:-1] == plain[:-1]
    film = cv2.VideoCapture(str(out))
    done, picture = film.read()
    film.release()
    assert done
    assert picture.shape == (576, 768, 3)
    assert (picture == (0, 200, 255)).all(axis=2).sum() > 50 or name.endswith("mp4")  # the line; film is lossy


@pytest.mark.parametrize(("name", "word"), [("seen.gif", "neither"), ("no/seen.png", "no such folder")])
def test_a_drawing_that_cannot_be_written_is_one_clear_message(cut: Path, tmp_path: Path, name: str, word: str) -> None:
    code, lines, error = run("count", str(cut), "--line", "1,1,9,9", "--show", str(tmp_path / name))
    assert (code, lines) == (2, [])
    assert word in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["count", "--line", "900,0,900,500"], "--line: lies outside the picture", id="a line beside it"),
        pytest.param(["zone", "--zone", "0,900,9,900,9,990"], "--zone: lies outside the picture", id="a zone below it"),
        pytest.param(["count", "--line", "9,0,9,9", "--sha256", "ab"], "--sha256: says what a", id="a lone hash"),
        pytest.param(["count", "--line", "1,1,9,9", "--model", "no.onnx"], "the model cannot be read", id="no model"),
        pytest.param(
            ["count", "--line", "1,1,9,9", "--model", "CLIP", "--sha256", "0" * 64],
            "is not the model that was meant", id="another model than the hash says",
        ),
        pytest.param(["fire", "--show", "seen.gif"], "neither", id="a drawing of another kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_clear_line(cut: Path, words: list[str], said: str) -> None:
    command, *rest = words
    code, lines, error = run(command, str(cut), *(str(cut) if word == "CLIP" else word for word in rest), "--json")
    assert (code, lines) == (2, [])
    assert said in error
    assert error.count("\n") == 1


def test_a_still_of_a_camera_shows_its_pixels(cut: Path, tmp_path: Path) -> None:
    out = tmp_path / "still.png"
    said = still(str(cut), out)
    assert f"{cut}: 768x576, written to {out}" in said
    assert "drawn_on = [768, 576]" in said
    picture = cv2.imread(str(out))
    assert picture is not None
    assert tuple(picture[150, 300]) == (0, 200, 255)
    with pytest.raises(DriverError, match=r"rtsp://\*\*\*@127.0.0.1:9/ch1: cannot be reached: Connection refused"):
        still("rtsp://admin:secret@127.0.0.1:9/ch1", out)
