"""`campus-agent update` and `campus-server update`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from config.update import UpdateSection

Load = Callable[[Path], UpdateSection]
Trial = Callable[[Path, Path], Sequence[str]]


def register(app: typer.Typer, program: str, config: Path, load: Load, trial: Trial) -> None:
    """Add the command to a program; `trial` is what the new release must be able to do with the configuration."""

    @app.command()
    def update(  # pyright: ignore[reportUnusedFunction]
        wheel: Annotated[Path, typer.Argument(help="The release's wheel; what it needs lies beside it.")],
        signature: Annotated[Path, typer.Option(help="The signed list that came with it.")],
        file: Annotated[Path, typer.Option("--config", help="The configuration, with [update].")] = config,
        allow_older: Annotated[bool, typer.Option("--allow-older", help="Also a version older than this.")] = False,  # noqa: FBT002
    ) -> None:
        """Install a signed release, switch to it, and go back where it does not run. Needs root; no network."""
        from update import apply, confirm  # noqa: PLC0415 - the running program never needs it
        from update.errors import UpdateError  # noqa: PLC0415

        section = load(file)
        wish = apply.Wish(
            wheel.absolute(), signature, f"{program}.service", version(apply.PROJECT),
            lambda release: trial(release, file.absolute()), allow_older,
        )  # fmt: skip
        try:
            now = apply.apply(wish, section, confirm.OPT, confirm.Systemd(wish.unit_name), threading.Event())
        except (UpdateError, OSError) as e:
            typer.echo(f"{program}: {e}", err=True)
            raise typer.Exit(1) from e
        typer.echo(f"{program}: runs {now}; what ran before is kept in {confirm.OPT.before}")
