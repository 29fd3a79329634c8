"""An SMS modem on a serial port: opened for each message, so that it may be pulled and put back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.push import SmsModemTarget
from config.secrets import read_secret
from server.push.errors import PushError
from server.push.sms import pdus

if TYPE_CHECKING:
    import serial

SEND_S = 40.0
"""3GPP TS 27.005 lets a network take this long to take a message."""


@dataclass(slots=True)
class ModemSender:
    """One modem."""

    target: SmsModemTarget
    _reference: int = 0

    def send(self, text: str) -> None:
        """Send a message to every number; raise PushError at the first the network does not take."""
        import serial  # noqa: PLC0415 - only who has a modem needs it

        self._reference += 1
        try:
            with serial.Serial(str(self.target.device), self.target.baud, timeout=0.2, write_timeout=2) as port:
                self._prepare(port)
                for number in self.target.numbers:
                    for pdu in pdus(number, text, self._reference):
                        self._ask(port, f"AT+CMGS={pdu.length}\r", b">", self.target.timeout_s)
                        self._ask(port, pdu.text + "\x1a", b"OK", SEND_S)
        except (serial.SerialException, OSError) as e:
            raise PushError(f"push {self.target.id}: {self.target.device}: {e}") from e

    def _prepare(self, port: serial.Serial) -> None:
        port.write(b"\x1b")  # leave a message that was begun and never ended
        time.sleep(0.05)
        port.reset_input_buffer()
        self._ask(port, "ATE0\r", b"OK", self.target.timeout_s)
        if self.target.pin_file is not None and b"SIM PIN" in self._ask(port, "AT+CPIN?\r", b"OK", 10.0):
            try:
                pin = read_secret(self.target.pin_file)
            except (OSError, UnicodeDecodeError) as e:
                raise PushError(f"push {self.target.id}: {self.target.pin_file}: cannot be read") from e
            self._ask(port, f'AT+CPIN="{pin}"\r', b"OK", 10.0)
        self._ask(port, "AT+CMGF=0\r", b"OK", self.target.timeout_s)

    def _ask(self, port: serial.Serial, command: str, wanted: bytes, within_s: float) -> bytes:
        port.write(command.encode("ascii"))
        heard, deadline = b"", time.monotonic() + within_s
        while wanted not in heard:
            if b"ERROR" in heard:
                raise PushError(f"push {self.target.id}: the modem refuses {command[:7]!r}: {heard.split()!r}")
            if time.monotonic() > deadline:
                raise PushError(f"push {self.target.id}: the modem does not answer {command[:7]!r}")
            heard += port.read(port.in_waiting or 1)
            if len(heard) > 4096:
                heard = heard[-1024:]
        return heard
