"""A server's enrolment for tests: an authority, and devices that have been let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.identity import request
from server.enrol import authority
from server.enrol.authority import Authority, Leaf


@dataclass(frozen=True, slots=True)
class Device:
    """A device's identity on disk."""

    leaf: Leaf
    file: Path
    key: ec.EllipticCurvePrivateKey


def let_in(
    issuer: Authority, folder: Path, site: str = "no1", agent: str = "lab", now: datetime | None = None
) -> Device:
    """Sign a device's request without asking anybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issuer.sign_agent(request(key), site, agent, now or datetime.now(UTC))
    return Device(leaf, write_pair(folder / f"{leaf.serial}.pem", key, leaf.pem), key)


def write_pair(file: Path, key: ec.EllipticCurvePrivateKey, certificate: str) -> Path:
    file.write_bytes(authority.private_pem(key) + certificate.encode())
    return file


def named(issuer: Authority, folder: Path, name: str) -> Path:
    """A client certificate of the true authority for a name it would never sign."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.replace(year=now.year - 1))
        .not_valid_after(now.replace(year=now.year + 1))
        .sign(issuer.key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM).decode()
    return write_pair(folder / f"{built.serial_number:x}.pem", key, pem)
