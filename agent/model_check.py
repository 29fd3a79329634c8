"""`campus-agent model check FILE`: what a network is, how fast it is here, what it sees on a picture."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Annotated

import typer

from agent.model_get import get
from agent.try_video import InputError, reporting
from config.cameras import ModelSection

ENOUGH_PER_S = 5.0
TRIES = 10


def register(app: typer.Typer) -> None:
    """Add `model check` and `model get` to the agent's commands."""
    model = typer.Typer(no_args_is_help=True, help="Networks for people.")

    model.command("check")(check)
    model.command("get")(get)
    app.add_typer(model, name="model")


def check(
    file: Path,
    *,
    picture: Annotated[Path | None, typer.Option(help="look for people on this picture")] = None,
    runtime: Annotated[str, typer.Option(help="opencv or onnxruntime; a .tflite runs in LiteRT")] = "opencv",
) -> None:
    """Tell what a model is, its speed here, and what it sees on a picture."""
    with reporting():
        import cv2  # noqa: PLC0415 - OpenCV loads where a model is
        import numpy as np  # noqa: PLC0415 - see above

        from detectors.people.model import Network  # noqa: PLC0415 - see above

        cv2.setNumThreads(1)
        network = Network(ModelSection.model_validate({"path": file, "runtime": runtime}))
        shown = np.full((360, 640, 3), 114, np.uint8) if picture is None else cv2.imread(str(picture))
        if shown is None:
            raise InputError(f"{picture}: is no picture that can be read")
        boxes, scores = network.people(shown)
        began = time.monotonic()
        for _ in range(TRIES):
            network.people(shown)
        rate = TRIES / (time.monotonic() - began)
        typer.echo(
            f"{file}: {network.family.name}, {network.size}x{network.size}, by {network.engine.name},"
            f" {rate:.1f} pictures a second"
        )
        typer.echo(f"sha256 = {hashlib.sha256(file.read_bytes()).hexdigest()}")
        if rate < ENOUGH_PER_S:
            typer.echo(f"too slow to count with: at least {ENOUGH_PER_S:.0f} pictures a second are needed", err=True)
        if picture is not None:
            for box, score in zip(boxes, scores, strict=True):
                typer.echo("person " + " ".join(f"{value:.0f}" for value in box) + f" score {score:.2f}")
