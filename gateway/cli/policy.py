"""policy: check, try and compare policies, and change the policies in force as an act of two people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.acts.policy_explain import decision_object
from gateway.cli import policy_draft
from gateway.cli.classify import described
from gateway.cli.commands import HomeOption, JsonOption, command_in
from gateway.cli.console import (
    confirm,
    existing,
    now,
    out,
    plain,
    print_json,
    print_rows,
    registry,
    rfc3339,
    who,
)
from gateway.cli.derived import commands_of
from gateway.cli.options import WhyGivenOption, WhyOption
from gateway.cli.status import policies_standing, policies_told
from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.home.settings_file import nearest
from gateway.model import Provider, counted
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue, load_catalogue, read
from gateway.policy.dates import typed_moment
from gateway.policy.edits import WEIGHTS, edits
from gateway.policy.explain import diff as outcomes
from gateway.policy.explain import render
from gateway.policy.new_flow import declare
from gateway.processor.dry_run import try_file
from gateway.record import policy_proposals as proposals
from gateway.record.policies_in_force import Keeper, check_name, load_policies, policies_with
from gateway.record.policy_check import check as faults_of
from gateway.record.policy_check import simulate as simulated
from gateway.record.registrar import Rulebook
from gateway.registry import log, providers
from gateway.secrets.signing import Signing

_HARMLESS = "Columns that are listed as harmless; files with them pass."
_OF_SETTINGS = ("weight", "file", "entry", "does")
_OF_OUTCOMES = ("provider_kind", "data_type", "team")
_SECTIONS = (
    ("Loses protection", "loses protection", _OF_SETTINGS[1:]),
    ("Outcomes that change", "outcome", _OF_OUTCOMES),
    ("Changes besides", "changes", _OF_SETTINGS[1:]),
    ("Without effect on any outcome", "no effect", _OF_SETTINGS[1:]),
)
"""The parts of a comparison: heading, weight of the differences, and columns."""
FolderArgument = Annotated[Path, typer.Argument(file_okay=False, exists=True)]
DaysOption = Annotated[int, typer.Option(min=1, max=3660, help="Decide the files of so many days again.")]
MomentOption = Annotated[
    datetime | None, "--on DAY|TIME", "A day (at noon) or a local time; now if not given."
]
_DAYS = 180

app = typer.Typer()
app.add_typer(commands_of("policy harmless", "gateway.acts.headings", _HARMLESS), name="harmless")
app.command("confirm")(policy_draft.confirm)
app.add_typer(policy_draft.new_app, name="new")
app.add_typer(policy_draft.optional_app, name="optional")
app.add_typer(policy_draft.pack_app, name="pack")


@command_in(app)
def check(
    home: HomeOption,
    folder: Annotated[Path | None, "FOLDER", "A policies folder; that of the home if not given."] = None,
    mend: Annotated[bool, "First declare the data types and items that the agreement does not list."] = False,
    as_json: JsonOption = False,
) -> None:
    """Name every fault of the policies: file, line and key. Exit 1 where there is any."""
    policies = folder or existing(home).policies
    if not policies.is_dir():
        raise ConfigurationError(f"{policies} is no folder")
    for name in declare(policies) if mend else ():
        if not as_json:
            out.print(f"{name}: what the agreement does not list is declared")
    faults = [*faults_of(policies, now().date())]
    reading = read(policies)
    with suppress(Fault), registry(home) if folder is None and faults else nullcontext():
        pass  # A home of an earlier version is to be upgraded, not mended file by file.
    calendar = reading.models.get("calendar.toml")
    if folder is None and isinstance(calendar, CalendarFile) and calendar.inset:
        with registry(home) as opened, opened.read() as session:
            known = providers.added(session)
        for n, inset in enumerate(calendar.inset):
            if inset.provider not in known:
                words = f"there is no provider {inset.provider}{nearest(inset.provider, known)}"
                reading.blame(("calendar.toml", ("inset", n, "provider"), words))
                faults.append(reading.faults[-1])
    if as_json:
        print_json([dataclasses.asdict(fault) for fault in faults])
    else:
        told = "gateway policy confirm" + (f" --policies {folder}" if folder else "")
        for fault in faults:
            out.print(Text(plain(str(fault).replace("gateway policy confirm", told))))
        out.print(f"{counted(len(faults), 'fault')} in {policies}" if faults else f"no fault in {policies}")
    if faults:
        raise typer.Exit(1)


@command_in(app)
def diff(
    old: FolderArgument, new: FolderArgument, on: MomentOption = None, as_json: JsonOption = False
) -> None:
    """Show the differences between two policies folders, and their effects.

    First come settings that lose protection, then outcomes that change, by kind of provider, data type and
    team, then all other changes; for those without effect on any outcome, the reason is shown.
    """
    if as_json:
        print_json(list(_rows(old, new, on)))
    else:
        show_differences(old, new, on)


def show_differences(old: Path, new: Path, on: datetime | None) -> None:
    """Print the differences between two policies folders, as of a day or local time; None means now."""
    rows = list(_rows(old, new, on))
    if not rows:
        out.print("nothing differs")
    for title, weight, columns in _SECTIONS:
        if some := [row for row in rows if row["weight"] == weight]:
            out.print(f"\n{title}:")
            print_rows(some, (*columns, "before", "after"), "")


def _rows(old: Path, new: Path, on: datetime | None) -> Iterator[dict[str, Any]]:
    """Yield a row for each differing setting and outcome, all with the same keys."""
    before, after = load_catalogue(old), load_catalogue(new)
    empty = dict.fromkeys((*_OF_SETTINGS, *_OF_OUTCOMES))
    settings = [empty | dataclasses.asdict(one) for one in edits(old, new)]
    yield from (row for row in settings if row["weight"] == WEIGHTS[0])
    for one in outcomes(before, after, _moment(on, after)):
        yield empty | dataclasses.asdict(one) | {"weight": "outcome", "team": one.team or None}
    yield from (row for row in settings if row["weight"] != WEIGHTS[0])


def _moment(given: datetime | None, catalogue: Catalogue) -> datetime:
    """Convert a day (its noon) or a local time of the authority to UTC; the present moment for None."""
    return now() if given is None else typed_moment(given, catalogue.calendar.timezone).astimezone(UTC)


@command_in(app)
def simulate(
    home: HomeOption,
    folder: Annotated[
        Path | None, typer.Argument(file_okay=False, exists=True, help="The other policies.")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="Or those in force, with this law pack.")
    ] = None,
    days: DaysOption = _DAYS,
    as_json: JsonOption = False,
) -> None:
    """Decide the files of the last months anew by other policies; show each changed outcome and its files.

    Nothing is opened, sent or changed. Recognition of files is not simulated: see policy test.
    """
    if (folder is None) == (pack is None):
        raise typer.BadParameter("give either a folder of policies, or --pack")
    in_force = existing(home).policies_in_force
    before = load_catalogue(in_force)
    if pack is not None:
        check_name(pack)
        with policies_with(in_force, pack.name, pack.read_bytes()) as other:
            after = load_catalogue(other)
    elif folder is not None:
        after = load_catalogue(folder)
    with registry(home) as opened, opened.read() as session:
        found = simulated(session, before, after, now() - timedelta(days=days))
    if as_json:
        print_json(found)
        return
    show_simulated(found, days)


def show_simulated(found: dict[str, Any], days: int) -> None:
    """Print the number of files decided again, and the outcomes that differ."""
    out.print(f"{counted(found['files'], 'file')} of {counted(days, 'day')}, {found['same']} as before")
    if rows := found["changes"]:
        print_rows(rows, ("files", "before", "after", "until", "such_as"), "")


@command_in(app)
def propose(
    home: HomeOption,
    folder: Annotated[
        Path | None, typer.Argument(file_okay=False, help="The policies; policies/ of the home if not given.")
    ] = None,
    on: Annotated[datetime | None, "--on DAY", "From this day on; once approved if not given."] = None,
    days: DaysOption = _DAYS,
    why: WhyGivenOption = None,
) -> None:
    """Check other policies, compare them with those in force, simulate past files, and propose them.

    They come into force once a second person approves them: gateway policy approve.
    """
    with _keeper(home) as keeper:
        digest = keeper.keep(folder or keeper.home.policies)
        version, at = keeper.home.version(digest), now()
        _compare(keeper, version, days)
        begins = proposals.beginning(on and on.date(), at, load_catalogue(version).calendar.timezone)
        with _recording(keeper) as session:
            proposals.propose(session, digest, begins, by=who(), why=why, at=at)
    out.print(f"\nproposed: {digest}")
    out.print("a second person looks at this and says: gateway policy approve")


@command_in(app)
def approve(
    home: HomeOption,
    digest: Annotated[str | None, "[DIGEST]", "Approve only if the proposal has this digest."] = None,
    days: DaysOption = _DAYS,
    yes: Annotated[bool, "You have looked at it: do not ask."] = False,
) -> None:
    """Approve another person's proposal, after a look at the changes."""
    at = now()
    with _keeper(home) as keeper:
        with keeper.registry.read() as session:
            found = proposals.to_approve(session, by=who(), at=at, digest=digest)
        keeper.check_sound(found.digest)
        out.print(f"{found.by} proposed {found.digest}: {found.why or 'without a word'}")
        _compare(keeper, keeper.folder(found.digest), days)
        confirm("Are these to decide?", yes=yes)
        keeper.allow(found.digest)
        with _recording(keeper) as session:
            # The proposal shown, and none made meanwhile.
            approved = proposals.approve(session, by=who(), at=at, digest=found.digest)
        if approved.begins <= at:
            keeper.put_in_force(approved.digest)
            out.print(f"in force: {approved.digest}")
        else:
            out.print(f"approved: {approved.digest} is in force from {rfc3339(approved.begins)} on")
        keeper.draft(approved.digest)


