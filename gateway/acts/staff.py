"""Acts on staff of the authority: people, teams, invitations to the console, roles and credentials.

Roles are in force as soon as somebody has the role of administrator.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, ClassVar

from sqlmodel import Session

from gateway.access import EVERYTHING, ROLES_TOLD, AccessRight, LookingTeams, Role, Sight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, ReadingAct, Recording
from gateway.acts.fields import GivenFile, OneLine, Why, argument, option
from gateway.acts.keys import RING_TO_CONFIRM_KEY, check_read_out, enrol_key
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind, rfc3339
from gateway.model import counted
from gateway.record.dual_control import (
    WAITS_FOR_SECOND_PERSON,
    TwoPersonAct,
    accept,
    agreed_to_give,
    agreed_to_show,
    gave_alone,
    name_of,
    note_proposer,
    takes_two,
    vouch,
    who_could_be,
)
from gateway.registry import keys, log, logins, programs, roles, staff, transfer_lists
from gateway.registry.staff import StaffState
from gateway.zones.places import places_of

_SAID = "; "
_NOTED = re.compile(r"(?P<name>[a-z0-9._-]+)(?: [^;]*?)?(?:[;:] (?P<why>.*))?")
"""A note on a person: the name, what else a proposal is about, and the reason."""
_SECRET_BYTES = 32
_REMOVED = "removed from staff"
_TOLD = "; ".join(f"{role} {does}" for role, does in ROLES_TOLD.items())
_Member = Annotated[str, argument("A member of staff.", metavar="NAME", names="person")]
_Role = Annotated[Role, argument(f"The role they have: {_TOLD}.", metavar="ROLE")]


class AddStaff(Act, command="staff add", right=AccessRight.ENROL):
    """Enrol a person who collects files. A removed person may come back with the earlier key.

    Another key of a removed person waits for `gateway keys confirm`. A person without a key can only use the
    console, by the link of `gateway staff invite`.
    """

    name: str = argument("The name they log in with.", metavar="NAME")
    team: tuple[str, ...] = option("A team they belong to; may be given again.", names="team")
    ssh_key: tuple[GivenFile, ...] = option("A file with their SSH public key.", ())
    why: Why | None = option("Why: for the record, without personal data.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record person, teams and keys, once a second person has agreed where two must decide."""
        with context.recording() as record:
            session, looking = record.session, _looking_among(record, self.team)
            if looking and not _agreed_to_show(record, self.name, self.team, self.why, self.ssh_key):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            # Nobody takes the name of somebody else over by a key of their own.
            back = bool(keys.list_keys(session, "staff", self.name))
            staff.add_staff(session, self.name, self.team, record.at)
            for file in self.ssh_key:
                self._add_key(record, file.content, waits=back)
            waiting = any(key.state == "pending" for key in keys.list_keys(session, "staff", self.name))
            _note(record, "staff-added", self.name, self.why, self.team)
        teams = record.registrar.catalogue.wording.list_names(sorted(set(self.team)))
        said = f"enrolled {self.name} for {teams}"
        return ActDone(f"{said}\n{RING_TO_CONFIRM_KEY.format(f'{self.name} --staff')}" if waiting else said)

    def _add_key(self, record: Recording, file: bytes, *, waits: bool) -> None:
        """Record the person's key in `file`, the bytes of a file. `waits`: True to record a pending key, not
        one in force. A retired key of the person is restored instead. GatewayError for a revoked key.
        """
        from gateway.enrolment.key_file import admit_ssh  # noqa: PLC0415 - loads asyncssh

        session = record.session
        admitted = admit_ssh(file, record.registrar.catalogue.methods.strength.rsa_bits)
        act = _joining(self.name, self.team, self.ssh_key)
        note_proposer(session, act, self.name, "key", admitted.fingerprint, at=record.at)
        known = keys.holder(session, "ssh", admitted.fingerprint)
        if known is not None and (known.owner_kind, known.owner, known.state) == (
            "staff", self.name, "retired",
        ):  # fmt: skip
            keys.restore_key(session, known)
            record.note("key-restored", admitted.fingerprint, {"owner": "staff"})
            return
        enrol_key(record, "staff", self.name, admitted, state="pending" if waits else "active")


