"""A message as the PDUs a modem takes (3GPP TS 23.040, 27.005): UCS-2, long ones in parts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SINGLE, PART = 70, 67  # UCS-2 characters in one message, and in a part of a long one
MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Pdu:
    """What follows AT+CMGS; `length` counts octets without the service centre's."""

    length: int
    text: str


def pdus(number: str, message: str, reference: int) -> Sequence[Pdu]:
    """Word a message for one number; what three parts cannot hold is cut, and ends in an ellipsis."""
    units = _units(message)
    if len(units) <= SINGLE:
        return [_pdu(number, b"".join(units), b"")]
    if len(units) > MOST_PARTS * PART:
        units = [*units[: MOST_PARTS * PART - 1], "…".encode("utf-16-be")]
    parts = [b"".join(units[i : i + PART]) for i in range(0, len(units), PART)]
    return [
        _pdu(number, part, bytes((0x05, 0x00, 0x03, reference & 0xFF, len(parts), n)))
        for n, part in enumerate(parts, 1)
    ]


def _units(message: str) -> list[bytes]:
    """Split into UTF-16 code units; what is beyond the basic plane is shown as a box by most phones, so as a mark."""
    plain = "".join(c if ord(c) < 0x10000 else "□" for c in message)
    return [c.encode("utf-16-be", "replace") for c in plain]


def _pdu(number: str, content: bytes, header: bytes) -> Pdu:
    digits = number.removeprefix("+")
    kind = 0x91 if number.startswith("+") else 0x81
    padded = digits + ("F" if len(digits) % 2 else "")
    swapped = "".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2))
    first = 0x11 | (0x40 if header else 0)  # SUBMIT with a relative validity; 0x40: a header before the text
    # Reference 0 (the modem's own), number, protocol 0, UCS-2, valid for a day.
    head = bytes((first, 0, len(digits), kind)) + bytes.fromhex(swapped) + bytes((0x00, 0x08, 0xA7))
    data = header + content
    body = head + bytes((len(data),)) + data
    return Pdu(len(body), "00" + body.hex().upper())
