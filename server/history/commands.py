"""`campus-server history`: set a history server up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.server import ServerConfig


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    history = typer.Typer(no_args_is_help=True, help="Look after the history of readings.")

    @history.command()
    def init(
        config: Annotated[Path, typer.Option("--config", help="the server's TOML file")],
        token: Annotated[
            Path | None,
            typer.Option("--token-file", help="an operator's token, where the server's own may make nothing"),
        ] = None,
    ) -> None:
        """Make buckets, retention and the names InfluxQL knows; say what a server of another kind needs."""
        from server.history.setup import set_up  # noqa: PLC0415 - a short command need not load it

        section = load(config, ServerConfig).history
        if token is not None:
            place = section.influx.model_copy(update={"token_file": token, "user": None, "password_file": None})
            section = section.model_copy(update={"influx": place})
        for line in set_up(section):
            typer.echo(line)

    @history.callback()
    def name() -> None:
        """Look after the history of readings."""

    _ = init, name
    cli.add_typer(history, name="history")
