"""A headless Chromium for tests, and what every look at a page has in common."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, GATE_HOUSE, BIG = (390, 844), (1280, 800), (1920, 1080)


@contextmanager
def chromium(*more: str) -> Generator[Browser]:
    """Start Debian's Chromium, with more arguments; skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, size: tuple[int, int] = GATE_HOUSE, *, dark: bool = False) -> Generator[Page]:
    """Open a page in a fresh Chinese browser profile; any error in its scripts fails the test."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert errors == []


def mistakes(page: Page) -> list[str]:
    """What axe finds wrong with a page, a line each."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def fits(page: Page) -> bool:
    """Tell whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def wait_on(page: Page, claim: Callable[[], object], what: str, within_s: float = 60.0) -> None:
    """Wait until a claim holds, while the page's routes and messages are answered meanwhile."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        page.wait_for_timeout(50)
