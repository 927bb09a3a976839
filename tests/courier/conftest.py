"""A gateway whose letters go to a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller

from gateway.registry import providers
from gateway.registry.tables import ContactRow
from tests.courier.relay import Relay, go
from tests.policies import enact
from tests.ports import free_port
from tests.workshop import Desk, fresh

LETTER = b"Dear colleagues, this is no data.\n"
TELEPHONE = "01632 960123"


@pytest.fixture(scope="module")
def relay() -> Iterator[tuple[Relay, int]]:
    handler = Relay()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, relay: tuple[Relay, int]) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    with made.home.settings.open("a") as settings:
        settings.write(f'\n[letters]\nrelay = "127.0.0.1"\nport = {relay[1]}\ntls = "none"\n')
        settings.write('sender = "gateway@test.invalid"\n')
    toml = made.home.policies / "letters.toml"
    text = toml.read_text().replace("administrators = []", 'administrators = ["admins@test.invalid"]')
    text = text.replace("[teams]", '[teams]\ncentral-data-team = ["data@test.invalid"]')
    toml.write_text(text)
    enact(made.home.root)
    yield made
    made.close()


@pytest.fixture(scope="module")
def oak(desk: Desk, relay: tuple[Relay, int]) -> list[tuple[EmailMessage, bytes]]:
    """What Oak was written to, oldest first: of a file that waited and was refused, of one that was released,
    of one that was refused at once, and of its week. A file that was accepted at once was not written about.
    """
    settings = desk.home.settings
    text = settings.read_text()
    settings.write_text(f'telephone = "{TELEPHONE}"\n{text}')
    oak = desk.provider("oak")
    with desk.registry.write() as session:
        office = ContactRow(
            provider="oak",
            role="office",
            email="office@oak.invalid",
            recorded_at=desk.now,
            recorded_by="admin",
        )
        providers.keep_contact(session, office)
    letter = desk.send(oak, LETTER, "Jane.pgp")
    desk.send(oak, fresh(), "Jane.xml.pgp")
    desk.process()
    desk.gateway("held", "refuse", letter, "--why", "it is a letter")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "A. Head")
    desk.land(oak, b"no OpenPGP message", "Jane.csv")
    desk.send(oak, fresh())
    desk.process()
    go(desk)
    handler = relay[0]
    found = zip(handler.taken, handler.raw, strict=True)
    return [(one, raw) for one, raw in found if one["To"] == "office@oak.invalid"]
