"""The way to the server for a device that has no identity yet: HTTPS that trusts one fingerprint."""

from __future__ import annotations

import hashlib
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.hosts import is_loopback

TIMEOUT_S = 15.0
_LARGEST = 64 * 1024
_Answer = TypeAdapter(dict[str, object])


class EnrolmentError(Exception):
    """Enrolling did not work; one line that says why."""


@dataclass(frozen=True)
class Door:
    """A server's address, and how we know that it is the one."""

    url: str
    fingerprint: str = ""  # SHA-256 of the campus authority's certificate
    authority_file: Path | None = None

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.url).hostname or ""

    def post(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """Send one request; return its answer."""
        data = json.dumps(body).encode()
        try:
            return _Answer.validate_json(self._open(path, data, self._context))
        except ValidationError as e:
            raise EnrolmentError(f"{self.url}: its answer is not an object") from e

    def check(self, authority: str) -> str:
        """Refuse an authority whose fingerprint is not the one we were given; return what may be trusted.

        It is that one certificate, written anew: whatever else stood in the text was judged by nobody.
        """
        der = _only(authority)
        found = hashlib.sha256(der).hexdigest()
        if self.fingerprint and found != _plain(self.fingerprint):
            raise EnrolmentError(
                f"{self.url}: its authority has the fingerprint {found}, not the one given:"
                " somebody may stand between: do not go on before this is understood"
            )
        return ssl.DER_cert_to_PEM_cert(der)

    @cached_property
    def _context(self) -> ssl.SSLContext | None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme == "http" and is_loopback(self.host):
            return None
        if parts.scheme != "https":
            raise EnrolmentError(f"{self.url}: give an https address (http only works on this machine itself)")
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the authority may stand under a root that is not here
        if self.authority_file is not None:
            context.load_verify_locations(cafile=self.authority_file)
        elif self.fingerprint:
            context.load_verify_locations(cadata=self._fetch_authority())
        return context

    def _fetch_authority(self) -> str:
        """Get the authority's certificate from anyone, and believe it by its fingerprint alone."""
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        text = self._open("/api/v1/enroll/authority", None, unverified).decode("ascii", "replace")
        return self.check(text)

    def _open(self, path: str, data: bytes | None, context: ssl.SSLContext | None) -> bytes:
        asked = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            self.url.rstrip("/") + path, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
                content: bytes = answer.read(_LARGEST)
                return content
        except urllib.error.HTTPError as e:
            raise EnrolmentError(f"{self.url}: {_detail(e)}") from e
        except (OSError, ValueError) as e:
            reason = getattr(e, "reason", e)
            hint = "; give --ca-fingerprint" if "CERTIFICATE_VERIFY_FAILED" in str(reason) else ""
            raise EnrolmentError(f"{self.url}: {reason}{hint}") from e


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        detail = json.loads(error.read(_LARGEST)).get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    return str(detail) or f"answers {error.code}"


def _only(pem: str) -> bytes:
    """Return the one certificate of a text."""
    if pem.count("-----BEGIN") != 1:  # decoders stop at the first one's padding and would not see what follows
        raise EnrolmentError("the server's authority is not a PEM certificate and nothing else")
    try:
        return ssl.PEM_cert_to_DER_cert(pem.strip())
    except ValueError as e:
        raise EnrolmentError("the server's authority is not a PEM certificate") from e


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").replace(" ", "").lower()
