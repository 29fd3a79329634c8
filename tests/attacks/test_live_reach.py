"""A live stream that was opened before its account saw less: it ends, whether a person or a program opened it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from serving import PASSWORD
from sqlalchemy import Connection

from config.agent import MqttSection
from config.server import ServerConfig
from server.accounts import sessions, tokens, users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.accounts.sessions import Session
from server.alerts.alert import no_ledger
from server.assembling import Parts, assemble
from server.live import Client
from server.moments import now

BOTH, ONE = Reach.of("no1", "no2"), Reach.of("no1")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    (tmp_path / "data").mkdir()
    made = assemble(ServerConfig(data=tmp_path / "data"), MqttSection(), no_ledger)
    with made.services.database.write.begin() as connection:
        users.add(connection, "county", Role.COUNTY, PASSWORD, now(), BOTH)
    yield made
    made.services.database.close()


def by_cookie(connection: Connection) -> Session | None:
    cookie = sessions.open_session(connection, users.find(connection, "county").id, now())
    return sessions.find(connection, cookie, now())


def by_token(connection: Connection) -> Session | None:
    text = tokens.create(connection, "county", "program", ["stream.read"], now(), 30)
    return tokens.find(connection, text, now())


def opened(parts: Parts, way: Callable[[Connection], Session | None]) -> Client:
    with parts.services.database.write.begin() as connection:
        session = way(connection)
    assert session is not None
    page = Client(session.hash, session.reach)
    parts.services.live.clients.add(page)
    return page


def ends(parts: Parts, page: Client) -> bool:
    asyncio.run(parts.services.live._end_invalid({page.session}))
    return page not in parts.services.live.clients


def fewer_schools(connection: Connection) -> None:
    users.assign(connection, "county", Role.COUNTY, ONE)


def disabled(connection: Connection) -> None:
    users.add(connection, "another", Role.ADMIN, PASSWORD, now())
    users.disable(connection, "county")


@pytest.mark.parametrize("way", [by_cookie, by_token])
@pytest.mark.parametrize("change", [fewer_schools, disabled])
def test_a_stream_ends_when_its_account_sees_less(
    parts: Parts, way: Callable[[Connection], Session | None], change: Callable[[Connection], None]
) -> None:
    page = opened(parts, way)
    assert not ends(parts, page)
    with parts.services.database.write.begin() as connection:
        change(connection)
    assert ends(parts, page)


def test_a_stream_ends_when_its_token_is_revoked_or_over(parts: Parts) -> None:
    page, other = opened(parts, by_token), opened(parts, by_token)
    with parts.services.database.write.begin() as connection:
        tokens.revoke(connection, tokens.listed(connection)[1].id, now())
    assert (ends(parts, page), ends(parts, other)) == (True, False)
    with parts.services.database.read.connect() as connection:
        assert tokens.standing(connection, [other.session], now() + timedelta(days=31)) == {}
