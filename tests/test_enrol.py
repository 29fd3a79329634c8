"""How agents get an identity: a token opens the door once, the key stays on the device, what is revoked stays out."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from enrolling import let_in
from fastapi.testclient import TestClient
from inner_server import assembled
from typer.testing import CliRunner

from agent import identity
from agent.enrol_door import Door, EnrolmentError
from agent.mqtt import tls
from config.agent import MqttSection
from config.hosts import is_loopback
from server.__main__ import cli
from server.app import create_app
from server.assembling import Parts
from server.enrol import authority, doors, registry
from server.enrol.registry import NotLetInError
from server.enrol.tables import join_tokens
from server.errors import ServerError, UnknownError

NOW = datetime.now(UTC)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with assembled(tmp_path / "data") as made:
        yield made


@pytest.fixture
def web(parts: Parts) -> Iterator[TestClient]:
    with TestClient(create_app(parts.services), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        yield client


def make_token(parts: Parts, agent: str = "lab", now: datetime | None = None) -> str:
    return parts.services.writer.write(lambda c: registry.make_token(c, "no1", agent, now or datetime.now(UTC)))


class WebDoor(Door):
    """The agent's door over the test client."""

    web: TestClient

    def post(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        answer = self.web.post(path, json=body)
        if answer.status_code != 200:
            raise EnrolmentError(answer.json()["detail"])
        return answer.json()


def door(web: TestClient, fingerprint: str = "") -> Door:
    made = WebDoor("http://127.0.0.1:8000", fingerprint)
    object.__setattr__(made, "web", web)
    return made


def test_a_device_makes_its_own_key_and_is_named_by_its_token_alone(
    parts: Parts, web: TestClient, tmp_path: Path
) -> None:
    folder, enrolment = tmp_path / "identity", parts.services.enrolment
    assert enrolment is not None
    made = identity.enroll(door(web, enrolment.authority.fingerprint), make_token(parts).lower(), folder)
    certificate = x509.load_pem_x509_certificate((folder / "agent.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=no1/lab"
    assert (made.site, made.agent) == ("no1", "lab")
    assert {file.stat().st_mode & 0o077 for file in [folder, *folder.iterdir()]} == {0}
    assert "PRIVATE KEY" not in json.dumps([row[0].decode() for row in dump(parts)])
    section = MqttSection(host="10.0.0.1", ca_file=folder / "ca.pem", cert_file=folder / "agent.pem")
    assert tls(section, clock_synced=True) is not None
    assert "port = 1883" in made.snippet


def dump(parts: Parts) -> list[tuple[bytes]]:
    with parts.services.database.read.connect() as connection:
        return [(str(row).encode(),) for row in connection.exec_driver_sql("SELECT * FROM certificates").all()]


def test_a_token_works_once_and_only_for_a_quarter_of_an_hour(parts: Parts, web: TestClient, tmp_path: Path) -> None:
    token = make_token(parts)
    identity.enroll(door(web), token, tmp_path / "one")
    late = make_token(parts, "late", datetime.now(UTC) - timedelta(minutes=15, seconds=1))
    for bad in (token, late, "AAAAA", "x" * 61):
        with pytest.raises(EnrolmentError, match="token"):
            identity.enroll(door(web), bad, tmp_path / "two")
    with parts.services.database.read.connect() as connection:
        actions = connection.exec_driver_sql("SELECT action, subject FROM audit ORDER BY n").all()
        stored = connection.execute(join_tokens.select()).all()
    assert [action for action, _ in actions][:2] == ["agent enrolled", "enrolment refused"]
    assert token.replace("-", "") not in str(stored)


def test_of_two_devices_with_one_token_exactly_one_wins(parts: Parts, web: TestClient, tmp_path: Path) -> None:
    token, results = make_token(parts), list[str]()
    start = threading.Barrier(4)

    def race(n: int) -> None:
        start.wait()
        try:
            results.append(identity.enroll(door(web), token, tmp_path / str(n)).agent)
        except EnrolmentError as e:
            results.append(str(e)[:6])

    threads = [threading.Thread(target=race, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["lab", "token:", "token:", "token:"]


def test_guessing_tokens_is_slowed(web: TestClient) -> None:
    body = {"token": "AAAAA", "request": "x"}
    answers = [web.post("/api/v1/enroll", json=body).status_code for _ in range(7)]
    assert answers == [403] * 5 + [429] * 2


ODD_CURVE = """-----BEGIN CERTIFICATE-----
MIIBIzCB7qADAgECAhRekLHSeXYTgQUw+U1jKo6pXDhqxDAKBggqhkjOPQQDAjAM
MQowCAYDVQQDDAF4MCAXDTI2MTEyOTIyMjQ1M1oYDzIxMjYxMTA1MjIyNDUzWjAM
MQowCAYDVQQDDAF4MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAECjfAj7v21lM+gwuo
e++LTlemSCiq5N3blqcJTaNTMFEwHQYDVR0OBBYEFK0O3/r2YG9WbcRUy7rl+ult
fhIuMB8GA1UdIwQYMBaAFK0O3/r2YG9WbcRUy7rl+ultfhIuMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDJAAwIQIOeakMBLtSXl55K7kaDaICDwC3ftj8mwd4
eb4ShXHFOQ==
-----END CERTIFICATE-----
"""


def test_a_certificate_of_a_curve_that_nobody_knows_is_refused_like_any_other(web: TestClient) -> None:
    body = {"certificate": ODD_CURVE, "request": "x", "signature": "AAAA"}
    assert web.post("/api/v1/enroll/renew", json=body).status_code == 403


def csr(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return built.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("kind", ["rsa", "other curve", "no request", "broken"])
def test_a_request_that_cannot_be_signed_does_not_use_the_token_up(kind: str, parts: Parts, web: TestClient) -> None:
    good = csr(ec.generate_private_key(ec.SECP256R1()))
    bad = {
        "rsa": lambda: csr(rsa.generate_private_key(65537, 2048)),
        "other curve": lambda: csr(ec.generate_private_key(ec.SECP384R1())),
        "no request": lambda: "hello",
        "broken": lambda: good.replace(good[80:90], "A" * 10),
    }[kind]()
    token = make_token(parts)
    assert web.post("/api/v1/enroll", json={"token": token, "request": bad}).status_code == 409
    assert web.post("/api/v1/enroll", json={"token": token, "request": good}).status_code == 200


def test_a_certificate_is_renewed_at_two_thirds_of_its_life_by_its_own_key(
    parts: Parts, web: TestClient, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    identity.enroll(door(web), make_token(parts), folder)
    before = (folder / "agent.pem").read_text()
    assert identity.renew(door(web), folder, datetime.now(UTC) + timedelta(days=200)) is None
    assert (folder / "agent.pem").read_text() == before
    assert identity.renew(door(web), folder, datetime.now(UTC) + timedelta(days=250)) is not None
    assert (folder / "agent.pem").read_text() != before
    with parts.services.database.read.connect() as connection:
        assert len(registry.admitted(connection, datetime.now(UTC))) == 2  # the old one stands until it is used up


def test_renewal_needs_the_key_a_standing_certificate_and_a_key_not_seen_before(parts: Parts, tmp_path: Path) -> None:
    issuer, write = authority.load(tmp_path / "data"), parts.services.writer.write
    token = make_token(parts)
    old, fresh = ec.generate_private_key(ec.SECP256R1()), csr(ec.generate_private_key(ec.SECP256R1()))
    leaf = write(lambda c: registry.join(c, issuer, token, csr(old), NOW)).leaf
    signed = old.sign(registry.RENEWAL + fresh.encode(), ec.ECDSA(hashes.SHA256()))
    thief = ec.generate_private_key(ec.SECP256R1()).sign(fresh.encode(), ec.ECDSA(hashes.SHA256()))
    stranger = let_in(issuer, tmp_path, agent="other").leaf.pem  # signed by us and yet in no table

    def renew(certificate: str, signature: bytes) -> object:
        return write(lambda c: registry.renew(c, issuer, certificate, fresh, signature, NOW))

    for certificate, signature in ((leaf.pem, thief), (leaf.pem, b""), ("x", signed), (stranger, signed)):
        with pytest.raises(NotLetInError):
            renew(certificate, signature)
    renew(leaf.pem, signed)
    with pytest.raises(NotLetInError, match="new key"):
        renew(leaf.pem, signed)  # the same request played again
    write(lambda c: registry.revoke(c, "no1", "lab", NOW))
    with pytest.raises(NotLetInError, match="stand"):
        renew(leaf.pem, signed)


def test_enrolling_again_and_revoking_take_back_what_was_given(parts: Parts, web: TestClient, tmp_path: Path) -> None:
    for n in range(2):
        identity.enroll(door(web), make_token(parts), tmp_path / str(n))
    data, write = tmp_path / "data", parts.services.writer.write
    issuer = authority.load(data)
    with parts.services.database.read.connect() as connection:
        assert len(registry.admitted(connection, datetime.now(UTC))) == 1
        doors.write(connection, issuer, data, datetime.now(UTC))
    assert list(doors.read_admitted(data).values()) == ["no1.lab"]
    write(lambda c: registry.revoke(c, "no1", "lab", datetime.now(UTC)))
    with parts.services.database.read.connect() as connection:
        doors.write(connection, issuer, data, datetime.now(UTC))
    assert doors.read_admitted(data) == {}
    revoked = x509.load_pem_x509_crl((data / "ca" / "crl.pem").read_bytes())
    assert len(list(revoked)) == 2
    with pytest.raises(UnknownError):
        write(lambda c: registry.revoke(c, "no1", "lab", datetime.now(UTC)))


def test_the_authority_keeps_its_key_private_and_signs_leaves_only(tmp_path: Path) -> None:
    made = authority.load(tmp_path)
    assert authority.load(tmp_path).fingerprint == made.fingerprint
    assert (tmp_path / "ca").stat().st_mode & 0o077 == 0
    assert (tmp_path / "ca" / "ca.key").stat().st_mode & 0o077 == 0
    limits = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    (tmp_path / "ca" / "ca.key").write_text("torn")
    with pytest.raises(ServerError, match="restore both"):
        authority.load(tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://10.1.2.3:8000", "https"), ("ftp://x", "https"), ("http://127.evil.example", "https")],
)
def test_a_token_is_never_sent_in_the_clear(url: str, said: str) -> None:
    with pytest.raises(EnrolmentError, match=said):
        Door(url).post("/", {})


def test_an_authority_with_another_fingerprint_is_refused(tmp_path: Path) -> None:
    ours, other = authority.load(tmp_path / "a"), authority.load(tmp_path / "b")
    given = ":".join(ours.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    Door("https://x", given).check(ours.pem)
    with pytest.raises(EnrolmentError, match="somebody may stand between"):
        Door("https://x", given).check(other.pem)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("127.0.0.1.evil.example", False),
        ("127.evil.example", False), ("localhost.evil.example", False), ("::10", False),
        ("10.0.0.1", False), ("", False),
    ],
)  # fmt: skip
def test_only_this_machine_counts_as_this_machine(host: str, local: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is local
    if host:
        assert (tls(MqttSection(host=host), clock_synced=True) is None) is local


def test_the_words_that_are_signed_are_the_same_on_both_sides() -> None:
    assert identity.RENEWAL == registry.RENEWAL
    assert base64.b64encode(identity.RENEWAL)


@pytest.mark.parametrize("order", [0, 1])
def test_a_certificate_that_rides_behind_the_true_authority_is_not_trusted(order: int, tmp_path: Path) -> None:
    """Who stands between may send the true authority and his own after it: only what was compared counts."""
    for n in range(6):  # a certificate whose length is no multiple of 3 ends in padding, where decoders stop reading
        ours, other = authority.load(tmp_path / f"a{n}"), authority.load(tmp_path / f"b{n}")
        text = "".join((ours.pem, other.pem)[:: 1 if order == 0 else -1])
        with pytest.raises(EnrolmentError, match="not a PEM certificate"):
            Door("https://x", ours.fingerprint).check(text)
        assert Door("https://x", ours.fingerprint).check(f"\n{ours.pem}\n").strip() == ours.pem.strip()


@pytest.mark.parametrize("command", ["enroll", "revoke"])
@pytest.mark.parametrize("agent", ["lab", "no1/Lab", "no1/"])
def test_an_agent_that_is_no_site_and_agent_is_one_clear_line(tmp_path: Path, command: str, agent: str) -> None:
    config = tmp_path / "server.toml"
    config.write_text(f'data = "{tmp_path / "data"}"\n')
    result = CliRunner().invoke(cli, [command, agent, "--config", str(config)])
    assert isinstance(result.exception, ServerError)
    assert str(result.exception).startswith(f"agent {agent}: write SITE/AGENT")
