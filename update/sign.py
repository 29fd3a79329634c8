"""Sign a folder of wheels, on a machine that is not on the network: `python -m update.sign --help`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from update.release import sha256, sign

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; it never leaves this machine.")],
) -> None:
    """Make the key of the releases; print the line for every [update]."""
    made = Ed25519PrivateKey.generate()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(made.private_bytes_raw())
    typer.echo(f'key = "{made.public_key().public_bytes_raw().hex()}"')


@app.command()
def release(
    folder: Annotated[Path, typer.Argument(help="The wheels: ours and all that it needs.")],
    private_key: Annotated[Path, typer.Argument(help="The private key.")],
) -> None:
    """Write FOLDER/release.sig over every wheel of a folder."""
    hashes = {file.name: sha256(file.read_bytes()) for file in sorted(folder.glob("*.whl"))}
    if not hashes:
        sys.exit(f"{folder}: holds no wheels: make release")
    signed = sign(hashes, Ed25519PrivateKey.from_private_bytes(private_key.read_bytes()))
    (folder / "release.sig").write_text(signed, encoding="utf-8")
    typer.echo(f"{folder / 'release.sig'}: {len(hashes)} wheels")


if __name__ == "__main__":
    app()
