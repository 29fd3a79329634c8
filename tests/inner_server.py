"""A server without sockets and tasks for tests: its parts, with the writer started."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from serving import add_user

from config.agent import MqttSection
from config.server import ServerConfig
from server.alerts.alert import no_ledger
from server.assembling import Parts, assemble


@contextmanager
def assembled(data: Path, **roles: str) -> Generator[Parts]:
    """Assemble a server on a folder, with users by name and role."""
    data.mkdir(mode=0o700, exist_ok=True)
    for name, role in roles.items():
        add_user(data, name, role)
    made = assemble(ServerConfig(data=data), MqttSection(), no_ledger)
    made.services.writer.start()
    yield made
    made.services.writer.close()
    made.services.database.close()
