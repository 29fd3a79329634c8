"""`campus-server verify` and `export`: the whole proof over a database or over an exported file of lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from server.accounts import audit, audit_proof
from server.errors import ServerError
from server.ledger import seal
from server.ledger.journal import Row, moment
from server.ledger.verify import Break, Proof, Tip, prove, stored, verify


def check_database(connection: Connection, data: Path, anchors: Path | None = None) -> Proof:
    """Prove the database's journal against its signed heads and the anchors beside it."""
    key = seal.load_key(data).public_key().public_bytes_raw().hex()
    heads = seal.stored_heads(connection)
    files = [file for file in (anchors, data / seal.ANCHOR_FILE) if file is not None]
    if anchors is not None and not anchors.exists():
        raise ServerError(f"{anchors}: there is no such file of anchors")
    noted = [head for file in files if file.exists() for head in seal.read_anchors(file)]
    if (forged := seal.forged([*heads, *noted], key)) is not None:
        what = f"is named by a head of {forged.day} that this server did not sign"
        return Proof(broken=Break(forged.site, forged.n, what))
    tips = [head.tip for head in (*heads, *noted)]
    proof = verify(connection, [tip for tip in tips if tip.site != audit.CHAIN])
    if proof.broken is None:
        lines = audit_proof.prove(connection, [tip for tip in tips if tip.site == audit.CHAIN])
        proof.audit_lines, proof.broken = lines.lines, lines.broken
    return proof


def check_file(file: Path, anchors: Path | None = None) -> Proof:
    """Prove an exported journal; the anchors say where it must reach."""
    tips = [Tip(h.site, h.n, h.hash) for h in seal.read_anchors(anchors)] if anchors is not None else []
    return prove(_lines(file), tips)


def export(connection: Connection, file: Path) -> int:
    """Write the journal as one JSON object a line; return how many."""
    rows = 0
    try:
        with file.open("w", encoding="utf-8") as out:
            for row in stored(connection):
                out.write(json.dumps({**asdict(row), "at": moment(row.at)}, ensure_ascii=False) + "\n")
                rows += 1
    except OSError as e:
        raise ServerError(f"{file}: cannot be written: {e.strerror}") from e
    return rows


def _lines(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8") as lines:
            for n, line in enumerate(lines, 1):
                try:
                    values: dict[str, Any] = json.loads(line)
                    values["at"] = datetime.fromisoformat(values["at"])
                    yield Row(**values)
                except (ValueError, TypeError, KeyError) as e:
                    raise ServerError(f"{file}: line {n} is no row of a journal: {e}") from e
    except UnicodeDecodeError as e:
        raise ServerError(f"{file}: is no exported journal: one is made by `campus-server export`") from e
    except OSError as e:
        raise ServerError(f"{file}: cannot be read: {e.strerror}") from e
