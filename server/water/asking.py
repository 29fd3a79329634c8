"""Ask an agent something and wait for its answer: from a request's thread, answered in the broker's."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from pydantic import ValidationError

from contracts.messages import Answer
from contracts.topics import TopicError, parse
from server.ingest.decode import Arrival

MOST = 32
STILL_S, CONFIRM_S = 8.0, 30.0

Key = tuple[str, str, str]  # site, agent, command's id


@dataclass(slots=True)
class Asked:
    """Questions that wait. Only the agent that was asked can answer."""

    still_s: float = STILL_S
    confirm_s: float = CONFIRM_S
    _waiting: dict[Key, Future[Answer]] = field(default_factory=dict[Key, Future[Answer]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, key: Key) -> Future[Answer] | None:
        """Begin to wait; None where too many wait already."""
        with self._lock:
            if len(self._waiting) >= MOST:
                return None
            return self._waiting.setdefault(key, Future())

    def forget(self, key: Key) -> None:
        """Wait no longer."""
        with self._lock:
            self._waiting.pop(key, None)

    def hear(self, arrival: Arrival) -> bool:
        """Take an answer; False where nobody waits for it."""
        try:
            topic, answer = parse(arrival.topic), Answer.model_validate_json(arrival.payload)
        except (TopicError, ValidationError):
            return False
        with self._lock:
            waiting = self._waiting.pop((topic.site, topic.agent, answer.id), None)
        if waiting is None or not waiting.set_running_or_notify_cancel():
            return False
        waiting.set_result(answer)
        return True
