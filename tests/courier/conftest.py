"""A gateway whose letters go to a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from tests.courier.relay import Relay
from tests.policies import enact
from tests.ports import free_port
from tests.workshop import Desk


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
