"""Delays: a yes or no counts only when it has held."""

from __future__ import annotations

AGREED_S = 0.8  # samples that agree lie so far apart: at five a second, two of them are one and the same disturbance


class Held:
    """A yes that must hold for `on_s` seconds and `samples` samples, a no for `off_s` seconds.

    None until it has settled for the first time. Time may stand still or run backwards: then it waits.
    """

    def __init__(self, on_s: float = 0.0, off_s: float = 0.0, samples: int = 1) -> None:
        self._on_s = max(on_s, AGREED_S) if samples > 1 else on_s
        self._off_s = off_s
        self._samples = samples
        self._wanted: bool | None = None
        self._since = 0.0
        self._seen = 0
        self.state: bool | None = None

    def update(self, wanted: bool | None, at: float, *, fresh: bool = True) -> bool | None:  # noqa: FBT001
        """Take what is true now (None: unknown); `fresh` marks a new sample, as against time going on."""
        if wanted is None:
            self._wanted, self._seen = None, 0
            return self.state
        if wanted != self._wanted:
            self._wanted, self._since, self._seen = wanted, at, 0
        self._seen = min(self._seen + fresh, self._samples)
        if wanted != self.state and self._due(wanted=wanted, at=at):
            self.state = wanted
        return self.state

    def tick(self, at: float) -> bool | None:
        """Let time go on with what was true last."""
        return self.update(self._wanted, at, fresh=False)

    def _due(self, *, wanted: bool, at: float) -> bool:
        if wanted:
            return at - self._since >= self._on_s and (self._seen >= self._samples or self._samples == 1)
        return self.state is None or at - self._since >= self._off_s
