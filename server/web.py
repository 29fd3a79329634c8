"""The pages' own web server: where it listens, with which ciphers, and until when."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import APIRouter

from config.server import HttpSection
from server.app import create_app
from server.errors import ServerError
from server.notify import notify
from server.patience import patient
from server.services import Services

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2, as Mozilla's 'intermediate' has them; 1.3 has its own


def bound(http: HttpSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle on and every answer of two writes waits 40 ms for the reader.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
    except OSError as e:
        listener.close()
        raise ServerError(
            f"pages: port {http.port} on {http.host} cannot be used: {e.strerror or e}:"
            " stop what uses it, or set another [http] port (demo: --port)"
        ) from e
    return listener


def make_web(http: HttpSection, services: Services, rooms: Sequence[APIRouter]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(services, rooms),
            http=patient(http.connections_an_address),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=http.cert_file,
            ssl_keyfile=http.key_file,
            ssl_ciphers=CIPHERS,
            lifespan="off",
        )
    )


async def serve_web(
    web: uvicorn.Server,
    listener: socket.socket,
    services: Services,
    tasks: Sequence[asyncio.Task[None]],
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    announced = False
    while not serving.done():
        if web.started and not announced:
            announced = True
            notify("READY=1")
            ready()
        broken = not services.writer.alive or any(task.done() for task in tasks)
        if stop.is_set() or web.should_exit or broken:
            web.should_exit = True
            services.live.stop()
        await asyncio.wait([serving], timeout=0.1)
    await serving
    for task in tasks:
        if task.done():
            task.result()  # a mistake in the program: let it be seen, and let systemd start us again
    if not services.writer.alive:
        raise ServerError("the ledger's writer ended by a mistake in the program; see the log above")
