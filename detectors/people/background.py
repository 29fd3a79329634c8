"""What the place looks like without people: a background model that never learns a person it was told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.people.exposure import Exposure

if TYPE_CHECKING:
    from detectors.people import Boxes, Mask, Picture

AREA = 57_600  # pixels the model works at, 320x180: enough for a person of 1/12 of the picture's height
WARM_UP_S = 4.0  # a place is learned this fast after the start and after a change of light
UPDATE_S = 1.0  # afterwards the model learns once in this time, so that a person who stands is not swallowed
LEARNING = 0.02  # share of an update: what is no person and stays is background after some ten seconds
NOISE = 5.0  # grey levels: four times as much is a difference; cameras, dusk and soft shadows stay below it
SHADOW = 0.6  # darker than this share of the place is no soft shadow but someone
TOO_FAR = 0.7  # a change of exposure by a factor of two: the place is learned again
CHANGED = 0.7  # share of the picture that no crowd in front of a camera covers from one second to the next


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """What differs from the empty place, at the model's own size."""

    mask: Mask  # (height, width), 0 or 255
    grey: Mask  # the picture itself, 0..255
    scale: float  # model pixels per picture pixel
    usable: bool  # False while the place is being learned again


class Background:
    """A Gaussian mixture per pixel (MOG2), updated once a second, everywhere except where people are."""

    def __init__(self) -> None:
        self._model = _empty_model()
        self._exposure = Exposure()
        self._shape: tuple[int, ...] = ()
        self._scale = 1.0
        self._size = (0, 0)
        self._warm_until = 0.0
        self._frames = 0
        self._updated = 0.0
        self._quiet = 0.0  # when the picture last looked like the model

    def foreground(self, picture: Picture, at: float, known: Boxes) -> Foreground:
        """Compare a picture with the empty place, and learn from it."""
        if picture.shape != self._shape:
            self._start(picture, at)
        small = self._exposure.level(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA))
        warming = at < self._warm_until
        if warming:
            self._frames += 1
            mask = self._model.apply(small, learningRate=1.0 / min(2 * self._frames, 40))
            if self._frames % 5 == 0:
                self._exposure.learn(self._model.getBackgroundImage())
        else:
            mask = self._watch(small, at, known)
        _, mask = cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)  # 127 is a soft shadow
        share = cv2.countNonZero(mask) / mask.size
        if share < CHANGED:
            self._quiet = at
        elif not warming:
            self._start(picture, at)
        if abs(self._exposure.shift) > TOO_FAR:
            self._start(picture, at)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        return Foreground(mask=mask, grey=grey, scale=self._scale, usable=share < CHANGED and self._frames > 1)

    def _watch(self, small: Picture, at: float, known: Boxes) -> Mask:
        mask = self._model.apply(small, learningRate=0.0)
        if at - self._updated >= UPDATE_S:
            self._updated = at
            held = np.zeros(small.shape[:2], np.uint8)
            for x1, y1, x2, y2 in (known * self._scale).astype(int):
                cv2.rectangle(held, (int(x1) - 3, int(y1) - 3), (int(x2) + 3, int(y2) + 3), 255, -1)
            self._model.apply(small, knownForegroundMask=held, learningRate=LEARNING)
            self._exposure.learn(self._model.getBackgroundImage())
        return mask

    def _start(self, picture: Picture, at: float) -> None:
        height, width = picture.shape[:2]
        self._shape = picture.shape
        self._scale = min(1.0, (AREA / (height * width)) ** 0.5)
        self._size = (max(1, round(width * self._scale)), max(1, round(height * self._scale)))
        self._model = _empty_model()
        self._exposure = Exposure()
        self._warm_until = at + WARM_UP_S
        self._frames = 0


def _empty_model() -> cv2.BackgroundSubtractorMOG2:
    model = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=16, detectShadows=True)
    model.setShadowThreshold(SHADOW)
    model.setVarMin(NOISE**2)
    model.setVarInit(NOISE**2)
    return model
