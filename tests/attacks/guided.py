"""Let atheris search one reader of foreign bytes, led by what each input reaches: `guided.py NAME FOLDER RUNS`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]


class Atheris(Protocol):
    """What is used of the library, which is installed for this run alone."""

    def instrument_imports(self, *, include: Sequence[str]) -> AbstractContextManager[None]: ...
    def Setup(  # noqa: N802
        self, argv: Sequence[str], test_one_input: Callable[[bytes], object], /
    ) -> object: ...
    def Fuzz(self) -> None: ...  # noqa: N802


def main() -> None:
    """Start from the reader's seeds; an input it fails at ends the run, its bytes are in the folder."""
    name, folder, runs = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    atheris = cast("Atheris", importlib.import_module("atheris"))
    with atheris.instrument_imports(include=["config", "contracts", "drivers", "server"]):
        from fuzzing import targets
    [target] = [one for one in targets() if one.name == name]
    seeds = folder / "seeds"
    seeds.mkdir(parents=True)
    for number, seed in enumerate(target.seeds):
        (seeds / str(number)).write_bytes(seed)
    flags = [f"-atheris_runs={runs}", "-max_len=8192", "-len_control=10", "-timeout=25", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={folder}/", str(seeds)], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