class SetTeams(Act, command="staff set", right=AccessRight.ENROL):
    """Put a person into other teams. The keys stay; what the person sees changes at once."""

    name: str = argument("The name they log in with.", metavar="NAME", names="person")
    team: tuple[str, ...] = option("A team they belong to from now on: name all of them.", names="team")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the person's teams; a team with sight of held files needs a second person's agreement."""
        with context.recording() as record:
            looking = _looking_among(record, self.team)
            before = set(staff.get_staff(record.session, self.name))
            if before == set(self.team):
                raise GatewayError(f"{self.name} belongs to just these teams already")
            if not looking <= before and not _agreed_to_show(record, self.name, self.team, self.why):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            staff.set_teams(record.session, self.name, self.team)
            _note(record, "staff-changed", self.name, self.why, self.team)
        teams = record.registrar.catalogue.wording.list_names(sorted(set(self.team)))
        return ActDone(f"{self.name} belongs to {teams} now")


class ListStaff(ListingAct, command="staff list", right=AccessRight.LOOK):
    """List everybody who may collect.

    Former staff are listed apart.
    """

    columns: ClassVar = ("name", "teams", "roles", "state", "last_login", "added_at")
    narrow: ClassVar = ("name", "teams", "roles", "state")
    personal_columns: ClassVar = ("name",)
    empty: ClassVar = "nobody is enrolled; gateway staff add"
    heading: ClassVar = "People"
    tabs: ClassVar = ("state", tuple(StaffState))

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each person, with teams and roles; former staff only if asked for."""
        left = f"state={StaffState.LEFT}" in self.where
        with context.reading() as session:
            found = staff.list_everybody(session, context.clock())
            return [one for one in found if left or one["state"] != StaffState.LEFT]


class ShowStaff(ReadingAct, command="staff show", right=AccessRight.LOOK):
    """Show one person with keys, changes and reasons, also after removal."""

    beside: ClassVar = (
        "staff set:name", "staff invite:name", "keys confirm:id,staff", "keys add:id,staff",
        "keys revoke:id,staff", "roles grant:name", "roles take:name", "roles vouch:name",
        "staff log-out:name", "staff remove:name",
    )  # fmt: skip
    named_by: ClassVar = "name"
    by_program: ClassVar = False  # The name would stand in an address.

    name: str = argument("The name they log in with.", metavar="NAME", personal=True, names="person")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return a person's teams, keys and log entries."""
        with context.reading() as session:
            held = [asdict(key) for key in keys.list_keys(session, "staff", self.name)]
            past = [
                {
                    "at": rfc3339(event.at),
                    "kind": event.kind,
                    "what": event.fields.get("what"),
                    "by": event.actor,
                    "why": said["why"] or "",
                }
                for event in log.events(session, "staff")
                if (said := _NOTED.fullmatch(event.note or "")) and said["name"] == self.name
            ]
            if not past:
                raise NotFoundError(f"there is no member of staff {self.name}")
            teams = staff.list_staff(session).get(self.name)
        row = {"name": self.name, "teams": list(teams or ()), "removed": teams is None}
        key_columns = ("kind", "fingerprint", "state", "added_at", "last_used_at", "why")
        return ActDetails(
            heading="",
            values={**row, "keys": held, "history": past},
            parts=(
                ActListing([row], ("name", "teams", "removed"), empty=""),
                ActListing(held, key_columns, empty="no keys"),
                ActListing(past, ("at", "kind", "what", "by", "why"), empty="nothing was done"),
            ),
        )


