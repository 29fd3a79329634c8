"""Modbus devices on a serial line (RTU) or behind TCP."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self, assert_never

from config.buses import ModbusSerialBus, ModbusTcpBus
from drivers.attendance import Attendance
from drivers.errors import DriverError
from drivers.links import Link, SerialLink, TcpLink
from drivers.modbus_frames import Framing, Nothing, Refusal, Words, answer, question
from drivers.modbus_plan import Request, plan, samples_of
from drivers.now import now
from drivers.pace import Pace
from drivers.samples import Sample, Silence

log = logging.getLogger(__name__)
QUIET_S = 0.05
"""No byte for this long after some bytes: the answer is over. USB adapters hold bytes back for up to 16 ms."""
BUDGET_S = 0.5
"""A round longer than this is handed out in parts, so that the caller can show that it lives."""
GATEWAY_SILENT = frozenset({0x0A, 0x0B})
"""Exception codes by which a gateway says that the device behind it is not there."""


class ModbusDriver:
    """Polls every device of a bus once each `interval_s`; it keeps that pace itself.

    Values are in each point's unit. A device that does not answer twice is set aside and asked every tenth round;
    meanwhile each round reports its points as a Silence with the reason it had last.
    """

    interval_s = 0.0
    done = False

    def __init__(self, bus: ModbusTcpBus | ModbusSerialBus, link: Link | None = None) -> None:
        self.name = bus.name
        self._pace = Pace(bus.interval_s)
        self._timeout_s = bus.timeout_s
        self._link = link or _link(bus)
        self._framing: Framing = "rtu" if isinstance(bus, ModbusSerialBus) else "tcp"
        # Modbus over Serial Line 1.02, 2.5.1.1: 3.5 characters of 11 bits, 1.75 ms above 19200 baud.
        self._gap_s = max(38.5 / bus.baud, 0.00175) if isinstance(bus, ModbusSerialBus) else 0.0
        self._requests = plan(bus.point, bus.gap)
        self._attendance = Attendance({request.device for request in self._requests})
        self._reason: dict[int, str] = {}  # device -> why its last question failed
        self._todo: deque[Request] = deque()
        self._asked: frozenset[int] = frozenset()
        self._transaction = 0
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        """Open the port or connect."""
        self._closed.clear()
        self._link.open()
        self._todo.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port or hang up."""
        self.close()

    def read(self) -> Sequence[Sample]:
        """Ask what is due; return the answers of one round, or of its next half second."""
        if not self._todo and not self._begin_round():
            return []
        samples: list[Sample] = []
        until = time.monotonic() + BUDGET_S
        while self._todo and time.monotonic() < until:
            samples += self._poll(self._todo.popleft())
        if not self._todo:
            self._reopen_when_nobody_answers()
        return samples

    def close(self) -> None:
        """Close the port or hang up; a blocked `read` ends."""
        self._closed.set()
        self._link.close()

    def _begin_round(self) -> bool:
        if not self._pace.wait(self._closed):
            return False
        self._asked = self._attendance.begin_round()
        self._reason = {device: why for device, why in self._reason.items() if device not in self._asked}
        self._todo.extend(self._requests)
        return True

    def _poll(self, request: Request) -> list[Sample]:
        device = request.device
        if device in self._reason:  # set aside, or its first question of this round failed
            return _silences(request, self._reason[device])
        found = self._ask(request)
        at, utc = now()
        match found:
            case Words(words):
                self._is_here(device)
                return samples_of(request, words, at, utc)
            case Refusal(code) if code not in GATEWAY_SILENT:
                self._is_here(device)
                return _silences(request, f"exception-{code}")
            case Refusal():
                self._is_missing(device, "timeout")
                return _silences(request, "timeout")
            case Nothing("crc" as reason):  # someone spoke: noise is no reason to set a device aside
                return _silences(request, reason)
            case Nothing(reason):
                self._is_missing(device, reason)
                return _silences(request, reason)
            case _:
                assert_never(found)

    def _ask(self, request: Request) -> Words | Refusal | Nothing:
        """Send the question; collect bytes until they hold the answer, fall quiet, or the time is over."""
        self._transaction = self._transaction % 0xFFFF + 1
        if self._gap_s and self._closed.wait(self._gap_s):
            raise DriverError(f"{self.name}: closed")
        self._link.drain()
        self._link.send(question(request, self._framing, self._transaction))
        deadline = time.monotonic() + self._timeout_s
        data = b""
        found: Words | Refusal | Nothing = Nothing("timeout")
        while isinstance(found, Nothing) and len(data) < 1024:
            left = deadline - time.monotonic()
            if data and self._framing == "rtu":
                left = min(left, QUIET_S)
            more = self._link.receive(left) if left > 0 else b""
            if not more:
                break
            data += more
            found = answer(data, request, self._framing, self._transaction)
            if found == Nothing("crc") and self._framing == "tcp":
                raise DriverError(f"{self.name}: what answers does not speak Modbus TCP", "garbage")
        return found

    def _is_here(self, device: int) -> None:
        if self._attendance.answered(device):
            log.info("%s: device %d answers again", self.name, device)

    def _is_missing(self, device: int, reason: str) -> None:
        self._reason[device] = reason
        if self._attendance.missed(device):
            log.warning("%s: device %d set aside, asked every tenth round: %s", self.name, device, reason)

    def _reopen_when_nobody_answers(self) -> None:
        """A TCP peer that vanished without a word looks like silent devices: connect anew to find out."""
        if self._framing == "tcp" and self._attendance.nobody and len(self._asked) > 0:
            self._link.close()
            self._link.open()


def _link(bus: ModbusTcpBus | ModbusSerialBus) -> Link:
    match bus:
        case ModbusTcpBus():
            return TcpLink(bus.name, bus.host, bus.port, bus.timeout_s)
        case ModbusSerialBus():
            return SerialLink(bus.name, bus.port, bus.baud, bus.parity, bus.stop_bits)
        case _:
            assert_never(bus)


def _silences(request: Request, reason: str) -> list[Sample]:
    at, utc = now()
    return [Silence(point.id, reason, at, utc) for point in request.points]
