"""The door for new agents: a token opens it once; no session, for a device has none."""

from __future__ import annotations

import base64
import binascii

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from server.accounts.audit import note
from server.accounts.web import Parts
from server.api.problems import Problem, declared
from server.enrol import registry
from server.enrol.registry import Joined, NotLetInError
from server.services import Enrolment, Services

router = APIRouter(prefix="/api/v1/enroll", tags=["enrolment"])


class Join(BaseModel):
    """A token and a signing request; the key stays on the device."""

    token: str = Field(min_length=1, max_length=60)
    request: str = Field(max_length=8192, description="PEM certificate request, EC P-256")


class Renewal(BaseModel):
    """The certificate that stands, a request with a new key, and its signature by the old key."""

    certificate: str = Field(max_length=8192)
    request: str = Field(max_length=8192)
    signature: str = Field(max_length=400, description="base64, ECDSA with SHA-256")


class Identity(BaseModel):
    """Who the device now is, and where its broker is. An empty host: the same as of this server."""

    site: str
    agent: str
    certificate: str
    authority: str
    not_after: str
    mqtt_host: str
    mqtt_port: int


@router.get("/authority", response_class=PlainTextResponse, responses=declared(503))
def authority(services: Parts) -> PlainTextResponse:
    """Give the certificate of the campus authority; whoever enrolls compares its fingerprint."""
    return PlainTextResponse(_enrolment(services).authority.pem, media_type="application/x-pem-file")


@router.post("", responses=declared(403, 409, 422, 429, 503))
def join(body: Join, request: Request, services: Parts) -> Identity:
    """Turn a token into an agent's certificate, once."""
    enrolment, now, address = _enrolment(services), services.now(), _admit(request, services)

    def work(connection: Connection) -> Joined:
        return registry.join(connection, enrolment.authority, body.token, body.request, now, address)

    try:
        return _identity(services, services.writer.write(work), address)
    except NotLetInError as e:
        services.writer.submit(lambda c: note(c, now, "(a device)", "enrolment refused", address=address))
        raise Problem(403, "Not allowed", str(e)) from e


@router.post("/renew", responses=declared(403, 409, 422, 429, 503))
def renew(body: Renewal, request: Request, services: Parts) -> Identity:
    """Give an agent that has a certificate the next one."""
    enrolment, now, address = _enrolment(services), services.now(), _admit(request, services)
    try:
        signature = base64.b64decode(body.signature, validate=True)
    except (binascii.Error, ValueError) as e:
        raise Problem(422, "Not understood", "signature: is not base64") from e

    def work(connection: Connection) -> Joined:
        return registry.renew(connection, enrolment.authority, body.certificate, body.request, signature, now, address)

    try:
        return _identity(services, services.writer.write(work), address)
    except NotLetInError as e:
        services.writer.submit(lambda c: note(c, now, "(a device)", "renewal refused", address=address))
        raise Problem(403, "Not allowed", str(e)) from e


def _enrolment(services: Services) -> Enrolment:
    if services.enrolment is None:
        raise Problem(503, "Cannot be done now", "this server enrolls no agents")
    return services.enrolment


def _admit(request: Request, services: Services) -> str:
    """Return the caller's address, unless it has tried too often."""
    address = request.client.host if request.client else ""
    wait_s = services.throttle.try_(services.mono_s(), f"enroll {address}")
    if wait_s:
        seconds = int(wait_s) + 1
        raise Problem(429, "Too many tries", f"try again in {seconds} s", {"Retry-After": str(seconds)})
    return address


def _identity(services: Services, joined: Joined, address: str) -> Identity:
    services.throttle.forget(f"enroll {address}")
    enrolment = _enrolment(services)
    return Identity(
        site=joined.site,
        agent=joined.agent,
        certificate=joined.leaf.pem,
        authority=enrolment.authority.pem,
        not_after=joined.leaf.not_after.isoformat(),
        mqtt_host=enrolment.mqtt_host,
        mqtt_port=enrolment.mqtt_port,
    )