class RemoveStaff(Act, command="staff remove", right=AccessRight.ENROL):
    """End a person's access at once. The record of collected files stays.

    Held files that were theirs to decide are for anybody to decide.
    """

    name: str = argument("The name they log in with.", metavar="NAME", names="person")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the person's name and the held files that will be assigned to nobody."""
        with context.reading() as session:
            seen, every = (self._held(session, one) for one in (context.sight(session), EVERYTHING))
        if len(every) > len(seen):
            seen.append(f"{len(every) - len(seen)} that you do not see")
        files = f" Nobody decides any more on: {', '.join(seen)}. Give them to somebody." if seen else ""
        return f"{self.name} cannot log in or collect any more.{files}"

    def _held(self, session: Session, sight: Sight) -> list[str]:
        """Return the references of held files assigned to the person, limited to files within `sight`."""
        owners = transfer_lists.owners_of_held_files(session, sight)
        return [reference for reference, owner in owners.items() if owner == self.name]

    def carry_out(self, context: ActContext) -> ActDone:
        """Retire the person's keys, end the sessions, and leave the person's held files assigned to nobody.
        Keys not in force (suspended, or never confirmed) are revoked, so that no later person of the same
        name gets one. The answer names the programs in force whose credentials the person was shown.
        GatewayError for an administrator or data protection officer, whose role two people must take first.
        """
        with context.recording() as record:
            session, at = record.session, record.at
            if roles.is_powerful(session, self.name):
                raise GatewayError(
                    f"{self.name} has a role of which two decide: gateway roles take first; gateway keys "
                    "revoke --staff takes their keys out of use at once"
                )
            staff.remove_staff(session, self.name, at)
            for key in keys.list_keys(session, "staff", self.name):
                if key.state not in {"retired", "revoked"}:
                    state: keys.Ended = "revoked" if key.state == "pending" else "retired"
                    keys.end_key(session, key, state, at=at, by=record.by, why=self.why or _REMOVED)
            left = self._held(session, EVERYTHING)
            for reference in left:
                record.note("assigned", reference)
            shown = _credentials_shown(record, self.name)
            _note(record, "staff-removed", self.name, self.why)
        files = f"; {counted(len(left), 'held file')} of theirs: now for anybody to decide" if left else ""
        return ActDone(f"{self.name} is removed{files}{shown}")


class InviteStaff(Act, command="staff invite", right=AccessRight.ENROL):
    """Print a one-time link to the console, for making a passkey. Give the link to the person only.

    The passkey logs in and reads; it signs for acts after `gateway keys confirm`. Once there are two
    administrators, two people decide on an invitation for a powerful role.
    """

    name: str = argument("The name they log in with.", metavar="NAME", names="person")
    hours: int = option("For how many hours the link works.", 24, ge=1, le=336)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the invitation, once a second person has agreed where two must decide; return the link."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with context.recording() as record:
            session, by, at = record.session, record.by, record.at
            staff.get_staff(session, self.name)
            # The link lets its holder act as that person.
            act, catalogue = TwoPersonAct("invite", "staff", self.name), record.registrar.catalogue
            looking = catalogue.looking_teams()
            if not agreed_to_give(session, act, self.name, looking=looking, by=by, why=None, at=at):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            logins.invite(session, self.name, secret, by=by, at=at, ends_at=at + timedelta(hours=self.hours))
            _note(record, "staff-invited", self.name, None)
            alone = not takes_two(session, self.name, looking)
            hears = "you" if alone else "another administrator, who confirms it"
        configured = load_settings(context.home).console
        console = configured.origin or places_of(context.home).get("console")
        link = f"{console or f'http://localhost:{configured.port}'}/invitation#{secret}\n"
        confirm = f"gateway keys confirm {self.name} NUMBER --staff"
        return ActDone(f"then let them read the number on their page to {hears}: {confirm}", document=link)


class LogOutStaff(Act, command="staff log-out", right=AccessRight.ENROL):
    """End every session of a person in the console.

    Passkeys stay in force; to revoke one: gateway keys revoke --staff.
    """

    name: str = argument("The name they log in with.", metavar="NAME", names="person")

    def carry_out(self, context: ActContext) -> ActDone:
        """End the person's console sessions."""
        with context.recording(signs=False) as record:
            staff.get_staff(record.session, self.name)
            ended = logins.end_sessions(record.session, self.name)
        return ActDone(f"{counted(ended, 'session')} of {self.name} ended")


