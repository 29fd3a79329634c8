"""Who was let in: tokens are made and used up once, certificates given, renewed and taken back."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, delete, insert, select, update

from contracts.topics import Kind, Topic
from server.accounts.audit import note
from server.enrol.authority import LARGEST_REQUEST, Authority, Leaf, key_hash
from server.enrol.tables import certificates, join_tokens
from server.errors import RefusedError, UnknownError

TOKEN_LIFE = timedelta(minutes=15)
RENEWAL = b"campuswatch certificate renewal\n"  # what is signed begins with it, so that it means nothing elsewhere


class NotLetInError(RefusedError):
    """A token or certificate that opens nothing; the text never says which of the reasons it is."""


@dataclass(frozen=True, slots=True)
class Joined:
    """An agent that was let in."""

    site: str
    agent: str
    leaf: Leaf


def make_token(connection: Connection, site: str, agent: str, now: datetime) -> str:
    """Make a token for one agent: 128 bits, once, for 15 minutes. An older one of the same agent ends."""
    topic = Topic(site, agent, Kind.BIRTH)  # checks the ids
    connection.execute(delete(join_tokens).where(join_tokens.c.expires_at <= now - timedelta(days=1)))
    connection.execute(delete(join_tokens).where(join_tokens.c.site == site, join_tokens.c.agent == agent))
    plain = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    values = {"site": topic.site, "agent": topic.agent, "created_at": now, "expires_at": now + TOKEN_LIFE, "used": 0}
    connection.execute(insert(join_tokens).values(hash=hashed(plain), **values))
    return "-".join(plain[i : i + 5] for i in range(0, len(plain), 5))


def join(
    connection: Connection, authority: Authority, token: str, request: str, now: datetime, address: str = ""
) -> Joined:
    """Use a token up and sign the request; what the agent had before is revoked. Of two who race, one wins."""
    row = connection.execute(
        update(join_tokens)
        .where(join_tokens.c.hash == hashed(token), join_tokens.c.used == 0, join_tokens.c.expires_at > now)
        .values(used=1)
        .returning(join_tokens.c.site, join_tokens.c.agent)
    ).one_or_none()
    if row is None:
        raise NotLetInError("token: unknown, used or too old: ask for another with campus-server enroll")
    leaf = authority.sign_agent(request, row.site, row.agent, now)
    _revoke(connection, row.site, row.agent, now)
    _keep(connection, leaf, row.site, row.agent)
    note(connection, now, f"{row.site}/{row.agent}", "agent enrolled", leaf.serial, address=address)
    return Joined(row.site, row.agent, leaf)


def renew(
    connection: Connection,
    authority: Authority,
    certificate: str,
    request: str,
    signature: bytes,
    now: datetime,
    address: str = "",
) -> Joined:
    """Sign another key of an agent that proves to have the key of a certificate that still stands."""
    public, serial = proven(certificate, request, signature)
    row = connection.execute(select(certificates).where(certificates.c.serial == serial)).one_or_none()
    standing = row is not None and row.revoked_at is None and row.not_after > now
    if row is None or not standing or row.key_hash != key_hash(public):
        raise NotLetInError("certificate: does not stand any more: enroll anew")
    leaf = authority.sign_agent(request, row.site, row.agent, now)
    known = connection.execute(select(certificates.c.serial).where(certificates.c.key_hash == leaf.key_hash)).first()
    if known is not None:
        raise NotLetInError("request: a new key is needed for a new certificate")  # also what a replay meets
    _keep(connection, leaf, row.site, row.agent)
    note(connection, now, f"{row.site}/{row.agent}", "certificate renewed", leaf.serial, address=address)
    return Joined(row.site, row.agent, leaf)


def revoke(connection: Connection, site: str, agent: str, now: datetime) -> int:
    """Take back every certificate and token of an agent; return how many certificates; unknown agents are refused."""
    Topic(site, agent, Kind.BIRTH)  # checks the ids
    connection.execute(delete(join_tokens).where(join_tokens.c.site == site, join_tokens.c.agent == agent))
    count = _revoke(connection, site, agent, now)
    if count == 0:
        raise UnknownError(f"agent {site}/{agent}: has no certificate that stands")
    return count


def admitted(connection: Connection, now: datetime) -> Mapping[str, str]:
    """Return which certificates may come in: `SERIAL.SITE.AGENT` (as nats-server reads it) to `SITE.AGENT`."""
    rows = connection.execute(
        select(certificates.c.serial, certificates.c.site, certificates.c.agent)
        .where(certificates.c.revoked_at.is_(None), certificates.c.not_after > now)
        .order_by(certificates.c.serial)
    )
    return {f"{row.serial}.{row.site}.{row.agent}": f"{row.site}.{row.agent}" for row in rows}


def revoked(connection: Connection, now: datetime) -> Sequence[tuple[str, datetime]]:
    """Return the serials that are revoked and would still be valid by their date."""
    rows = connection.execute(
        select(certificates.c.serial, certificates.c.revoked_at)
        .where(certificates.c.revoked_at.is_not(None), certificates.c.not_after > now)
        .order_by(certificates.c.serial)
    )
    return [(row.serial, row.revoked_at) for row in rows]


def hashed(token: str) -> str:
    """Return what is stored of a token; how it was typed makes no difference."""
    return hashlib.sha256(token.replace("-", "").replace(" ", "").upper().encode()).hexdigest()


def proven(certificate: str, request: str, signature: bytes) -> tuple[ec.EllipticCurvePublicKey, str]:
    if len(certificate) > LARGEST_REQUEST:
        raise NotLetInError("certificate: is too large")
    try:
        parsed = x509.load_pem_x509_certificate(certificate.encode())
        public = parsed.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as e:
        raise NotLetInError("certificate: cannot be read") from e
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise NotLetInError("certificate: is not one of ours")
    try:
        public.verify(signature, RENEWAL + request.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as e:
        raise NotLetInError("signature: is not by the key of the certificate") from e
    return public, f"{parsed.serial_number:x}"


def _keep(connection: Connection, leaf: Leaf, site: str, agent: str) -> None:
    values = {"serial": leaf.serial, "key_hash": leaf.key_hash, "not_before": leaf.not_before}
    connection.execute(insert(certificates).values(site=site, agent=agent, not_after=leaf.not_after, **values))


def _revoke(connection: Connection, site: str, agent: str, now: datetime) -> int:
    mine = (certificates.c.site == site, certificates.c.agent == agent, certificates.c.revoked_at.is_(None))
    return connection.execute(update(certificates).where(*mine).values(revoked_at=now)).rowcount
