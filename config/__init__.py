"""All an operator can set, as frozen sections loaded from TOML; every mistake is one clear line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from config.secrets import redacted


class ConfigError(ValueError):
    """A configuration that cannot be used; the text has one line per mistake."""


class Section(BaseModel):
    """A part of a configuration: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnySection = TypeVar("AnySection", bound=Section)


def load(path: Path, model: type[AnySection]) -> AnySection:
    """Read one TOML file into its model; raise ConfigError that names the file, the key and what to do."""
    try:
        content = path.read_bytes()
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    return read(content, model, str(path))


def read(content: bytes, model: type[AnySection], name: str) -> AnySection:
    """Read a TOML file's bytes into a model; `name` stands at the beginning of each line of a ConfigError."""
    try:
        return model.model_validate(tomllib.loads(content.decode("utf-8")))
    except UnicodeDecodeError as e:
        raise ConfigError(f"{name}: is not UTF-8 text (byte {e.start}): save it as UTF-8") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{name}: is not TOML: {e}") from e
    except RecursionError as e:
        raise ConfigError(f"{name}: is not TOML we read: it is nested too deeply") from e
    except ValidationError as e:
        raise ConfigError("\n".join(f"{name}: {line}" for line in mistakes(e))) from e


def mistakes(error: ValidationError) -> list[str]:
    """One line per mistake: the key, then what is wrong."""
    lines: list[str] = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"]) or "(file)"
        match item["type"]:
            case "extra_forbidden":
                text = "unknown key: check its spelling, or take it out"
            case "missing":
                text = "is missing: add it"
            case _:
                given = redacted(repr(item.get("input")))  # first: cut in its middle an address is none any more
                text = f"{redacted(item['msg'])} (got {given:.80})"
        lines.append(f"{key}: {text}")
    return lines
