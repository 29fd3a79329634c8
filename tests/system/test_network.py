"""The bad network itself: what the fault tests stand on must do what it says."""

from __future__ import annotations

import subprocess

from network import BAD_LINE, FAR_ADDRESS, PARTITION, TwoHosts


def _answers(hosts: TwoHosts, tries: int) -> int:
    """Count the answers to `tries` datagrams sent from the near host to an echo on the far one."""
    near = f"""
import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(1.0)
for i in range({tries}): s.sendto(str(i).encode(),("{FAR_ADDRESS}",7007))
seen=set()
try:
    while True: seen.add(s.recv(99))
except TimeoutError: print(len(seen))
"""
    far = """
import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",7007)); print("ready",flush=True)
while True:
    d,a=s.recvfrom(99); s.sendto(d,a)
"""
    echo = subprocess.Popen(hosts.on_far("python3", "-c", far), stdout=subprocess.PIPE)
    try:
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"ready\n"
        done = subprocess.run(hosts.on_near("python3", "-c", near), capture_output=True, timeout=30, check=True)
        return int(done.stdout)
    finally:
        echo.kill()
        echo.wait()
        if echo.stdout:
            echo.stdout.close()


def test_a_network_loses_what_it_is_told_to_lose() -> None:
    with TwoHosts(seed=7) as hosts:
        assert _answers(hosts, 50) == 50
        hosts.packets = BAD_LINE
        assert 10 < _answers(hosts, 100) < 90
        hosts.packets = PARTITION
        assert _answers(hosts, 10) == 0
