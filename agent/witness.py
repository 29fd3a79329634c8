"""Write down what the outbox has accepted, for a fault test to hold against the ledger."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from agent.store import Entry


def witness(file: Path | None, stored: Sequence[Entry]) -> None:
    """Append a line an entry; nothing where no file is named."""
    if file is None:
        return
    at = time.time()
    lines = "".join(json.dumps({"epoch": e.epoch, "seq": e.seq, "id": e.id, "at": at}) + "\n" for e in stored)
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.write(opened, lines.encode())
    finally:
        os.close(opened)
