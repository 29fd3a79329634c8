"""A node that does not say what it is stays on the list of `probe`."""

from __future__ import annotations

from pathlib import Path

from drivers.video_nodes import gives_pictures


def test_what_cannot_be_asked_is_shown_all_the_same(tmp_path: Path) -> None:
    assert gives_pictures(tmp_path / "video0")
    (tmp_path / "video1").write_text("")
    assert gives_pictures(tmp_path / "video1")
