"""Run several whole agents in one process: `fleet.py FILE…`, a configuration each; for more than a machine could start.

Each has its own outbox, buses, detectors, connection and supervisor; what they share is the interpreter, whose start
costs a core more than a second.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from agent.clock import system_clock
from agent.run import assemble
from config import load
from config.agent import AgentConfig


def main(files: list[str]) -> None:
    """Run until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    threads: list[threading.Thread] = []
    for file in files:
        config = load(Path(file), AgentConfig)
        agent = assemble(config, system_clock(config.clock.synced_file))
        threads.append(threading.Thread(target=agent.run, args=(stop,), name=config.agent))
    gc.collect()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
