"""What the terminal says while the demonstration runs: the address, the login, what is running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in; the password only when it was made just now."""

    name: str
    password: str | None


def show(console: Console, url: str, login: Login, data: Path, running: tuple[tuple[str, str], ...]) -> None:
    """Print the panel once, when the pages answer."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    facts.add_row("open", f"[bold]{url}[/bold]")
    if login.password:
        facts.add_row("log in", f"name [bold]{login.name}[/bold]   password [bold]{login.password}[/bold]")
        facts.add_row("", "this password is shown only now")
    else:
        facts.add_row("log in", f"name [bold]{login.name}[/bold], with the password shown at the first start")
    facts.add_row("data", f"{data} (kept for the next start)")
    for name, text in running:
        facts.add_row(name, text)
    facts.add_row("stop", "Ctrl-C")
    console.print(Panel(facts, title="Campuswatch  模拟 SIMULATED campus", border_style="dim", expand=False))


def tell(console: Console, at: str, text: str) -> None:
    """Say what begins on the campus now."""
    console.print(f"[dim]{at}[/dim]  {text}", highlight=False)
