"""The server's sockets, to pages and to the broker: what is written in two parts does not wait between them."""

from __future__ import annotations

import asyncio
import socket

from ports import free_port
from waiting import until

from config.agent import MqttSection
from config.server import HttpSection
from server.ingest.broker_link import BrokerLink, Lanes
from server.metrics import make_metrics
from server.web import bound


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


def test_receipts_are_not_held_back_by_nagle() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        lanes = Lanes(durable=lambda _: True, readings=lambda _: True)
        link = BrokerLink(MqttSection(port=listener.getsockname()[1]), lanes, make_metrics())
        link.start()
        try:
            listener.settimeout(10)
            with listener.accept()[0]:
                ours = until(lambda: link._client and link._client.socket())
                assert isinstance(ours, socket.socket)
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        finally:
            link.close()
