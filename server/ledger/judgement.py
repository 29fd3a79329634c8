"""Where the judgement comes from: the operator's copy in the data directory, else the one shipped."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import config
from config import Section, load
from config.judgement import Judgement

SHIPPED = Path(config.__file__).parent / "yuxi"
AnySection = TypeVar("AnySection", bound=Section)


def data_file(name: str, data: Path | None) -> Path:
    """Return `DATA/config/NAME` where the operator has put one, else the shipped file."""
    own = data / "config" / name if data is not None else None
    return own if own is not None and own.is_file() else SHIPPED / name


def load_judgement(data: Path | None = None) -> Judgement:
    """Load grades, labels, roster, timers and rules; raise ConfigError that names the file and the key."""
    return load(data_file("judgement.toml", data), Judgement)
