"""The commands of safekeeping: backup, restore, move."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from config import load
from config.server import ServerConfig

Config = Annotated[Path, typer.Option("--config", help="the server's TOML file")]
Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", help="seals keys and passwords; without it they are left out")
]


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    for command in (backup, restore, move):
        cli.command()(command)


def backup(
    config: Config,
    file: Annotated[
        Path | None, typer.Argument(help="where it goes; DATA/backups/DATE.zip where none is given")
    ] = None,
    passphrase_file: Passphrase = None,
    history: Annotated[bool, typer.Option(help="the readings too")] = True,  # noqa: FBT002 - a flag of a command line
) -> None:
    """Copy all that the server keeps into one file, while it runs."""
    from server.database import connect  # noqa: PLC0415 - a short command need not load all
    from server.opening import database_address  # noqa: PLC0415
    from server.safekeeping import backup as keeping  # noqa: PLC0415
    from server.safekeeping.secret import read_passphrase  # noqa: PLC0415

    settings = load(config, ServerConfig)
    passphrase = read_passphrase(passphrase_file) if passphrase_file is not None else None
    target = file or settings.data / "backups" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
    database = connect(database_address(settings))
    try:
        typer.echo(keeping.backup(database, settings.data, target, passphrase, history=history).words)
    finally:
        database.close()


def restore(
    file: Annotated[Path, typer.Argument(help="a file that `backup` made")],
    config: Config,
    passphrase_file: Passphrase = None,
) -> None:
    """Put a backup back while no server runs; what is there already is set aside under another name."""
    from server.database import connect  # noqa: PLC0415
    from server.datadir import claimed  # noqa: PLC0415
    from server.errors import ServerError  # noqa: PLC0415
    from server.ledger.checking import check_database  # noqa: PLC0415
    from server.opening import database_address  # noqa: PLC0415
    from server.safekeeping import backup as keeping  # noqa: PLC0415
    from server.safekeeping.secret import read_passphrase  # noqa: PLC0415

    settings = load(config, ServerConfig)
    passphrase = read_passphrase(passphrase_file) if passphrase_file is not None else None
    with claimed(settings.data):
        database = connect(database_address(settings))
        try:
            done = keeping.restore(database, settings.data, file, passphrase)
            with database.read.connect() as connection:
                proof = check_database(connection, settings.data)
        finally:
            database.close()
    typer.echo(f"restored from {done.words}")
    if proof.broken is not None:
        raise ServerError(f"restored, but the ledger was changed: {proof.broken}")
    typer.echo(f"the ledger is whole: {proof.rows} journal rows")


def move(
    config: Config,
    to: Annotated[str, typer.Option(help="an empty PostgreSQL database, postgresql://user@host/name")],
    readings: Annotated[
        Path | None, typer.Option(help="copy the readings too, into this folder: the `data` of the new machine")
    ] = None,
) -> None:
    """Carry everything into PostgreSQL while no server runs; counts and hashes are compared, the chain is proved."""
    from server.datadir import claimed  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415
    from server.safekeeping import readings as kept  # noqa: PLC0415
    from server.safekeeping.move import move as carry  # noqa: PLC0415

    settings = load(config, ServerConfig)
    with claimed(settings.data):
        database = open_database(settings)
        try:
            moved = carry(database, to)
        finally:
            database.close()
        there = kept.look(settings.data) if readings is None else kept.carry(settings.data, readings)
    for one in moved:
        if one.rows:
            typer.echo(f"{one.table}\t{one.rows} rows\t{one.digest[:16]}")
    shown = make_url(to).render_as_string(hide_password=True)
    typer.echo(f"moved {sum(one.rows for one in moved)} rows; the journal is whole. Now set: database = {shown!r}")
    typer.echo(_of_readings(settings.data, readings, there.words if there is not None else ""))


def _of_readings(data: Path, target: Path | None, words: str) -> str:
    if not words:
        return f"{data} keeps no readings (a store of their own stays as it is: [history] in the configuration)"
    if target is not None:
        return f"readings copied into {target}: {words}; compared"
    return (
        f"the readings stay in {data / 'history.db'}: {words}. This server goes on using them; for another machine run "
        "`move` with --readings FOLDER, or copy that file while no server runs"
    )
