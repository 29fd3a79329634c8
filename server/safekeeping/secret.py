"""Keys and passwords of a backup: sealed with a passphrase (scrypt, AES-256-GCM), or left out."""

from __future__ import annotations

import base64
import json
import os
from fnmatch import fnmatch
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from server.errors import ServerError

FILES = ("ledger.key", "ca/*", "broker/*.password")
SHORTEST = 12
_MAGIC = b"CWS1"
_SALT, _NONCE = 16, 12


def found(data: Path) -> dict[str, bytes]:
    """Return the secret files of a data directory by their names in it."""
    files = sorted(file for pattern in FILES for file in data.glob(pattern) if file.is_file())
    return {file.relative_to(data).as_posix(): file.read_bytes() for file in files}


def read_passphrase(file: Path) -> bytes:
    """Read a passphrase from a file's first line."""
    try:
        passphrase = file.read_bytes().splitlines()[0].strip()
    except OSError as e:
        raise ServerError(f"{file}: cannot be read: {e.strerror}") from e
    except IndexError:
        passphrase = b""
    if len(passphrase) < SHORTEST:
        raise ServerError(f"{file}: a passphrase has at least {SHORTEST} characters in the first line")
    return passphrase


def seal(files: dict[str, bytes], passphrase: bytes) -> bytes:
    """Encrypt files under a passphrase."""
    plain = json.dumps({name: base64.b64encode(content).decode() for name, content in files.items()}).encode()
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _MAGIC + salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, plain, _MAGIC)


def unseal(sealed: bytes, passphrase: bytes) -> dict[str, bytes]:
    """Decrypt files; raise ServerError where the passphrase is another one or the file was changed."""
    salt, nonce = sealed[4 : 4 + _SALT], sealed[4 + _SALT : 4 + _SALT + _NONCE]
    try:
        plain = AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed[4 + _SALT + _NONCE :], _MAGIC)
        files: dict[str, str] = json.loads(plain)
    except (InvalidTag, ValueError) as e:
        raise ServerError("secrets: this is not the passphrase they were sealed with, or they were changed") from e
    if strange := [name for name in files if ".." in name or not any(fnmatch(name, one) for one in FILES)]:
        raise ServerError(f"secrets: {strange[0]!r} is no file that a backup of ours holds: nothing was restored")
    return {name: base64.b64decode(content) for name, content in files.items()}


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase)
