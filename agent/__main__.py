"""The command `campus-agent`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run a command. `run --config FILE` goes without the command-line library: the agent starts in half the time."""
    arguments = sys.argv[1:]
    if len(arguments) == 3 and arguments[:2] == ["run", "--config"]:
        from agent.run import run  # noqa: PLC0415

        sys.exit(run(Path(arguments[2])))
    from agent.cli import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
