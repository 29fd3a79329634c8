"""An authority under a root that is never here: a request goes out on a stick, a certificate comes back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.enrol.authority import CERTIFICATE_FILE, KEY_FILE, LARGEST_REQUEST, folder_of, private_pem, write_once
from server.errors import ServerError

REQUEST_FILE = "ca.csr"
_PEM = serialization.Encoding.PEM


def request(data: Path) -> Path:
    """Make the authority's key, which stays here, and the request for the root; return the request's file."""
    folder = folder_of(data)
    if (folder / CERTIFICATE_FILE).exists():
        raise ServerError(
            f"{folder}: has an authority already: its agents would have to be enrolled again. If you mean it, stop the"
            " server and move that folder away"
        )
    if not (folder / KEY_FILE).exists():
        write_once(folder / KEY_FILE, private_pem(ec.generate_private_key(ec.SECP256R1())))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Campuswatch CA")])
    built = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(_key(folder), hashes.SHA256())
    )
    (folder / REQUEST_FILE).write_bytes(built.public_bytes(_PEM))
    return folder / REQUEST_FILE


def accept(data: Path, signed: Path, root: Path, now: datetime) -> x509.Certificate:
    """Take the root's certificate over our key; refuse what would not work, or would allow more than it should."""
    folder = folder_of(data)
    if (folder / CERTIFICATE_FILE).exists():
        raise ServerError(f"{folder / CERTIFICATE_FILE}: is there already: move it away if you mean it")
    own, above = _certificate(signed), _certificate(root)
    try:
        own.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError) as e:
        raise ServerError(f"{signed}: is not signed by {root}") from e
    if own.public_key() != _key(folder).public_key():
        raise ServerError(f"{signed}: is not for the key of this server: sign {folder / REQUEST_FILE}")
    if not own.not_valid_before_utc <= now < own.not_valid_after_utc:
        raise ServerError(f"{signed}: is not valid today: look at the clocks, and sign again")
    _may_only_sign_leaves(signed, own)
    chain = own.public_bytes(_PEM) + above.public_bytes(_PEM)  # brokers want the way up to a root
    write_once(folder / CERTIFICATE_FILE, chain)
    (folder / REQUEST_FILE).unlink(missing_ok=True)
    return own


def _may_only_sign_leaves(file: Path, certificate: x509.Certificate) -> None:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound as e:
        raise ServerError(f"{file}: {e}: sign it as docs/security.md shows") from e
    if not basic.ca or basic.path_length != 0 or not usage.key_cert_sign or not usage.crl_sign:
        raise ServerError(f"{file}: needs CA:TRUE, pathlen:0, keyCertSign and cRLSign, as docs/security.md shows")


def _certificate(file: Path) -> x509.Certificate:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_REQUEST)
        if b"PRIVATE KEY" in content:
            raise ServerError(
                f"{file}: holds a private key, which must not come to this server: bring certificates alone"
            )
        return x509.load_pem_x509_certificate(content)
    except OSError as e:
        raise ServerError(f"{file}: cannot be read: {e.strerror}") from e
    except ValueError as e:
        raise ServerError(f"{file}: is no certificate in PEM") from e


def _key(folder: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
    except OSError as e:
        raise ServerError(
            f"{folder / KEY_FILE}: cannot be read: {e.strerror}: begin with campus-server ca request"
        ) from e
    except (ValueError, TypeError) as e:
        raise ServerError(f"{folder / KEY_FILE}: is no key") from e
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ServerError(f"{folder / KEY_FILE}: is no EC key")
    return key
