"""Where the waters come from: the operator's file before the shipped one."""

from __future__ import annotations

from pathlib import Path

from config import load
from config.water import Waters
from server.ledger.judgement import data_file


def load_waters(data: Path | None = None) -> Waters:
    """Return all waters; raise ConfigError that names the file and the key."""
    return load(data_file("waters.toml", data), Waters)
