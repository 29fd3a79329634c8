"""Parts that hang and lines that are bad: nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, chain, wait_for
from chaos import FINE, HALF_OPEN, ChaosLine, Weather

LONG = [pytest.mark.soak, pytest.mark.timeout(600)]


def _frozen_broker(whole: Chain) -> tuple[Callable[[], None], Callable[[], None]]:
    return whole.broker.freeze, whole.broker.thaw


def _frozen_server(whole: Chain) -> tuple[Callable[[], None], Callable[[], None]]:
    return whole.server.freeze, whole.server.thaw


def _frozen_agent(whole: Chain) -> tuple[Callable[[], None], Callable[[], None]]:
    return whole.agent.freeze, whole.agent.thaw


@pytest.mark.parametrize("seconds", [8, pytest.param(30, marks=LONG)])
@pytest.mark.parametrize("victim", [_frozen_broker, _frozen_server, _frozen_agent], ids=lambda v: v.__name__)
def test_a_part_that_hangs_and_wakes_loses_nothing(
    victim: Callable[[Chain], tuple[Callable[[], None], Callable[[], None]]],
    seconds: float,
    mosquitto: Broker,
    tmp_path: Path,
) -> None:
    with chain(tmp_path, mosquitto, rate=30) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        freeze, thaw = victim(whole)
        freeze()
        time.sleep(seconds)
        thaw()
        time.sleep(1)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()


BAD = {
    "slow by 2 s": Weather(delay_s=1.0, jitter_s=0.3),
    "every fifth packet late": Weather(delay_s=0.05, hiccup=0.2),
    "cut every 5 s": Weather(cut_every_s=5.0),
    "half-open": HALF_OPEN,
    "refusing": Weather(refuse=True),
}


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=LONG)])
@pytest.mark.parametrize("weather", BAD.values(), ids=BAD)
def test_a_bad_line_between_agent_and_broker_loses_nothing(
    weather: Weather, seconds: float, mosquitto: Broker, tmp_path: Path
) -> None:
    with (
        ChaosLine((mosquitto.host, mosquitto.port), seed=3) as line,
        chain(tmp_path, mosquitto, rate=30, agent_to=line.port) as whole,
    ):
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        line.set(weather)
        if weather.cut_every_s:
            line.cut()
        time.sleep(seconds)
        line.set(FINE)
        whole.quiet()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
