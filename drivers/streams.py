"""A camera's two streams: the small one is looked at, the main one stands in while the small one gives nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np

from drivers.capture import PATIENCE, open_capture, read_picture, with_password
from drivers.errors import DriverError
from drivers.masks import blacken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from config.cameras import CameraSection

FAILURES = 2  # times in a row without a picture, then the main stream is taken
SCOUT_S = 60.0  # while the main stream is looked at, the small one is tried once in this time
STILL_TIMEOUT_S = 3.0  # to open, and to read, for a still that a person waits for


class Streams:
    """Says which address to open next. Only one thread asks; a scout of its own looks whether the small one is back."""

    def __init__(self, section: CameraSection) -> None:
        self._section = section
        self._small = section.detect_source or section.source
        self.failed = 0
        """How often in a row nothing was shown."""
        self._scout: threading.Thread | None = None
        self._scouted_s = 0.0  # of the time the main stream has been looked at
        self._is_back = threading.Event()
        self.standing_in = False
        """Whether the main stream is looked at because the small one gives nothing."""

    @property
    def source(self) -> str:
        """The address or file to open, without a password."""
        return self._section.source if self.standing_in else self._small

    def address(self) -> str:
        """Return what to open; raise DriverError where its password cannot be read."""
        return _address(self._section, self.source)

    def ended(self, *, shown: bool, drawn_on: tuple[int, int] | None) -> bool:
        """Take that the stream ended or did not open, and whether it had shown a picture.

        Return whether the other one is to be opened at once: not again where both of them give nothing. Without knowing
        the picture that lines were drawn on, another picture cannot be looked at.
        """
        before = self.standing_in
        self.failed = 0 if shown else self.failed + 1
        if self.standing_in:
            self.standing_in = shown and not self._is_back.is_set()
        elif self._small != self._section.source and drawn_on is not None:
            self.standing_in = self.failed >= FAILURES
        self._is_back.clear()
        return before != self.standing_in and self.failed <= FAILURES

    def small_is_back(self, stood_in_s: float) -> bool:
        """Whether to leave the main stream, which has been looked at for so long; sends the scout when it is time."""
        if not self.standing_in:
            return False
        self._scouted_s = min(self._scouted_s, stood_in_s)  # it was opened anew
        if stood_in_s - self._scouted_s >= SCOUT_S and (self._scout is None or not self._scout.is_alive()):
            self._scouted_s = stood_in_s
            self._scout = threading.Thread(target=self._look, name=f"{self._section.id} scout", daemon=True)
            self._scout.start()
        return self._is_back.is_set()

    def close(self, timeout_s: float) -> None:
        """Wait for the scout this long."""
        if self._scout is not None:
            self._scout.join(timeout_s)

    def _look(self) -> None:
        patience_s = PATIENCE * self._section.open_timeout_s
        try:
            _one_picture(self._section, self._small, patience_s, patience_s)
        except DriverError:
            return
        self._is_back.set()


def closer(section: CameraSection, drawn_on: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture of the main stream in the proportions of the small one, what is private black."""
    picture = _one_picture(section, section.source, STILL_TIMEOUT_S, STILL_TIMEOUT_S)
    height, width = picture.shape[:2]
    shaped = round(width * drawn_on[1] / drawn_on[0])
    if shaped != height:  # many cameras squeeze 16:9 into a small 4:3
        picture = np.asarray(cv2.resize(picture, (width, shaped), interpolation=cv2.INTER_AREA), np.uint8)
    blacken(picture, section.privacy, drawn_on)
    return picture


def _one_picture(section: CameraSection, source: str, open_s: float, read_s: float) -> NDArray[np.uint8]:
    capture = open_capture(_address(section, source), open_s, read_s)
    try:
        picture = read_picture(capture, section.id)
    finally:
        capture.release()
    if picture is None:
        raise DriverError(f"{section.id}: no picture came")
    return picture


def _address(section: CameraSection, source: str) -> str:
    return with_password(source, section.password_file if "@" in source else None)
