"""policy propose, approve, withdraw, roll-back and status: a change of policy is an act of two people."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    print_json,
    registry,
    rfc3339,
    who,
)
from gateway.cli.on_record import signed_head
from gateway.cli.options import WhyGivenOption, WhyOption
from gateway.cli.policy_diff import show_differences
from gateway.cli.policy_simulate import show_simulated, simulated_rows
from gateway.cli.policy_standing import standing, told
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.policy.catalogue import load_catalogue
from gateway.record import policy_proposals as proposals

if TYPE_CHECKING:
    from gateway.record.policies_in_force import Keeper
    from gateway.registry.database import Registry

_DAYS = 180


@fails_clearly
def propose(
    folder: Annotated[
        Path | None, typer.Argument(file_okay=False, help="The policies; policies/ of the home if not given.")
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="From this day on; once approved if not given."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="Try them on the files of so many days.")
    ] = _DAYS,
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Check other policies, compare them with those in force, simulate past files, and propose them.

    In force once approved by a second person: gateway policy approve.
    """
    place, at = existing(home), now()
    origin = folder or place.policies
    with registry(home) as opened:
        keeper = _keeper(place, opened)
        digest = keeper.keep(origin)
        _compare(place, opened, place.version(digest), days)
        zone = load_catalogue(place.version(digest)).calendar.timezone
        begins = proposals.beginning(on.date() if on else None, at, zone)
        with opened.write() as session:
            proposals.propose(session, digest, begins, by=who(), why=why, at=at)
            signed_head(session, place)
    out.print(f"\nproposed: {digest}", soft_wrap=True)
    out.print("a second person looks at this and says: gateway policy approve", soft_wrap=True)


@fails_clearly
def approve(
    digest: Annotated[
        str | None, typer.Argument(metavar="[DIGEST]", help="Only if this is what is proposed.")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="Try them on the files of so many days.")
    ] = _DAYS,
    yes: Annotated[bool, typer.Option("--yes", help="You have looked at it: do not ask.")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Approve another person's proposal, after a look at the changes."""
    place, at = existing(home), now()
    with registry(home) as opened:
        with opened.read() as session:
            found = proposals.to_approve(session, by=who(), at=now(), digest=digest)
        out.print(f"{found.by} proposed {found.digest}: {found.why or 'without a word'}", soft_wrap=True)
        keeper = _keeper(place, opened)
        _compare(place, opened, keeper.folder(found.digest), days)
        if not yes:
            typer.confirm("Are these to decide?", default=False, abort=True, err=True)
        with opened.write() as session:
            # The proposal shown, and none made meanwhile.
            approved = proposals.approve(session, by=who(), at=at, digest=found.digest)
            signed_head(session, place)
        if approved.begins <= at:
            keeper.put_in_force(approved.digest)
            out.print(f"in force: {approved.digest}", soft_wrap=True)
        else:
            keeper.put_off(approved)
            out.print(
                f"approved: {approved.digest} is in force from {rfc3339(approved.begins)} on", soft_wrap=True
            )
        keeper.draft(approved.digest)


@fails_clearly
def withdraw(why: WhyGivenOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Withdraw a proposal, or an approval for a future day."""
    place, at = existing(home), now()
    with registry(home) as opened:
        with opened.write() as session:
            taken_back = proposals.withdraw(session, by=who(), why=why, at=at)
            signed_head(session, place)
        _keeper(place, opened).forget_day()
    out.print(f"withdrawn: {taken_back.digest}", soft_wrap=True)


@fails_clearly
def roll_back(why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Put the policies in force before back in force, at once. They were approved in their day."""
    place = existing(home)
    with registry(home) as opened:
        with opened.read() as session:
            digest = proposals.before(session)
        keeper = _keeper(place, opened)
        keeper.put_in_force(digest, by=who(), why=why)
        keeper.draft(digest)
    out.print(f"in force again: {digest}", soft_wrap=True)


@fails_clearly
def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show the policies in force, the proposal, and if policies/ holds another edit."""
    place = existing(home)
    with registry(home) as opened, opened.read() as session:
        found = standing(session, place)
    if as_json:
        print_json(found)
        return
    for line in told(found):
        out.print(line, soft_wrap=True)


def _keeper(place: Home, opened: Registry) -> Keeper:
    from gateway.record.policies_in_force import Keeper  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.secrets.signing import Signing  # noqa: PLC0415

    return Keeper(place, opened, Signing.load(place, load_settings(place)), now, by_hand=True)


def _compare(place: Home, opened: Registry, folder: Path, days: int) -> None:
    """Show the differences from the policies in force, lost protection first, and changed past outcomes."""
    from gateway.record.policy_check import simulate  # noqa: PLC0415 - loads the registry's libraries

    try:
        before = load_catalogue(place.policies_in_force)
    except ConfigurationError as error:
        out.print(f"what is in force cannot be read, so that nothing is compared: {error}", soft_wrap=True)
        return
    show_differences(place.policies_in_force, folder, None)
    with opened.read() as session:
        found = simulate(session, before, load_catalogue(folder), now() - timedelta(days=days))
    out.print()
    show_simulated(found, simulated_rows(found), days)
