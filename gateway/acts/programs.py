"""Acts on the credentials of programs for the API: two people give one, one person takes one back."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import ClassVar

from gateway.access import AccessRight, rights_of
from gateway.acts.act import Act, ActContext, ActDone, Recording
from gateway.acts.fields import Why, argument, every_act, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.record.dual_control import WAITS_FOR_SECOND_PERSON, TwoPersonAct, agreed, name_of
from gateway.registry import programs, roles
from gateway.registry.logins import digest_of
from gateway.registry.tables import ProgramRow
from gateway.zones.http_paths import CREDENTIAL

_SECRET_BYTES = 32


class ListPrograms(ListingAct, command="programs list", right=AccessRight.LOOK):
    """List the programs that have, or had, a credential for the API."""

    beside: ClassVar = ("programs revoke:name",)
    columns: ClassVar = ("name", "state", "acts", "teams", "made_at", "made_by", "ends_at")
    narrow: ClassVar = ("name", "state", "ends_at")
    personal_columns: ClassVar = ("made_by",)
    empty: ClassVar = "no program has a credential; gateway programs add"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each program. No credential is stored, so none is shown."""
        now = context.clock()
        with context.reading() as session:
            return [
                {
                    **row.model_dump(exclude={"digest"}),
                    "state": "revoked" if row.revoked_at else "expired" if row.ends_at <= now else "active",
                    "acts": row.acts.split(","), "teams": list(row.collects),
                }
                for row in programs.listed(session)
            ]  # fmt: skip


class AddProgram(Act, command="programs add", right=AccessRight.ENROL):
    """Give a program a credential for the API: two people run the same command within a week.

    The second person is shown the credential, once. The program may carry out the acts named and collect the
    files of its teams, and sees no file that is for few people.
    """

    name: str = argument("What the program is to be called, such as case-files.", metavar="NAME")
    act: tuple[str, ...] = option(
        'An act it may carry out, such as "transfers list"; may be given again.', min_length=1
    )
    team: tuple[str, ...] = option("A team whose files it collects; may be given again.", (), names="team")
    days: int = option("For how many days the credential counts.", 90, ge=1, le=366)
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Record and return a new credential; for the first of the two people, only record a proposal."""
        with context.recording() as record:
            self._check(record)
            scope = "\n".join([*sorted(set(self.act)), "", *sorted(set(self.team)), str(self.days)])
            digest = hashlib.sha256(scope.encode()).hexdigest()
            asked = TwoPersonAct("add-program", "programs", f"{self.name} {digest}")
            if not agreed(record.session, asked, by=record.by, why=self.why, at=record.at, always=True):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            secret = CREDENTIAL + secrets.token_urlsafe(_SECRET_BYTES)
            ends = record.at + timedelta(days=self.days)
            programs.add(
                record.session,
                ProgramRow(
                    digest=digest_of(secret), name=self.name, acts=",".join(sorted(set(self.act))),
                    teams=",".join(sorted(set(self.team))), made_at=record.at, made_by=record.by,
                    ends_at=ends,
                ),
            )  # fmt: skip
            record.note("program-added", "programs", note=f"{self.name}; {self.why}")
        said = (
            f"it counts until {ends:%Y-%m-%d}, and is shown this once: keep it where only the program reads"
        )
        return ActDone(said, document=f"{secret}\n")

    def _check(self, record: Recording) -> None:
        """Raise GatewayError for a malformed name, an unknown team, or an act that the program may not get.
        An act may not be given if it is closed to programs, or if the acting person lacks the right to it.
        """
        if not programs.NAME.fullmatch(self.name):
            raise GatewayError("a name is 2 to 32 of a-z, 0-9 and hyphen")
        catalogue, known = record.registrar.catalogue, every_act()
        may = {one for one, act in known.items() if act.by_program}
        if unknown := sorted(set(self.act) - may):
            raise GatewayError(
                f"no program may do this: {', '.join(unknown)}; one of: {', '.join(sorted(may))}"
            )
        record.check_teams(self.team)
        if roles.in_force(record.session):
            viewer = roles.viewer(record.session, name_of(record.by))
            rights = rights_of(viewer, catalogue.looking_teams())
            for each in sorted(set(self.act)):
                if known[each].right not in rights:
                    raise GatewayError(f"you may not do {each} yourself, so you cannot let a program do it")


class RevokeProgram(Act, command="programs revoke", right=AccessRight.ENROL):
    """Take a program's credential back, at once."""

    name: str = argument("The program, as programs list has it.", metavar="NAME")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Revoke the credential of the program."""
        with context.recording() as record:
            programs.revoke(record.session, self.name, by=record.by, why=self.why, at=record.at)
            record.note("program-revoked", "programs", note=f"{self.name}; {self.why}")
        return ActDone(f"{self.name} is answered no more")
