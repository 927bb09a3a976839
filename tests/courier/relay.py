"""The SMTP server that letters of a test go to."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.courier import service
from gateway.home.settings import load_settings
from gateway.publish.letters_out import pass_letters
from tests.workshop import Desk


class Relay:
    """An SMTP server that keeps what it is given; while `down`, it takes nothing. It refuses letters
    to `full` addresses at the address, and to `greylisted` ones at the text.
    """

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.down = False
        self.unknown: set[str] = set()
        self.full: set[str] = set()
        self.greylisted: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        if address in self.full:
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.down or not self.greylisted.isdisjoint(envelope.rcpt_tos):
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def go(desk: Desk) -> int:
    """What the courier does in one pass, between two of the inside's; how many letters the relay took."""
    settings = load_settings(desk.home).letters
    pass_letters(desk.registry, desk.home.letters, settings, desk.now)
    taken = service.give_all(desk.home.letters, service.relay(desk.home.letters))
    pass_letters(desk.registry, desk.home.letters, settings, desk.now)
    return taken
