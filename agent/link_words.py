"""Why there is no line to the broker, in words that say what to do."""

from __future__ import annotations

import errno
import socket
import ssl

from paho.mqtt.reasoncodes import ReasonCode

_BY_NUMBER = {
    errno.ECONNREFUSED: "nobody listens there: does the server run, and is [mqtt] port right?",
    errno.EHOSTUNREACH: "there is no way there: look at the cable and at [mqtt] host",
    errno.ENETUNREACH: "there is no way there: look at the cable and at [mqtt] host",
}
_REFUSED = {
    "Not authorized": "look at [mqtt] user and password_file, and at `campus-server enroll`",
    "Bad user name or password": "look at [mqtt] user and password_file",
    "Client identifier not valid": "look at site and agent",
}


def of_error(error: OSError | ValueError) -> str:
    """Say why nothing could be opened: the network, TLS, or a file that cannot be read."""
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted: {error.verify_message}: look at [mqtt] host and ca_file"
        case ssl.SSLError():
            said = f"TLS: {getattr(error, 'reason', '') or error}: does it speak TLS on this port?"
        case socket.gaierror():
            said = f"{error.strerror}: is [mqtt] host right?"
        case TimeoutError():
            said = "no answer: look at the cable and at [mqtt] host and port"
        case OSError() if error.filename is not None:
            said = f"{error.filename} cannot be read: {error.strerror}"
        case OSError():
            hint = _BY_NUMBER.get(error.errno or 0)
            said = f"{error.strerror or error}{f': {hint}' if hint else ''}"
        case _:
            said = str(error)
    return said


def of_refusal(reason: ReasonCode) -> str:
    """Say what a broker means that does not let us in."""
    hint = _REFUSED.get(str(reason))
    return f"the broker refuses the connection: {reason}{f': {hint}' if hint else ''}"


def of_end(reason: ReasonCode) -> str:
    """Say what ended a connection."""
    hint = ": is this the port of a broker?" if str(reason) == "Protocol error" else ""
    return f"the connection ended: {reason}{hint}"
