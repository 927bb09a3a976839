"""Staff of the authority: persons who collect, their teams, and their way into the console."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from gateway.access import EVERYTHING, AccessRight, Sight
from gateway.acts.act import (
    RING_TO_CONFIRM_KEY,
    WAITS_FOR_SECOND_PERSON,
    Act,
    ActContext,
    ActDetails,
    ActDone,
    ActListing,
    Area,
    GivenFile,
    ReadingAct,
    Recording,
    Why,
    argument,
    option,
)
from gateway.acts.keys import enrol_key
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind, rfc3339
from gateway.model import counted
from gateway.record.dual_control import TwoPersonAct, agreed_to_give, agreed_to_show, note_proposer
from gateway.registry import keys, log, logins, roles, staff, transfer_lists
from gateway.registry.staff import StaffState
from gateway.zones.places import places_of

if TYPE_CHECKING:
    from sqlmodel import Session


AREA = Area.PEOPLE

_SAID = "; "
_SECRET_BYTES = 32
_REMOVED = "removed from staff"


class AddStaff(Act, command="staff add", right=AccessRight.ENROL):
    """Enrol a person who collects files. A removed person may come back with the earlier key.

    Another key of a removed person waits for `gateway keys confirm`. A person without a key enters the
    console alone, by the link of `gateway staff invite`.
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
        return ActDone(f"{said}\n{RING_TO_CONFIRM_KEY}" if waiting else said)

    def _add_key(self, record: Recording, file: bytes, *, waits: bool) -> None:
        """Record a person's key, pending if it `waits`; restore an earlier key. GatewayError if revoked."""
        from gateway.enrolment.key_file import admit_ssh  # noqa: PLC0415 - loads asyncssh

        session = record.session
        admitted = admit_ssh(file, record.registrar.catalogue.methods.strength.rsa_bits)
        act = _putting(self.name, self.team, self.ssh_key)
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
    """Put a person into other teams. Keys stay; sight changes at once."""

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

    Leavers have a list apart.
    """

    columns: ClassVar = ("name", "teams", "roles", "state", "last_login", "added_at")
    narrow: ClassVar = ("name", "teams", "roles", "state")
    empty: ClassVar = "nobody is enrolled; gateway staff add"
    heading: ClassVar = "People"
    tabs: ClassVar = ("state", tuple(StaffState))

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each person, with teams and roles; former staff only if asked for."""
        left = f"state={StaffState.LEFT}" in self.where
        with context.reading() as session:
            found = staff.list_at_work(session, context.clock())
            return [one for one in found if left or one["state"] != StaffState.LEFT]


class ShowStaff(ReadingAct, command="staff show", right=AccessRight.LOOK):
    """Show one person with keys, changes and reasons, also after removal."""

    beside: ClassVar = (
        "staff set:name", "staff invite:name", "keys confirm:id,staff", "keys add:id,staff",
        "keys revoke:id,staff", "roles grant:name", "roles take:name", "roles vouch:name",
        "staff log-out:name", "staff remove:name",
    )  # fmt: skip
    named_by: ClassVar = "name"

    name: str = argument("The name they log in with.", metavar="NAME", personal=True, names="person")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return a person's teams, keys and log entries."""
        with context.reading() as session:
            held = [asdict(key) for key in keys.list_keys(session, "staff", self.name)]
            past = [
                {
                    "at": rfc3339(event.at),
                    "kind": event.kind,
                    "by": event.actor,
                    "why": said.partition(_SAID)[2],
                }
                for event in log.events(session, "staff")
                if (said := event.note or "").partition(_SAID)[0] == self.name
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
                ActListing(past, ("at", "kind", "by", "why"), empty="nothing was done"),
            ),
        )


