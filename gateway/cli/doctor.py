"""doctor: find faults and weaknesses of a home, and print the commands for mending each."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from gateway.cli import complaints
from gateway.cli.commands import HomeOption, JsonOption, fails_clearly
from gateway.cli.complaints import Complaint, fault, warning
from gateway.cli.console import err, now, out, plain, print_json, registrar_of
from gateway.cli.console import registry as open_registry
from gateway.cli.keys import host_keys
from gateway.cli.log import inconsistencies
from gateway.errors import ConfigurationError, Fault, GatewayError, trace_of
from gateway.examiner import confinement
from gateway.home import Home
from gateway.home.settings import Settings, load_key_policy, load_limits, load_settings
from gateway.home.versions import policy_digest
from gateway.homes.create import make_folders
from gateway.homes.move import left_behind, was_closed
from gateway.log.checkpoint import VerifierKey
from gateway.model import counted
from gateway.openpgp.engines import prove_program
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, local_day
from gateway.policy.ratification import years_at
from gateway.publish.everything import publish_all
from gateway.record.dual_control import includes_two_people
from gateway.record.policy_check import check
from gateway.record.policy_proposals import last_loaded, proposal
from gateway.registry import (
    copies,
    hand_ons,
    hooks,
    letters,
    log,
    logins,
    persons,
    register,
    retention,
    roles,
    staff,
    transfers,
)
from gateway.secrets import secret_files
from gateway.store.of_home import faults_of_store, store_of
from gateway.zones.places import last_backup, processor_is_at_work
from gateway.zones.spool import count_aside, named_at, waiting

_STUCK_SECONDS = 300
_A_RELAY_IS_DOWN = timedelta(hours=1)
_BEHIND, _NAMED = timedelta(minutes=2), 5
_A_BACKUP_IS_GOOD = timedelta(days=3)  # They are made each night.
_BACKUP = "gateway restore DIR, into a new home, from the last backup"
_UPGRADING = "docs/operations.md: backup and restore, and upgrading"
_PROCESS = "systemctl start gateway-processor, or without systemd: gateway run; its log says why"
_PUT_BACK = "put it back from the last backup, before the services start again"
_DAMAGED = ("malformed", "not a database")
"""Words of SQLite about a file that was cut off or overwritten."""
_LOW_BYTES = 1024**3
_MADE_ONCE = {
    "mailboxes_host_key": "programs of the staff will be shown another host key, and refuse to go on",
    "statements": "nothing says which log belongs to the gateway's OpenPGP keys",
}
"""Files and folders in keys/ that no other check covers, each with the consequence of its loss."""
_TAKES_TWO: tuple[tuple[str, frozenset[str]], ...] = (
    ("revoke a key, change the gateway's keys, powerful roles or the policies", frozenset({"administrator"})),
    ("release a file against the policy", frozenset({"administrator", "triage"})),
)


@fails_clearly
def doctor(
    home: HomeOption,
    deep: Annotated[bool, "Also recompute the log, check every row and read every sealed file."] = False,
    mend: Annotated[bool, "Mend first what can be mended without loss or choice."] = False,
    each: Annotated[bool, "--all", "Name each of many that are alike."] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is missing or weak in a home, and how to mend it. Exit 1 where files cannot pass."""
    found = list(examine(Home(home), now()))
    if mend:
        for one in found:
            try:
                if one.safely is not None:
                    one.safely()
                    err.print(f"mended: {one.what}", soft_wrap=True)
            except (GatewayError, OSError) as error:
                err.print(f"not mended: {one.what}: {error}", soft_wrap=True)
        found = list(examine(Home(home), now()))
    if deep:
        found += guarded("the log and what is stored", _contradictions(home))
    if as_json:
        print_json([complaint.as_object() for complaint in found])
    else:
        for line in complaints.lines(found, each=each):
            out.print(Text(line))
        if not found:
            out.print("nothing is missing or weak")
    if any(complaint.severity == "fault" for complaint in found):
        raise typer.Exit(1)


def _contradictions(home: Path) -> Iterator[Complaint]:
    """Yield a complaint for each contradiction of log, registry, published files and sealed files."""
    with registrar_of(home) as registrar:
        contradictions, _ = inconsistencies(registrar, [], sealed=True)
    for one in contradictions:
        yield fault(plain(f"{one.where}: {one.what}"), "gateway restore DIR, into a new home")


