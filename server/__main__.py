"""`campus-server`: run it, and look after its users and agents."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from config import ConfigError, load
from config.server import ServerConfig
from server.accounts.permissions import Role
from server.enrol import commands as enrolling
from server.errors import ServerError

Config = Annotated[Path, typer.Option("--config", help="the server's TOML file")]
Data = Annotated[Path, typer.Option("--data", help="the server's data directory")]
SWITCH_S = 0.001  # a message crosses threads some ten times: at Python's 5 ms a busy writer would hold each of them up
Result = TypeVar("Result")

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
user = typer.Typer(no_args_is_help=True, help="Who may log in.")
cli.add_typer(user, name="user")
kiosk = typer.Typer(no_args_is_help=True, help="Screens that stay logged in.")
cli.add_typer(kiosk, name="kiosk")
enrolling.register(cli)


@cli.command()
def run(config: Config) -> None:
    """Run the whole server until it is told to stop."""
    from server.pages.session_rooms import rooms  # noqa: PLC0415 - a short command need not load the web
    from server.running import serve  # noqa: PLC0415

    settings = load(config, ServerConfig)
    _log_to_stderr()
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(
        serve(settings, rooms, ready=lambda _: logging.getLogger("server").info("pages: %s", _address(settings)))
    )


@cli.command()
def demo(
    host: Annotated[str, typer.Option(help="where the pages are served")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port of the pages")] = 8000,
    broker_port: Annotated[int, typer.Option(help="port of the embedded broker")] = 1883,
    data: Annotated[Path, typer.Option(help="where everything is kept")] = Path("data"),
    video: Annotated[str | None, typer.Option(help="a real feed for the exit's camera: file, device or RTSP")] = None,
) -> None:
    """Run everything here: broker, server and a simulated campus with real agents."""
    from server.demo import run as demonstration  # noqa: PLC0415

    demonstration.run(demonstration.Demo(host, port, broker_port, data.resolve(), video))


@cli.command()
def ingest(
    config: Config,
    worker: Annotated[int, typer.Option(min=1, max=999, help="a number of its own, the same at every start")] = 1,
) -> None:
    """Only take messages in, beside a server that shows them: needs PostgreSQL and an external broker."""
    from server import running  # noqa: PLC0415

    settings = load(config, ServerConfig)
    _log_to_stderr()
    asyncio.run(running.ingest(settings, worker))


@cli.command()
def verify(
    config: Config,
    file: Annotated[Path | None, typer.Option("--file", help="an exported journal, in place of the database")] = None,
    anchors: Annotated[Path | None, typer.Option("--anchors", help="tips that were noted elsewhere")] = None,
) -> None:
    """Prove that nobody changed the ledger's journal; name the first row that is not as it was written."""
    from server.ledger import checking  # noqa: PLC0415
    from server.running import open_database  # noqa: PLC0415

    settings = load(config, ServerConfig)
    if file is not None:
        found = checking.check_file(file, anchors)
    else:
        database = open_database(settings)
        try:
            with database.read.connect() as connection:
                found = checking.check_database(connection, settings.data, anchors)
        finally:
            database.close()
    if found.broken is not None:
        raise ServerError(f"the ledger was changed: {found.broken}")
    typer.echo(f"the ledger is whole: {found.rows} journal rows")


@cli.command()
def export(config: Config, file: Annotated[Path, typer.Argument(help="where the lines go")]) -> None:
    """Write the ledger's journal to a file, one JSON object a line, for `verify --file` elsewhere."""
    from server.ledger import checking  # noqa: PLC0415
    from server.running import open_database  # noqa: PLC0415

    database = open_database(load(config, ServerConfig))
    try:
        with database.read.connect() as connection:
            typer.echo(f"{file}: {checking.export(connection, file)} journal rows")
    finally:
        database.close()


@cli.command()
def push(target: Annotated[str, typer.Argument(help="the id of a [[push]]")], config: Config) -> None:
    """Send a test message to one target, now."""
    from server.pages.catalogue import read  # noqa: PLC0415 - a short command need not load the web
    from server.push.follow import sender_of  # noqa: PLC0415

    settings = load(config, ServerConfig)
    found = next((one for one in settings.push if one.id == target), None)
    if found is None:
        known = ", ".join(one.id for one in settings.push) or "none"
        raise ServerError(f"push {target}: there is none with this id in {config}; there are: {known}")
    sender_of(found).send(read(found.language).text("push.test"))
    typer.echo(f"push {target}: sent")


