"""Looks at what is about people, into the audit."""

from __future__ import annotations

from concurrent.futures import Future

from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.sessions import Session
from server.services import Services


def viewed(services: Services, session: Session, action: str, subject: str = "") -> None:
    """Write that somebody looked, once an hour. Nobody waits for it: a drill's page must not hang on a full disk."""
    look, now = (session.user, action, subject), services.now()
    if not services.views.is_new(look, services.mono_s()):
        return

    def work(connection: Connection) -> None:
        note(connection, now, session.user, action, subject)

    def written(done: Future[None]) -> None:
        if done.exception() is not None:
            services.views.forget(look)

    services.writer.submit(work).add_done_callback(written)