def examine(home: Home, at: datetime) -> Iterator[Complaint]:
    """Yield every complaint about a home. ConfigurationError if no home is there."""
    try:
        settings = load_settings(home)
    except ConfigurationError as error:
        if not home.settings.is_file():
            raise
        yield fault(str(error), f"edit {home.settings}: gateway.toml.sample has every setting")
        return
    closed = list(complaints.of_closed_folders(home))
    yield from closed
    if any(one.severity == "fault" for one in closed):
        return  # What lies there would be called missing.
    for what, found in (
        ("folders", _folders(home)),
        ("files made once", _made_once(home)),
        ("the draft of the policies", _draft(home)),
        ("modes", _modes(home)),
        ("secrets", _secrets(home)),
        ("settings", complaints.of_settings(home, settings, at)),
        ("the list of host keys", _host_list(home)),
        ("the OpenPGP program", _engine(home, settings)),
        ("the store", _store(home, settings)),
        ("what a move left", _left(home, settings)),
        ("the machine", _machine(home)),
        ("backups", _backups(home, settings, at)),
    ):
        yield from guarded(what, found)
    try:
        catalogue = load_catalogue(home.policies_in_force)
        load_limits(home)
    except ConfigurationError as error:
        yield _of_policies(home, error)
        return
    yield from guarded("the samples", complaints.of_samples(home, settings, catalogue))
    if settings.database is None and not home.registry.exists():
        yield fault(f"{home.registry} is missing", f"put it back where it is at hand; else {_BACKUP}")
        return
    try:
        yield from _registry(home, settings, catalogue, at)
    except ConfigurationError as error:
        yield fault(str(error), _UPGRADING)
    except GatewayError as error:
        yield fault(str(error), _for_the_registry(home, settings, str(error)))


def _for_the_registry(home: Home, settings: Settings, said: str) -> str:
    """Return what mends a registry that answered with the error `said`."""
    if settings.database is not None:
        return "see that the database runs and that this user may use it"
    if any(words in said for words in _DAMAGED):
        return f"the registry is damaged: {_BACKUP}"
    if not shutil.disk_usage(home.root).free:
        return f"the disk of {home.root} is full: make room outside the gateway, or enlarge the disk"
    return f"see that this user may write {home.registry} and the folder that it lies in"


def _of_policies(home: Home, error: ConfigurationError) -> Complaint:
    """Return the complaint on `error`, raised by loading the policies: edit a file, or run an upgrade."""
    try:
        with open_registry(home.root, whole=True):
            pass
    except ConfigurationError as other_version:
        return fault(str(other_version), _UPGRADING)
    except GatewayError as unreadable:
        return fault(str(unreadable), "see that the registry can be read; then: gateway doctor")
    draft = home.policies_in_force == home.policies
    kept = "put it back as the last backup has it: nobody edits what is in force; then: gateway doctor"
    return fault(str(error), "edit the file named" if draft else kept)


def guarded(what: str, found: Iterable[Complaint]) -> Iterator[Complaint]:
    """Yield the complaints of a check of `what`. An exception in the check becomes a complaint, too; only
    DatabaseError and Fault are raised.
    """
    try:
        yield from found
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
    with open_registry(home.root, whole=True) as registry, registry.read() as session:
        today = local_day(at, catalogue.calendar.timezone)
        secret_of = partial(secret_files.secret_key_file, home)
        for what, found in (
            ("a move", _cut_off(session)),
            ("whose log it is", _of_this_gateway(session, home, settings)),
            ("policies in force", _on_record(session, home)),
            ("the calendar", complaints.of_calendar(catalogue, today)),
            ("the law pack", complaints.of_law(catalogue, today)),
            ("the coming year", complaints.of_coming_year(session, catalogue, today)),
            ("providers", _providers(session, catalogue, today, at)),
            ("staff", _people(session, catalogue, at)),
            ("keys", complaints.of_keys(session, secret_of, load_key_policy(home), at)),
            ("hosts", complaints.of_hosts(session, home, settings.host.name)),
            ("other systems", _other_systems(session, settings, at)),
            ("what landed", _landed(session, home, at)),
            ("the clock", _clock(session, at)),
            ("the key set", _key_set(session, home)),
            ("the index of pupils", _index(session, home)),
            ("sealed files", _sealed(session, home, settings)),
        ):
            yield from guarded(what, found)
    yield from guarded("the spool", _spool(home, at))