@user.command("add")
def user_add(
    name: str,
    config: Config,
    role: Annotated[Role, typer.Option(help="what the user is here for")],
    site: Annotated[str, typer.Option(help="the one site the user sees; every site where none is given")] = "",
) -> None:
    """Add a user; the first password is made here and printed once."""
    from server.accounts import users  # noqa: PLC0415

    password = users.make_password()
    _write(config, lambda c: users.add(c, name, role, password, datetime.now(UTC), site))
    typer.echo(f"user {name} ({role}): the password is {password} (shown only now)")


@user.command("list")
def user_list(config: Config) -> None:
    """List users."""
    from server.accounts import users  # noqa: PLC0415

    for one in _write(config, users.listed):
        typer.echo(f"{one.name}\t{one.role}\t{one.site or '(every site)'}\t{'disabled' if one.disabled else ''}")


@user.command("disable")
def user_disable(name: str, config: Config) -> None:
    """Let a user in no more, and end the open sessions."""
    from server.accounts import users  # noqa: PLC0415

    _write(config, lambda c: users.disable(c, name))
    typer.echo(f"user {name}: disabled")


@user.command("password")
def user_password(name: str, config: Config) -> None:
    """Make a new password and print it once; the open sessions end."""
    from server.accounts import users  # noqa: PLC0415

    password = users.make_password()
    _write(config, lambda c: users.set_password(c, name, password))
    typer.echo(f"user {name}: the password is {password} (shown only now)")


@kiosk.command("add")
def kiosk_add(
    name: str,
    config: Config,
    site: Annotated[str, typer.Option(help="the one site the screen shows; every site where none is given")] = "",
    look_only: Annotated[bool, typer.Option(help="it may not acknowledge")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Add a screen; print the address that logs its browser in once, within 24 hours."""
    from server.accounts import kiosks  # noqa: PLC0415

    code = _write(config, lambda c: kiosks.add(c, name, datetime.now(UTC), site, look_only=look_only))
    typer.echo(f"kiosk {name}: open {_address(load(config, ServerConfig))}/kiosk#{code} on it (works once, for 24 h)")


@kiosk.command("code")
def kiosk_code(name: str, config: Config) -> None:
    """Make another address for a screen, e.g. after its device was replaced."""
    from server.accounts import kiosks  # noqa: PLC0415

    code = _write(config, lambda c: kiosks.renew(c, name, datetime.now(UTC)))
    typer.echo(f"kiosk {name}: open {_address(load(config, ServerConfig))}/kiosk#{code} on it (works once, for 24 h)")


@kiosk.command("revoke")
def kiosk_revoke(name: str, config: Config) -> None:
    """End a screen for good."""
    from server.accounts import kiosks  # noqa: PLC0415

    _write(config, lambda c: kiosks.revoke(c, name))
    typer.echo(f"kiosk {name}: revoked")


def main() -> None:
    """Run the command line; trouble that is expected is one line and exit code 1."""
    os.umask(0o077)  # what the server keeps is for the server alone
    try:
        cli(standalone_mode=True)
    except (ConfigError, ServerError) as e:
        sys.exit(f"campus-server: {e}")
    except ValueError as e:
        sys.exit(f"campus-server: {e}")


def _write(config: Path, work: Callable[[Connection], Result]) -> Result:
    from server.accounts.audit import note  # noqa: PLC0415
    from server.running import open_database  # noqa: PLC0415

    settings = load(config, ServerConfig)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(settings)
    try:
        with database.write.begin() as connection:
            result = work(connection)
            note(connection, datetime.now(UTC), "(command line)", " ".join(sys.argv[1:3]), " ".join(sys.argv[3:4]))
            return result
    finally:
        database.close()


def _address(settings: ServerConfig) -> str:
    return f"{'https' if settings.http.tls else 'http'}://{settings.http.host}:{settings.http.port}"


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
