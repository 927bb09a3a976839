"""A home, its console API and its pages, served for real in this process."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from gateway.home.settings import load_settings
from gateway.record import policy_proposals
from gateway.record.policies_in_force import Keeper
from gateway.registry import providers, roles
from gateway.secrets.signing import Signing
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
        self.others: dict[str, Visitor] = {}
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

    def has_role(self, name: str, role: str) -> Visitor:
        """A further colleague of the team, with a role."""
        if name not in self.others:
            self.room.staff(name, TEAM)
            self.console.grant(name, role)
            self.others[name] = self.enters(name)
        return self.others[name]

    def leave_mary_alone(self) -> None:
        """Take the role of everybody who became an administrator besides mary: other tests have her alone."""
        with self.room.registry.write() as session:
            for name in set(roles.administrators(session)) - {"mary"}:
                roles.take(session, name, "administrator")

    def kinds(self, reference: str) -> list[str]:
        return [event.kind for event in self.room.events(reference)]

    def keeper(self, *, by_hand: bool = False) -> Keeper:
        """Who keeps the versions of the policies, as the processor does."""
        home, registry = self.room.home, self.room.registry
        signing = Signing.load(home, load_settings(home))
        return Keeper(home, registry, signing, lambda: datetime.now(UTC), by_hand=by_hand)

    def propose(self, folder: Path, by: str) -> tuple[str, Keeper]:
        """Another version of the policies is kept, and proposed by somebody; its digest, and who keeps it."""
        keeper = self.keeper()
        shutil.copytree(keeper.current().folder, folder)
        limits = folder / "limits.toml"
        limits.write_text(limits.read_text().replace("\nconnections = ", "\nconnections = 1 # ", 1))
        digest = keeper.keep(folder)
        with self.room.registry.write() as session:
            at = datetime.now(UTC)
            policy_proposals.propose(session, digest, at, by=by, why="less room", at=at)
        keeper.changed()
        assert keeper.changed() is None
        return digest, keeper
