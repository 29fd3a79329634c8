"""Ask a serial line which known devices are on it; say what answered, as the TOML to paste."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from config.devices import Profile, profile, shipped
from config.text_devices import shipped_texts, text_profile

if TYPE_CHECKING:
    from rich.console import Console

    from drivers.samples import Sample

LISTEN_S = 1.0
"""How long a line is listened to before it is asked: who speaks by himself does so several times a second."""


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


def scan(console: Console, port: str, wanted: list[int], baud: int | None) -> int:
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
