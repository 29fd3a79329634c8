"""What the tests with real processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import ENGINES, Broker, Engine
from browsing import chromium
from playwright.sync_api import Browser


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A real broker on a free port of loopback, once of each kind."""
    yield from _running(request.param, tmp_path)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A real mosquitto alone, for faults where the kind of broker makes no difference."""
    yield from _running(ENGINES[0], tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the tests of one file."""
    with chromium() as browser:
        yield browser


def _running(engine: Engine, tmp_path: Path) -> Iterator[Broker]:
    if reason := engine.available():
        pytest.skip(reason)
    folder = tmp_path / engine.name
    folder.mkdir()
    running = Broker(engine, folder)
    running.start()
    yield running
    running.kill()
