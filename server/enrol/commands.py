"""The commands about agents' identities: let one in, take one back, make the server's own certificate."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.server import ServerConfig
from contracts.topics import Kind, Topic, TopicError
from server.errors import ServerError

Config = Annotated[Path, typer.Option("--config", help="the server's TOML file")]
Agent = Annotated[str, typer.Argument(help="the agent's id, SITE/AGENT")]


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    for command in (enroll, revoke, certify):
        cli.command()(command)
    ca = typer.Typer(no_args_is_help=True, help="An authority under a root of your own that stays offline.")
    ca.command("request")(ca_request)
    ca.command("accept")(ca_accept)
    cli.add_typer(ca, name="ca")


def enroll(
    agent: Agent,
    config: Config,
    url: Annotated[
        str, typer.Option(help="how the agent reaches this server; by its certificate's first name where none is given")
    ] = "",
    password: Annotated[  # noqa: FBT002 - a flag of a command line
        bool, typer.Option("--password", help="a password for the embedded broker without TLS, instead of a token")
    ] = False,
) -> None:
    """Let an agent in: print the command with its one-time token, good for 15 minutes."""
    settings = load(config, ServerConfig)
    site, name = _parts(agent)
    if password:
        _print_password(settings, site, name)
        return
    from server.accounts.audit import note  # noqa: PLC0415 - a short command need not load all
    from server.enrol import authority, registry  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415

    issuer, now = authority.load(settings.data), datetime.now(UTC)
    database = open_database(settings)
    try:
        with database.write.begin() as connection:
            token = registry.make_token(connection, site, name, now)
            note(connection, now, "(command line)", "enroll", agent)
    finally:
        database.close()
    command = f"campus-agent enroll {url or _address(settings)} {token} --ca-fingerprint {issuer.fingerprint}"
    typer.echo(f"On the device, within 15 minutes, once:\n\n{command}\n")
    _print_code(command)


def _parts(agent: str) -> tuple[str, str]:
    site, _, name = agent.partition("/")
    try:
        Topic(site, name, Kind.BIRTH)
    except TopicError as e:
        raise ServerError(f"agent {agent}: write SITE/AGENT, like yuxi-no1/lab: {e}") from e
    return site, name


def revoke(agent: Agent, config: Config) -> None:
    """Take an agent's certificates back; it is off the embedded broker within seconds."""
    from server.accounts.audit import note  # noqa: PLC0415
    from server.enrol import authority, doors, registry  # noqa: PLC0415
    from server.opening import open_database  # noqa: PLC0415

    settings, now = load(config, ServerConfig), datetime.now(UTC)
    site, name = _parts(agent)
    database = open_database(settings)
    try:
        with database.write.begin() as connection:
            count = registry.revoke(connection, site, name, now)
            note(connection, now, "(command line)", "revoke", agent)
        with database.read.connect() as connection:
            doors.write(connection, authority.load(settings.data), settings.data, now)
    finally:
        database.close()
    typer.echo(f"agent {agent}: {count} certificate(s) revoked")


def certify(
    names: Annotated[list[str], typer.Argument(help="names and addresses by which this server is reached")],
    config: Config,
) -> None:
    """Make the server's own certificate by the campus authority, for its pages and its broker."""
    from server.enrol import authority  # noqa: PLC0415

    settings = load(config, ServerConfig)
    every = list(dict.fromkeys([*names, "localhost", "127.0.0.1", "::1"]))
    issuer = authority.load(settings.data)
    file = issuer.make_server(every, authority.folder_of(settings.data), datetime.now(UTC))
    typer.echo(f"# in [http] and [broker] of {config}; good for a year, then make it again. Restart the server.\n")
    typer.echo(f'cert_file = "{file}"\nkey_file = "{file}"')


def ca_request(config: Config) -> None:
    """Before the first start: make the authority's key, and the request that the offline root is to sign."""
    from server.enrol import offline  # noqa: PLC0415

    file = offline.request(load(config, ServerConfig).data)
    typer.echo(f"{file}: have it signed where the root's key is, then: campus-server ca accept CERTIFICATE ROOT")


def ca_accept(
    certificate: Annotated[Path, typer.Argument(help="what the root signed")],
    root: Annotated[Path, typer.Argument(help="the root's certificate, never its key")],
    config: Config,
) -> None:
    """Take over the certificate that the offline root signed."""
    from server.enrol import authority, offline  # noqa: PLC0415

    settings = load(config, ServerConfig)
    made = offline.accept(settings.data, certificate, root, datetime.now(UTC))
    issuer = authority.load(settings.data)
    typer.echo(f"the authority stands until {made.not_valid_after_utc:%Y-%m-%d}; its fingerprint: {issuer.fingerprint}")


def _print_password(settings: ServerConfig, site: str, name: str) -> None:
    from server import broker_users  # noqa: PLC0415

    credentials = broker_users.enroll(settings.data, site, name)
    typer.echo(
        f'[mqtt]\nhost = "{settings.broker.host}"\nport = {settings.broker.port}\nuser = "{credentials.user}"\n'
        f'password_file = "{credentials.password_file.name}"  # copy it from {credentials.password_file}, mode 0600'
    )


def _print_code(text: str) -> None:
    """Print the command as a QR code too, for a device with a camera or a technician's phone."""
    import segno  # noqa: PLC0415

    segno.make(text, error="l").terminal(compact=True)


def _address(settings: ServerConfig) -> str:
    http = settings.http
    host = http.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = (_certified(http.cert_file) if http.cert_file else "") or socket.gethostname()
    return f"{'https' if http.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{http.port}"


def _certified(file: Path) -> str:
    """Return the first name of a server's certificate: by it, and by no other, a device will believe the server."""
    from cryptography import x509  # noqa: PLC0415

    try:
        certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ""
    return next((str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)), "")
