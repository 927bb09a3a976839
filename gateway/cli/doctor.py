"""doctor: faults and weaknesses of a home, with the commands for mending each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from gateway.cli.complaints import (
    PUT_BACK,
    Complaint,
    fault,
    kinds_of_keys,
    lines,
    of_calendar,
    of_coming_year,
    of_files,
    of_hosts,
    of_keys,
    of_law,
    of_provider,
    of_samples,
    of_teams,
    warning,
)
from gateway.cli.console import (
    HomeOption,
    JsonOption,
    err,
    fails_clearly,
    now,
    out,
    plain,
    print_json,
    registrar_of,
)
from gateway.cli.log import inconsistencies
from gateway.errors import ConfigurationError, Fault, GatewayError, trace_of
from gateway.home import Home
from gateway.home.settings import Settings, load_key_policy, load_limits, load_settings
from gateway.model import counted
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, local_day
from gateway.policy.ratification import years_at
from gateway.record.dual_control import two_can_be_had
from gateway.record.policy_proposals import last_loaded, proposal
from gateway.registry import (
    copies,
    hand_ons,
    hooks,
    keys,
    log,
    persons,
    register,
    retention,
    roles,
    staff,
    transfers,
)
from gateway.registry.database import Registry, newest_revision
from gateway.store.of_home import store_of
from gateway.zones.spool import count_aside, named_at, waiting

_STUCK_SECONDS = 300
_BEHIND, _NAMED = timedelta(minutes=2), 5
_BACKUP = "gateway restore DIR, into a new home, from the last backup"
_DAMAGED = ("malformed", "not a database")
"""Words of SQLite about a file that was cut off or overwritten."""


@fails_clearly
def doctor(
    home: HomeOption,
    deep: Annotated[bool, "Also recompute the log, check every row and read every sealed file."] = False,
    mend: Annotated[bool, "Mend first what can be mended without loss or choice."] = False,
    each: Annotated[bool, "--all", "Name each of many that are alike."] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is missing or weak in a home, and how to mend it. Exit 1 where files cannot pass."""
    complaints = list(examine(Home(home), now()))
    if mend:
        for one in complaints:
            try:
                if one.safely is not None:
                    one.safely()
                    err.print(f"mended: {one.what}", soft_wrap=True)
            except (GatewayError, OSError) as error:
                err.print(f"not mended: {one.what}: {error}", soft_wrap=True)
        complaints = list(examine(Home(home), now()))
    if deep:
        complaints += _audited(home)
    if as_json:
        print_json([complaint.as_object() for complaint in complaints])
    else:
        for line in lines(complaints, each=each):
            out.print(Text(line))
        if not complaints:
            out.print("nothing is missing or weak")
    if any(complaint.severity == "fault" for complaint in complaints):
        raise typer.Exit(1)


def examine(home: Home, at: datetime) -> Iterator[Complaint]:
    """Yield every complaint about a home. ConfigurationError where there is none."""
    try:
        settings = load_settings(home)
    except ConfigurationError as error:
        if not home.settings.is_file():
            raise
        yield fault(str(error), f"edit {home.settings}: gateway.toml.sample has every setting")
        return
    for what, complaints in (*of_files(home, settings), ("what SSH offers", _also_offered(settings))):
        yield from guarded(what, complaints)
    try:
        catalogue = load_catalogue(home.policies_in_force)
        load_limits(home)
    except ConfigurationError as error:
        yield _of_policies(home, settings, error)
        return
    yield from guarded("the samples", of_samples(home, settings, catalogue))
    try:
        yield from _registry(home, settings, catalogue, at)
    except ConfigurationError as error:
        yield fault(str(error), "docs/operations.md: upgrading, and going back")
    except GatewayError as error:
        mend = "see that the database runs and that this user may use it"
        if settings.database is None:
            mend = f"see that this user may write {home.registry} and the folder that it lies in"
            if any(said in str(error) for said in _DAMAGED):
                mend = f"the registry is damaged: {_BACKUP}"
        yield fault(str(error), mend)


def _of_policies(home: Home, settings: Settings, error: ConfigurationError) -> Complaint:
    """Return the complaint about unusable policies: an earlier version, a draft, or changed on disk."""
    try:
        with closing(Registry(settings.database_url(home))) as registry:
            if registry.revision() not in {None, newest_revision()}:
                what = "the registry and the policies in force are of an earlier version of the gateway"
                return fault(what, "gateway upgrade")
    except GatewayError as unreadable:
        return fault(str(unreadable), "see that the registry can be read; then: gateway doctor")
    draft = home.policies_in_force == home.policies
    kept = "put it back as the last backup has it: nobody edits what is in force; then: gateway doctor"
    return fault(str(error), "edit the file named" if draft else kept)


