"""A pymodbus server as the device: over TCP, or over one end of a pty pair."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

Server = ModbusTcpServer | ModbusSerialServer


def devices(*addresses: int) -> list[SimDevice]:
    """Devices whose register r of 0..15 holds 100·address + r."""
    return [
        SimDevice(a, simdata=[SimData(0, values=[100 * a + r for r in range(16)], datatype=DataType.REGISTERS)])
        for a in addresses
    ]


@contextmanager
def tcp_device(*addresses: int, port: int = 0) -> Generator[int]:
    """Serve devices on TCP; give the port."""
    with _served(lambda: ModbusTcpServer(devices(*addresses), address=("127.0.0.1", port))) as server:
        listener: Any = server.transport
        yield listener.sockets[0].getsockname()[1]


@contextmanager
def serial_device(pty: Path, *addresses: int, spoil: Callable[[bytes], bytes] = bytes) -> Generator[None]:
    """Serve devices on a serial port; `spoil` changes what they send, b"" makes one silent."""

    def trace(sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        return spoil(data) if sending else data

    def make() -> ModbusSerialServer:
        return ModbusSerialServer(
            devices(*addresses), framer=FramerType.RTU, port=str(pty), baudrate=9600, trace_packet=trace
        )

    with _served(make):
        yield


@contextmanager
def _served(make: Callable[[], Server]) -> Generator[Server]:
    loop = asyncio.new_event_loop()
    started: list[Server] = []
    ready = threading.Event()

    async def start() -> None:
        server = make()
        await server.serve_forever(background=True)
        started.append(server)

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(start())
        finally:
            ready.set()
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run, name="modbus device", daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield started[0]
    finally:
        asyncio.run_coroutine_threadsafe(_stop(started[0]), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _stop(server: Server) -> None:
    await server.shutdown()
    await asyncio.sleep(0)
