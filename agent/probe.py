"""`campus-agent probe`: what is connected here, which known devices answer, and the TOML to paste."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.devices import Profile, profile, shipped
from config.text_devices import shipped_texts, text_profile

if TYPE_CHECKING:
    from rich.console import Console

    from drivers.samples import Sample

DEV = Path("/dev")
LISTEN_S = 1.0
"""How long a line is listened to before it is asked: who speaks by himself does so several times a second."""
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
        return _scan(console, port, wanted, baud)
    finally:
        drivers.setLevel(before)


def addresses(text: str) -> list[int]:
    """Read '1-32' or '1,3,80'; raise ValueError for what is no Modbus address."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        try:
            found += range(int(first, 0), int(last or first, 0) + 1)
        except ValueError:
            raise ValueError(f"{part!r} is no address: write 1-32 or 1,3,80") from None
    if not found or min(found) < 1 or max(found) > 247:
        raise ValueError("addresses are 1 to 247")
    return found


def serial_ports(dev: Path = DEV) -> list[tuple[str, str]]:
    """Return each port's stable name and where it points; a port without a stable name stands for itself."""
    stable = {str(link.resolve()): str(link) for link in sorted((dev / "serial" / "by-id").glob("*"))}
    plain = {str(port) for kind in ("ttyUSB*", "ttyACM*", "ttyAMA*") for port in dev.glob(kind)}
    return sorted((stable.get(port, port), port) for port in plain | set(stable))


def snippet(port: str, answers: Iterable[tuple[str, int]], baud: int | None = None) -> str:
    """Return the TOML to paste for the devices that answered; other profiles that fit an address as comments."""
    lines = ["[[bus]]", 'type = "modbus-rtu"', 'name = "…"', f'port = "{port}"', *([f"baud = {baud}"] if baud else [])]
    fitting: dict[int, list[str]] = {}
    for name, address in sorted(answers, key=lambda answer: _is_bit(profile(answer[0]))):
        fitting.setdefault(address, []).append(name)
    for address, (name, *others) in fitting.items():
        lines += ["[[bus.device]]", f'profile = "{name}"', f"address = {address}"]
        lines += [f'# or profile = "{other}"' for other in others]
        lines += [f"{key} = …  # {profile(name).traps[0]}" for key in profile(name).ask]
    return "\n".join(lines)


def _is_bit(kind: Profile) -> bool:
    """Whether it says yes or no: any number can be read as that, so it is offered after what measures."""
    return kind.point[0].type == "bit" or kind.point[0].table in {"coil", "discrete"}


def text_snippet(port: str, name: str) -> str:
    """Return the TOML to paste for a device that speaks by itself."""
    return "\n".join(
        ["[[bus]]", 'type = "serial-text"', 'name = "…"', f'port = "{port}"', f'device = {{ profile = "{name}" }}']
    )


def _list(console: Console, watch_s: float) -> None:
    from rich.table import Table  # noqa: PLC0415 - not for an agent that runs

    ports = Table("stable name", "port", "may be opened", title="serial ports")
    for stable, plain in serial_ports():
        group = "" if os.access(plain, os.R_OK | os.W_OK) else f"no: add this user to the group of {plain}"
        ports.add_row(stable, plain, group or "yes")
    console.print(ports if ports.row_count else "serial ports: none")
    _list_contacts(console, watch_s)
    cameras = Table("device", "name", title="cameras (V4L2)")
    for video in sorted(DEV.glob("video*")):
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


def _scan(console: Console, port: str, wanted: list[int], baud: int | None) -> int:
    """Ask every address for every profile; print who answers."""
    from rich.progress import Progress  # noqa: PLC0415 - not for an agent that runs

    from drivers.errors import DriverError  # noqa: PLC0415

    known = [(name, profile(name)) for name in shipped()]
    answers: list[tuple[str, int]] = []
    try:
        heard = _speaker(port, baud)
        if heard is not None:
            console.print(f"{heard} speaks by itself.\n")
            console.print(text_snippet(port, heard), markup=False, soft_wrap=True)
            return 0
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"{port}", total=len(known) * len(wanted))
            for (name, kind), address in _order(known, wanted):
                progress.update(task, advance=1, description=f"{name} at {address}")
                said = _ask(port, name, kind, address, baud)
                if said:
                    answers.append((name, address))
                    console.print(f"{name} at {address}: {said}")
    except DriverError as e:
        console.print(str(e))
        return 1
    if not answers:
        console.print(f"{port}: nobody answers: check power, A and B swapped, baud rate, address")
        return 1
    console.print("Several profiles may fit one device: keep the one you bought.\n")
    console.print(snippet(port, answers, baud), markup=False, soft_wrap=True)
    return 0


def _speaker(port: str, baud: int | None) -> str | None:
    """Listen for a moment; return the profile of a device that prints lines without being asked."""
    from drivers.lines import LineCutter  # noqa: PLC0415
    from drivers.links import SerialLink  # noqa: PLC0415
    from drivers.text_formats import Fields, read_line  # noqa: PLC0415

    for name in shipped_texts():
        kind = text_profile(name)
        link, cutter = SerialLink("probe", port, baud or kind.baud), LineCutter()
        pattern = re.compile(kind.pattern) if kind.pattern else None
        link.open()
        try:
            deadline = time.monotonic() + LISTEN_S
            while time.monotonic() < deadline:
                for line in cutter.feed(link.receive(0.2)):
                    if isinstance(read_line(line, kind.format, pattern), Fields):
                        return name
        finally:
            link.close()
    return None


def _order(known: list[tuple[str, Profile]], wanted: list[int]) -> Iterator[tuple[tuple[str, Profile], int]]:
    """Give the factory addresses first, then the others."""
    pairs = [(entry, address) for entry in known for address in wanted]
    return iter(sorted(pairs, key=lambda pair: pair[1] != pair[0][1].address))


def _ask(port: str, name: str, kind: Profile, address: int, baud: int | None) -> str:
    """Ask one device once; return what it said, or "" where it stayed silent."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    from config.buses import Bus  # noqa: PLC0415
    from drivers import driver_for  # noqa: PLC0415

    device = {"profile": name, "address": address, "unit": kind.point[0].unit or "?", "scale": kind.point[0].scale}
    bus = {"type": "modbus-rtu", "name": "probe", "port": port, "timeout_s": 0.15, "device": [device]}
    bus |= {"baud": baud} if baud else {}
    with driver_for(TypeAdapter[Bus](Bus).validate_python(bus)) as driver:
        samples: list[Sample] = list(driver.read())
    return _told(samples)


def _told(samples: list[Sample]) -> str:
    """Put what a device said into words; a device that refuses a register is there, but another one."""
    from drivers.samples import Reading, Silence  # noqa: PLC0415

    values = [f"{s.point} = {s.value}" for s in samples if isinstance(s, Reading)]
    codes = [
        f"{s.point}: {s.reason}"
        for s in samples
        if isinstance(s, Silence) and s.reason.startswith(("special", "not-ready"))
    ]
    return ", ".join(values + codes)
