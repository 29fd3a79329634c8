"""`campus-agent probe`: what is connected here; what hangs on a line is agent.probe_scan's to find."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.probe_scan import addresses
from agent.probe_scan import scan as scan_line
from config.devices import shipped
from config.text_devices import shipped_texts

if TYPE_CHECKING:
    from rich.console import Console

DEV = Path("/dev")
Port = Annotated[str | None, typer.Option(help="Serial port to scan for Modbus devices.")]
Scan = Annotated[str | None, typer.Option(help="Addresses to try on it, like 1-32 or 1,3,80.")]
Baud = Annotated[int | None, typer.Option(help="Only this baud rate; else each profile's own.")]
Seen = Annotated[str | None, typer.Option(help="A camera (rtsp://…, /dev/video0): write a still with its pixels.")]
Show = Annotated[Path, typer.Option(help="Where to write it.")]
Watch = Annotated[float, typer.Option(help="Show live GPIO levels for so many seconds.", min=0)]


def register(app: typer.Typer) -> None:
    """Add the command to `campus-agent`."""
    app.command("probe")(probe)


def probe(
    *,
    port: Port = None,
    scan: Scan = None,
    baud: Baud = None,
    watch: Watch = 0,
    camera: Seen = None,
    show: Show = Path("still.png"),
) -> None:
    """List serial ports, GPIO lines and cameras; try devices on a line (--port); show a camera's pixels (--camera)."""
    if camera is not None:
        from agent.probe_camera import still  # noqa: PLC0415 - OpenCV loads where a camera is
        from drivers.errors import DriverError  # noqa: PLC0415

        try:
            typer.echo(still(camera, show))
        except DriverError as e:
            typer.echo(str(e), err=True)
            raise typer.Exit(2) from e
        return
    raise typer.Exit(main(port, scan, baud, watch))


def main(port: str | None, scan: str | None, baud: int | None, watch_s: float = 0.0) -> int:
    """List what is here; scan where that is asked for. Return the exit code."""
    from rich.console import Console  # noqa: PLC0415 - not for an agent that runs

    console = Console()
    if scan is None and port is None:
        _list(console, watch_s)
        return 0
    here = [stable for stable, _ in serial_ports()]
    if port is None and len(here) != 1:
        console.print(f"--scan needs a port: add --port {' or --port '.join(here) or '/dev/serial/by-id/…'}")
        return 2
    port = port or here[0]
    try:
        wanted = addresses(scan or "1-32")
    except ValueError as e:
        console.print(f"--scan: {e}")
        return 2
    drivers = logging.getLogger("drivers")
    before = drivers.level
    drivers.setLevel(logging.ERROR)  # a scan is nothing but devices that do not answer
    try:
        return scan_line(console, port, wanted, baud)
    finally:
        drivers.setLevel(before)


def serial_ports(dev: Path = DEV) -> list[tuple[str, str]]:
    """Return each port's stable name and where it points; a port without a stable name stands for itself."""
    stable = {str(link.resolve()): str(link) for link in sorted((dev / "serial" / "by-id").glob("*"))}
    plain = {str(port) for kind in ("ttyUSB*", "ttyACM*", "ttyAMA*") for port in dev.glob(kind)}
    return sorted((stable.get(port, port), port) for port in plain | set(stable))


def _list(console: Console, watch_s: float) -> None:
    from rich.table import Table  # noqa: PLC0415 - not for an agent that runs

    from drivers.video_nodes import gives_pictures  # noqa: PLC0415

    ports = Table("stable name", "port", "may be opened", title="serial ports")
    for stable, plain in serial_ports():
        group = "" if os.access(plain, os.R_OK | os.W_OK) else f"no: add this user to the group of {plain}"
        ports.add_row(stable, plain, group or "yes")
    console.print(ports if ports.row_count else "serial ports: none")
    _list_contacts(console, watch_s)
    cameras = Table("device", "name", title="cameras (V4L2)")
    for video in filter(gives_pictures, sorted(DEV.glob("video*"))):
        name = Path("/sys/class/video4linux") / video.name / "name"
        cameras.add_row(str(video), name.read_text(encoding="utf-8", errors="replace").strip() if name.exists() else "")
    console.print(cameras if cameras.row_count else "cameras (V4L2): none; a network camera is rtsp://…")
    console.print(f"profiles: {', '.join(shipped())}; that speak by themselves: {', '.join(shipped_texts())}")
    console.print("try them on a line: campus-agent probe --port PORT --scan 1-32", markup=False)


def _list_contacts(console: Console, watch_s: float) -> None:
    """Show each chip's free lines with their levels, live while `watch_s` lasts."""
    from rich.live import Live  # noqa: PLC0415 - not for an agent that runs

    chips = sorted(DEV.glob("gpiochip*"))
    if not chips:
        console.print("GPIO chips: none")
        return
    deadline = time.monotonic() + watch_s
    with Live(_levels(chips), console=console, refresh_per_second=10) as live:
        while time.monotonic() < deadline:
            live.update(_levels(chips))


def _levels(chips: Iterable[Path]) -> Any:
    import gpiod  # noqa: PLC0415 - hardware libraries load where they are used
    from gpiod.line import Direction, Value  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("chip", "line", "name", "level", title="GPIO lines (inputs as wired, not inverted)")
    for path in chips:
        try:
            with gpiod.Chip(str(path)) as chip:
                for line in range(chip.get_info().num_lines):
                    info = chip.get_line_info(line)
                    if info.used or info.direction is not Direction.INPUT:
                        continue
                    with chip.request_lines({line: None}, consumer="campus-agent probe") as request:
                        level = "high" if request.get_value(line) is Value.ACTIVE else "low"
                    table.add_row(str(path), str(line), info.name, level)
        except OSError as e:
            table.add_row(str(path), "", "", e.strerror or str(e))
    return table
