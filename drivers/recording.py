"""A recorded clip, picture by picture, as fast as it can be decoded; time is the recording's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from drivers.capture import format_of, open_capture, read_picture, redact
from drivers.errors import DriverError
from drivers.samples import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import cv2

FALLBACK_RATE = 25.0  # frames a second of a file that does not say


class Recording:
    """A video file. Pictures are skipped evenly down to `frames_per_s` and never below it."""

    def __init__(self, path: str, frames_per_s: float = 10.0, camera: str = "recording") -> None:
        self.name = redact(path)
        self._path = path
        self._wanted = frames_per_s
        self._camera = camera
        self._capture: cv2.VideoCapture | None = None
        self.rate = FALLBACK_RATE
        self.declared = 0
        self.decoded = 0

    def __enter__(self) -> Self:
        """Open the file; raise DriverError when it is no video."""
        self._capture = open_capture(self._path)
        form = format_of(self._capture)
        self.rate = form.frames_per_s or FALLBACK_RATE
        self.declared = form.frames
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; harmless when closed."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None

    def frames(self) -> Iterator[Frame]:
        """Yield the pictures with `at` = index / rate, seconds from the start of the recording."""
        capture = self._capture
        if capture is None:
            raise DriverError(f"{self.name}: is not open")
        stride = self._stride
        while True:
            if self.decoded % stride and not capture.grab():
                break
            if self.decoded % stride == 0:
                picture = read_picture(capture, self.name)
                if picture is None:
                    break
                at = self.decoded / self.rate
                yield Frame(self._camera, picture, at, at, self.decoded)
            self.decoded += 1
        if self.decoded == 0:
            raise DriverError(f"{self.name}: has no picture that can be read: is it a video, and whole?")

    @property
    def frames_rate(self) -> float:
        """Pictures a second that `frames` yields."""
        return self.rate / self._stride

    @property
    def _stride(self) -> int:
        return max(1, int(self.rate / self._wanted))

    @property
    def ended_early(self) -> bool:
        """Whether less than nine tenths of the pictures that the file announces were there."""
        return self.decoded < 0.9 * self.declared