class ListRoles(ListingAct, command="roles list", right=AccessRight.LOOK):
    """List all persons with a role, and their accounts."""

    beside: ClassVar = ("roles grant:name", "roles take:name")
    columns: ClassVar = ("name", "roles", "accounts", "teams", "not_second_to")
    personal_columns: ClassVar = ("name", "accounts", "not_second_to")
    empty: ClassVar = (
        "roles are not in force: whoever may run commands is an administrator; gateway roles grant"
    )

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each person with a role.
        The column `not_second_to` names the people who gave this person a credential, and so could act as the
        person.
        """
        with context.reading() as session:
            behind = who_could_be(session, context.clock())
            return [
                {**person, "not_second_to": sorted(behind.get(person["name"], ()))}
                for person in roles.people(session)
            ]


class GrantRole(Act, command="roles grant", right=AccessRight.APPOINT):
    """Give a person a role; a person with an account of this machine needs no team.

    With two administrators, two people are needed to make another administrator or a data protection officer.
    """

    name: _Member
    role: _Role
    why: Why
    account: OneLine | None = option(
        "The account of this machine that is theirs alone: by it they are known.", None
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Give the role, once a second person has agreed where two must decide."""
        with context.recording() as record:
            session, at = record.session, record.at
            self._check(context, record)
            about = self.name if self.account is None else f"{self.name} {self.account}"
            act = TwoPersonAct(f"grant-{self.role}", "staff", about, self.right)
            looking = record.registrar.catalogue.looking_teams()
            if not agreed_to_give(
                session, act, self.name, self.role, looking=looking, by=record.by, why=self.why, at=at
            ):
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
            free = not roles.in_force(session)
            roles.grant(session, self.name, self.role, by=record.by, at=at)
            note = f"{self.name}: {self.why}"  # In the registry alone: the leaf names no person.
            record.note("role-granted", "staff", {"what": self.role.value}, note)
            # No role said which acts their makers may do.
            ended = programs.active(session, at) if free and roles.in_force(session) else ()
            for program in ended:
                programs.revoke(session, program.name, by=record.by, why=self.why, at=at)
                record.note("program-revoked", "programs", note=f"{program.name}; {self.why}")
        lines = [f"{one.name} is answered no more; if still needed: gateway programs add" for one in ended]
        return ActDone("\n".join((f"{self.name} has the role {self.role}", *lines)))

    def _check(self, context: ActContext, record: Recording) -> None:
        """Raise GatewayError for a role for oneself, or for a person without a key or a personal account."""
        session, in_force = record.session, roles.in_force(record.session)
        if in_force and name_of(record.by) == self.name:
            raise GatewayError("nobody gives themselves a role: ask another administrator")
        in_console = self.role is not Role.ADMINISTRATOR  # The command line needs one who is known to it.
        if self.account is None and not roles.can_prove_themselves(
            session, self.name, record.at, in_console=in_console
        ):
            told = f"{self.name} cannot prove who they are: give --account, or a key: gateway keys add"
            invited = f"; or, for the console, gateway staff invite {self.name}, then gateway keys confirm"
            raise GatewayError(told + (invited if in_console else ""))
        if in_force and self.account is not None and self.account == context.account():
            told = f"{self.account} is the account that you act under: it cannot be that of {self.name}"
            raise GatewayError(told)


class TakeRole(Act, command="roles take", right=AccessRight.APPOINT):
    """Take a role from a person. A role given by you alone, without confirmation, you may take back alone."""

    name: _Member
    role: _Role
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Take the role, once a second person has agreed where two must decide."""
        with context.recording() as record:
            session = record.session
            act = TwoPersonAct(f"take-{self.role}", "staff", self.name, self.right)
            alone = gave_alone(session, self.name, self.role, record.by, record.at)
            if not alone and not agreed_to_give(
                session, act, self.name, self.role, looking=LookingTeams(), by=record.by, why=self.why,
                at=record.at,
            ):  # fmt: skip
                return ActDone(WAITS_FOR_SECOND_PERSON)
            roles.take(session, self.name, self.role)
            note = f"{self.name}: {self.why}"
            record.note("role-taken", "staff", {"what": self.role.value}, note)
            shown = _credentials_shown(record, self.name) if self.role == Role.ADMINISTRATOR else ""
        return ActDone(f"{self.name} no longer has the role {self.role}{shown}")


class VouchFor(Act, command="roles vouch", right=AccessRight.APPOINT):
    """Confirm a person's credentials, as somebody who gave none of them.

    Meet or ring the person, and have the fingerprint of each key and the name of each account read out. Three
    days later the person counts as a second person, even beside those who gave the credentials.
    """

    name: _Member
    read_out: tuple[str, ...] = argument(
        "Each key and account of theirs, as they read it out.", (), metavar="[FPR|ACCOUNT]..."
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the person's credentials as confirmed. GatewayError if you may not confirm them."""
        with context.recording() as record:
            staff.get_staff(record.session, self.name)
            check_read_out(*set(self.read_out) - roles.accounts_of(record.session, self.name))
            marks = vouch(record.session, self.name, self.read_out, by=record.by, at=record.at)
            return ActDone(_note_confirmed(record, "confirmed", self.name, marks))


