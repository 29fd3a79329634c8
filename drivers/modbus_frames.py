"""Modbus questions into bytes and bytes into answers; the framing and the CRC are pymodbus's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from drivers.modbus_plan import Request

Framing = Literal["rtu", "tcp"]
_QUESTIONS: dict[str, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}
_DECODER = DecodePDU(is_server=False)
_RTU = FramerRTU(_DECODER)
_TCP = FramerSocket(_DECODER)
_MBAP = 6  # bytes of the TCP header before the length it counts
_LONGEST_ADU = 260


@dataclass(frozen=True, slots=True)
class Words:
    """The registers (or bits, as 0 and 1) that were asked for."""

    words: Sequence[int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The device answered that it will not: a Modbus exception code."""

    code: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """No answer to our question in these bytes, and why."""

    reason: Literal["timeout", "crc", "wrong-unit", "wrong-answer"]


Answer = Words | Refusal | Nothing


def question(request: Request, framing: Framing, transaction: int = 0) -> bytes:
    """Return the bytes that ask for it."""
    pdu = _QUESTIONS[request.table](
        address=request.start, count=request.count, dev_id=request.device, transaction_id=transaction
    )
    return (_RTU if framing == "rtu" else _TCP).buildFrame(pdu)


def answer(data: bytes, request: Request, framing: Framing, transaction: int = 0) -> Answer:
    """Find the answer to a request in what has come so far. Never raises.

    Garbage before the answer is passed over. `Nothing` may become an answer when more bytes come.
    """
    return _rtu_answer(data, request) if framing == "rtu" else _tcp_answer(data, request, transaction)


def _rtu_answer(data: bytes, request: Request) -> Answer:
    """Look for our frame at every place; the device's address, function, byte count and CRC must all agree."""
    stranger: Literal["wrong-unit", "wrong-answer"] | None = None
    for start in range(len(data) - 4):
        frame = data[start:]
        function = frame[1] & 0x7F
        size = 5 if frame[1] & 0x80 else 5 + frame[2]
        if not 1 <= function <= 4 or len(frame) < size:
            continue
        used, device, _, body = _RTU.decode(frame[:size])
        if not used or not body:
            continue
        if device != request.device:
            stranger = "wrong-unit"
            continue
        found = _read(body, request)
        if not isinstance(found, Nothing):
            return found
        stranger = "wrong-answer"
    if stranger:
        return Nothing(stranger)
    return Nothing("crc" if data else "timeout")


def _tcp_answer(data: bytes, request: Request, transaction: int) -> Answer:
    """Walk the frames; late answers to earlier questions carry another transaction and are passed over."""
    stranger: Literal["wrong-unit", "wrong-answer"] | None = None
    while len(data) > _MBAP + 1:
        size = int.from_bytes(data[4:6], "big") + _MBAP
        if data[2:4] != b"\0\0" or not _MBAP + 2 < size <= _LONGEST_ADU:
            return Nothing("crc")
        if len(data) < size:
            break
        _, device, number, body = _TCP.decode(data[:size])
        data = data[size:]
        if number != transaction:
            continue
        if device != request.device:
            stranger = "wrong-unit"
            continue
        found = _read(body, request)
        if not isinstance(found, Nothing):
            return found
        stranger = "wrong-answer"
    return Nothing(stranger or "timeout")


def _read(body: bytes, request: Request) -> Answer:
    """Take the inner part apart: it must answer this very question."""
    bits = request.table in {"coil", "discrete"}
    promised = (request.count + 7) // 8 if bits else request.count * 2
    function = _QUESTIONS[request.table].function_code
    if len(body) == 2 and body[0] == function | 0x80:
        return Refusal(body[1])
    if len(body) != 2 + promised or body[0] != function or body[1] != promised:
        return Nothing("wrong-answer")
    pdu = _DECODER.decode(body)
    if pdu is None:
        return Nothing("wrong-answer")
    return Words([int(bit) for bit in pdu.bits[: request.count]] if bits else list(pdu.registers))
