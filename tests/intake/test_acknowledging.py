"""No client waits for the timers of TCP while it logs in."""

from __future__ import annotations

import socket
import struct
import time

from tests.intake.running import Running

DELAYED_SECONDS = 0.04
LEAST_KEXINIT = 200
TRIES = 1_000  # A busy machine is late now and then; the timer of TCP is it each time.
UNACKED = 24  # Where the number of segments stands in struct tcp_info.


def test_what_a_client_says_while_it_logs_in_is_acknowledged_at_once(intake: Running) -> None:
    """Its kernel may keep back the next until then, and ours would wait 40 ms for an answer to add."""
    assert any(seconds_to_be_acknowledged(intake) < DELAYED_SECONDS / 2 for _ in range(TRIES))


def seconds_to_be_acknowledged(intake: Running) -> float:
    """How long something stays unacknowledged to which the gateway has nothing to answer."""
    with socket.create_connection(("127.0.0.1", intake.port), 10) as client:
        client.sendall(b"SSH-2.0-test\r\n")
        answered = b""
        while len(answered) < LEAST_KEXINIT:  # Who has answered once takes the other for a talker.
            answered += client.recv(65536)
        client.sendall(bytes(3))  # Of the length of a packet, the beginning.
        began = time.perf_counter()
        while unacknowledged(client):
            time.sleep(0.001)
        return time.perf_counter() - began


def unacknowledged(client: socket.socket) -> int:
    """How many segments that were sent are not acknowledged."""
    told = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("I", told, UNACKED)[0])
