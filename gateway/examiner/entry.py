"""Start of every isolated child: its channel, its setup and its confinement."""

import argparse
import contextlib
import heapq  # noqa: F401 - Counter.most_common loads it when it is first asked, which a confined child cannot
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.errors import GatewayError
from gateway.examiner.channel import Broken, receive
from gateway.examiner.confinement import Cell, Needs, start_of_child
from gateway.examiner.nursery import Answer, Nursery
from gateway.observe import logs, stacks
from gateway.secrets.process_memory import keep_in_memory

_log = logging.getLogger(__name__)
_SETUP_BYTES = 16 * 1024**2


class Worker(Protocol):
    """Handler of the requests to a kind of child."""

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Handle one request, in a process for the files of one provider."""
        ...


def serve(description: str, prepared: Callable[[bytes], tuple[Needs, Worker]]) -> None:
    """Run a child: `prepared` turns the setup message into the child's needs and handler."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--channel", type=int, required=True)
    arguments = parser.parse_args()
    logs.configure(logging.WARNING)
    stacks.tell_on_signal()
    start_of_child()
    with contextlib.suppress(Broken), socket.socket(fileno=arguments.channel) as channel:
        message, _ = receive(channel, _SETUP_BYTES)
        try:
            needs, worker = prepared(message)
        except GatewayError as error:
            _log.error("%s", error)
            return
        keep_in_memory()
        Nursery(channel, Cell(needs), worker.work).serve()
