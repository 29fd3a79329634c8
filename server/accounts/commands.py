"""The commands about accounts: users, screens that stay logged in, tokens for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from config import load
from config.server import ServerConfig
from server.accounts.permissions import Role
from server.accounts.reach import EVERY, Reach, parse
from server.errors import RefusedError

Config = Annotated[Path, typer.Option("--config", help="the server's TOML file")]
Site = Annotated[str, typer.Option(help="the one school that is seen; every school where nothing is given")]
Places = Annotated[
    list[str] | None, typer.Option(help="SITE, or SITE/GRID for one grid of it; may be given again, in place of --site")
]
Result = TypeVar("Result")

_user = typer.Typer(no_args_is_help=True, help="Who may log in.")
_kiosk = typer.Typer(no_args_is_help=True, help="Screens that stay logged in.")
_token = typer.Typer(no_args_is_help=True, help="Keys for programs that ask the API.")


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    for name, group in (("user", _user), ("kiosk", _kiosk), ("token", _token)):
        cli.add_typer(group, name=name)


@_user.command("add")
def user_add(
    name: str,
    config: Config,
    role: Annotated[Role, typer.Option(help="what the user is here for")],
    site: Site = "",
    reach: Places = None,
) -> None:
    """Add a user; the first password is made here and printed once."""
    from server.accounts import users  # noqa: PLC0415

    password = users.make_password()
    _write(config, lambda c: users.add(c, name, role, password, datetime.now(UTC), _reach(site, reach)))
    typer.echo(f"user {name} ({role}): the password is {password} (shown only now)")


@_user.command("list")
def user_list(config: Config) -> None:
    """List users."""
    from server.accounts import users  # noqa: PLC0415

    for one in _write(config, users.listed):
        typer.echo(f"{one.name}\t{one.role}\t{' '.join(one.reach.words())}\t{'disabled' if one.disabled else ''}")


@_user.command("disable")
def user_disable(name: str, config: Config) -> None:
    """Let a user in no more, and end the open sessions."""
    from server.accounts import users  # noqa: PLC0415

    _write(config, lambda c: users.disable(c, name))
    typer.echo(f"user {name}: disabled")


@_user.command("password")
def user_password(name: str, config: Config) -> None:
    """Make a new password and print it once; the open sessions and all tokens end."""
    from server.accounts import users  # noqa: PLC0415

    password = users.make_password()
    ended = _write(config, lambda c: users.set_password(c, name, password, datetime.now(UTC)))
    typer.echo(f"user {name}: the password is {password} (shown only now)")
    if ended:
        typer.echo(f"user {name}: {ended} tokens were revoked; programs that used them need others")


@_kiosk.command("add")
def kiosk_add(
    name: str,
    config: Config,
    site: Site = "",
    reach: Places = None,
    look_only: Annotated[bool, typer.Option(help="it may not acknowledge")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Add a screen; print the address that logs its browser in once, within 24 hours."""
    from server.accounts import kiosks  # noqa: PLC0415

    code = _write(config, lambda c: kiosks.add(c, name, datetime.now(UTC), _reach(site, reach), look_only=look_only))
    typer.echo(f"kiosk {name}: open {_address(load(config, ServerConfig))}/kiosk#{code} on it (works once, for 24 h)")


@_kiosk.command("code")
def kiosk_code(name: str, config: Config) -> None:
    """Make another address for a screen, e.g. after its device was replaced."""
    from server.accounts import kiosks  # noqa: PLC0415

    code = _write(config, lambda c: kiosks.renew(c, name, datetime.now(UTC)))
    typer.echo(f"kiosk {name}: open {_address(load(config, ServerConfig))}/kiosk#{code} on it (works once, for 24 h)")


@_kiosk.command("revoke")
def kiosk_revoke(name: str, config: Config) -> None:
    """End a screen for good."""
    from server.accounts import kiosks  # noqa: PLC0415

    _write(config, lambda c: kiosks.revoke(c, name))
    typer.echo(f"kiosk {name}: revoked")


@_user.command("enable")
def user_enable(name: str, config: Config) -> None:
    """Let a disabled user in again."""
    from server.accounts import users  # noqa: PLC0415

    _write(config, lambda c: users.enable(c, name))
    typer.echo(f"user {name}: may log in again")


@_user.command("role")
def user_role(
    name: str,
    config: Config,
    role: Annotated[Role, typer.Option(help="what the user is here for")],
    site: Site = "",
    reach: Places = None,
) -> None:
    """Give a user another role or site; the open sessions end."""
    from server.accounts import users  # noqa: PLC0415

    _write(config, lambda c: users.assign(c, name, role, _reach(site, reach)))
    typer.echo(f"user {name}: {role}, {' '.join(_reach(site, reach).words())}")


@_token.command("create")
def token_create(
    owner: Annotated[str, typer.Argument(help="the user in whose name the program asks")],
    name: Annotated[str, typer.Argument(help="which program it is for")],
    config: Config,
    scope: Annotated[list[str], typer.Option(help="a permission, e.g. hazards.read; may be given again")],
    days: Annotated[int, typer.Option(help="how long it holds")] = 365,
    site: Annotated[str, typer.Option(help="one site only; all its owner sees where none is given")] = "",
) -> None:
    """Make a token, never for more than its owner may do, and print it once."""
    from server.accounts import tokens  # noqa: PLC0415

    text = _write(config, lambda c: tokens.create(c, owner, name, scope, datetime.now(UTC), days, site))
    typer.echo(f"token {name}: {text} (shown only now; send it as Authorization: Bearer)")


@_token.command("list")
def token_list(config: Config) -> None:
    """List tokens: number, owner, name, scope, last day, last use."""
    from server.accounts import tokens  # noqa: PLC0415

    for one in _write(config, tokens.listed):
        used = f"used {one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never used"
        state = "revoked" if one.revoked_at else f"until {one.expires_at:%Y-%m-%d}"
        typer.echo(f"{one.id}\t{one.owner}\t{one.name}\t{' '.join(one.scope)}\t{one.site}\t{state}\t{used}")


@_token.command("revoke")
def token_revoke(number: Annotated[int, typer.Argument(help="from `token list`")], config: Config) -> None:
    """End a token for good."""
    from server.accounts import tokens  # noqa: PLC0415

    ended = _write(config, lambda c: tokens.revoke(c, number, datetime.now(UTC)))
    typer.echo(f"token {ended.name} of {ended.owner}: revoked")


def _reach(site: str, places: list[str] | None) -> Reach:
    try:
        return parse(places or [site or EVERY])
    except RefusedError as e:
        raise typer.BadParameter(str(e)) from e


def _write(config: Path, work: Callable[[Connection], Result]) -> Result:
    from server.accounts.audit import note  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415

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
