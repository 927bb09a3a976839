"""The letters of a term for 300 schools: what the policy foresees is what a relay gets, each letter once.

The courier is killed again and again; what a kill makes the relay get twice has one Message-ID.
"""

from __future__ import annotations

import random
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.courier import service
from tests.courier.term import Term
from tests.faults.test_courier import started
from tests.ports import free_port

KILLS_A_DAY = 8


class Relay:
    """Keeps every letter."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.mark.timeout(600)
def test_a_term_brings_the_letters_that_were_foreseen_and_no_other(tmp_path: Path) -> None:
    relay, port, rng = Relay(), free_port(), random.Random(1)
    term = Term(tmp_path, f'[letters]\nrelay = "127.0.0.1"\nport = {port}\ntls = "none"\n')
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    kills = 0
    try:
        for _ in term.days():
            for _ in range(KILLS_A_DAY):
                if service.waiting(term.place):
                    courier = started(term.desk.home)
                    time.sleep(rng.uniform(0, 0.1))
                    courier.kill()
                    courier.communicate()
                    kills += 1
            while term.left():
                service.give_all(term.place, service.relay(term.place))
        assert kills >= 50
        term.check(relay.taken, kills)
    finally:
        controller.stop()
        term.desk.close()