class RemoveStaff(Act, command="staff remove", right=AccessRight.ENROL):
    """End a person's access at once. The record of collected files stays.

    Held files that were theirs to decide are for anybody to decide.
    """

    name: str = argument("The name they log in with.", metavar="NAME", names="person")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the person's name and the held files to be left unassigned."""
        with context.reading() as session:
            seen, every = (self._held(session, one) for one in (context.sight(session), EVERYTHING))
        if len(every) > len(seen):
            seen.append(f"{len(every) - len(seen)} that you do not see")
        files = f" Nobody decides any more on: {', '.join(seen)}. Give them to somebody." if seen else ""
        return f"{self.name} cannot log in or collect any more.{files}"

    def _held(self, session: Session, sight: Sight) -> list[str]:
        """Return the references of held files assigned to the person, as far as within `sight`."""
        owners = transfer_lists.owners_of_held_files(session, sight)
        return [reference for reference, owner in owners.items() if owner == self.name]

    def carry_out(self, context: ActContext) -> ActDone:
        """Retire the person's keys, end the sessions, and unassign the held files.

        GatewayError for a role decided on by two people.
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
                if key.is_in_force(at):
                    keys.end_key(
                        session, "staff", self.name, key.fingerprint, state="retired", at=at, by=record.by,
                        why=self.why or _REMOVED,
                    )  # fmt: skip
            left = self._held(session, EVERYTHING)
            for reference in left:
                record.note("assigned", reference)
            _note(record, "staff-removed", self.name, self.why)
        files = f"; {counted(len(left), 'held file')} of theirs: now for anybody to decide" if left else ""
        return ActDone(f"{self.name} is removed{files}")


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
            staff.get_staff(record.session, self.name)
            # The link lets its holder act as that person.
            act, looking = (
                TwoPersonAct("invite", "staff", self.name),
                record.registrar.catalogue.looking_teams(),
            )
            if not agreed_to_give(
                record.session, act, self.name, looking=looking, by=record.by, why=None, at=record.at
            ):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            ends_at = record.at + timedelta(hours=self.hours)
            logins.invite(record.session, self.name, secret, by=record.by, at=record.at, ends_at=ends_at)
            _note(record, "staff-invited", self.name, None)
        configured = load_settings(context.home).console
        console = configured.origin or places_of(context.home).get("console")
        link = f"{console or f'http://localhost:{configured.port}'}/invitation#{secret}\n"
        confirm = f"gateway keys confirm {self.name} NUMBER --staff"
        return ActDone(f"then let them read the number on their page to you: {confirm}", document=link)


class LogOutStaff(Act, command="staff log-out", right=AccessRight.ENROL):
    """End every session of a person in the console. Passkeys stay: gateway keys revoke --staff."""

    name: str = argument("The name they log in with.", metavar="NAME", names="person")

    def carry_out(self, context: ActContext) -> ActDone:
        """End the person's console sessions."""
        with context.recording(signs=False) as record:
            staff.get_staff(record.session, self.name)
            ended = logins.end_sessions(record.session, self.name)
        return ActDone(f"{counted(ended, 'session')} of {self.name} ended")


def _looking_among(record: Recording, wanted: Sequence[str]) -> frozenset[str]:
    """Return those of the `wanted` teams that see held files. GatewayError for an unknown team."""
    record.check_teams(wanted)
    return record.registrar.catalogue.looking_teams().held.intersection(wanted)


def _putting(name: str, team: Sequence[str], ssh_key: Sequence[GivenFile] = ()) -> TwoPersonAct:
    """Return the act, to be agreed on by two people, of putting a person into teams with these keys."""
    digests = sorted(hashlib.sha256(file.content).hexdigest() for file in ssh_key)
    return TwoPersonAct("put-in-teams", "staff", " ".join([name, ",".join(sorted(set(team))), *digests]))


def _agreed_to_show(
    record: Recording, name: str, team: Sequence[str], why: str | None, ssh_key: Sequence[GivenFile] = ()
) -> bool:
    """Return True if a person may join teams now: none sees held files, or a second person agreed."""
    act = _putting(name, team, ssh_key)
    return agreed_to_show(record.session, act, name, by=record.by, why=why, at=record.at)


def _note(
    record: Recording, kind: Kind, name: str, why: str | None, teams: Sequence[str] | None = None
) -> None:
    """Log a change of staff. Only the registry has name and reason; the leaf holds commitments to both."""
    fields = {} if teams is None else {"teams": ",".join(sorted(set(teams)))}
    record.note(kind, "staff", fields, note=f"{name}{_SAID}{why}" if why else name)
