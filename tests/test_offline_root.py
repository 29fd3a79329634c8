"""An authority under an offline root: the request goes out, a certificate comes back, the root's key never does."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from enrolling import let_in

from agent.mqtt import tls
from config.agent import MqttSection
from server.enrol import authority, offline
from server.errors import ServerError

NOW = datetime.now(UTC)
PEM = serialization.Encoding.PEM


@dataclass
class Root:
    """The offline root: it lives in a folder that no server sees, and signs what is brought to it."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Education bureau root")])
        self.file = self.folder / "root.pem"
        self.file.write_bytes(self._signed(self.name, self.key.public_key(), path_length=1).public_bytes(PEM))

    def sign(self, request: Path, *, path_length: int | None = 0, ca: bool = True, days: int = 3650) -> Path:
        asked = x509.load_pem_x509_csr(request.read_bytes())
        assert asked.is_signature_valid
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        made = self._signed(asked.subject, public, path_length=path_length, ca=ca, days=days)
        file = self.folder / "signed.pem"
        file.write_bytes(made.public_bytes(PEM))
        return file

    def _signed(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        path_length: int | None,
        ca: bool = True,
        days: int = 3650,
    ) -> x509.Certificate:
        usage = authority._usage(ca=True)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=4000))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def greet(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """Let two sides shake hands in memory; return who the client is, as the server sees it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    answers = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (asks, answers):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = x509.load_der_x509_certificate(answers.getpeercert(binary_form=True) or b"")
    return str(shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def test_the_whole_way_from_the_request_to_an_agent_that_is_let_in(tmp_path: Path) -> None:
    data, root = tmp_path / "data", Root(tmp_path / "safe")
    signed = root.sign(offline.request(data))
    offline.accept(data, signed, root.file, NOW)
    issuer = authority.load(data)
    folder = authority.folder_of(data)
    device = let_in(issuer, tmp_path)
    own = issuer.make_server(["127.0.0.1"], folder, NOW)
    trusted = tmp_path / "agent-ca.pem"
    trusted.write_text(issuer.pem)  # what an agent is given: the authority alone, as its fingerprint says
    client = tls(MqttSection(host="127.0.0.1", ca_file=trusted, cert_file=device.file), clock_synced=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / authority.CERTIFICATE_FILE)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(own)
    assert client is not None
    assert greet(client, server) == "no1/lab"
    secret = root.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for file in data.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes()
    assert (folder / authority.KEY_FILE).stat().st_mode & 0o777 == 0o600


def foreign(root: Root, request: Path) -> tuple[Path, Path]:
    return Root(root.folder / "other").sign(request), root.file


def for_another_key(root: Root, request: Path) -> tuple[Path, Path]:
    return root.sign(offline.request(request.parent.parent / "elsewhere")), root.file


def may_make_authorities(root: Root, request: Path) -> tuple[Path, Path]:
    return root.sign(request, path_length=None), root.file


def is_no_authority(root: Root, request: Path) -> tuple[Path, Path]:
    return root.sign(request, ca=False), root.file


def is_over(root: Root, request: Path) -> tuple[Path, Path]:
    return root.sign(request, days=-1), root.file


def brings_the_key_along(root: Root, request: Path) -> tuple[Path, Path]:
    signed = root.sign(request)
    root.file.write_bytes(root.file.read_bytes() + authority.private_pem(root.key))
    return signed, root.file


def is_nothing(root: Root, request: Path) -> tuple[Path, Path]:
    return request, root.file


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        (foreign, "is not signed by"),
        (for_another_key, "is not for the key of this server"),
        (may_make_authorities, "pathlen:0"),
        (is_no_authority, "CA:TRUE"),
        (is_over, "not valid today"),
        (brings_the_key_along, "holds a private key"),
        (is_nothing, "is no certificate"),
    ],
)
def test_what_a_root_should_not_have_signed_is_refused(
    signed: Callable[[Root, Path], tuple[Path, Path]], said: str, tmp_path: Path
) -> None:
    root, data = Root(tmp_path / "safe"), tmp_path / "data"
    certificate, above = signed(root, offline.request(data))
    with pytest.raises(ServerError, match=said):
        offline.accept(data, certificate, above, NOW)
    assert not (authority.folder_of(data) / authority.CERTIFICATE_FILE).exists()


def test_an_authority_that_is_there_is_not_put_aside_unseen(tmp_path: Path) -> None:
    authority.load(tmp_path)
    with pytest.raises(ServerError, match="has an authority already"):
        offline.request(tmp_path)


def test_a_server_that_still_waits_for_its_root_says_so(tmp_path: Path) -> None:
    offline.request(tmp_path)
    with pytest.raises(ServerError, match=r"ca\.pem"):
        authority.load(tmp_path)
