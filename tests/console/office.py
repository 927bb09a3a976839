"""A home behind its console API, and people who are logged in at a console that is hostile."""

from __future__ import annotations

from tests.clock import Clock
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import Console
from tests.mailboxes.mailroom import Mailroom

TEAM, OTHER = "central-data-team", "early-years"


class Office:
    """One room for all tests of a file: jane triages, sam is of another team, kim only looks."""

    def __init__(self, room: Mailroom, console: Console, clock: Clock) -> None:
        self.room, self.console, self.clock = room, console, clock
        self.keys = {name: SoftKey() for name in ("jane", "sam", "kim")}
        for name, teams in (("jane", (TEAM,)), ("sam", (OTHER,)), ("kim", ())):
            room.staff(name, *teams)
        console.grant("jane", "triage")
        console.grant("kim", "auditor")
        self.sessions = {name: console.enrolled(name, key) for name, key in self.keys.items()}

    def ask(self, who, kind, **parts):
        return self.console.ask(kind, session=self.sessions[who], **parts)

    def said(self, who, kind, **parts):
        return self.console.said(kind, session=self.sessions[who], **parts)
