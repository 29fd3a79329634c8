"""Where the pages listen: an answer of two writes does not wait for the reader between them."""

from __future__ import annotations

import asyncio
import socket

from config.server import HttpSection
from server.running import bound


def test_answers_are_not_held_back_by_nagle() -> None:
    async def accepted() -> int:
        said: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def hear(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ours: socket.socket = writer.get_extra_info("socket")
            said.set_result(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bound(HttpSection(port=free_port())) as listener:
            port = listener.getsockname()[1]
            async with await asyncio.start_server(hear, sock=listener):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                found = await said
                writer.close()
        return found

    assert asyncio.run(accepted()) == 1


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
