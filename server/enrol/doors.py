"""What brokers are told about certificates: the list of those let in, and the list of those revoked, as files."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.broker_users import directory, write_private
from server.database import Database
from server.enrol import registry
from server.enrol.authority import REVOKED_FILE, Authority, folder_of
from server.errors import ServerError
from server.services import Services

EVERY_S = 1.0
_log = logging.getLogger(__name__)


def admitted_file(data: Path) -> Path:
    """Return the file that names each certificate the embedded broker lets in."""
    return directory(data) / "certificates.json"


def read_admitted(data: Path) -> Mapping[str, str]:
    """Return who is let in, as the database last said."""
    file = admitted_file(data)
    try:
        found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError) as e:
        raise ServerError(f"{file}: cannot be read: {e}: remove it, it is made again") from e
    return found


def write(connection: Connection, authority: Authority, data: Path, now: datetime) -> None:
    """Write both files where the database says otherwise than they do."""
    text = json.dumps(dict(registry.admitted(connection, now)), indent=0)
    file = admitted_file(data)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_private(file, text)
    _write_revoked(folder_of(data) / REVOKED_FILE, dict(registry.revoked(connection, now)), authority, now)


async def keep(services: Services, authority: Authority, data: Path) -> None:
    """Follow the database for ever; a revoked agent is out within a second or two."""
    failing = False
    while True:
        try:
            await asyncio.to_thread(_once, services.database, authority, data, services.now())
            if failing:
                _log.info("certificates: the broker is told again")
            failing = False
        except (ServerError, SQLAlchemyError, OSError) as e:
            cause = str(e).splitlines()[0]
            (_log.debug if failing else _log.warning)("certificates: cannot be told to the broker: %s", cause)
            failing = True
        await asyncio.sleep(EVERY_S)


def _once(database: Database, authority: Authority, data: Path, now: datetime) -> None:
    with database.read.connect() as connection:
        write(connection, authority, data, now)


def _write_revoked(file: Path, serials: Mapping[str, datetime], authority: Authority, now: datetime) -> None:
    if file.exists():
        listed = x509.load_pem_x509_crl(file.read_bytes())
        if {f"{entry.serial_number:x}" for entry in listed} == set(serials):
            return
    write_private(file, authority.revoke_list(serials.items(), now))