def _also_offered(settings: Settings) -> Iterator[Complaint]:
    for offer in settings.ssh.also_offer:
        whom = [*offer.networks, *([] if offer.provider is None else [f"provider {offer.provider}"])]
        yield warning(
            f"weak algorithms of SSH are offered to {', '.join(whom)}: {', '.join(offer.algorithms)}",
            "have them update their program, then take the line out of [ssh] also_offer in gateway.toml",
        )


def _audited(home: Path) -> Iterator[Complaint]:
    """Yield contradictions between the log, the registry, published files and sealed files."""
    with registrar_of(home) as registrar:
        found, _ = inconsistencies(registrar, [], sealed=True)
    for inconsistency in found:
        yield fault(
            plain(f"{inconsistency.where}: {inconsistency.what}"), "gateway restore DIR, into a new home"
        )


def guarded(what: str, complaints: Iterable[Complaint]) -> Iterator[Complaint]:
    """Yield complaints; a check that fails becomes one more complaint. Database errors are raised."""
    try:
        yield from complaints
    except (DatabaseError, Fault):
        raise
    except GatewayError as error:
        yield fault(str(error), "mend what it names, then: gateway doctor")
    except Exception as error:  # noqa: BLE001 - one look that fails must not hide what all others find
        yield fault(
            f"doctor could not look at {what}: {trace_of(error)}",
            "send this line to whoever maintains the gateway; everything else was looked at",
        )


