"""Rules for all tests: a skip fails CI unless it is listed, and no test leaves a thread behind."""

from __future__ import annotations

import os
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
IN_CI = os.environ.get("CI") == "true"
ALLOWED_SKIPS: dict[str, str] = tomllib.loads((ROOT / "tests" / "skips.toml").read_text(encoding="utf-8"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn an unlisted skip into a failure when CI=true."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        name = item.nodeid.split("[")[0]
        if name not in ALLOWED_SKIPS:
            report.outcome = "failed"
            report.longrepr = (
                f"{item.nodeid} skipped with CI=true and is not listed in tests/skips.toml: {report.longrepr}"
            )
    return report


@pytest.fixture
def shared() -> Path:
    """The folder of real recordings, `../shared`; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared (real recordings) is not on this machine")
    return SHARED


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 3
    while left := [
        t for t in threading.enumerate() if t not in before and t.is_alive() and not t.name.startswith("asyncio")
    ]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {[t.name for t in left]}")
        left[0].join(0.05)
