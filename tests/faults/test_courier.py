"""The courier is killed again and again while it gives letters to a real relay: none is lost.

Between the relay's word and the courier's note of it lies a moment in which a kill makes the relay get a
letter twice: at most one for each kill, and under the same Message-ID, by which relays and readers tell that
it is one.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from email.message import EmailMessage
from math import inf
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.courier.service import waiting
from gateway.home import Home
from gateway.zones.places import grant_lease
from tests.ports import free_port
from tests.waiting import until

LETTERS, KILLS = 300, 50


class Slow:
    """A relay that takes its time, so that kills meet every step."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        line = next(one for one in envelope.content.splitlines() if one.lower().startswith(b"message-id:"))
        self.taken[line.partition(b":")[2].strip().decode()] += 1
        return "250 OK"


@pytest.mark.timeout(400)
def test_a_courier_that_is_killed_loses_no_letter(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for folder in (home.letters.out, home.letters.done):
        folder.mkdir(parents=True)
    relay, port = Slow(), free_port()
    home.letters.settings.write_text(f'relay = "127.0.0.1"\nport = {port}\ntls = "none"\n')
    for number in range(LETTERS):
        message = EmailMessage()
        message["From"], message["To"] = "gateway@test.invalid", "office@oak.invalid"
        message["Message-ID"] = f"<letter-{number}@test.invalid>"
        message.set_content("A letter.\n")
        (home.letters.out / f"{number:010}.eml").write_bytes(message.as_bytes())
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    rng = random.Random(1)
    try:
        for _ in range(KILLS):
            courier = started(home)
            time.sleep(rng.uniform(0, 0.15))
            courier.kill()
            courier.communicate()
        courier = started(home)
        until(lambda: not left(home), "the last letter")
        courier.terminate()
        assert courier.wait(60) == 0
    finally:
        controller.stop()
    assert len(relay.taken) == LETTERS
    assert relay.taken.total() - LETTERS <= KILLS


def left(home: Home) -> list[Path]:
    """The letters that wait, as a processor at work looks for them."""
    grant_lease(home.letters.settings, inf)
    return waiting(home.letters)


def started(home: Home) -> subprocess.Popen[str]:
    grant_lease(home.letters.settings, inf)
    courier = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "courier", "--home", str(home.root)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert courier.stdout is not None
    assert courier.stdout.readline() == "ready courier\n"
    return courier
