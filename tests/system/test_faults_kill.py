"""Kill -9 at random moments: every accepted event is in the ledger exactly once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Broker
from chain import Chain, chain, wait_for


def _dice() -> tuple[int, random.Random]:
    seed = random.randrange(10_000)
    print(f"seed {seed}")  # a failure can be run again
    return seed, random.Random(seed)


@pytest.mark.timeout(180)
def test_ten_kills_of_anything_while_1000_events_are_made_lose_and_double_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    seed, dice = _dice()
    with chain(tmp_path, broker, rate=50, seed=seed) as whole:
        for _ in range(10):
            time.sleep(dice.uniform(0.3, 1.5))
            dice.choice([whole.agent.restart, broker.restart, whole.server.restart])()
        wait_for("1,000 events are accepted", lambda: len(whole.accepted()) >= 1000, 90)
        whole.quiet()
        wait_for("all of them are recorded", whole.settled, 120)
        verdict = whole.verdict()
    assert verdict.accepted >= 1000
    assert verdict.clean(), verdict


def _agent(whole: Chain) -> None:
    whole.agent.restart()


def _broker(whole: Chain) -> None:
    whole.broker.restart()


def _server(whole: Chain) -> None:
    whole.server.restart()


def _server_and_broker(whole: Chain) -> None:
    whole.server.kill()
    whole.broker.kill()
    time.sleep(1.0)
    whole.broker.start()
    whole.server.start()


def _everything(whole: Chain) -> None:
    for program in (whole.agent, whole.server):
        program.kill()
    whole.broker.kill()
    whole.agent.start()
    whole.server.start()
    whole.broker.start()


@pytest.mark.parametrize("times", [3, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
@pytest.mark.parametrize(
    "victim", [_agent, _broker, _server, _server_and_broker, _everything], ids=lambda victim: victim.__name__
)
def test_killing_one_part_again_and_again_loses_and_doubles_nothing(
    victim: Callable[[Chain], None], times: int, mosquitto: Broker, tmp_path: Path
) -> None:
    seed, dice = _dice()
    with chain(tmp_path, mosquitto, rate=50, seed=seed) as whole:
        for _ in range(times):
            time.sleep(dice.uniform(0.3, 1.2))
            victim(whole)
        time.sleep(1.0)
        whole.quiet()
        wait_for("the server is ready again", whole.ready, 90)
        wait_for("all is recorded", whole.settled, 120)
        verdict = whole.verdict()
    assert verdict.accepted > 25 * times
    assert verdict.clean(), verdict


def test_a_stop_by_sigterm_in_an_outage_loses_nothing_and_takes_less_than_3_s(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with chain(tmp_path, mosquitto, rate=100) as whole:
        mosquitto.kill()
        wait_for("events pile up", lambda: len(whole.accepted()) > 150, 90)
        whole.quiet()
        assert whole.agent.stop() < 3.0
        mosquitto.start()
        whole.agent.start()
        wait_for("all is recorded", whole.settled, 120)
        assert whole.verdict().clean()
        assert whole.agent.stop() < 3.0
        assert whole.server.stop() < 3.0
