"""A signed list of wheels: text in, names and hashes out, if the pinned key signed it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from update.errors import UpdateError

HEADER = "campuswatch release 1"  # what is signed begins with it, so that it means nothing elsewhere
MOST = 256 * 1024
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.+!-]{1,200}\.whl)")  # a plain name: no path leads out of the folder
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")


@dataclass(frozen=True, slots=True)
class Release:
    """Every wheel that may be installed, by name, with its SHA-256."""

    hashes: Mapping[str, str]


def sign(hashes: Mapping[str, str], key: Ed25519PrivateKey) -> str:
    """Write the signed list."""
    listed = "".join(f"{hash_}  {name}\n" for name, hash_ in sorted(hashes.items()))
    text = f"{HEADER}\n{listed}"
    return f"{text}signature {key.sign(text.encode()).hex()}\n"


def read(signed: bytes, public_key: str) -> Release:
    """Read a signed list; raise UpdateError where it is not by this key (hex)."""
    if len(signed) > MOST:
        raise UpdateError("the signature file is too large")
    text, found, signature = signed.decode("utf-8", "replace").rstrip("\n").rpartition("signature ")
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        public.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError) as e:
        raise UpdateError("the signature is not by the key in [update]: do not install this file") from e
    header, *lines = text.splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    if not found or header != HEADER or not all(matches):
        raise UpdateError("the signature file is not one of a release that this version understands")
    return Release({match[2]: match[1] for match in matches if match is not None})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def version(text: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared: 0.10 is newer than 0.9."""
    if _VERSION.fullmatch(text) is None:
        raise UpdateError(f"version {text[:40]!r}: is not of the form 1.2.3")
    numbers = [int(part) for part in text.split(".")]
    while numbers[-1] == 0 and len(numbers) > 1:
        numbers.pop()
    return tuple(numbers)
