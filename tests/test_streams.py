"""Which of a camera's two streams is opened next."""

from __future__ import annotations

import pytest

from config.cameras import CameraSection
from drivers.streams import Streams

MAIN, SMALL = "rtsp://10.0.0.9/main", "rtsp://10.0.0.9/sub"
DRAWN = (640, 360)


def streams(small: str = SMALL) -> Streams:
    return Streams(CameraSection(id="gate", name="gate", source=MAIN, detect_source=small))


@pytest.mark.parametrize(
    ("small", "shown", "opened"),
    [
        pytest.param(SMALL, "s", SMALL, id="a small stream that breaks is opened again"),
        pytest.param(SMALL, "-", SMALL, id="one failure is none"),
        pytest.param(SMALL, "--", MAIN, id="after two the main stream stands in"),
        pytest.param(SMALL, "-s-", SMALL, id="two in a row, that is"),
        pytest.param(SMALL, "--s", MAIN, id="a main stream that breaks is opened again"),
        pytest.param(SMALL, "---", SMALL, id="without the main one the small one is tried again"),
        pytest.param(SMALL, "----", MAIN, id="and then the main one"),
        pytest.param("", "-----", MAIN, id="a camera of one stream has only that"),
    ],
)
def test_what_is_opened_after_streams_that_showed_something_or_nothing(small: str, shown: str, opened: str) -> None:
    tried = streams(small)
    for one in shown:
        tried.ended(shown=one == "s", drawn_on=DRAWN)
    assert tried.source == opened


def test_the_main_stream_does_not_stand_in_while_nobody_knows_what_lines_were_drawn_on() -> None:
    tried = streams()
    for _ in range(5):
        tried.ended(shown=False, drawn_on=None)
    assert tried.source == SMALL
    tried.ended(shown=False, drawn_on=DRAWN)
    assert tried.source == MAIN


@pytest.mark.parametrize(
    ("source", "small", "fits"),
    [
        pytest.param("rtsp://u@h/1", "rtsp://u@h/2", True, id="both name the user"),
        pytest.param("rtsp://h/1", "rtsp://u@h/2", True, id="only one does"),
        pytest.param("rtsp://h/1", "", False, id="none does"),
        pytest.param("rtsp://u:p@h/1", "rtsp://u@h/2", False, id="one holds a password already"),
    ],
)
def test_a_password_file_serves_both_streams(source: str, small: str, *, fits: bool) -> None:
    fields = {"id": "gate", "name": "gate", "source": source, "detect_source": small, "password_file": "/x"}
    if fits:
        assert CameraSection.model_validate(fields).source == source
    else:
        with pytest.raises(ValueError, match="names a user alone"):
            CameraSection.model_validate(fields)
