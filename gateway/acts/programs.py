"""Acts on other systems of the authority: programs with a credential for the API, and web hooks for
events. Two people give a credential or add a hook, one person is enough to remove either.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Annotated, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from gateway.access import AccessRight, rights_of
from gateway.acts.act import Act, ActContext, ActDone, Recording
from gateway.acts.fields import Moment, Why, argument, every_act, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.home.settings_file import written_as
from gateway.log.leaf import rfc3339
from gateway.record.dual_control import WAITS_FOR_SECOND_PERSON, TwoPersonAct, agreed, name_of
from gateway.registry import hooks, log, programs, roles
from gateway.registry.hooks import HookEvent
from gateway.registry.logins import digest_of
from gateway.registry.tables import HookRow, ProgramRow
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


_HOOK = "The web hook, as hooks list has it."
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HTTPS = re.compile(
    rf"https://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:]+\])(:[1-9][0-9]{{0,4}})?(/[!$-~]*)?", re.IGNORECASE
)
_LIKE = "an address is like https://cases.example.gov.uk/gateway, without a password"


def _with_valid_host(address: str) -> str:
    """Return the address of a web hook unchanged. ValueError if the port in the address is invalid."""
    try:
        _ = urlsplit(address).port
    except ValueError:
        raise ValueError(_LIKE) from None
    return address


_Address = Annotated[str, written_as(_HTTPS, _LIKE), AfterValidator(_with_valid_host)]


class ListHooks(ListingAct, command="hooks list", right=AccessRight.LOOK):
    """List the web hooks: the address, events and teams of each, and what keeps messages back."""

    beside: ClassVar = ("hooks try:name", "hooks remove:name")
    columns: ClassVar = ("name", "state", "address", "events", "teams", "told_at", "remark")
    narrow: ClassVar = ("name", "state", "told_at", "remark")
    empty: ClassVar = "no system is told of events; gateway hooks add"

    def rows(self, context: ActContext) -> Iterator[Row]:
        """Yield a row for each web hook, with only the host of its address, since the path may be secret."""
        with context.reading() as session:
            for row in hooks.listed(session):
                remark = hooks.remark(row)
                yield {
                    **row.model_dump(include={"name", "made_at", "made_by", "told_at"}), "remark": remark,
                    "state": "fails" if remark else "well" if row.told_at else "new",
                    "address": f"https://{urlsplit(row.address).netloc}", "events": row.events.split(","),
                    "teams": list(filter(None, row.teams.split(","))),
                }  # fmt: skip


class AddHook(Act, command="hooks add", right=AccessRight.ENROL):
    """Tell a system of the authority of events: two people run the same command within a week.

    Each message is posted to the address, signed. It names files, providers and teams, never a person.
    """

    name: str = argument(
        "What the web hook is to be called, such as case-files.", metavar="NAME", max_length=32,
        pattern=r"^[a-z]+(-[a-z]+)*$",
    )  # fmt: skip
    address: _Address = option(
        "Where messages are posted: https only. Asked for unless given, so that no history keeps it.",
        metavar="URL", asked=True, form="Where messages are posted: https only.", max_length=2000,
    )  # fmt: skip
    event: tuple[HookEvent, ...] = option("An event that it is told of; may be given again.", min_length=1)
    team: tuple[str, ...] = option("Only of this team's; may be given again.", (), names="team")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Add the web hook; for the first of the two people, only record a proposal."""
        events, teams = ",".join(sorted(set(self.event))), ",".join(sorted(set(self.team)))
        if teams and "file.held" in self.event:
            raise GatewayError("a file that is held is no team's yet: ask for file.held without a team")
        digest = hashlib.sha256(f"{self.address} {events} {teams}".encode()).hexdigest()
        asked = TwoPersonAct("add-hook", "hooks", f"{self.name} {digest}")
        with context.recording() as record:
            if record.session.get(HookRow, self.name) is not None:
                raise GatewayError(f"there is a web hook {self.name}: remove it first, or take another name")
            record.check_teams(self.team)
            if not agreed(record.session, asked, by=record.by, why=self.why, at=record.at, always=True):
                return ActDone(WAITS_FOR_SECOND_PERSON)
            record.session.add(
                HookRow(
                    name=self.name, address=self.address, events=events, teams=teams, made_at=record.at,
                    made_by=record.by, entry=log.size(record.session), looked_at=record.at,
                )
            )  # fmt: skip
            record.note("hook-added", "hooks", {"what": self.name}, self.why)
        return ActDone(f"{self.name} is told from now on; see that it is: gateway hooks try {self.name}")


class RemoveHook(Act, command="hooks remove", right=AccessRight.ENROL):
    """Send a web hook no more messages, at once."""

    name: str = argument(_HOOK, metavar="NAME")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Delete the hook; the log keeps a record."""
        with context.recording() as record:
            record.session.delete(hooks.find(record.session, self.name))
            record.note("hook-removed", "hooks", {"what": self.name}, self.why)
        return ActDone(f"{self.name} is told of nothing more")


class TryHook(Act, command="hooks try", right=AccessRight.ENROL):
    """Send a web hook an empty test message, and once more the messages that were given up."""

    name: str = argument(_HOOK, metavar="NAME")
    since: Moment | None = option("Send every message since this moment once more, under the same ids.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record a test event, which is sent to the web hook; have messages that were given up sent again."""
        since = self.since
        if since is not None and since.tzinfo is None:  # A day counts from its first moment.
            since = since.replace(tzinfo=ZoneInfo(context.catalogue.calendar.timezone))
        with context.recording() as record:
            row = hooks.find(record.session, self.name)
            if again := since or row.lost_since:
                hooks.tell_again(record.session, row, again.astimezone(UTC))
            begins = {"begins": rfc3339(since)} if since else {}
            record.note("hook-tried", "hooks", {"what": self.name} | begins)
        return ActDone("a message is on its way; within a minute gateway hooks list says what became of it")
