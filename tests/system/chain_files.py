"""The configuration files of a chain: its agents' and its server's."""

from __future__ import annotations

from pathlib import Path

from levels import POINTS

SITE = "test-school"


def agent_config(folder: Path, name: str, port: Path, broker: tuple[str, int], *, plain: bool = False) -> Path:
    """Write the configuration of one agent with `POINTS` levels on one serial line."""
    file = folder / f"agent-{name}.toml"
    points = "".join(
        f'[[bus.point]]\nid = "{name}-p{i:02d}"\nname = "点 {i}"\nkind = "level"\n'
        f'key = "p{i:02d}"\nrule = {{ high = 50 }}\n'
        for i in range(POINTS)
    )
    file.write_text(
        f'site = "{SITE}"\nagent = "{name}"\nname = "终端 {name}"\n'
        f'[mqtt]\nhost = "{broker[0]}"\nport = {broker[1]}\nplain = {str(plain).lower()}\n'
        f'[outbox]\ndirectory = "{folder / name}"\naccepted_log = "{folder / f"accepted-{name}.jsonl"}"\n'
        f'[[bus]]\ntype = "serial-text"\nname = "串口 {name}"\nport = "{port}"\n{points}',
        encoding="utf-8",
    )
    return file


def server_config(folder: Path, http_port: int, broker: tuple[str, int], *, plain: bool = False) -> Path:
    """Write the configuration of the server, on an outside broker."""
    file = folder / "server.toml"
    file.write_text(
        f'data = "{folder / "server"}"\n[http]\nport = {http_port}\n[broker]\ntype = "external"\n'
        f'[mqtt]\nhost = "{broker[0]}"\nport = {broker[1]}\nplain = {str(plain).lower()}\n',
        encoding="utf-8",
    )
    return file
