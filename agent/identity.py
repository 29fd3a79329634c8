"""The device's own key and certificate: made here, asked for, kept, renewed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.enrol_door import Door, EnrolmentError
from config.ownership import give_to_owner

PAIR, AUTHORITY, SERVER, SNIPPET = "agent.pem", "ca.pem", "server.json", "mqtt.toml"
RENEWAL = b"campuswatch certificate renewal\n"  # the server's registry asks for the same words
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this device is, as the server says."""

    site: str
    agent: str
    not_after: str
    snippet: str


def enroll(door: Door, token: str, folder: Path) -> Identity:
    """Make a key, have it signed by means of a token, keep both; the key never leaves this folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    _make_private(folder)
    answer = door.post("/api/v1/enroll", {"token": token, "request": request(key)})
    return keep(door, key, answer, folder)


def renew(door: Door, folder: Path, now: datetime, *, force: bool = False) -> Identity | None:
    """Get the next certificate once two thirds of this one's life are over; None where it is too early."""
    pair = (folder / PAIR).read_bytes()
    certificate = x509.load_pem_x509_certificate(pair)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin + (end - begin) * 2 / 3 and not force:
        return None
    old = serialization.load_pem_private_key(pair, None)
    if not isinstance(old, ec.EllipticCurvePrivateKey):
        raise EnrolmentError(f"{folder / PAIR}: holds no key of ours: enroll anew")
    key = ec.generate_private_key(ec.SECP256R1())
    asked = request(key)
    signature = base64.b64encode(old.sign(RENEWAL + asked.encode(), ec.ECDSA(hashes.SHA256()))).decode()
    body = {"certificate": certificate.public_bytes(_PEM).decode(), "request": asked, "signature": signature}
    return keep(door, key, door.post("/api/v1/enroll/renew", body), folder)


def request(key: ec.EllipticCurvePrivateKey) -> str:
    """Make a signing request; it names nobody, the server knows who it is."""
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return built.public_bytes(_PEM).decode()


def keep(door: Door, key: ec.EllipticCurvePrivateKey, answer: Mapping[str, object], folder: Path) -> Identity:
    """Write what the server gave. Key and certificate are one file, so that they change as one."""
    try:
        text = {name: str(answer[name]) for name in ("site", "agent", "certificate", "authority", "not_after")}
        port = int(str(answer["mqtt_port"]))
        certificate = x509.load_pem_x509_certificate(text["certificate"].encode())
    except (KeyError, ValueError) as e:
        raise EnrolmentError(f"{door.url}: its answer is not an identity: {e}") from e
    if certificate.public_key() != key.public_key():
        raise EnrolmentError(f"{door.url}: the certificate is not for our key")
    trusted = door.check(text["authority"])
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    host = str(answer.get("mqtt_host") or door.host)
    folder = folder.absolute()
    snippet = (
        f'[mqtt]\nhost = "{host}"\nport = {port}\nca_file = "{folder / AUTHORITY}"\ncert_file = "{folder / PAIR}"\n'
    )
    kept = {"url": door.url, "fingerprint": door.fingerprint}
    _write(folder / AUTHORITY, trusted)
    _write(folder / SERVER, json.dumps(kept))
    _write(folder / SNIPPET, snippet)
    _write(folder / PAIR, private + text["certificate"])
    give_to_owner(folder, like=folder.parent)  # enrolled with sudo: the agent itself must read this, and renew it
    return Identity(text["site"], text["agent"], text["not_after"], snippet)


def known_door(folder: Path) -> Door:
    """Return the server that enrolled this device."""
    kept = json.loads((folder / SERVER).read_text(encoding="utf-8"))
    return Door(kept["url"], kept["fingerprint"], folder / AUTHORITY)


def utc_now() -> datetime:
    return datetime.now(UTC)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
