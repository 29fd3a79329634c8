"""File systems of our own: a small one that can be filled to the last byte, and one whose disk dies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Generator[Path]:
    """Mount a memory file system of so many MB on a new folder; give the file that fills it."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True, timeout=10).returncode:
        pytest.skip("a small file system cannot be mounted here: it needs root")
    try:
        yield folder / "filler"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


class DyingDisk:
    """An ext4 of our own on a loop device, whose journal a test can abort: the kernel then makes it read-only."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._folder = folder
        self._image = folder.with_suffix(".ext4")
        self._folder.mkdir(exist_ok=True)
        self._image.write_bytes(b"")
        os.truncate(self._image, megabytes << 20)
        mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin")
        if os.geteuid() != 0 or mkfs is None:
            pytest.skip("a disk of its own needs root and e2fsprogs: apt install e2fsprogs")
        _run([mkfs, "-q", "-F", str(self._image)])
        try:
            self.mount()
        except subprocess.CalledProcessError as e:
            pytest.skip(f"no image can be mounted here: {e.stderr.decode().strip()}")

    def mount(self) -> None:
        """Put it in place."""
        _run(["mount", "-o", "loop", str(self._image), str(self._folder)])

    def die(self) -> None:
        """Meet an error that the kernel answers as it does one of an SD card: nothing can be written any more."""
        _run(["mount", "-o", "remount,abort", str(self._folder)])

    def replace(self) -> None:
        """Mount a copy of it in its place, checked; who holds files of the old one open goes on with dead ones.

        The same image again would be the same dead file system, while anybody has a file of it open.
        """
        self.unmount()
        again = self._image.with_suffix(".copy")
        shutil.copyfile(self._image, again)
        subprocess.run(["e2fsck", "-fy", str(again)], check=False, capture_output=True, timeout=60)
        self._image = again
        self.mount()

    def unmount(self) -> None:
        """Take it away, whoever uses it."""
        _run(["umount", "-l", str(self._folder)])


@contextmanager
def dying_disk(folder: Path, megabytes: int) -> Generator[DyingDisk]:
    """Mount one on a new folder."""
    disk = DyingDisk(folder, megabytes)
    try:
        yield disk
    finally:
        disk.unmount()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (1 << 20, 1 << 12, 64):
        try:
            while True:
                os.write(handle, b"x" * size)
        except OSError:
            continue
    os.close(handle)
