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
from gateway.cli.complaints import Complaint, complaint
from gateway.cli.console import err, now, out, plain, print_json, registrar_of
from gateway.cli.console import registry as open_registry
from gateway.cli.keys import host_key_files, host_keys
from gateway.cli.log import inconsistencies
from gateway.errors import ConfigurationError, Fault, GatewayError, trace_of
from gateway.examiner import confinement
from gateway.examiner.parent import prove_scanner
from gateway.home import Home, policy_digest
from gateway.home.settings import Limits, Settings, load_key_policy, load_limits, load_settings
from gateway.homes.create import make_folders
from gateway.homes.move import left_behind, was_closed
from gateway.model import counted
from gateway.openpgp.engines import prove_program
from gateway.openpgp.sealer import certificate_of
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
from gateway.ssh.server import read_host_key
from gateway.store.of_home import faults_of_store, store_of
from gateway.zones.places import last_backup, processor_is_at_work
from gateway.zones.spool import count_aside, named_at, waiting

_STUCK_SECONDS = 300
_A_RELAY_IS_DOWN = timedelta(hours=1)
_BEHIND, _NAMED = timedelta(minutes=2), 5
_A_BACKUP_IS_GOOD = timedelta(days=3)  # They are made each night.
_DAMAGED = ("malformed", "not a database")
"""Words of SQLite about a file that was cut off or overwritten."""
_MADE_ONCE = ("mailboxes_host_key", "statements")
"""Files and folders in keys/ that no other check covers."""
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
        print_json([one.as_object() for one in found])
    else:
        for line in complaints.lines(found, each=each):
            out.print(Text(line))
        if not found:
            out.print("nothing is missing or weak")
    if any(one.severity == "fault" for one in found):
        raise typer.Exit(1)


def _contradictions(home: Path) -> Iterator[Complaint]:
    """Yield a complaint for each contradiction of log, registry, published files and sealed files."""
    with registrar_of(home) as registrar:
        contradictions, _ = inconsistencies(registrar, [], sealed=True)
    for one in contradictions:
        yield complaint("contradiction", found=plain(f"{one.where}: {one.what}"))


def examine(home: Home, at: datetime) -> Iterator[Complaint]:
    """Yield every complaint about a home. ConfigurationError if no home is there."""
    try:
        settings = load_settings(home)
    except ConfigurationError as error:
        if not home.settings.is_file():
            raise
        yield complaint("settings-faulty", error=error, settings=home.settings)
        return
    closed = list(complaints.of_closed_folders(home))
    yield from closed
    if any(one.severity == "fault" for one in closed):
        return  # What lies there would be called missing.
    for what, found in (
        ("folders", _folders(home, settings)),
        ("files made once", _made_once(home)),
        ("the draft of the policies", _draft(home)),
        ("modes", _modes(home)),
        ("secrets", _secrets(home, settings)),
        ("settings", complaints.of_settings(home, settings, at)),
        ("host keys", _host_keys(home)),
        ("the OpenPGP program", _engine(home, settings)),
        ("the store", _store(home, settings)),
        ("the malware scanner", _scanner(settings)),
        ("the machine, and what a move left", _machine(home, settings)),
        ("backups", _backups(home, settings, at)),
    ):
        yield from guarded(what, found)
    try:
        catalogue = load_catalogue(home.policies_in_force)
        limits = load_limits(home)
    except ConfigurationError as error:
        yield _of_policies(home, error)
        return
    yield from guarded("the disks", _room(home, settings, limits))
    yield from guarded("the samples", complaints.of_samples(home, settings, catalogue))
    if settings.database is None and not home.registry.exists():
        yield complaint("registry-missing", path=home.registry)
        return
    try:
        yield from _registry(home, settings, catalogue, at)
    except ConfigurationError as error:
        yield complaint("registry-version", error=error)
    except GatewayError as error:
        yield _of_registry(home, settings, error)


def _of_registry(home: Home, settings: Settings, error: GatewayError) -> Complaint:
    """Return the complaint on a registry that answered with an error."""
    if settings.database is not None:
        code = "database-down"
    elif any(words in str(error) for words in _DAMAGED):
        code = "registry-damaged"
    else:
        code = "registry-closed" if shutil.disk_usage(home.root).free else "disk-full"
    return complaint(code, error=error, root=home.root, path=home.registry)


def _of_policies(home: Home, error: ConfigurationError) -> Complaint:
    """Return the complaint on `error`, raised by loading the policies: edit a file, or run an upgrade."""
    try:
        with open_registry(home.root, whole=True):
            pass
    except ConfigurationError as other_version:
        return complaint("registry-version", error=other_version)
    except GatewayError as unreadable:
        return complaint("registry-unreadable", error=unreadable)
    draft = home.policies_in_force == home.policies
    return complaint("policies-faulty" if draft else "policies-in-force-faulty", error=error)


