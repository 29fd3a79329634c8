"""The demonstration with a feed of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.demo.feed import opened, shown
from server.errors import ServerError


def test_a_text_file_given_as_a_video_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a video", encoding="utf-8")
    with pytest.raises(ServerError, match=r"notes\.txt: no pictures can be read") as error:
        opened(str(file))
    assert "\n" not in str(error.value)


def test_the_line_goes_through_the_middle_of_the_users_picture(shared: Path) -> None:
    feed = opened(str(shared / "data" / "video" / "count_vtest.avi"))
    assert feed.line == pytest.approx((384, 28.8, 384, 547.2))


def test_the_password_of_an_address_is_not_shown() -> None:
    assert shown("rtsp://user:secret@10.0.0.9/main") == "rtsp://10.0.0.9/main"