class AcceptOwn(Act, command="roles accept", right=AccessRight.LOOK):
    """Accept, under your own account of the machine, all your credentials as yours.

    Name each key made by you, and each further account of yours, so that one given by another is noticed.
    From three days later on, you can be the second person for anybody, even for those who gave you the
    credentials.
    """

    in_console: ClassVar = False  # It is proved by the account of the machine.

    own: tuple[str, ...] = argument(
        "Each of your keys, as your own device has it, and each further account of yours.",
        (), metavar="[FPR|ACCOUNT]...",
    )  # fmt: skip
    not_mine: tuple[str, ...] = option(
        "An account bound to you that is not yours: nobody acts as you under it any more.", ()
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the person accepts the credentials. GatewayError if the account is shared or not the
        person's.
        """
        import pwd  # noqa: PLC0415 - Windows has none, where nobody acts for the authority

        with context.recording() as record:
            check_read_out(*set(self.own) - roles.accounts_of(record.session, name_of(record.by)))
            if not roles.in_force(record.session):
                raise GatewayError(
                    "roles are not in force: gateway roles grant NAME administrator comes first"
                )
            account, owner = context.account(), pwd.getpwuid(context.home.root.stat().st_uid).pw_name
            if account is None or account in {"root", owner}:  # Of a program, or shared by several people.
                raise GatewayError(f"{account} is nobody's own account: log in to this machine under yours")
            if account in self.not_mine:
                raise GatewayError(f"{account} is the account that you act under")
            for planted in self.not_mine:
                roles.unbind(record.session, planted, record.by)
                note = f"{record.by}: {planted}"
                record.note("credentials-confirmed", "staff", {"what": "disowned", "number": 1}, note)
            marks = accept(record.session, record.by, account, self.own, at=record.at)
            return ActDone(_note_confirmed(record, "accepted", record.by, marks))


def _note_confirmed(record: Recording, how: str, name: str, marks: list[str]) -> str:
    """Log a person's credentials, by `marks`, as "confirmed" or "accepted" (`how`); return a sentence.
    Name and marks are stored in the registry only.
    """
    said = f"{name}: {', '.join(marks)}"
    record.note("credentials-confirmed", "staff", {"what": how, "number": len(marks)}, note=said)
    return f"on record for {said}; it counts in three days"


def _credentials_shown(record: Recording, name: str) -> str:
    """Return a line on the programs in force whose credentials a person was shown; "" if there are none."""
    counting = programs.active(record.session, record.at)
    shown = [one.name for one in counting if name_of(one.made_by) == name]
    if not shown:
        return ""
    return (
        f"\n{name} was shown the credential of {', '.join(shown)}, which counts still: "
        "gateway programs revoke, then gateway programs add"
    )


def _looking_among(record: Recording, wanted: Sequence[str]) -> frozenset[str]:
    """Return the teams among `wanted` that see held files. GatewayError for an unknown team."""
    record.check_teams(wanted)
    return record.registrar.catalogue.looking_teams().held.intersection(wanted)


def _joining(name: str, team: Sequence[str], ssh_key: Sequence[GivenFile] = ()) -> TwoPersonAct:
    """Return what two people must agree on: to put a person, with keys, into teams."""
    digests = sorted(hashlib.sha256(file.content).hexdigest() for file in ssh_key)
    return TwoPersonAct("put-in-teams", "staff", " ".join([name, ",".join(sorted(set(team))), *digests]))


def _agreed_to_show(
    record: Recording, name: str, team: Sequence[str], why: str | None, ssh_key: Sequence[GivenFile] = ()
) -> bool:
    """Return True if a person may join teams with sight of held files now; False once that is proposed.
    True if a second person has agreed, or if there is no second administrator to ask.
    """
    act = _joining(name, team, ssh_key)
    return agreed_to_show(record.session, act, name, by=record.by, why=why, at=record.at)


def _note(
    record: Recording, kind: Kind, name: str, why: str | None, teams: Sequence[str] | None = None
) -> None:
    """Log a change of staff. The registry has the name and the reason, the leaf only commitments to both."""
    fields = {} if teams is None else {"teams": ",".join(sorted(set(teams)))}
    record.note(kind, "staff", fields, note=f"{name}{_SAID}{why}" if why else name)