def guarded(what: str, found: Iterable[Complaint]) -> Iterator[Complaint]:
    """Yield the complaints of a check of `what`. An exception in the check becomes a complaint, too; only
    DatabaseError and Fault are raised.
    """
    try:
        yield from found
    except (DatabaseError, Fault):
        raise
    except GatewayError as error:
        yield complaint("check-refused", error=error)
    except Exception as error:  # noqa: BLE001 - one look that fails must not hide what all others find
        yield complaint("check-failed", what=what, error=trace_of(error))


def _registry(home: Home, settings: Settings, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    with open_registry(home.root, whole=True) as registry, registry.read() as session:
        today = local_day(at, catalogue.calendar.timezone)
        secret_of = partial(secret_files.secret_key_file, home)
        for what, found in (
            ("whose log it is", _of_this_gateway(session, home, settings)),
            ("policies in force", _on_record(session, home)),
            ("the calendar", complaints.of_calendar(catalogue, today)),
            ("the law pack", complaints.of_law(catalogue, today)),
            ("school years", complaints.of_school_years(session, catalogue, today)),
            ("providers", _providers(session, home, catalogue, today, at)),
            ("staff", _people(session, catalogue, at)),
            ("keys", complaints.of_keys(session, secret_of, load_key_policy(home), at)),
            ("hosts", complaints.of_hosts(session, home, settings.host.name)),
            ("other systems", _other_systems(session, settings, at)),
            ("what landed", _landed(session, home, at)),
            ("the clock", _clock(session, at)),
            ("the key set", _key_set(session, home)),
            ("sealed files", _sealed(session, home, settings)),
        ):
            yield from guarded(what, found)
    yield from guarded("the spool", _spool(home, at))


def _folders(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint for each folder of secrets that is missing or open to others."""
    for folder in (home.keys, home.root / "sealed"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
        if not folder.exists():
            if folder == home.keys or settings.store.url is None:
                yield complaint("secret-folder-missing", folder=folder)
        elif mode & (0o027 if folder.stat().st_mode & stat.S_ISGID else 0o077):
            # The set-group-ID bit marks a folder meant for a group: the mailboxes' user.
            yield complaint("secret-folder-open", folder=folder)


def _made_once(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each file and folder made by `gateway init` and missing now."""
    for name in _MADE_ONCE:
        if home.keys.exists() and not (home.keys / name).exists():
            yield complaint(f"missing:{name}", path=home.keys / name)
    for path in [path for path in (home.spool.landed, home.published.root) if not path.exists()]:
        yield _made_anew(complaint("folder-missing", path=path), home)
    for path in (home.published.common, home.published.intake_settings):
        if home.published.root.exists() and not path.exists():
            yield _made_anew(complaint("published-missing", path=path), home)


def _made_anew(found: Complaint, home: Home) -> Complaint:
    """Return a complaint that is mended by making folders and published files anew."""

    def make_anew() -> None:
        make_folders(home)
        publish_all(home, now())

    return replace(found, safely=make_anew)


def _draft(home: Home) -> Iterator[Complaint]:
    """Yield a complaint if policies/, the draft of the policies, is missing or has faults."""
    if home.policies_in_force == home.policies:
        return
    if not home.policies.is_dir():
        yield complaint("draft-missing", policies=home.policies, in_force=home.policies_in_force)
    elif policy_digest(home.policies) != home.policies_in_force.name and (faults := check(home.policies)):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        yield complaint("draft-faulty", policies=home.policies, fault=faults[0], more=more)


def _backups(home: Home, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint if the last backup is too old; none without backups, as other means may be in use."""
    last = last_backup(home)
    if settings.database is None and last is not None and at - last > _A_BACKUP_IS_GOOD:
        yield complaint("backup-old", last=last)


def _modes(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each path that other users may change, and each private one open to them."""

    def close(path: Path, bits: int) -> None:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~bits)

    private = (home.registry, *home.root.glob("registry.db-*"), home.mailboxes, home.console, home.web)
    for path in private:
        if path.exists() and path.stat().st_mode & 0o007:
            yield replace(complaint("private-open", path=path), safely=partial(close, path, 0o007))
    for path in (home.root, *_below(home)):
        if path not in private and not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH:
            yield replace(complaint("changeable", path=path), safely=partial(close, path, 0o002))


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


def _secrets(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if a secret cannot be used, is no key, or is under no passphrase."""
    try:
        for each in secret_files.openpgp_secrets(home).values():
            certificate_of(each)
        in_use = secret_files.signing_fingerprint(home)
        secret_files.openpgp_secret(home, in_use)
        key = secret_files.log_key_of(home, home.key_set).vkey(settings.log_origin).rpartition("+")[2]
        if key not in secret_files.log_statement(home, in_use):
            path = secret_files.statement_file(home, in_use)
            yield complaint("secrets-closed", error=f"{path} does not name the log's key")
        if home.pupil_key(home.key_set).exists():  # A missing one is told beside the index.
            secret_files.pupil_key(home)
        if bare := secret_files.unprotected(home):
            secrets = counted(len(bare), "secret is", "secrets are")
            yield complaint("secrets-bare", secrets=secrets, keys=home.keys)
    except ConfigurationError as error:
        yield complaint("secrets-mode" if "chmod" in str(error) else "secrets-closed", error=error)


def _host_keys(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each host key that cannot be read, or that intake shows and the list signed for
    providers does not name.
    """
    for service, _, secret in host_key_files(home):
        try:
            if os.access(secret, os.R_OK):  # Others' keys, and missing ones, are not looked at here.
                read_host_key(secret)
        except ConfigurationError as error:
            yield complaint("host-key-unreadable", error=error, service=service)
    signed = home.keys / "hosts.asc"
    for row in host_keys(home) if signed.exists() else ():
        shown = row["service"] == "intake" and row["use"] != "announced"
        if shown and row["fingerprint"] not in signed.read_text("utf-8"):
            yield complaint("host-key-unsigned", fingerprint=row["fingerprint"], use=row["use"])


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
        yield complaint("engine-fails", error=error)
    if lack is not None and engine == "sop":
        yield complaint("engine-missing", lack=lack)
    elif lack is not None and engine == "auto":
        size = load_limits(home).open.embedded_sealed_bytes // 1024**2
        yield complaint("engine-embedded", lack=lack, size=size)


def _store(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield complaints if the S3 store cannot be reached, or does not behave as the gateway needs."""
    try:
        for broken in faults_of_store(home, settings):
            yield complaint("store-unfit", url=settings.store.url, error=broken)
    except ConfigurationError as error:
        yield complaint("store-settings", error=error, settings=home.settings)
    except OSError as error:
        yield complaint("store-unreached", url=settings.store.url, error=error.strerror)


def _scanner(settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if gateway.toml names a malware scanner that does not answer."""
    try:
        prove_scanner(settings.scanner)
    except Fault as error:
        yield complaint("scanner-unreached", socket=settings.scanner.socket, error=error)


def _machine(home: Home, settings: Settings) -> Iterator[Complaint]:
    for left in left_behind(home, settings):
        yield complaint("left-by-move", left=left)
    for lack in confinement.missing():
        yield complaint("confinement", lack=lack)


def _room(home: Home, settings: Settings, limits: Limits) -> Iterator[Complaint]:
    """Yield a complaint about the first disk with little room; a fault if no file is taken there any more."""
    needed = {home.root: 0, home.published.root: 0, home.spool.root: limits.intake.free_bytes}
    needed[home.root / "sealed"] = limits.store.reserve_bytes
    free = {path: shutil.disk_usage(path).free for path in needed if path.is_dir()}
    spent = [path for path in free if free[path] < needed[path]]
    low = [path for path in free if free[path] < settings.watch.disk_free_bytes]
    for path in (spent or low)[:1]:
        yield complaint("disk-spent" if spent else "disk-low", free=free[path] // 1024**2, path=path)


def _of_this_gateway(session: Session, home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if a move was cut off, so nothing can be put on record in this registry.
    ConfigurationError if the log is another gateway's, or has another name.
    """
    vkey = None
    if was_closed(session):
        yield complaint("move-cut-off")
    with suppress(ConfigurationError):  # Unusable secrets are told by themselves.
        vkey = secret_files.log_key_of(home, home.key_set).vkey(settings.log_origin)
    if vkey is not None:
        log.check_is_ours(session, vkey)


def _on_record(session: Session, home: Home) -> Iterator[Complaint]:
    """Yield complaints if approved policies have faults or are not in force, or if log and home differ."""
    latest, coming = last_loaded(session), proposal(session)
    folder = home.version(coming.digest) if coming and coming.approved_by else None
    if coming and folder and folder.is_dir() and (faults := check(folder)):  # An earlier version took them.
        yield complaint("coming-faulty", digest=coming.digest[:16], begins=coming.begins, fault=faults[0])
    elif coming is not None and coming.is_late(now()):
        yield complaint("coming-late", digest=coming.digest[:16])
    if latest is not None and home.policies_in_force != home.version(latest):
        yield complaint("in-force-differs", current=home.versions / "current", digest=latest[:16])


def _providers(
    session: Session, home: Home, catalogue: Catalogue, today: date, at: datetime
) -> Iterator[Complaint]:
    """Yield complaints about providers, their published folders, and copies that wait for them."""
    year = academic_year(today, catalogue.agreement.year.starts)
    enrolled = register.of(session).enrolled(years_at(today, catalogue))
    if not enrolled:
        yield complaint("no-providers")
    elif home.published.root.exists() and not (path := home.published.root / "providers").exists():
        yield _made_anew(complaint("published-missing", path=path), home)
    yield from complaints.of_providers(session, enrolled, catalogue, year, at)
    parties = catalogue.bodies.parties
    not_yet = {one.id for one in enrolled if one.kind in parties and not one.ratified and not one.closed_on}
    for name, number in sorted(copies.count_waiting(session).items()):
        if name in not_yet:
            yield complaint("copies-wait", name=name, copies=counted(number, "copy", "copies"))


def _people(session: Session, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    """Yield complaints if roles are not in force, too few people can confirm an act, or a team is empty."""
    people, in_force = staff.list_staff(session), roles.in_force(session)
    if people and not in_force:
        yield complaint("no-roles")
    with_roles = roles.people(session) if in_force else []
    for act, wanted in _TAKES_TWO if in_force else ():
        able = {person["name"] for person in with_roles if not wanted.isdisjoint(person["roles"])}
        if not includes_two_people(session, able, at):
            yield complaint("no-two-people", act=act)
    for name, ends in logins.open_invitations(session, at):
        yield complaint("invitation-unused", name, ends=ends)
    yield from complaints.of_teams(catalogue, {team for teams in people.values() for team in teams})


def _other_systems(session: Session, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint for letters not taken by the relay, each late batch, and each web hook in trouble."""
    unsent = letters.unsent(session) if settings.letters.relay is not None else ()
    since = letters.get(session, unsent[0]).owed_at if unsent else at
    if at - since > _A_RELAY_IS_DOWN:
        yield complaint("letters-wait", letters=counted(len(unsent), "letter"), since=since)
    for batch in hand_ons.unacknowledged(session, at):
        trouble = batch.trouble or "the system has not acknowledged it in time"
        name, number = hand_ons.name_of(batch), f"{batch.hand_on} {batch.number}"
        yield complaint("hand-on-late", name, trouble=trouble, batch=number)
    for row in hooks.listed(session):
        if why := hooks.remark(row):
            yield complaint("hook-fails", row.name, remark=why)


def _landed(session: Session, home: Home, at: datetime) -> Iterator[Complaint]:
    if not processor_is_at_work(home):
        yield complaint("processor-down")
    landed = transfers.landed(session)
    if landed and (at - transfers.get(session, landed[0]).upload.landed_at).total_seconds() > _STUCK_SECONDS:
        yield complaint("landed-stuck", files=counted(len(landed), "file"))


def _clock(session: Session, at: datetime) -> Iterator[Complaint]:
    newest = log.latest(session)
    if newest is not None and newest.at - at > _BEHIND:
        yield complaint("clock-behind", at=at, newest=newest.at)
    elif log.is_silent(session, at):
        yield complaint("clock-ahead", at=at)


def _key_set(session: Session, home: Home) -> Iterator[Complaint]:
    """Yield complaints about an index of pupils without its key, and an unfinished change of keys."""
    path = home.pupil_key(home.key_set)
    if not path.exists() and persons.has_entries(session):
        yield complaint("index-missing", path=path)  # First: a damaged log fails what follows.
    *ended, last = log.keys_in_time(session, "")
    wanted = last.key.split("+")[1] if ended else ""
    if wanted != home.key_set:
        key = home.log_key(wanted)
        yield complaint("key-set-unfinished" if key.exists() else "key-set-lost", key=key)


def _sealed(session: Session, home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint if sealed files are missing from the home; `--deep` also checks an S3 store."""
    if settings.store.url is not None or not (home.root / "sealed").is_dir():
        return
    missing = sorted(retention.with_sealed_file(session) - set(store_of(home, settings).references()))
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" and more" if len(missing) > _NAMED else "")
        files = counted(len(missing), "sealed file")
        yield complaint("sealed-missing", files=files, folder=home.root / "sealed", named=named)


def _spool(home: Home, at: datetime) -> Iterator[Complaint]:
    if not home.spool.landed.is_dir():
        return  # Told as a missing folder.
    old = 0
    for reference in waiting(home.spool):
        with suppress(FileNotFoundError):
            old += at.timestamp() - named_at(home.spool, reference) > _STUCK_SECONDS
    if old:
        yield complaint("spool-stuck", uploads=counted(old, "upload"))
    if aside := count_aside(home.spool):
        yield complaint("set-aside", records=counted(aside, "record"))
