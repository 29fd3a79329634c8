"""The commands of `campus-agent`, for a technician's terminal."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agent.advice import advice
from config import ConfigError, load
from config.agent import AgentConfig
from config.secrets import shown
from update.commands import register as register_update

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The campus agent: sensors and cameras to the server."
)

File = Annotated[Path, typer.Argument(readable=False, help="the agent's TOML file")]  # we say ourselves what is wrong


@app.command()
def run(config: Annotated[Path, typer.Option(help="The agent's TOML file.", readable=False)]) -> None:
    """Run the agent until it is told to stop."""
    from agent.run import run as run_agent  # noqa: PLC0415

    raise typer.Exit(run_agent(config))


@app.command()
def check(file: File) -> None:
    """Check a configuration file: every mistake on one line, or a summary and what is worth a second look."""
    try:
        config = load(file, AgentConfig)
    except ConfigError as e:
        typer.echo(str(e), err=True)
        raise typer.Exit(2) from e
    table = Table("bus or camera", "type", "points, lines, zones", title=f"{file}: OK: {config.name}")
    for bus in config.bus:
        table.add_row(bus.name, bus.type, ", ".join(f"{p.id} ({p.kind})" for p in bus.point))
    for camera in config.camera:
        table.add_row(camera.id, "camera", ", ".join(part.id for part in (*camera.line, *camera.zone)))
    Console().print(table)
    for line in advice(config):
        typer.echo(f"look again: {line}")


@app.command("config")
def show_config(file: File) -> None:
    """Print the configuration as it stands, defaults and all; secrets are not shown."""
    try:
        typer.echo(shown(load(file, AgentConfig)))
    except ConfigError as e:
        typer.echo(str(e), err=True)
        raise typer.Exit(2) from e


_try = typer.Typer(no_args_is_help=True, help="Run the live detectors over a recording.")
app.add_typer(_try, name="try")


def _add_others() -> None:
    """Add the commands of other modules: each has `register(app)`."""
    for module, parent in (
        ("agent.model_check", app),
        ("agent.try_video", _try),
        ("agent.try_sensors", _try),
        ("agent.probe", app),
        ("agent.enrol_commands", app),
    ):
        if find_spec(module) is not None:
            importlib.import_module(module).register(parent)


_add_others()
register_update(
    app,
    "campus-agent",
    Path("/etc/campuswatch/agent.toml"),
    lambda file: load(file, AgentConfig).update,
    lambda release, file: [str(release / "bin" / "campus-agent"), "check", str(file)],
)
