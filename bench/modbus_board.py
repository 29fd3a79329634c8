"""A Modbus TCP device for measurements: sixteen holding registers that change at the very instant they are set."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self


class Board:
    """Answers function 3 (read holding registers) to any number of callers, one thread each."""

    def __init__(self) -> None:
        self.registers = [0] * 16
        self.questions = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller:
            while True:
                try:
                    question = caller.recv(12, socket.MSG_WAITALL)
                    if len(question) < 12:
                        return
                    caller.sendall(self._answer(question))
                except OSError:
                    return

    def _answer(self, question: bytes) -> bytes:
        self.questions += 1
        start, count = int.from_bytes(question[8:10], "big"), int.from_bytes(question[10:12], "big")
        values = b"".join(value.to_bytes(2, "big") for value in self.registers[start : start + count])
        body = question[6:8] + bytes((len(values),)) + values
        return question[:4] + len(body).to_bytes(2, "big") + body
