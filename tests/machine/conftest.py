"""What the tests in the machine share; they take the brokers and processes of tests/system."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))

from brokers import ENGINES, Broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A real mosquitto on a free port of loopback."""
    running = Broker(ENGINES[0], tmp_path)
    running.start()
    yield running
    running.kill()
