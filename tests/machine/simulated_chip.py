"""A GPIO chip of the kernel's gpio-sim, whose inputs are pulled up and down, and which is taken away and put back."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

SIM = Path("/sys/kernel/config/gpio-sim")


class Chip:
    """One chip with one bank, and a link to it, as a rule of udev would keep one.

    While somebody holds lines of a chip that is gone, its number is not free: it comes back under another.
    """

    def __init__(self, name: str, lines: int, link: Path) -> None:
        self._folder = SIM / name
        self._lines = lines
        self._pulls = Path()
        self.device = link
        """What leads to the character device."""

    def __enter__(self) -> Self:
        (self._folder / "bank0").mkdir(parents=True)
        (self._folder / "bank0" / "num_lines").write_text(str(self._lines))
        self.insert()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
        (self._folder / "bank0").rmdir()
        self._folder.rmdir()

    def insert(self) -> None:
        """Put it in: it gets a device."""
        (self._folder / "live").write_text("1")
        name = (self._folder / "bank0" / "chip_name").read_text().strip()
        self.device.unlink(missing_ok=True)
        self.device.symlink_to(Path("/dev") / name)
        platform = (self._folder / "dev_name").read_text().strip()
        self._pulls = Path("/sys/devices/platform") / platform / name

    def remove(self) -> None:
        """Take it out, whoever has its lines."""
        (self._folder / "live").write_text("0")

    def set(self, line: int, *, high: bool) -> None:
        """Change the level of an input, as the world outside does."""
        (self._pulls / f"sim_gpio{line}" / "pull").write_text("pull-up" if high else "pull-down")

    def pulse(self, line: int, times: int, long_s: float) -> threading.Thread:
        """Pulse an input so often, each pulse and each pause so long, in a thread of its own."""

        def go() -> None:
            for n in range(2 * times):
                self.set(line, high=n % 2 == 0)
                time.sleep(long_s)

        thread = threading.Thread(target=go, daemon=True)
        thread.start()
        return thread
