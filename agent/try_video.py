"""`campus-agent try count|zone|fire`: the very detectors that run live, over a recording, one JSON line a finding."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from pydantic import ValidationError

from config import mistakes
from config.cameras import CameraSection, FireSection, LineSection, ModelSection, ZoneSection
from contracts.vocabulary import Hazard
from detectors.findings import Crossing, Event, Finding
from drivers.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from detectors.camera_watch import CameraWatch
    from drivers.recording import Recording
    from drivers.samples import Frame

    Draw = Callable[[Frame, CameraWatch, Sequence[Finding]], None]

Json = dict[str, str | float | bool | None]
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # a path swallows the second slash

Video = Annotated[Path, typer.Argument(help="the recording", show_default=False)]
LineOption = Annotated[str, typer.Option("--line", help="X1,Y1,X2,Y2 in pixels of the recording")]
ZoneOption = Annotated[str, typer.Option("--zone", help="X,Y,X,Y,X,Y,… in pixels of the recording")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="a network for people (ONNX, or .pb)")]
HashOption = Annotated[str | None, typer.Option("--sha256", help="what the model's file must be")]
ShowOption = Annotated[
    Path | None,
    typer.Option("--show", help="OUT.mp4 or OUT.png: lines, zones, boxes and counts drawn, on this machine"),
]
SmokeOption = Annotated[bool, typer.Option("--smoke", help="look for smoke too: weaker than flame")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object a finding")]


class InputError(ValueError):
    """What the technician gave cannot be used; the text is one clear line."""


def register(app: typer.Typer) -> None:
    """Add the commands to `campus-agent try`."""
    app.command("count")(count)
    app.command("zone")(zone)
    app.command("fire")(fire)


def count(
    video: Video,
    line: LineOption,
    *,
    model: ModelOption = None,
    sha256: HashOption = None,
    show: ShowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count people across a line."""
    with reporting():
        check_recording(video)
        values = numbers("--line", line)
        if len(values) != 4:
            raise InputError(f"--line: needs X1,Y1,X2,Y2; there are {len(values)} numbers")
        section = LineSection(id="line", name="line", line=(values[0], values[1], values[2], values[3]))
        camera = CameraSection(
            id="recording", name=video.name, source=str(video), line=(section,), model=network(model, sha256)
        )
        run(camera, crossing, as_json=as_json, show=show)