def _registry(home: Home, settings: Settings, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    with closing(Registry(settings.database_url(home))) as registry:
        registry.check_version()
        with registry.read() as session:
            today = local_day(at, catalogue.calendar.timezone)
            for what, complaints in (
                ("whose log it is", _of_this_gateway(session, home)),
                ("policies in force", _on_record(session, home)),
                ("the calendar", of_calendar(catalogue, today)),
                ("the law pack", of_law(catalogue, today)),
                ("the coming year", of_coming_year(session, catalogue, today)),
                ("providers", _providers(session, catalogue, at)),
                ("staff", _people(session, catalogue, at)),
                ("keys", of_keys(session, home, load_key_policy(home), at)),
                ("hosts", of_hosts(session, home, settings.host.name)),
                ("other systems", _other_systems(session, at)),
                ("what landed", _undecided(session, at)),
                ("the clock", _clock(session, at)),
                ("the key set", _key_set(session, home)),
                ("the index of pupils", _index(session, home)),
                ("sealed files", _sealed(session, home, settings)),
            ):
                yield from guarded(what, complaints)
        yield from guarded("the spool", _spool(home, at))


def _of_this_gateway(session: Session, home: Home) -> Iterator[Complaint]:
    """Raise ConfigurationError if the registry contains another gateway's log."""
    published = home.published.common / "keys" / "gateway-log.vkey"
    if published.exists():
        log.check_is_ours(session, published.read_text("ascii").strip())
    yield from ()


def _on_record(session: Session, home: Home) -> Iterator[Complaint]:
    """Yield a complaint if the policies in use differ from the policies in force by the log."""
    latest, coming = last_loaded(session), proposal(session)
    if coming is not None and coming.approved_by is not None and coming.begins + _BEHIND < now():
        yield fault(
            f"the policies {coming.digest[:16]} are approved, and yet not in force",
            "see that the processor is at work; where they lose protection, nobody approved them on the "
            "machine: gateway policy withdraw",
        )
    if latest is not None and home.policies_in_force != home.version(latest):
        yield fault(
            f"{home.versions / 'current'} names other policies than the log has in force, {latest[:16]}",
            "gateway process, which puts that right; if it stays: restore policies-in-force/ from a backup; "
            "where the processor says that protection would be lost: gateway policy roll-back",
        )


def _providers(session: Session, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    today = local_day(at, catalogue.calendar.timezone)
    year = academic_year(today, catalogue.agreement.year.starts)
    enrolled = register.of(session).enrolled(years_at(today, catalogue))
    if not enrolled:
        yield warning("no provider is enrolled", "gateway providers add ID --name …")
    kinds = kinds_of_keys(keys.list_keys(session), at)
    for provider in enrolled:
        if provider.closed_on is None:
            yield from of_provider(provider, catalogue, year, *kinds[provider.id])
    for name, number in sorted(copies.count_waiting(session).items()):
        yield warning(
            f"{name}: {counted(number, 'copy', 'copies')} of files wait until it has ratified the agreement",
            f'gateway agreement ratify {name} --signatory "…"',
        )


def _people(session: Session, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    people = staff.list_staff(session)
    if people and not roles.in_force(session):
        yield warning(
            "roles are not in force: whoever runs commands here may do everything",
            "gateway roles grant NAME administrator --account ACCOUNT --why …",
        )
    yield from _of_seconds(session, at)
    yield from of_teams(catalogue, {team for teams in people.values() for team in teams})


_TAKES_TWO: tuple[tuple[str, frozenset[str]], ...] = (
    ("revoke a key, change the gateway's keys, powerful roles or the policies", frozenset({"administrator"})),
    ("release a file against the policy", frozenset({"administrator", "triage"})),
)


def _of_seconds(session: Session, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint for each act that two people must confirm and that no two people can."""
    if not roles.in_force(session):
        return
    people = roles.people(session)
    for act, wanted in _TAKES_TWO:
        able = {person["name"] for person in people if not wanted.isdisjoint(person["roles"])}
        if not two_can_be_had(session, able, at):
            yield warning(
                f"no two people can {act}: one alone gave the others what they act with, or is alone",
                "gateway roles list; gateway roles accept, or gateway roles vouch NAME FPR (docs/roles.md)",
            )


def _undecided(session: Session, at: datetime) -> Iterator[Complaint]:
    landed = transfers.landed(session)
    if landed and (at - transfers.get(session, landed[0]).upload.landed_at).total_seconds() > _STUCK_SECONDS:
        yield fault(f"{counted(len(landed), 'file')} landed and not decided", "gateway process")


def _other_systems(session: Session, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint for each other system that takes no files or web-hook messages."""
    for batch in hand_ons.unacknowledged(session, at):
        name, number = hand_ons.name_of(batch), f"{batch.hand_on} {batch.number} --why …"
        what = batch.trouble or "the system has not acknowledged it in time"
        mend = f"docs/hand-on.md; then: gateway handon acknowledge {number}, or gateway handon retry {number}"
        yield warning(f"{name}: {what}", mend, name)
    for row in hooks.listed(session):
        if why := hooks.remark(row):
            mend = f"docs/api.md; then: gateway hooks try {row.name}"
            yield warning(f"the web hook {row.name}: {why}", mend, row.name)


def _clock(session: Session, at: datetime) -> Iterator[Complaint]:
    newest = log.latest(session)
    if newest is not None and newest.at - at > _BEHIND:
        yield fault(
            f"the clock of this machine says {at:%Y-%m-%d %H:%M} UTC, and the log has entries of "
            f"{newest.at:%Y-%m-%d %H:%M}: one of them is wrong",
            "timedatectl set-ntp true, and see that the time is right; then start the services again",
        )


def _key_set(session: Session, home: Home) -> Iterator[Complaint]:
    *ended, last = log.keys_in_time(session, "")
    wanted = last.key.split("+")[1] if ended else ""
    if wanted != home.key_set:
        yield fault(
            f"the key of the log in use is {home.log_key(wanted)}, and keys/signing names another one: "
            "nothing can be put on record",
            "gateway keys gateway rotate, which finishes a change that was cut off"
            if home.log_key(wanted).exists()
            else PUT_BACK,
        )


def _index(session: Session, home: Home) -> Iterator[Complaint]:
    path = home.pupil_key(home.key_set)
    if not path.exists() and persons.is_any(session):
        yield fault(f"{path} is missing: no child is found, and no marker protects one", PUT_BACK)


def _sealed(session: Session, home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint about sealed files missing from a home's folder; `--deep` checks an S3 store."""
    if settings.store.url is not None or not (home.root / "sealed").is_dir():
        return
    missing = sorted(retention.with_sealed_file(session) - set(store_of(home, settings).references()))
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" and more" if len(missing) > _NAMED else "")
        what = f"{counted(len(missing), 'sealed file')} missing from {home.root / 'sealed'}: {named}"
        yield fault(what, _BACKUP)


def _spool(home: Home, at: datetime) -> Iterator[Complaint]:
    if not home.spool.landed.is_dir():
        return  # Told as a missing folder.
    old = [r for r in waiting(home.spool) if _age(home, r, at) > _STUCK_SECONDS]
    if old:
        yield fault(f"{len(old)} uploads wait in the spool", "gateway process; its log says why")
    if aside := count_aside(home.spool):
        yield warning(
            f"set aside in the spool: {counted(aside, 'record')} that intake should never have written",
            "look at spool/landed/*.aside; the processor's log says why",
        )


def _age(home: Home, reference: str, at: datetime) -> float:
    try:
        return at.timestamp() - named_at(home.spool, reference)
    except FileNotFoundError:
        return 0.0
