"""What the agent says about a broker that cannot be reached: the cause, and what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.link_words import of_end, of_error, of_refusal


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused: nobody listens there"),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "No route to host: there is no way there"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known: is [mqtt] host right?"),
        (TimeoutError("timed out"), "no answer: look at the cable"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/pw"), "/x/pw cannot be read: No such file"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS: "),
        (OSError(errno.ECONNRESET, "Connection reset by peer"), "Connection reset by peer"),
        (OSError("odd"), "odd"),
    ],
    ids=["port", "route", "name", "time", "file", "TLS", "reset", "without a number"],
)
def test_the_cause_comes_with_what_to_do(error: OSError, said: str) -> None:
    assert of_error(error).startswith(said)
    assert "Errno" not in of_error(error)


def test_a_broker_that_lets_nobody_in_names_the_keys() -> None:
    refused = ReasonCode(PacketTypes.CONNACK, "Not authorized")
    assert of_refusal(refused).startswith("the broker refuses the connection: Not authorized: look at [mqtt] user")
    assert of_end(ReasonCode(PacketTypes.DISCONNECT, "Protocol error")).endswith("is this the port of a broker?")
    assert of_end(ReasonCode(PacketTypes.DISCONNECT, "Server busy")) == "the connection ended: Server busy"