def zone(
    video: Video,
    zone: ZoneOption,
    *,
    model: ModelOption = None,
    sha256: HashOption = None,
    show: ShowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a polygon: the first person in, the last person out."""
    with reporting():
        check_recording(video)
        values = numbers("--zone", zone)
        if len(values) < 6 or len(values) % 2:
            raise InputError(f"--zone: needs three or more corners X,Y,X,Y,X,Y; there are {len(values)} numbers")
        section = ZoneSection(id="zone", name="zone", zone=values)
        camera = CameraSection(
            id="recording", name=video.name, source=str(video), zone=(section,), model=network(model, sha256)
        )
        run(camera, presence, as_json=as_json, show=show)


def fire(video: Video, *, smoke: SmokeOption = False, show: ShowOption = None, as_json: JsonOption = False) -> None:
    """Look for flame, and for smoke where asked: an advisory."""
    with reporting():
        check_recording(video)
        section = FireSection(on=True, smoke=smoke)
        camera = CameraSection(id="recording", name=video.name, source=str(video), fire=section)
        run(camera, burning, as_json=as_json, show=show)


def burning(finding: Finding) -> list[Json]:
    """Put an advisory into the words of `try fire`."""
    match finding:
        case Event(kind=Hazard.FLAME | Hazard.SMOKE):
            return [{"t": round(finding.at, 2), "kind": finding.kind, "active": finding.active}]
        case _:
            return []


def presence(finding: Finding) -> list[Json]:
    """Put an event of a zone into the words of `try zone`."""
    match finding:
        case Event(kind=Hazard.WATER_PERSON, reason="present"):
            return [{"t": round(finding.at, 2), "kind": "enter"}]
        case Event(kind=Hazard.WATER_PERSON, reason="left"):
            return [{"t": round(finding.at, 2), "kind": "leave"}]
        case _:
            return []


def crossing(finding: Finding) -> list[Json]:
    """Put a crossing into the words of `try count`: one object a person, several where the flow tells of several."""
    match finding:
        case Crossing():
            found: Json = {"t": round(finding.at, 2), "kind": "crossing", "direction": finding.direction.value}
            return [{**found, "quality": round(finding.quality, 2)}] * finding.count
        case _:
            return []


def run(
    camera: CameraSection, say: Callable[[Finding], list[Json]], *, as_json: bool, show: Path | None = None
) -> None:
    """Play the recording through the camera's detectors; print what they find, then the summary."""
    from detectors.camera_watch import CameraWatch, people_detector  # noqa: PLC0415 - OpenCV loads where a camera is
    from drivers.recording import Recording  # noqa: PLC0415 - OpenCV loads where a camera is

    started = time.monotonic()
    with (
        Recording(camera.source, camera.frames_per_s, camera.id) as recording,
        drawing(camera, show, recording) as draw,
    ):
        watch = CameraWatch(camera, people_detector(camera))
        totals: dict[str, int] = {}
        for frame in recording.frames():
            if frame.index == 0:
                check_shapes(camera, frame.image.shape[1], frame.image.shape[0])
            findings = watch.update(frame)
            draw(frame, watch, findings)
            for finding in findings:
                for found in say(finding):
                    write(found, as_json=as_json)
                    key = str(found.get("direction", found["kind"]))
                    totals[key] = totals.get(key, 0) + 1
        used = time.monotonic() - started
        summary = {
            **totals,
            "frames": recording.decoded,
            "seconds_of_input": round(recording.decoded / recording.rate, 3),
            "seconds_used": round(used, 3),
        }
        write({"summary": summary}, as_json=as_json)
        if recording.ended_early:
            raise InputError(
                f"{recording.name}: ends early, {recording.decoded} of {recording.declared} pictures can be read:"
                " the counts above are of these only"
            )


def draw_nothing(frame: Frame, watch: CameraWatch, findings: Sequence[Finding]) -> None:
    """No drawing is asked for."""


@contextmanager
def drawing(camera: CameraSection, path: Path | None, recording: Recording) -> Generator[Draw]:
    """Yield what draws each picture into the file, or does nothing where none is asked for."""
    if path is None:
        yield draw_nothing
        return
    from agent.drawing import Drawing  # noqa: PLC0415 - OpenCV loads where a camera is

    if path.absolute() == Path(camera.source).absolute():
        raise InputError(f"{path}: is the recording itself")
    with Drawing(path, camera, recording.frames_rate) as drawn:
        yield drawn.add


def write(found: Json | dict[str, dict[str, float]], *, as_json: bool) -> None:
    """Print one finding."""
    sys.stdout.write((json.dumps(found, ensure_ascii=False) if as_json else _plain(found)) + "\n")
    sys.stdout.flush()


def _plain(found: Mapping[str, object]) -> str:
    """Return a finding for a person to read; what the summary holds stands beside it."""
    shown = (f"{k} {_plain(cast('Mapping[str, object]', v)) if isinstance(v, dict) else v}" for k, v in found.items())
    return "  ".join(shown)


def check_recording(video: Path) -> None:
    """Refuse a camera's address, of which nothing is shown: it may hold a password."""
    if _ADDRESS.match(str(video)):
        raise InputError(
            "the recording: an address is none; look at a camera with campus-agent probe --camera ADDRESS --show FILE"
        )


def network(model: Path | None, sha256: str | None) -> ModelSection | None:
    """Return the section of a model, if one is asked for."""
    if model is None and sha256 is not None:
        raise InputError("--sha256: says what a model's file must be: name it with --model")
    return None if model is None else ModelSection(path=model, sha256=sha256)


def check_shapes(camera: CameraSection, width: int, height: int) -> None:
    """Refuse a line or polygon that lies outside the picture."""
    for option, shape in [("--line", line.line) for line in camera.line] + [("--zone", z.zone) for z in camera.zone]:
        xs, ys = shape[::2], shape[1::2]
        if min(xs) >= width or max(xs) < 0 or min(ys) >= height or max(ys) < 0:
            raise InputError(f"{option}: lies outside the picture, which is {width}x{height} pixels")


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Read the comma-separated numbers of an option."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option}: {text!r} is not a list of numbers: write X,Y,X,Y,…") from None


@contextmanager
def reporting() -> Generator[None]:
    """Turn bad input into one line on stderr and exit code 2."""
    try:
        yield
    except (InputError, DriverError) as e:
        text = str(e)
    except ValidationError as e:
        text = "; ".join(mistakes(e))
    else:
        return
    typer.echo(text, err=True)
    raise typer.Exit(2)
