"""One history server by HTTP: lines in by `/api/v2/write`, questions by `/query`; every call has its time-out."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from config.history import HistorySection, InfluxSection
from config.secrets import read_secret
from server.errors import ServerError

_DROPPED = re.compile(rb"dropped[= ]+(\d+)")
SILENT_S = 3.0  # who hangs is not asked again so soon: each question would hold a thread until its time-out
_TAKEN_IN_PART = (400, 422)  # a line that can never be written: older than the retention, or of another type


class AwayError(ServerError):
    """The history server does not take or give anything now; later it may."""


class TooLargeError(ServerError):
    """The history server takes less at once."""


@dataclass(slots=True)
class Endpoint:
    """Used by several threads."""

    section: HistorySection
    _pool: urllib3.PoolManager | None = None
    _client: Any = None  # influxdb-client's, which has no types of its own
    _headers: Mapping[str, str] = field(default_factory=dict[str, str])
    _silent_until_s: float = float("-inf")

    @property
    def place(self) -> InfluxSection:
        return self.section.influx

    def write(self, part: str, lines: bytes) -> int:
        """Write lines (ms) to a part of the database; return how many the server will never take."""
        status, said = self._post(part, lines)
        if 200 <= status < 300:
            return 0
        if status == 413:
            raise TooLargeError(f"history {self.place.url}: {len(lines)} bytes are too much at once")
        if status in _TAKEN_IN_PART:
            found = _DROPPED.search(said)
            return int(found.group(1)) if found else lines.count(b"\n") + (not lines.endswith(b"\n"))
        raise AwayError(f"history {self.place.url}: does not take readings: {status} {_one_line(said)}")

    def ask(self, statement: str) -> bytes:
        """Ask by InfluxQL; return the answer's body."""
        return self.get("/query", {"q": statement, "db": self.place.database, "epoch": "ms"})

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Return what a path answers to a query."""
        with self._answer(path, query) as answer:
            return answer.data

    def lines(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """Give a long answer line by line; to stop early is allowed."""
        with self._answer(path, query, whole=False) as answer, closing(answer):
            rest = b""
            for piece in answer.stream(65_536):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
            yield rest

    def tell(self, path: str, fields: Mapping[str, str]) -> bytes:
        """Post fields, as InfluxDB 1 wants statements that change something."""
        try:
            self._open()
            answer = self._urllib3().request("POST", self._url(path), fields=dict(fields), headers=self._headers)
        except (HTTPError, OSError) as e:
            raise AwayError(f"history {self.place.url}: {_cause(e)}") from e
        return self._checked(answer).data

    @property
    def connections(self) -> int:
        """How many connections writing has opened so far: one more means that the server may have been away."""
        pool = self._pool if self._v1 else self._client and self._client.api_client.rest_client.pool_manager
        return pool.connection_from_url(self.place.url).num_connections if pool is not None else 0

    @property
    def client(self) -> Any:
        """Give influxdb-client's client."""
        self._open()
        if self._client is None:
            from influxdb_client.client.influxdb_client import (  # noqa: PLC0415 - 0.5 s that only its users pay
                InfluxDBClient,
            )

            place = self.place
            self._client = InfluxDBClient(
                url=place.url,
                token=_secret(place),
                org=place.org,
                timeout=round(place.timeout_s * 1000),
                ssl_ca_cert=str(place.ca_file) if place.ca_file else None,
                retries=False,
            )
        return self._client

    def close(self) -> None:
        """Let go of all connections; may be called twice."""
        if self._client is not None:
            self._client.close()
        if self._pool is not None:
            self._pool.clear()
        self._client = self._pool = None

    @property
    def _v1(self) -> bool:
        return self.section.type == "influxdb-1"

    def _post(self, part: str, lines: bytes) -> tuple[int, bytes]:
        place = self.place
        try:
            if self._v1:
                self._open()
                asked = f"/write?db={place.database}&rp={part}&precision=ms"
                answer = self._urllib3().request("POST", self._url(asked), body=lines, headers=self._headers)
                return answer.status, answer.data
            return self._post_by_client(part, lines)
        except (HTTPError, OSError) as e:
            raise AwayError(f"history {place.url}: {_cause(e)}") from e

    def _post_by_client(self, part: str, lines: bytes) -> tuple[int, bytes]:
        from influxdb_client.client.write_api import SYNCHRONOUS  # noqa: PLC0415
        from influxdb_client.rest import ApiException  # noqa: PLC0415

        place = self.place
        writing = self.client.write_api(write_options=SYNCHRONOUS)
        try:
            writing.write(f"{place.database}/{part}", place.org, lines, write_precision="ms")
        except ApiException as e:
            said: Any = e  # it has no types of its own
            return int(said.status or 0), str(said.body or said.reason or "").encode()
        return 204, b""

    @contextmanager
    def _answer(
        self, path: str, query: Mapping[str, str], *, whole: bool = True
    ) -> Generator[urllib3.BaseHTTPResponse]:
        if time.monotonic() < self._silent_until_s:
            raise AwayError(f"history {self.place.url}: does not answer")
        try:
            self._open()
            pool = self._urllib3()
            answer = pool.request(
                "GET", self._url(path), fields=dict(query), headers=self._headers, preload_content=whole
            )
            yield self._checked(answer)
        except (HTTPError, OSError) as e:
            self._silent_until_s = time.monotonic() + SILENT_S
            raise AwayError(f"history {self.place.url}: {_cause(e)}") from e

    def _checked(self, answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        if answer.status >= 300:
            raise AwayError(f"history {self.place.url}: {answer.status} {_one_line(answer.data)}")
        return answer

    def _urllib3(self) -> urllib3.PoolManager:
        if self._pool is None:
            raise AwayError(f"history {self.place.url}: is closed")
        return self._pool

    def _url(self, path: str) -> str:
        return self.place.url.rstrip("/") + path

    def _open(self) -> None:
        if self._pool is not None:
            return
        place = self.place
        secret = _secret(place)
        if place.user is not None:
            self._headers = urllib3.make_headers(basic_auth=f"{place.user}:{secret}")
        elif secret:
            self._headers = {"Authorization": f"Token {secret}"}
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(total=place.timeout_s),
            ca_certs=str(place.ca_file) if place.ca_file else None,
        )


def _secret(place: InfluxSection) -> str:
    file = place.token_file or place.password_file
    try:
        return read_secret(file) if file is not None else ""
    except OSError as e:
        raise ServerError(f"history: {file}: cannot be read: {e.strerror or e}") from e


def _cause(error: Exception) -> str:
    return _one_line(str(error).encode())


def _one_line(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[:300]


def parts(section: HistorySection) -> Sequence[tuple[str, int]]:
    """Return the parts of the database with the days each is kept."""
    return (
        ("samples", section.keep_days), ("minutes", section.keep_minutes_days), ("hours", section.keep_hours_days),
    )  # fmt: skip
