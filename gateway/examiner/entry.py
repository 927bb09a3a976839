"""How every isolated child begins: its channel, what it is told, and the confinement that it serves in."""

from __future__ import annotations

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
    """What a kind of child does."""

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Do what was asked, in a process for the files of one provider."""
        ...


def serve(description: str, prepared: Callable[[bytes], tuple[Needs, Worker]]) -> None:
    """Run a child: `prepared` makes of what it is told its needs and what it does."""
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
