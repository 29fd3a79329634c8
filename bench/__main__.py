"""Run benchmarks by name, or all of them: `python -m bench [NAME ...]`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import cast

from rich.console import Console

HERE = Path(__file__).parent


def names() -> list[str]:
    """Every benchmark: each module here that has its own `main`."""
    return sorted(p.stem for p in HERE.glob("[a-z]*.py") if "\ndef main() -> None:" in p.read_text(encoding="utf-8"))


def main() -> None:
    """Run what is asked for; go on when one fails, and fail at the end."""
    known = names()
    wanted = sys.argv[1:] or known
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}")
    (HERE / "out").mkdir(exist_ok=True)
    failed: list[str] = []
    for name in wanted:
        Console().rule(name)
        try:
            cast("object", importlib.import_module(f"bench.{name}").main())
        except (OSError, RuntimeError, AssertionError, ImportError) as e:
            Console().print(f"{name}: failed: {e}")
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
