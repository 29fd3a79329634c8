"""Run one of our programs in which bugs can be switched on: `failing.py FILE agent|server ARGUMENTS…`.

`FILE.places` names the methods that may fail, as MODULE:CLASS.METHOD, one a line. Meanwhile FILE says `raise METHOD`
(its next call does, once) or `hang METHOD` (its next call never returns); `FILE.done` says that the call came.
"""

from __future__ import annotations

import importlib
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import Any

_LOOK_S = 0.05


class Bugs:
    """The methods that may fail, and which of them is to fail next."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._next: dict[str, str] = {}
        for where in file.with_suffix(".places").read_text(encoding="ascii").split():
            self._put_in(where)

    def _put_in(self, where: str) -> None:
        module, path = where.split(":")
        owner = getattr(importlib.import_module(module), path.split(".")[0])
        name = path.split(".")[1]
        sound = getattr(owner, name)

        def unsound(*given: Any, **named: Any) -> Any:
            mode = self._next.pop(where, "") if self._next else ""
            if not mode:
                return sound(*given, **named)
            self._file.with_suffix(".done").touch()
            if mode == "hang":
                threading.Event().wait()
            raise RuntimeError(f"a bug in {where}")

        setattr(owner, name, unsound)

    def look(self) -> None:
        """Follow the file."""
        while True:
            time.sleep(_LOOK_S)
            if self._file.exists():
                mode, where = self._file.read_text(encoding="ascii").split()
                self._file.unlink()
                self._next[where] = mode


if __name__ == "__main__":
    threading.Thread(target=Bugs(Path(sys.argv[1])).look, daemon=True).start()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
