"""The agent's clocks: monotonic for durations, wall for people, and whether the wall clock can be believed."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contracts.messages import Stamp
from contracts.vocabulary import Clock as Quality

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES = 208  # struct timex of Linux on 64 bit; larger than the 32 bit one
_STATUS_OFFSET = 40  # timex.status on 64 bit: modes, offset, freq, maxerror, esterror come before
_STA_UNSYNC = 0x0040  # linux/timex.h
_TIME_ERROR = 5


@dataclass(frozen=True, slots=True)
class Clock:
    """The three clocks of one boot. Tests put their own functions in."""

    boot_id: str
    wall: Callable[[], float]
    mono: Callable[[], float]
    synced: Callable[[], bool]

    def stamp(self, mono_s: float, utc_s: float) -> Stamp:
        """When something happened, by this machine's clocks."""
        return Stamp(at=utc(utc_s), boot_id=self.boot_id, mono_s=mono_s, clock=self.quality())

    def now(self) -> Stamp:
        """The present instant."""
        return self.stamp(self.mono(), self.wall())

    def quality(self) -> Quality:
        """Whether the wall clock can be believed now."""
        return Quality.SYNCED if self.synced() else Quality.UNSYNCED

    def booted_at(self) -> datetime:
        """Wall clock of this boot, as far as the wall clock can tell."""
        return utc(self.wall() - self.mono())


def system_clock(synced_file: Path | None = None) -> Clock:
    """Make the clock of this machine."""
    synced = synced_file.exists if synced_file is not None else kernel_synced
    return Clock(_boot_id(), time.time, time.monotonic, synced)


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as UTC, held within what a date can say."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253_402_300_799.0), tz=UTC)


def kernel_synced() -> bool:
    """Ask the kernel (adjtimex) whether something such as NTP keeps its clock right."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = int(libc.adjtimex(buffer))
    if state == -1:  # the service's own hardening forbids the call: systemd-timesyncd leaves a file instead
        return _TIMESYNCD.exists()
    if state == _TIME_ERROR:
        return False
    offset = _STATUS_OFFSET if ctypes.sizeof(ctypes.c_long) == 8 else 20
    return not int.from_bytes(buffer.raw[offset : offset + 4], "little") & _STA_UNSYNC


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"unknown-{round(time.time() - time.monotonic())}"
