"""Fill an outbox from several threads, with receipts in between: the process that the power-cut test watches."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from agent_fakes import crossing, event, running_outbox


def main() -> None:
    """Store 700 entries in the folder named on the command line."""
    folder = Path(sys.argv[1])
    with running_outbox(folder / "box", accepted_log=folder / "accepted") as outbox:

        def fill() -> None:
            for n in range(100):
                stored = outbox.add(event() if n % 3 else crossing())
                if n % 2:
                    outbox.acknowledge(stored.epoch, [stored.seq])

        threads = [threading.Thread(target=fill) for _ in range(7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
