"""Signed heads: where each chain ended on a day, with the server's Ed25519 key, also noted outside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, func, select

from server.database import insert_new
from server.errors import ServerError
from server.ledger.journal import canonical
from server.ledger.tables import chains, heads
from server.ledger.verify import Tip

KEY_FILE, ANCHOR_FILE = "ledger.key", "ledger-anchors.json"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one chain on one day, signed. `key` is the public key in hex."""

    site: str
    day: str
    n: int
    hash: str
    key: str
    signature: str

    @property
    def tip(self) -> Tip:
        """Return the chain's end without its signature."""
        return Tip(self.site, self.n, self.hash)


def load_key(data: Path) -> Ed25519PrivateKey:
    """Load the server's signing key; make it at the first start, readable by nobody else."""
    file = data / KEY_FILE
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(Ed25519PrivateKey.generate().private_bytes_raw())
        return Ed25519PrivateKey.from_private_bytes(file.read_bytes())
    except OSError as e:
        raise ServerError(f"{file}: cannot be used: {e.strerror}") from e
    except ValueError as e:
        raise ServerError(f"{file}: is not a signing key: restore it from the backup") from e


def sign(key: Ed25519PrivateKey, tip: Tip, day: str) -> Head:
    """Sign the end of a chain."""
    public = key.public_key().public_bytes_raw().hex()
    return Head(tip.site, day, tip.n, tip.hash, public, key.sign(_signed(tip, day)).hex())


def genuine(head: Head, trusted: str) -> bool:
    """Whether a head was signed by the trusted key, public in hex."""
    if head.key != trusted:
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(trusted))
        public.verify(bytes.fromhex(head.signature), _signed(head.tip, head.day))
    except (InvalidSignature, ValueError):
        return False
    return True


def seal_day(connection: Connection, key: Ed25519PrivateKey, day: str) -> int:
    """Write the day's signed head of every chain that has grown since its last; return how many."""
    last = select(heads.c.site, func.max(heads.c.n).label("n")).group_by(heads.c.site).subquery()
    grown = select(chains.c.site, chains.c.n, chains.c.hash).outerjoin(last, last.c.site == chains.c.site)
    rows = connection.execute(grown.where(chains.c.n > func.coalesce(last.c.n, 0))).all()
    return sum(insert_new(connection, heads, asdict(sign(key, Tip(*row), day))) for row in rows)


def stored_heads(connection: Connection) -> list[Head]:
    """Return every signed head of the database, oldest first."""
    rows = connection.execute(select(heads).order_by(heads.c.day, heads.c.site)).all()
    return [Head(**dict(row._mapping)) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way


def note(connection: Connection, key: Ed25519PrivateKey, data: Path, at: datetime) -> None:
    """Write where every chain ends to a file beside the database, whole or not at all."""
    rows = connection.execute(select(chains.c.site, chains.c.n, chains.c.hash).order_by(chains.c.site)).all()
    noted = [asdict(sign(key, Tip(*row), at.date().isoformat())) for row in rows]
    fresh = data / f"{ANCHOR_FILE}.part"
    with fresh.open("w", encoding="utf-8") as out:
        json.dump(noted, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(data / ANCHOR_FILE)


def read_anchors(file: Path) -> list[Head]:
    """Read a file of heads; raise ServerError that names it when it is not one."""
    try:
        return [Head(**item) for item in json.loads(file.read_text(encoding="utf-8"))]
    except OSError as e:
        raise ServerError(f"{file}: cannot be read: {e.strerror}") from e
    except (ValueError, TypeError) as e:
        raise ServerError(f"{file}: is not a file of ledger anchors: {e}") from e


def forged(found: Iterable[Head], trusted: str) -> Head | None:
    """Return the first head that the trusted key did not sign."""
    return next((head for head in found if not genuine(head, trusted)), None)


def _signed(tip: Tip, day: str) -> bytes:
    return canonical({"site": tip.site, "day": day, "n": tip.n, "hash": tip.hash}).encode()
