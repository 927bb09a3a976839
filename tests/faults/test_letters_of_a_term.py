"""The letters of a term for 300 schools: what the policy foresees is what a relay gets, each letter once.

The courier is killed once a day; what a kill makes the relay get twice has one Message-ID.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.courier import service
from gateway.home.settings import load_settings
from gateway.publish.letters_out import pass_letters
from gateway.record.letters import owe_by_calendar
from gateway.samples import MARKER
from tests.clock import Clock
from tests.faults.test_courier import started
from tests.ports import free_port
from tests.workshop import Desk

SCHOOLS, DAYS = 300, 50
BEGINS = datetime(2026, 11, 26, 12, tzinfo=UTC)


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
    desk = Desk(tmp_path, clock=Clock())
    desk.now = BEGINS
    with desk.home.settings.open("a") as settings:
        settings.write(f'\n[letters]\nrelay = "127.0.0.1"\nport = {port}\ntls = "none"\n')
    schools = tmp_path / "schools.csv"
    lines = [f"s{n},School {n},school,{9991000 + n},office,s{n}@schools.invalid" for n in range(SCHOOLS)]
    schools.write_text("\n".join(["id,name,kind,dfe_number,contact_role,contact_email", *lines, ""]))
    desk.gateway("providers", "import", str(schools))
    days = ("--on", f"{BEGINS:%Y-%m-%d}", "--days", str(DAYS))
    foreseen = json.loads(desk.gateway("letters", "preview", *days, "--json"))
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    kills = 0
    try:
        told = load_settings(desk.home).letters
        for number in range(DAYS):
            desk.now = BEGINS + timedelta(days=number)
            with desk.registrar() as registrar:
                owe_by_calendar(registrar, desk.now)
            pass_letters(desk.registry, desk.home.letters, told, desk.now)
            if service.waiting(desk.home.letters):
                courier = started(desk.home)
                time.sleep(rng.uniform(0, 0.3))
                courier.kill()
                courier.communicate()
                kills += 1
            while service.waiting(desk.home.letters):
                service.give_all(desk.home.letters, service.relay(desk.home.letters))
                pass_letters(desk.registry, desk.home.letters, told, desk.now)
    finally:
        controller.stop()
        desk.close()
    got = Counter(str(one["Message-ID"]) for one in relay.taken)
    once = {str(one["Message-ID"]): (str(one["To"]), str(one["Subject"])) for one in relay.taken}
    assert Counter(once.values()) == Counter((one["to"], one["subject"]) for one in foreseen)
    assert got.total() - len(got) <= kills
    assert len(foreseen) > SCHOOLS
    assert not any(MARKER in one.as_string() for one in relay.taken)
