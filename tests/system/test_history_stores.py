"""The history on real servers: what every history must do, and what happens while a server is away."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import history_servers
import pytest
from history_servers import HistoryServer
from history_suite import BEGIN, CLAIMS, DAY, KEY, OTHER, SECOND, Claim, texts_and_holes_are_kept_and_not_drawn, wave
from serving import until

from config.history import HistorySection
from server.history.series import Sample, Series, Tidied
from server.history.setup import set_up
from server.history.stores import make_series
from server.metrics import make_metrics


@pytest.fixture(scope="module", params=history_servers.KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryServer]:
    """A running server of each kind."""
    there = request.param == "influxdb" and history_servers.elsewhere()
    if (reason := history_servers.available(request.param)) and not there:
        pytest.skip(reason)
    one = history_servers.make(request.param, tmp_path_factory.mktemp(request.param))
    one.start()
    yield one
    one.kill()


class Sent:
    """A series for the claims: what is written can be read when `write` returns."""

    def __init__(self, series: Series, server: HistoryServer) -> None:
        self._series = series
        self._server = server

    def write(self, samples: Sequence[Sample]) -> int:
        lost = self._series.write(samples)
        until(lambda: not self._series.behind_s(), "all is sent", 60)
        self._server.show()
        return lost

    def tidy(self, now: datetime, trusted: datetime | None) -> Tidied:
        return self._series.tidy(now, trusted)

    def __getattr__(self, name: str) -> object:
        return getattr(self._series, name)


@contextmanager
def opened(section: HistorySection, folder: Path) -> Generator[Series]:
    with closing(make_series(section, folder, make_metrics())) as series:
        series.start()
        yield series


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_a_history_server_keeps_the_word_of_every_history(claim: Claim, server: HistoryServer, tmp_path: Path) -> None:
    if server.kind == "victoria-metrics" and claim is texts_and_holes_are_kept_and_not_drawn:
        claim = numbers_are_kept_and_texts_are_holes
    section = server.section(database=f"test-{uuid.uuid4().hex[:12]}")
    if server.kind != "victoria-metrics":
        set_up(section)
    else:
        forget(server)
    with opened(section, tmp_path) as series:
        claim(Sent(series, server))  # pyright: ignore[reportArgumentType] - the rest is looked up


def numbers_are_kept_and_texts_are_holes(series: Series) -> None:
    values: list[float | str | None] = [1.5, "open", None, True, -2.0]
    series.write([Sample(KEY, BEGIN + i * SECOND, value) for i, value in enumerate(values)])
    assert [value for _, value in series.read(KEY, BEGIN, BEGIN + DAY, 10)] == [1.5, None, None, True, -2.0]
    (bucket,) = series.buckets(KEY, BEGIN, BEGIN + SECOND * 60, SECOND * 60)
    assert (bucket.low, bucket.high, bucket.n) == (-2.0, 1.5, 3)


def forget(server: HistoryServer) -> None:
    """Start a server with nothing in it: this kind knows one database alone."""
    server.kill()
    for file in sorted((server.folder / "data").rglob("*"), reverse=True):
        file.unlink() if not file.is_dir() else file.rmdir()
    server.start()


def test_hours_are_rolled_up_though_readings_never_stop_coming(tmp_path: Path) -> None:
    if reason := history_servers.available("influxdb-1"):
        pytest.skip(reason)
    server = history_servers.make("influxdb-1", tmp_path / "server")
    server.start()
    set_up(server.section())
    try:
        with opened(server.section(), tmp_path) as series:
            series.write(wave(KEY, BEGIN, 1_000))
            ended = threading.Event()

            def go_on() -> None:
                n = 0
                while not ended.wait(0.01):
                    series.write(wave(OTHER, BEGIN + DAY + n * SECOND, 5, SECOND))
                    n += 5

            busy = threading.Thread(target=go_on)
            busy.start()
            try:
                until(lambda: series.tidy(BEGIN + DAY, None).rolled, "an hour is rolled up", 60)
            finally:
                ended.set()
                busy.join()
    finally:
        server.kill()
