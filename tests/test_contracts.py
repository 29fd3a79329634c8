"""The wire: topics taken apart and put together, messages that only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import topics
from contracts.messages import CommandMessage, Event, Resend
from contracts.topics import Kind, Topic, TopicError

IDS = st.text("abcxyz0189-", min_size=1, max_size=40)
EVENT = """{"id":"0192f0c0-0000-7000-8000-000000000001","epoch":"0192f0c0-0000-7000-8000-000000000000","seq":1,
"stamp":{"at":"2026-11-23T06:02:00Z","boot_id":"b","mono_s":12.5,"clock":"synced"},
"point":"lab-heat","kind":"heat","active":true,"severity":"critical","a_later_field":1}"""


@given(IDS, IDS)
def test_a_topic_put_together_comes_apart_the_same(site: str, agent: str) -> None:
    topic = Topic(site, agent, Kind.EVENTS)
    assert topics.parse(str(topic)) == topic


@pytest.mark.parametrize(
    "text",
    ["", "campus/1/a/b", "campus/2/a/b/events", "campus/1/a/b/other", "campus/1/A/b/events", "campus/1/a.b/c/events"],
)
def test_a_topic_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(TopicError):
        topics.parse(text)


def test_an_unknown_field_of_a_newer_agent_is_ignored() -> None:
    event = Event.model_validate_json(EVENT)
    assert (event.kind, event.active, event.stamp.mono_s) == ("heat", True, 12.5)


def test_a_command_is_told_by_its_name() -> None:
    message = CommandMessage.model_validate_json('{"command":{"name":"resend","epoch":"e","first":3,"last":5}}')
    assert message.command == Resend(epoch="e", first=3, last=5)