@command_in(app)
def withdraw(home: HomeOption, why: WhyGivenOption = None) -> None:
    """Withdraw a proposal, or an approval for a future day."""
    with _keeper(home) as keeper:
        with _recording(keeper) as session:
            taken_back = proposals.withdraw(session, by=who(), why=why, at=now())
        keeper.forbid()
    out.print(f"withdrawn: {taken_back.digest}")


@command_in(app, "roll-back")
def roll_back(home: HomeOption, why: WhyOption) -> None:
    """Put the former policies back in force at once. They need no new approval."""
    with _keeper(home) as keeper:
        with keeper.registry.read() as session:
            digest, coming = proposals.before(session), proposals.proposal(session)
        keeper.check_sound(digest)
        keeper.put_in_force(digest, by=who(), why=why)
        keeper.draft(digest)
    out.print(f"in force again: {digest}")
    if coming is not None:
        out.print(
            f"{coming.digest} was put forward, and is so no more: gateway policy propose, if it is wanted"
        )


@command_in(app)
def status(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show the policies in force, the proposal, and whether policies/ differs from both."""
    place = existing(home)
    with registry(home) as opened, opened.read() as session:
        found = policies_standing(session, place)
    if as_json:
        print_json(found)
        return
    for line in policies_told(found):
        out.print(line)


@contextmanager
def _keeper(home: Path) -> Iterator[Keeper]:
    """Yield the keeper of a home's policies, for a person at the machine."""
    with registry(home) as opened:
        place = Home(home)
        yield Keeper(place, opened, Signing.load(place, load_settings(place)), now, by_hand=True)


@contextmanager
def _recording(keeper: Keeper) -> Iterator[Session]:
    """Yield a transaction for changing the registry; sign the log's head at the end."""
    with keeper.registry.write() as session:
        yield session
        log.sign_head(session, keeper.signing.log_key, keeper.signing.origin, now())


def _compare(keeper: Keeper, folder: Path, days: int) -> None:
    """Print how the policies in a folder differ from those in force, also in outcomes of past files."""
    in_force = keeper.home.policies_in_force
    try:
        before = load_catalogue(in_force)
    except ConfigurationError as error:
        out.print(f"what is in force cannot be read, so that nothing is compared: {error}")
        return
    show_differences(in_force, folder, None)
    with keeper.registry.read() as session:
        found = simulated(session, before, load_catalogue(folder), now() - timedelta(days=days))
    out.print()
    show_simulated(found, days)


@command_in(app, "test")
def try_out(
    home: HomeOption,
    file: Annotated[Path, "FILE", "A plain file, or one sealed to this gateway."],
    sender: Annotated[str, "--as PROVIDER", "A provider, or a kind of provider such as school."],
    on: MomentOption = None,
    folder: policy_draft.FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a provider's file on a day. Nothing is sent, kept or logged."""
    place = Home(home)
    policies = load_policies(folder or place.policies_in_force)
    is_kind = sender in policies.catalogue.bodies.kinds()
    anyone = Provider(id=sender, name=sender, kind=sender, ratified=True) if is_kind else None
    rules, at = Rulebook(place, policies.catalogue, anyone=anyone), _moment(on, policies.catalogue)
    with registry(place.root) as opened, closing(Examiner(place, policies.folder)) as examiner:
        try:
            tried = try_file(file, sender, at, rules=rules, examiner=examiner, registry=opened)
        except OSError as error:
            raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if as_json:
        found = None if tried.found is None else described(file, tried.found)
        told = {"file": str(file), "found": found, "counted": tried.counted}
        print_json(decision_object(tried.decision) | told)
        return
    out.print(Text(render(tried.decision, policies.catalogue)))
    if tried.counted:
        out.print(f"counts, without records of pupils, for: {', '.join(tried.counted)}")
