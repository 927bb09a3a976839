"""Roles of persons, by name. In force from the first administrator on."""

from __future__ import annotations

from typing import ClassVar

from gateway.access import ROLES_TOLD, AccessRight, LookingTeams, Role
from gateway.acts.act import (
    WAITS_FOR_SECOND_PERSON,
    Act,
    ActContext,
    ActDone,
    Area,
    Recording,
    Why,
    argument,
    option,
)
from gateway.acts.keys import check_read_out
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.record import dual_control
from gateway.record.dual_control import TwoPersonAct, agreed_to_give, note_proposer
from gateway.registry import roles, staff

AREA = Area.PEOPLE
_TOLD = "; ".join(f"{role} {does}" for role, does in ROLES_TOLD.items())


class ListRoles(ListingAct, command="roles list", right=AccessRight.LOOK):
    """List all persons with a role, and their accounts."""

    beside: ClassVar = ("roles grant:name", "roles take:name")
    columns: ClassVar = ("name", "roles", "accounts", "teams", "not_second_to")
    empty: ClassVar = (
        "roles are not in force: whoever may run commands is an administrator; gateway roles grant"
    )

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each person with a role; `not_second_to` names who could act as the person."""
        with context.reading() as session:
            behind = dual_control.who_could_be(session, context.clock())
            return [
                {**person, "not_second_to": sorted(behind.get(person["name"], ()))}
                for person in roles.people(session)
            ]


class _ChangeRole(Act, right=AccessRight.APPOINT):
    name: str = argument("A member of staff.", metavar="NAME", names="person")
    role: Role = argument(f"The role they have: {_TOLD}.", metavar="ROLE")
    why: Why

    def _note(self, record: Recording, kind: Kind) -> None:
        """Log the change of a role. The leaf names no person: only the registry does."""
        record.note(kind, "staff", {"what": self.role.value}, note=f"{self.name}: {self.why}")

    def _agreed(self, record: Recording, act: TwoPersonAct, looking: LookingTeams) -> bool:
        """Return True if the role may be changed now: by one person, or after a second one agreed."""
        return agreed_to_give(
            record.session,
            act,
            self.name,
            self.role,
            looking=looking,
            by=record.by,
            why=self.why,
            at=record.at,
        )


class GrantRole(_ChangeRole, command="roles grant"):
    """Give a person a role; a person named with an account needs no team.

    Once there are two administrators, it takes two to make another one, or a data protection officer.
    """

    account: str | None = option(
        "The account of this machine that is theirs alone: by it they are known.", None
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Give the role, once a second person has agreed where two must decide."""
        with context.recording() as record:
            session, at = record.session, record.at
            self._check(context, record)
            about = self.name if self.account is None else f"{self.name} {self.account}"
            act = TwoPersonAct(f"grant-{self.role}", "staff", about)
            if not self._agreed(record, act, record.registrar.catalogue.looking_teams()):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            note_proposer(session, act, self.name, "role", self.role, at=at)
            if self.account is not None:
                note_proposer(session, act, self.name, "account", self.account, at=at)
            if self.name not in staff.list_staff(session):
                if self.account is None:
                    told = f"there is no member of staff {self.name}: gateway staff add, or give --account"
                    raise GatewayError(told)
                staff.add_staff(session, self.name, (), at)
                record.note("staff-added", "staff", {"teams": ""}, note=self.name)
            if self.account is not None:
                roles.bind(session, self.account, self.name, by=record.by, at=at)
            roles.grant(session, self.name, self.role, by=record.by, at=at)
            self._note(record, "role-granted")
        return ActDone(f"{self.name} has the role {self.role}")

    def _check(self, context: ActContext, record: Recording) -> None:
        """Raise GatewayError for a role for oneself, or a person without a key or account of their own."""
        session, in_force = record.session, roles.in_force(record.session)
        if in_force and dual_control.name_of(record.by) == self.name:
            raise GatewayError("nobody gives themselves a role: ask another administrator")
        if self.account is None and not roles.can_prove_themselves(session, self.name, record.at):
            told = f"{self.name} cannot prove who they are: give --account, or a key: gateway keys add"
            raise GatewayError(told)
        if in_force and self.account is not None and self.account == context.account():
            told = f"{self.account} is the account that you act under: it cannot be that of {self.name}"
            raise GatewayError(told)


class TakeRole(_ChangeRole, command="roles take"):
    """Take a role from a person. A role given by you alone, without confirmation, you may take back alone."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Take the role, once a second person has agreed where two must decide."""
        with context.recording() as record:
            session, act = record.session, TwoPersonAct(f"take-{self.role}", "staff", self.name)
            alone = dual_control.gave_alone(session, self.name, self.role, record.by, record.at)
            if not alone and not self._agreed(record, act, LookingTeams()):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            roles.take(session, self.name, self.role)
            self._note(record, "role-taken")
        return ActDone(f"{self.name} no longer has the role {self.role}")


class VouchFor(Act, command="roles vouch", right=AccessRight.APPOINT):
    """Confirm a person's credentials, as somebody who gave none of them.

    Meet or ring the person, and have the fingerprint of each key read out. Three days later the person counts
    as a second person beside the givers.
    """

    name: str = argument("A member of staff.", metavar="NAME", names="person")
    read_out: tuple[str, ...] = argument("Each key of theirs, as they read it out.", (), metavar="[FPR]...")

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the person's credentials are confirmed. GatewayError for one who may not confirm."""
        check_read_out(*self.read_out)
        with context.recording() as record:
            staff.get_staff(record.session, self.name)
            marks = dual_control.vouch(record.session, self.name, self.read_out, by=record.by, at=record.at)
            return ActDone(_note_confirmed(record, "confirmed", self.name, marks))


class AcceptOwn(Act, command="roles accept", right=AccessRight.LOOK):
    """Accept, under your own account of the machine, all your credentials as yours.

    Name each key made by you, so that a key made by another is noticed. Three days later you count as a
    second person beside the givers.
    """

    in_console: ClassVar = False  # It is proved by the account of the machine.

    own: tuple[str, ...] = argument("Each of your keys, as your own device has it.", (), metavar="[FPR]...")

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the acceptance. GatewayError under an account that several people share."""
        import pwd  # noqa: PLC0415 - Windows has none, where nobody acts for the authority

        check_read_out(*self.own)
        with context.recording() as record:
            if not roles.in_force(record.session):
                raise GatewayError(
                    "roles are not in force: gateway roles grant NAME administrator comes first"
                )
            account, owner = context.account(), pwd.getpwuid(context.home.root.stat().st_uid).pw_name
            if account is None or account in {"root", owner}:  # Of a program, or shared by several people.
                raise GatewayError(f"{account} is nobody's own account: log in to this machine under yours")
            marks = dual_control.accept(record.session, record.by, account, self.own, at=record.at)
            return ActDone(_note_confirmed(record, "accepted", record.by, marks))


def _note_confirmed(record: Recording, how: str, name: str, marks: list[str]) -> str:
    """Log credentials as "confirmed" or "accepted" (`how`), names in the registry only; return a sentence."""
    said = f"{name}: {', '.join(marks)}"
    record.note("credentials-confirmed", "staff", {"what": how, "number": len(marks)}, note=said)
    return f"on record for {said}; it counts in three days"