def _folders(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each folder of secrets that is missing or open to others."""
    for folder in (home.keys, home.root / "sealed"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
        if not folder.exists():
            yield fault(f"{folder} is missing", "restore it from a backup")
        elif mode & (0o027 if folder.stat().st_mode & stat.S_ISGID else 0o077):
            # The set-group-ID bit marks a folder meant for a group: the mailboxes' user.
            yield fault(f"{folder} is open to other users", f"chmod 700 {folder}")


def _made_once(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each file and folder made by `gateway init` and missing now."""
    for name, without in _MADE_ONCE.items():
        if home.keys.exists() and not (home.keys / name).exists():
            yield fault(f"{home.keys / name} is missing: {without}", _PUT_BACK)

    def make_anew() -> None:
        make_folders(home)
        publish_all(home, now())

    mend = "gateway doctor --mend, or as root: systemd-tmpfiles --create gateway.conf"
    for path in [path for path in (home.spool.landed, home.published.root) if not path.exists()]:
        yield fault(f"{path} is missing", mend, safely=make_anew)
    mend = "gateway doctor --mend, or start the processor again, which writes it anew"
    for path in (home.published.common, home.published.intake_settings):
        if home.published.root.exists() and not path.exists():
            yield fault(f"{path} is missing", mend, safely=make_anew)


def _draft(home: Home) -> Iterator[Complaint]:
    """Yield a complaint if policies/, the draft of the policies, is missing or has faults."""
    if home.policies_in_force == home.policies:
        return
    if not home.policies.is_dir():
        what = f"{home.policies}, the draft of the policies, is missing"
        yield warning(what, f"cp -r {home.policies_in_force} {home.policies}")
    elif policy_digest(home.policies) != home.policies_in_force.name and (faults := check(home.policies)):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        what = f"the draft in {home.policies} has faults: {faults[0]}{more}"
        yield warning(what, "edit the file named, then: gateway policy check")


def _backups(home: Home, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint if the last backup is too old; none without backups, as other means may be in use."""
    last = last_backup(home)
    if settings.database is None and last is not None and at - last > _A_BACKUP_IS_GOOD:
        yield warning(
            f"the last backup of this home is of {last:%Y-%m-%d}",
            "systemctl enable --now gateway-backup.timer, and see that it runs: docs/operations.md",
        )


def _modes(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each path that other users may change, and each private one open to them."""

    def close(path: Path, bits: int) -> None:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~bits)

    private = (home.registry, *home.root.glob("registry.db-*"), home.mailboxes, home.console, home.web)
    for path in private:
        if path.exists() and path.stat().st_mode & 0o007:
            safely = partial(close, path, 0o007)
            yield fault(f"{path} is open to other users", f"chmod o-rwx {path}", safely=safely)
    for path in (home.root, *_below(home)):
        if path not in private and not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH:
            safely = partial(close, path, 0o002)
            yield fault(f"other users may change {path}", f"chmod o-w {path}", safely=safely)


def _below(home: Home) -> Iterator[Path]:
    """Yield all folders of a home, and the files of its keys and policies."""
    for top in sorted(home.root.iterdir()):
        yield top
        if top.is_symlink() or not top.is_dir():
            continue
        for folder, folders, files in os.walk(top):
            here = Path(folder)
            yield from (here / name for name in sorted(folders))
            if top in {home.keys, home.policies, home.versions}:
                yield from (here / name for name in sorted(files))


def _secrets(home: Home) -> Iterator[Complaint]:
    try:
        secret_files.secret_keys(home)
        in_use = secret_files.signing_fingerprint(home)
        secret_files.openpgp_secret(home, in_use)
        secret_files.log_key(home)
        secret_files.log_statement(home, in_use)
        if bare := secret_files.unprotected(home):
            yield warning(
                f"{'1 secret is' if len(bare) == 1 else f'{len(bare)} secrets are'} under no passphrase in "
                f"{home.keys}: whoever copies that reads all",
                "gateway keys gateway protect",
            )
    except ConfigurationError as error:
        mend = (
            "give the passphrase, or restore keys/ from a backup; where a change of it was cut off: "
            "gateway keys gateway protect, with the same new one"
        )
        yield fault(str(error), "do that, then: gateway doctor" if "chmod" in str(error) else mend)


def _host_list(home: Home) -> Iterator[Complaint]:
    """Yield a complaint if intake shows a host key that the list signed for providers does not name."""
    signed = home.keys / "hosts.asc"
    for row in host_keys(home) if signed.exists() else ():
        shown = row["service"] == "intake" and row["use"] != "announced"
        if shown and row["fingerprint"] not in signed.read_text("utf-8"):
            yield warning(
                f"the host key {row['fingerprint']} of intake ({row['use']}) is not in the list signed for "
                "providers: programs that know another one refuse to go on",
                "put spool/host/ back where you have it, and restart intake; else gateway keys host publish, "
                "and tell the providers the new fingerprint",
            )


def _engine(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if the OpenPGP program is missing, or judges signatures wrongly."""
    lack, engine, program = None, settings.processor.engine, settings.processor.sop_program
    try:
        prove_program(settings.processor)
        if shutil.which(program) is None:
            lack = f"{program}, the OpenPGP program, is not installed"
    except ConfigurationError as error:
        lack = str(error)
    except Fault as error:
        yield fault(f"the OpenPGP program does not run: {error}", "apt-get install sqop")
    if lack is not None and engine == "sop":
        yield fault(lack, "apt-get install sqop, or engine in gateway.toml")
    elif lack is not None and engine == "auto":
        size = load_limits(home).open.embedded_sealed_bytes // 1024**2
        yield warning(
            f"{lack}. Meanwhile the embedded engine opens files, and none of over {size} MiB",
            "apt-get install sqop, as Debian 13 has it",
        )


def _store(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield complaints if the S3 store cannot be reached, or does not behave as the gateway needs."""
    where = f"the store {settings.store.url}"
    try:
        for broken in faults_of_store(home, settings):
            yield fault(f"{where}: {broken}", "docs/cluster.md: which stores do")
    except ConfigurationError as error:
        yield fault(str(error), f"edit [store] in {home.settings}")
    except OSError as error:
        mend = "see that it runs and that its credentials may list, read, write and delete there"
        yield fault(f"{where}: {error.strerror}", mend)


def _left(home: Home, settings: Settings) -> Iterator[Complaint]:
    for left in left_behind(home, settings):
        yield warning(f"a move left {left}: retention does not see it", "gateway move --remove-old")


def _cut_off(session: Session) -> Iterator[Complaint]:
    """Yield a complaint if a move to another database was cut off: nothing can be put on record in this
    registry.
    """
    if was_closed(session):
        yield fault(
            "a move was cut off after the registry was copied: nothing can be put on record here any more",
            "gateway move, with the options that it was begun with: it goes on where it ended",
        )


def _machine(home: Home) -> Iterator[Complaint]:
    for lack in confinement.missing():
        yield warning(lack, "docs/operations.md: what isolated children give up")
    free = shutil.disk_usage(home.root).free
    if free < _LOW_BYTES:
        yield warning(f"only {free // 1024**2} MiB of disk space are left", "make room")


def _of_this_gateway(session: Session, home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield nothing: raise ConfigurationError if the log is another gateway's, or has another name."""
    published = home.published.common / "keys" / "gateway-log.vkey"
    if published.exists():
        key = VerifierKey.read(published.read_text("ascii"))
        log.check_is_ours(session, str(replace(key, name=settings.log_origin)))
    yield from ()


def _on_record(session: Session, home: Home) -> Iterator[Complaint]:
    """Yield complaints if approved policies have faults or are not in force, or if log and home differ."""
    latest, coming = last_loaded(session), proposal(session)
    folder = home.version(coming.digest) if coming and coming.approved_by else None
    if coming and folder and folder.is_dir() and (faults := check(folder)):  # An earlier version took them.
        what = (
            f"the policies {coming.digest[:16]}, to come into force on {coming.begins:%Y-%m-%d}, have faults"
        )
        yield fault(
            f"{what}: {faults[0]}",
            "gateway policy withdraw, mend the draft, and gateway policy propose: on that day and after it "
            "those of before stay in force",
        )
    elif coming is not None and coming.is_late(now()):
        yield fault(
            f"the policies {coming.digest[:16]} are approved, and yet not in force",
            "see that the processor is at work; its log says where they are missing, or lose protection and "
            "nobody approved them on the machine: gateway policy withdraw",
        )
    if latest is not None and home.policies_in_force != home.version(latest):
        yield fault(
            f"{home.versions / 'current'} names other policies than the log has in force, {latest[:16]}",
            "gateway process, which puts that right; if it stays: restore policies-in-force/ from a backup; "
            "where the processor says that protection would be lost: gateway policy roll-back",
        )


def _providers(session: Session, catalogue: Catalogue, today: date, at: datetime) -> Iterator[Complaint]:
    year = academic_year(today, catalogue.agreement.year.starts)
    enrolled = register.of(session).enrolled(years_at(today, catalogue))
    if not enrolled:
        yield warning("no provider is enrolled", "gateway providers add ID --name …")
    yield from complaints.of_providers(session, enrolled, catalogue, year, at)
    parties = catalogue.bodies.parties
    not_yet = {one.id for one in enrolled if one.kind in parties and not one.ratified and not one.closed_on}
    for name, number in sorted(copies.count_waiting(session).items()):
        if name not in not_yet:
            continue
        yield warning(
            f"{name}: {counted(number, 'copy', 'copies')} of files wait until it has ratified the agreement",
            f'gateway agreement ratify {name} --signatory "…"',
        )


def _people(session: Session, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    """Yield complaints if roles are not in force, too few people can confirm an act, or a team is empty."""
    people, in_force = staff.list_staff(session), roles.in_force(session)
    if people and not in_force:
        yield warning(
            "roles are not in force: whoever runs commands here may do everything",
            "gateway roles grant NAME administrator --account ACCOUNT --why …",
        )
    with_roles = roles.people(session) if in_force else []
    for act, wanted in _TAKES_TWO if in_force else ():
        able = {person["name"] for person in with_roles if not wanted.isdisjoint(person["roles"])}
        if not includes_two_people(session, able, at):
            yield warning(
                f"no two people can {act}: one alone gave the others what they act with, or is alone",
                "gateway roles list; gateway roles accept, or gateway roles vouch NAME FPR (docs/roles.md)",
            )
    for name, ends in logins.open_invitations(session, at):
        yield warning(
            f"the link to the console made for {name} is unused, and counts until {ends:%Y-%m-%d %H:%M} UTC: "
            f"whoever has it becomes {name}",
            f"ring {name}; where it is lost: gateway staff invite {name}, which ends the one before",
            name,
            "links to the console that are unused",
        )
    yield from complaints.of_teams(catalogue, {team for teams in people.values() for team in teams})


def _other_systems(session: Session, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint for letters not taken by the relay, each late batch, and each web hook in trouble."""
    unsent = letters.unsent(session) if settings.letters.relay is not None else ()
    since = letters.get(session, unsent[0]).owed_at if unsent else at
    if at - since > _A_RELAY_IS_DOWN:
        yield warning(
            f"{counted(len(unsent), 'letter')} not sent since {since:%Y-%m-%d %H:%M} UTC: the relay is not "
            "reached, or puts them off",
            "journalctl -u gateway-courier; docs/runbooks.md, GatewayLettersWait",
        )
    for batch in hand_ons.unacknowledged(session, at):
        name, number = hand_ons.name_of(batch), f"{batch.hand_on} {batch.number} --why …"
        what = batch.trouble or "the system has not acknowledged it in time"
        mend = f"docs/hand-on.md; then: gateway handon acknowledge {number}, or gateway handon retry {number}"
        yield warning(f"{name}: {what}", mend, name)
    for row in hooks.listed(session):
        if why := hooks.remark(row):
            mend = f"docs/api.md; then: gateway hooks try {row.name}"
            yield warning(f"the web hook {row.name}: {why}", mend, row.name)


def _landed(session: Session, home: Home, at: datetime) -> Iterator[Complaint]:
    if not processor_is_at_work(home):
        yield warning("the processor is not at work: what schools send waits", _PROCESS)
    landed = transfers.landed(session)
    if landed and (at - transfers.get(session, landed[0]).upload.landed_at).total_seconds() > _STUCK_SECONDS:
        yield fault(f"{counted(len(landed), 'file')} landed and not decided", _PROCESS)


def _clock(session: Session, at: datetime) -> Iterator[Complaint]:
    newest = log.latest(session)
    if newest is not None and newest.at - at > _BEHIND:
        yield fault(
            f"the clock of this machine says {at:%Y-%m-%d %H:%M} UTC, and the log has entries of "
            f"{newest.at:%Y-%m-%d %H:%M}: one of them is wrong",
            "timedatectl set-ntp true, and see that the time is right; then start the services again",
        )
    elif log.is_silent(session, at):
        yield warning(
            f"by the clock of this machine it is {at:%Y-%m-%d}, and the log has no entry of half a year: the "
            "clock may be ahead",
            "date; where it is wrong: stop the services, timedatectl set-ntp true, and start them again",
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
            else _PUT_BACK,
        )


def _index(session: Session, home: Home) -> Iterator[Complaint]:
    path = home.pupil_key(home.key_set)
    if not path.exists() and persons.has_entries(session):
        yield fault(f"{path} is missing: no child is found, and no marker protects one", _PUT_BACK)


def _sealed(session: Session, home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if sealed files are missing from the home; `--deep` also checks an S3 store."""
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
    old = 0
    for reference in waiting(home.spool):
        with suppress(FileNotFoundError):
            old += at.timestamp() - named_at(home.spool, reference) > _STUCK_SECONDS
    if old:
        yield fault(f"the spool holds {counted(old, 'upload')} that nobody takes out", _PROCESS)
    if aside := count_aside(home.spool):
        yield warning(
            f"set aside in the spool: {counted(aside, 'record')} that intake should never have written",
            "look at spool/landed/*.aside; the processor's log says why",
        )
