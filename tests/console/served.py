"""A home, its console API and its pages, served for real in this process."""

from __future__ import annotations

from gateway.registry import providers
from tests.console.through_the_api import Console
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import PROVIDER, Mailroom

TEAM, OTHER = "central-data-team", "early-years"


class Served:
    """A home, its console API and its pages.

    Jane triages, sam is of another team, mary is an administrator, dora protects data.
    """

    def __init__(self, room: Mailroom, console: Console, origin: str) -> None:
        self.room, self.console, self.origin = room, console, origin
        self.visitors: list[Visitor] = []
        with room.registry.write() as session:
            providers.provider_row(session, PROVIDER).name = '<b>A</b> & "Sons"'
        room.staff("jane", TEAM)
        room.staff("sam", OTHER)
        room.staff("mary")
        room.staff("dora")
        for name, role in (("jane", "triage"), ("mary", "administrator"), ("dora", "data-protection")):
            console.grant(name, role)
        self.jane, self.sam = self.enters("jane"), self.enters("sam")
        self.mary, self.dora = self.enters("mary"), self.enters("dora")

    def arrives(self) -> Visitor:
        visitor = Visitor(self.origin)
        self.visitors.append(visitor)
        return visitor

    def enters(self, name: str) -> Visitor:
        visitor = self.arrives()
        visitor.enter(self.console.invite(name))
        self.console.confirm(name)
        return visitor

    def kinds(self, reference: str) -> list[str]:
        return [event.kind for event in self.room.events(reference)]
