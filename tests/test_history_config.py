"""Where the history is, as configured: secrets stay out of addresses, the network is TLS, files are not shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.history import HistorySection, InfluxSection
from config.server import ServerConfig
from server.errors import ServerError
from server.history.setup import set_up
from server.working import require_shared


@pytest.mark.parametrize(
    ("section", "said"),
    [
        pytest.param({"url": "http://history.example:8086"}, "write https", id="plain over the network"),
        pytest.param({"url": "http://127.0.0.1.example:8086"}, "write https", id="a name that looks like loopback"),
        pytest.param({"url": "influx:8086"}, "http://HOST:PORT", id="no scheme"),
        pytest.param({"url": "https://me:secret@history.example"}, "HOST and PORT alone", id="a secret in the address"),
        pytest.param({"user": "campus"}, "go together", id="a user without a password"),
        pytest.param({"user": "c", "password_file": "p", "token_file": "t"}, "give one", id="two kinds of secrets"),
        pytest.param({"database": 'a" b'}, "match", id="a database that is no name"),
    ],
)
def test_a_history_server_that_cannot_be_meant_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        InfluxSection.model_validate(section)


@pytest.mark.parametrize(
    "section",
    [
        pytest.param({}, id="this machine"),
        pytest.param({"url": "https://history.example"}, id="TLS"),
        pytest.param({"url": "http://history.example:8086", "plain": True}, id="plain by name"),
    ],
)
def test_a_history_server_that_is_meant_is_taken(section: dict[str, Any]) -> None:
    InfluxSection.model_validate(section)


def test_several_processes_do_not_share_a_file_of_readings() -> None:
    shared = {
        "data": "/nowhere", "database": "postgresql://campus@127.0.0.1/campus", "broker": {"type": "external"},
    }  # fmt: skip
    with pytest.raises(ServerError, match=r"ingest: readings in a file of one process.* \[history\] type"):
        require_shared(ServerConfig.model_validate(shared), "ingest")
    require_shared(ServerConfig.model_validate({**shared, "history": {"type": "none"}}), "ingest")


def test_what_needs_no_setting_up_says_so() -> None:
    with pytest.raises(ServerError, match="needs no setting up"):
        set_up(HistorySection())


def test_a_secret_that_is_missing_is_one_line(tmp_path: Path) -> None:
    place = InfluxSection(token_file=tmp_path / "gone")
    with pytest.raises(ServerError, match="gone: cannot be read"):
        set_up(HistorySection(type="influxdb", influx=place))
