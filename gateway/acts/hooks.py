"""Acts on web hooks, which tell other systems of events. Two people add a hook, one person removes a hook."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import Moment, Why, argument, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.home.settings_file import written_as
from gateway.log.leaf import rfc3339
from gateway.record.dual_control import WAITS_FOR_SECOND_PERSON, TwoPersonAct, agreed
from gateway.registry import hooks, log
from gateway.registry.hooks import HookEvent
from gateway.registry.tables import HookRow

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
