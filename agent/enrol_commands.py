"""`campus-agent enroll` and `campus-agent renew`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--folder", help="Where key and certificates are kept (0700).")]
DEFAULT = Path("/var/lib/campus-agent/identity")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(enroll)
    app.command()(renew)


def enroll(
    url: Annotated[str, typer.Argument(help="The server's address, as `campus-server enroll` printed it.")],
    token: Annotated[str, typer.Argument(help="The one-time token; - reads it from standard input.")],
    ca_fingerprint: Annotated[str, typer.Option(help="SHA-256 of the campus authority's certificate.")] = "",
    folder: Folder = DEFAULT,
) -> None:
    """Make this device's key and certificate by a one-time token; print the [mqtt] lines."""
    from agent import identity  # noqa: PLC0415 - the running agent never needs it
    from agent.enrol_door import Door, EnrolmentError  # noqa: PLC0415

    given = sys.stdin.readline().strip() if token == "-" else token  # noqa: S105 - a word, no secret
    try:
        made = identity.enroll(Door(url, ca_fingerprint), given, folder)
    except (EnrolmentError, OSError) as e:
        typer.echo(f"campus-agent: {e}", err=True)
        raise typer.Exit(1) from e
    until = made.not_after[:10]
    typer.echo(
        f"# {made.site}/{made.agent}: certificate until {until}; put this into the agent's TOML file, then start it"
    )
    typer.echo(made.snippet, nl=False)


def renew(
    folder: Folder = DEFAULT,
    force: Annotated[bool, typer.Option("--force", help="Now, whatever the certificate's age.")] = False,  # noqa: FBT002
) -> None:
    """Get the next certificate when two thirds of this one's life are over. A timer runs this every day."""
    from agent import identity  # noqa: PLC0415
    from agent.enrol_door import EnrolmentError  # noqa: PLC0415

    try:
        made = identity.renew(identity.known_door(folder), folder, identity.utc_now(), force=force)
    except (EnrolmentError, OSError, ValueError, KeyError) as e:
        typer.echo(f"campus-agent: {e}", err=True)
        raise typer.Exit(1) from e
    typer.echo("not due yet" if made is None else f"{made.site}/{made.agent}: certificate until {made.not_after[:10]}")
