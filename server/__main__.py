"""`campus-server`: run it, and look after its users and agents."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from config import ConfigError, load
from config.ownership import give_to_owner
from config.secrets import shown
from config.server import ServerConfig
from server.accounts import commands as accounts
from server.enrol import commands as enrolling
from server.errors import ServerError
from server.history import commands as history
from server.safekeeping import commands as safekeeping
from update.commands import register as register_update

Config = Annotated[Path, typer.Option("--config", help="the server's TOML file")]
Data = Annotated[Path, typer.Option("--data", help="the server's data directory")]
SWITCH_S = 0.001  # a message crosses threads some ten times: at Python's 5 ms a busy writer would hold each of them up
Result = TypeVar("Result")

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
accounts.register(cli)
enrolling.register(cli)
history.register(cli)
safekeeping.register(cli)
register_update(
    cli,
    "campus-server",
    Path("/etc/campuswatch/server.toml"),
    lambda file: load(file, ServerConfig).update,
    lambda release, file: [str(release / "bin" / "campus-server"), "config", "--config", str(file)],
)


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
    port: Annotated[int, typer.Option(min=1, max=65535, help="port of the pages")] = 8000,
    broker_port: Annotated[int, typer.Option(min=1, max=65535, help="port of the embedded broker")] = 1883,
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
    """Take messages in, a share of the sites each; needs PostgreSQL and an external broker."""
    from server import working  # noqa: PLC0415

    settings = load(config, ServerConfig)
    _log_to_stderr()
    asyncio.run(working.ingest(settings, worker))


@cli.command()
def web(
    config: Config,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="in place of [http] port")] = None,
) -> None:
    """Only show pages, as many of these as are needed beside ingest workers."""
    from server.pages.session_rooms import rooms  # noqa: PLC0415
    from server.showing import show  # noqa: PLC0415

    settings = load(config, ServerConfig)
    if port is not None:
        settings = settings.model_copy(update={"http": settings.http.model_copy(update={"port": port})})
    _log_to_stderr()
    asyncio.run(show(settings, rooms, lambda _: logging.getLogger("server").info("pages: %s", _address(settings))))


@cli.command("config")
def config_(config: Config) -> None:
    """Print the configuration as it stands, defaults and all; secrets are not shown."""
    typer.echo(shown(load(config, ServerConfig)))


@cli.command()
def verify(
    config: Config,
    file: Annotated[Path | None, typer.Option("--file", help="an exported journal, in place of the database")] = None,
    anchors: Annotated[Path | None, typer.Option("--anchors", help="tips that were noted elsewhere")] = None,
) -> None:
    """Prove that nobody changed the ledger's journal or the audit; name the first row that is not as it was written."""
    from server.ledger import checking  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415

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
    audited = f", {found.audit_lines} lines of the audit" if file is None else ""
    typer.echo(f"the ledger is whole: {found.rows} journal rows{audited}")


@cli.command()
def export(config: Config, file: Annotated[Path, typer.Argument(help="where the lines go")]) -> None:
    """Write the ledger's journal to a file, one JSON object a line, for `verify --file` elsewhere."""
    from server.ledger import checking  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415

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


def main() -> None:
    """Run the command line; trouble that is expected is one line and exit code 1."""
    os.umask(0o077)  # what the server keeps is for the server alone
    try:
        cli(standalone_mode=True)
    except (ConfigError, ServerError) as e:
        sys.exit(f"campus-server: {e}")
    except ValueError as e:
        sys.exit(f"campus-server: {e}")
    finally:
        _give_back(sys.argv)


def _give_back(arguments: Sequence[str]) -> None:
    """Let the server have what a command made as root in its data directory."""
    if os.geteuid() != 0 or not (config := _config_in(arguments)):
        return
    with suppress(ConfigError, OSError):
        give_to_owner(load(Path(config), ServerConfig).data)


def _config_in(arguments: Sequence[str]) -> str:
    for one, after in zip(arguments, [*arguments[1:], ""], strict=True):
        if one == "--config" or one.startswith("--config="):
            return one.partition("=")[2] or after
    return ""


def _address(settings: ServerConfig) -> str:
    return f"{'https' if settings.http.tls else 'http'}://{settings.http.host}:{settings.http.port}"


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
