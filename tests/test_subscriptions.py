"""What a broker is asked for and what it does not grant: a school that is not heard is never silent about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from server.ingest.subscriptions import EVERY_SITE, GRANT_S, OF_ALL_SITES, SUBSCRIBE_AT_ONCE, Filter, Subscriptions

GRANTED, REFUSED = (ReasonCode(PacketTypes.SUBACK, identifier=code) for code in (1, 0x80))


class Broker:
    """Notes what it is asked; answers when it is told to."""

    def __init__(self, common: Sequence[Filter] = ()) -> None:
        self.now_s = 100.0
        self.packets: list[list[tuple[str, int]]] = []
        self.left: list[str] = []
        self.subscriptions = Subscriptions("broker:1883", common, lambda: self.now_s)

    @property
    def client(self) -> mqtt.Client:
        return cast("mqtt.Client", self)

    def subscribe(self, filters: Any) -> tuple[int, int]:
        self.packets.append(filters)
        return 0, len(self.packets)

    def unsubscribe(self, filters: list[str]) -> None:
        self.left += filters

    def answer(self, reason: ReasonCode) -> None:
        self.subscriptions.answered(self.client, len(self.packets), [reason] * len(self.packets[-1]))


def test_a_packet_goes_out_when_the_one_before_is_answered() -> None:
    broker = Broker()
    sites = {f"s{n}" for n in range(SUBSCRIBE_AT_ONCE)}
    broker.subscriptions.ask(broker.client, sites)
    while broker.subscriptions.agreeing:
        asked = len(broker.packets)
        assert len(broker.packets[-1]) <= SUBSCRIBE_AT_ONCE
        broker.answer(GRANTED)
        assert len(broker.packets) <= asked + 1
    assert sorted(each for packet in broker.packets for each in packet) == sorted(
        each for site in sites for each in broker.subscriptions.wanted(site)
    )
    broker.now_s += 10 * GRANT_S
    assert broker.subscriptions.unheard() == frozenset()


def test_a_site_is_unheard_while_a_filter_is_refused_not_answered_or_not_asked_for_yet() -> None:
    broker = Broker()
    broker.subscriptions.ask(broker.client, {f"s{n}" for n in range(SUBSCRIBE_AT_ONCE)})
    assert broker.subscriptions.unheard() == frozenset()
    broker.now_s += GRANT_S
    assert len(broker.subscriptions.unheard()) == SUBSCRIBE_AT_ONCE  # one packet is not answered, the others wait
    while broker.subscriptions.agreeing:
        broker.answer(REFUSED)
    assert len(broker.subscriptions.unheard()) == SUBSCRIBE_AT_ONCE
    assert broker.subscriptions.refused
    broker.subscriptions.ask_again(broker.client)
    while broker.subscriptions.agreeing:
        broker.answer(GRANTED)
    assert broker.subscriptions.unheard() == frozenset()
    assert not broker.subscriptions.refused


def test_a_site_that_is_left_while_the_broker_thinks_it_over_is_missed_by_nobody() -> None:
    broker = Broker()
    broker.subscriptions.ask(broker.client, {"a"})
    broker.subscriptions.leave(broker.client, {"a"})
    broker.answer(REFUSED)
    broker.now_s += 10 * GRANT_S
    assert broker.subscriptions.unheard() == frozenset()
    assert not broker.subscriptions.refused
    assert broker.left == [one for one, _ in broker.subscriptions.wanted("a")]


def test_what_a_lost_connection_did_not_answer_is_asked_for_by_the_next() -> None:
    broker = Broker()
    broker.subscriptions.ask(broker.client, {"a"})
    broker.subscriptions.begin(broker.client)
    assert not broker.subscriptions.agreeing
    broker.subscriptions.ask(broker.client, {"a"})
    assert broker.packets[0] == broker.packets[1]
    broker.answer(GRANTED)
    broker.now_s += 10 * GRANT_S
    assert broker.subscriptions.unheard() == frozenset()


def test_a_worker_hears_events_of_all_schools_before_any_filter_of_a_school_is_granted() -> None:
    broker = Broker(OF_ALL_SITES)
    broker.subscriptions.begin(broker.client)
    broker.subscriptions.ask(broker.client, {f"s{n}" for n in range(50)})
    assert broker.packets == [OF_ALL_SITES]
    assert {one for one, quality in OF_ALL_SITES if quality} == {"campus/1/+/+/events", "campus/1/+/+/crossings"}
    while broker.subscriptions.agreeing:
        broker.answer(GRANTED)
    asked = [each for packet in broker.packets for each in packet]
    assert {("campus/1/s7/+/birth", 1), ("campus/1/s7/+/state", 1), ("campus/1/s7/+/heartbeat", 0)} <= {*asked}
    assert not any(one.startswith("campus/1/s7/") and one.endswith(("/events", "/crossings")) for one, _ in asked)
    broker.subscriptions.leave(broker.client, {"s7"})
    assert all(one.startswith("campus/1/s7/") for one in broker.left)


def test_of_a_refused_common_filter_every_site_is_unheard() -> None:
    broker = Broker(OF_ALL_SITES)
    broker.subscriptions.begin(broker.client)
    broker.answer(REFUSED)
    broker.now_s += GRANT_S
    assert broker.subscriptions.unheard() == {EVERY_SITE}
