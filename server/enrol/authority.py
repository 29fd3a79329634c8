"""The campus's own certificate authority: signs agents' requests and the server's own certificates."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contracts.topics import Kind, Topic
from server.errors import RefusedError, ServerError

KEY_FILE, CERTIFICATE_FILE, REVOKED_FILE = "ca.key", "ca.pem", "crl.pem"
CA_YEARS = 20
LEAF = timedelta(days=365)
EARLY = timedelta(hours=1)  # a device's clock may be behind ours
LARGEST_REQUEST = 8 * 1024
_PEM, _SHA256 = serialization.Encoding.PEM, hashes.SHA256()
_AS_AGENT, _AS_SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that was signed, and what is remembered of it."""

    serial: str
    key_hash: str  # SHA-256 of the public key
    not_before: datetime
    not_after: datetime
    pem: str


@dataclass(frozen=True, slots=True)
class Authority:
    """A key and its certificate. It signs leaves only: its path length is 0."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(_PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as a person compares it."""
        return self.certificate.fingerprint(_SHA256).hex()

    def sign_agent(self, request: str, site: str, agent: str, now: datetime) -> Leaf:
        """Sign an agent's request. Whatever names the request holds are ignored: the token says who it is."""
        topic = Topic(site, agent, Kind.BIRTH)  # checks the ids
        public = public_key(request)
        serial = x509.random_serial_number()
        # mosquitto takes the common name for its patterns; nats-server the DNS name for its users, one a certificate.
        names = [x509.DNSName(f"{serial:x}.{topic.site}.{topic.agent}")]
        return self._sign(public, f"{topic.site}/{topic.agent}", names, (_AS_AGENT,), now, serial)

    def make_server(self, names: Sequence[str], folder: Path, now: datetime) -> Path:
        """Make a certificate for names or addresses of this server, and for it as a client; key and all in one file."""
        alternatives = [_general(name) for name in names]
        file = folder / "server.pem"
        _write_pair(file, *self._own(names[0], alternatives, (_AS_SERVER,), now))
        return file

    def make_client(self, name: str, folder: Path, now: datetime) -> Path:
        """Make the server's own identity as a client of its broker; key and certificate in one file."""
        file = folder / f"{name}-client.pem"
        _write_pair(file, *self._own(name, [x509.DNSName(name)], (_AS_AGENT,), now))
        return file

    def revoke_list(self, serials: Iterable[tuple[str, datetime]], now: datetime) -> str:
        """Make the list of revoked certificates.

        It does not run out before the authority itself: a broker with an outdated list would refuse everybody.
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - EARLY).next_update(self.certificate.not_valid_after_utc)
        for serial, at in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, _SHA256).public_bytes(_PEM).decode()

    def _own(
        self, name: str, names: Sequence[x509.GeneralName], uses: Sequence[x509.ObjectIdentifier], now: datetime
    ) -> tuple[ec.EllipticCurvePrivateKey, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        return key, self._sign(key.public_key(), name, names, uses, now, x509.random_serial_number()).pem

    def _sign(
        self,
        public: ec.EllipticCurvePublicKey,
        name: str,
        names: Sequence[x509.GeneralName],
        uses: Sequence[x509.ObjectIdentifier],
        now: datetime,
        serial: int,
    ) -> Leaf:
        begin, end = now - EARLY, min(now + LEAF, self.certificate.not_valid_after_utc)
        built = (
            x509.CertificateBuilder()
            .subject_name(_named(name[:64]))
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(serial)
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_issuer(self.certificate), critical=False)
            .sign(self.key, _SHA256)
        )
        return Leaf(f"{serial:x}", key_hash(public), begin, end, built.public_bytes(_PEM).decode())


def folder_of(data: Path) -> Path:
    """Return the authority's part of the data directory; only its owner may look in."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = data / "ca"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def load(data: Path) -> Authority:
    """Load the authority, or make it at the first call; an operator may put one here that an offline root signed."""
    try:
        folder = folder_of(data)
        if not (folder / KEY_FILE).exists():
            _make(folder)
        key = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
        certificate = x509.load_pem_x509_certificates((folder / CERTIFICATE_FILE).read_bytes())[0]
    except OSError as e:
        raise ServerError(f"{e.filename}: cannot be used: {e.strerror}") from e
    except (ValueError, TypeError) as e:
        raise ServerError(f"{data / 'ca'}: key or certificate cannot be read: restore both from the backup") from e
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key_hash(key.public_key()) != _key_hash_of(certificate):
        raise ServerError(f"{data / 'ca'}: {KEY_FILE} and {CERTIFICATE_FILE} do not belong together, or are not EC")
    return Authority(key, certificate)


def public_key(request: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a signing request; refuse one that is not P-256 or does not prove that the key is had."""
    if len(request) > LARGEST_REQUEST:
        raise RefusedError("request: is too large")
    try:
        parsed = x509.load_pem_x509_csr(request.encode())
        public = parsed.public_key()
        valid = parsed.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, x509.InvalidVersion) as e:
        raise RefusedError("request: is not a PEM certificate request") from e
    except UnsupportedAlgorithm as e:
        raise RefusedError("request: its key cannot be used") from e
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1) or not valid:
        raise RefusedError("request: needs an EC P-256 key and its own signature")
    return public


def key_hash(public: ec.EllipticCurvePublicKey) -> str:
    """Return SHA-256 of a public key (SubjectPublicKeyInfo), as nats-server pins it."""
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(_SHA256)
    digest.update(spki)
    return digest.finalize().hex()


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _key_hash_of(certificate: x509.Certificate) -> str:
    public = certificate.public_key()
    return key_hash(public) if isinstance(public, ec.EllipticCurvePublicKey) else ""


def _make(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = _named("Campuswatch CA " + os.urandom(4).hex())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _SHA256)
    )
    write_once(folder / KEY_FILE, private_pem(key))
    (folder / CERTIFICATE_FILE).write_bytes(certificate.public_bytes(_PEM))


def write_once(file: Path, content: bytes) -> None:
    """Write a private file that must not be there yet."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _write_pair(file: Path, key: ec.EllipticCurvePrivateKey, certificate: str) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    write_once(partial, private_pem(key) + certificate.encode())
    partial.replace(file)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, ca: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _issuer(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
