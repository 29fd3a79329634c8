"""QR codes for printed sheets: what stands in one, and whether a phone could open it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from io import BytesIO

import segno


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a sheet, ready to print."""

    title: str
    line: str
    svg: str


def qr(text: str) -> str:
    """Return a QR code as SVG, black on white whatever the page's colours."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, light="#fff"
    )
    return out.getvalue().decode("utf-8")


def is_local(host: str) -> bool:
    """Whether this address leads a phone to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
