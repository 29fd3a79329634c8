"""`campus-agent try … --show`: what is drawn is where it must be, in films and in single pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from clips import write_clip
from numpy.typing import NDArray
from typer.testing import CliRunner

from agent.cli import app as agent
from agent.drawing import ALARM, LINE, PERSON, ZONE
from agent.try_video import register

app = typer.Typer()
register(app)
Picture = NDArray[np.uint8]

SIZE = (320, 240)
POLYGON = (120, 60, 300, 60, 300, 200, 120, 200)
EDGE = (60, 290)  # a place on its upper edge, y x, that no figure reaches
FIRE = "data/video/fire_rubbish_pile.mp4"
BURNS = (0, 163, 133, 373)  # y1 y2 x1 x2 of its truth


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds before a noisy wall: from the sixth on a figure walks in from the left, and stays."""
    return write_clip(tmp_path_factory.mktemp("walk") / "walk.avi", walking())


def walking() -> Iterator[Picture]:
    noise = np.random.default_rng(7)
    wall = np.full((SIZE[1], SIZE[0], 3), 130, np.int16)
    for step in range(120):
        picture = wall + noise.integers(-3, 4, wall.shape)
        x = min(190, (step - 60) * 6 - 30)
        if step >= 60:
            picture[90:170, max(0, x) : max(0, x + 30)] = 20
        yield picture.astype(np.uint8)


def pictures(film: Path) -> list[Picture]:
    return list(_pictures(film))


def _pictures(film: Path) -> Iterator[Picture]:
    capture = cv2.VideoCapture(str(film))
    while True:
        done, picture = capture.read()
        if not done:
            break
        yield np.asarray(picture, np.uint8)
    capture.release()


def drawn(tmp_path: Path, name: str, *words: str) -> list[Picture]:
    """Run the command; return the pictures it drew."""
    out = tmp_path / name
    result = CliRunner().invoke(app, [*words, "--json", "--show", str(out)])
    assert result.exit_code == 0, result.stderr
    return pictures(out) if name.endswith("mp4") else [np.asarray(cv2.imread(str(out)), np.uint8)]


def like(picture: Picture, colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Where a picture has about a colour: films are lossy."""
    return np.asarray((np.abs(picture.astype(int) - np.array(colour)) < 70).all(axis=2), np.bool_)


@pytest.mark.parametrize("name", ["seen.mp4", "seen.png"])
def test_lines_and_people_are_drawn_where_they_are(walk: Path, tmp_path: Path, name: str) -> None:
    shown = drawn(tmp_path, name, "count", str(walk), "--line", "100,20,100,220")
    plain = pictures(walk)
    assert len(shown) in {1, len(plain)}
    assert like(shown[-1], LINE)[30:210, 99:102].mean() > 0.5
    assert not like(plain[-1], LINE).any()
    box = like(shown[-1], PERSON)
    ys, xs = np.nonzero(box)
    assert len(ys) > 40  # the figure that stands at 190 to 220, 90 to 170
    assert abs(np.median(xs) - 205) < 20
    assert abs(np.median(ys) - 130) < 45
    if len(shown) > 1:
        assert not like(shown[20], PERSON).any()  # nobody there yet


@pytest.mark.parametrize("name", ["seen.mp4", "seen.png"])
def test_a_zone_is_drawn_and_turns_red_while_someone_is_in_it(walk: Path, tmp_path: Path, name: str) -> None:
    shown = drawn(tmp_path, name, "zone", str(walk), "--zone", ",".join(map(str, POLYGON)))
    edge = slice(EDGE[0] - 1, EDGE[0] + 2), slice(EDGE[1] - 20, EDGE[1])
    assert like(shown[-1][edge], ALARM).mean() > 0.3
    assert not like(pictures(walk)[-1][edge], ALARM).any()
    if len(shown) > 1:
        assert like(shown[20][edge], ZONE).mean() > 0.3
        assert not like(shown[20][edge], ALARM).any()


@pytest.mark.parametrize("name", ["seen.mp4", "seen.png"])
def test_a_flame_is_boxed_where_it_burns(shared: Path, tmp_path: Path, name: str) -> None:
    clip = shared / FIRE
    shown = drawn(tmp_path, name, "fire", str(clip))
    plain = pictures(clip)
    index = (len(plain) - 1) // 3 * 3  # every third of 30 pictures a second is looked at
    changed = np.abs(shown[-1].astype(int) - plain[index]).max(axis=2) > 60
    changed[:50, :200] = False  # time and words
    red = like(shown[-1], ALARM) & changed
    ys, xs = np.nonzero(red)
    assert len(ys) > 60
    y1, y2, x1, x2 = BURNS
    inside = (ys >= y1 - 20) & (ys <= y2 + 20) & (xs >= x1 - 20) & (xs <= x2 + 20)
    assert inside.mean() > 0.8
    if len(shown) > 1:
        early = np.abs(shown[2].astype(int) - plain[6]).max(axis=2) > 60
        assert early[50:].mean() < 0.002  # nothing is told yet, nothing drawn


def test_probe_shows_a_still_with_the_coordinates_to_paste(walk: Path, tmp_path: Path) -> None:
    out = tmp_path / "still.png"
    result = CliRunner().invoke(agent, ["probe", "--camera", str(walk), "--show", str(out)])
    assert result.exit_code == 0
    assert "drawn_on = [320, 240]\nline = [0, 120, 319, 120]" in result.stdout
    still, plain = np.asarray(cv2.imread(str(out)), np.uint8), pictures(walk)[4]
    assert like(still, LINE)[5:90, 100].mean() > 0.5  # the grid's line at x = 100
    assert not like(plain, LINE).any()
    assert np.abs(still[120:190, 120:190].astype(int) - plain[120:190, 120:190]).mean() < 3  # between the lines
