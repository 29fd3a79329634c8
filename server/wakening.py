"""Hears from PostgreSQL that another process has committed a change, so that pages need not wait for the next look."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import make_url

from server.changes import CHANNEL

LISTEN_S = 1.0
REST_S = 2.0
CONNECT_S = 5
_log = logging.getLogger(__name__)


class Wakening:
    """A thread with a connection of its own. Without it pages are later by up to a second, and nothing is missed."""

    def __init__(self, address: str, wake: Callable[[float], None]) -> None:
        self._address = make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakening", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """End; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _run(self) -> None:
        failing = False
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_S) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    if failing:
                        _log.info("live stream: is woken by the database again")
                    failing = False
                    self._wake(time.monotonic())  # something may have come in between
                    self._listen(connection)
            except psycopg.Error as e:
                if not failing:
                    _log.warning("live stream: is not woken by the database: %s", str(e).splitlines()[0])
                failing = True
                self._stop.wait(REST_S)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._stop.is_set():
            for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                self._wake(time.monotonic())
