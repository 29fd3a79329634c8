"""Secrets: read from private files or systemd's credentials, and never shown."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, JsonValue

SCHEME = "credential:"
"""`password_file = "credential:mqtt-password"`: the file systemd hands to the unit under this name."""
HIDDEN = "***"
_USER_OF_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s'\"]*@")
_QUERY_OF_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s'\"?]*\?)[^\s'\"]+")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


def secret_path(path: Path) -> Path:
    """Return where a secret lies; raise FileNotFoundError where systemd gave no credential of that name."""
    text = str(path)
    if not text.startswith(SCHEME):
        return path
    name, folder = text.removeprefix(SCHEME), os.environ.get("CREDENTIALS_DIRECTORY")
    if not _NAME.fullmatch(name) or not folder:
        raise FileNotFoundError(errno.ENOENT, "systemd gave no such credential: see LoadCredential= of the unit", text)
    return Path(folder) / name


def read_secret(path: Path) -> str:
    """Read a secret's text; raise OSError where it cannot be read."""
    return secret_path(path).read_text(encoding="utf-8").strip()


def redacted(text: str) -> str:
    """Return a text whose addresses show neither user and password nor their query."""
    return _QUERY_OF_ADDRESS.sub(rf"\1{HIDDEN}", _USER_OF_ADDRESS.sub(rf"\1{HIDDEN}@", text))


def shown(section: BaseModel) -> str:
    """Return a configuration as it stands, defaults and all, as JSON that may be shown to anybody."""
    return json.dumps(_hidden(section.model_dump(mode="json")), ensure_ascii=False, indent=2)


def _hidden(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return redacted(value)
        case Mapping():
            return {key: _hidden(one) for key, one in value.items()}
        case Sequence():
            return [_hidden(one) for one in value]
        case _:
            return value
