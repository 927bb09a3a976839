"""Complaints of doctor about a home's files, the machine, keys, hosts, policies and providers."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from sqlmodel import Session

from gateway.cli.console import now
from gateway.errors import ConfigurationError, Fault
from gateway.examiner import confinement
from gateway.home import Home
from gateway.home.settings import ConsoleSettings, KeyPolicy, ProcessorSettings, Settings, load_limits
from gateway.home.versions import policy_digest
from gateway.homes.create import make_folders
from gateway.homes.move import left_behind
from gateway.model import Provider, counted
from gateway.openpgp.engines import prove_program
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, day_in, first_year, is_ending, last_written
from gateway.policy.ratification import following, has_ended, opens
from gateway.policy.shipped import shipped_agreements
from gateway.policy.small_schemas import DFE_NUMBER, URN, Identifier, number_of
from gateway.policy.timescale import ends_without_another
from gateway.publish.everything import publish_all
from gateway.record.policy_check import check
from gateway.registry import agreements, hosts, keys, providers, transfers
from gateway.registry.keys import Key
from gateway.secrets import secret_files
from gateway.store.of_home import faults_of_store

_FEW = 3
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault or weakness that `doctor` reports. `mend` is the advice; a "fault" keeps files from passing.

    Following the advice locks nobody out. `about`: the owner. `alike`: the text behind the number, where one
    line stands for many complaints of a kind. `safely`: mends without loss or choice, for `doctor --mend`.
    """

    severity: Literal["fault", "warning"]
    what: str
    mend: str
    about: str = ""
    alike: str = ""
    safely: Callable[[], object] | None = field(default=None, compare=False)

    def as_object(self) -> dict[str, str]:
        """Return the complaint as `doctor --json` prints it."""
        told = {"severity": self.severity, "what": self.what, "mend": self.mend}
        return {**told, "about": self.about} if self.about else told


fault, warning = partial(Complaint, "fault"), partial(Complaint, "warning")


def lines(
    complaints: Iterable[Complaint], *, each: bool, more: str = "gateway doctor --all"
) -> Iterator[str]:
    """Yield the complaints as text; more than a few of one kind become one line, unless `each`.

    `more` is the command for the full list.
    """
    kinds: defaultdict[tuple[str, str], list[Complaint]] = defaultdict(list)
    found = list(complaints)
    for one in found:
        kinds[one.severity, one.alike].append(one)
    shortened = False
    for one in found:
        group = kinds[one.severity, one.alike]
        if each or len(group) <= _FEW or not one.alike:
            yield f"{one.severity}: {one.what}\n    {one.mend}"
        elif one is group[0]:
            shortened = True
            names = ", ".join(other.about for other in group[:_NAMED])
            rest = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
            yield f"{one.severity}: {len(group)} {one.alike}: {names}{rest}\n    such as: {one.mend}"
    if shortened:
        yield f"each of them: {more}"


_EXAMPLE = "example.gov.uk"


def of_samples(home: Home, settings: Settings, catalogue: Catalogue) -> Iterator[Complaint]:
    """Yield a complaint for each shipped setting and policy left unchanged by the authority."""
    usual = Settings()
    if settings.organisation == usual.organisation:
        yield warning(
            f"nobody has said whose gateway this is: receipts name {usual.organisation}",
            f'organisation = "…" in {home.settings}',
        )
    if settings.security_contact is not None and _EXAMPLE in settings.security_contact:
        yield warning("the contact for flaws is the sample's", f"security_contact in {home.settings}")
    try:
        shipped = [load_catalogue(folder) for folder in shipped_agreements()]
    except ConfigurationError:
        return  # Nothing to compare with where the shipped policies are not installed.
    theirs = [each for each in shipped if each.text_sha256 == catalogue.text_sha256]
    if theirs and settings.organisation not in theirs[0].agreement.title:
        yield warning(
            f"the agreement is the sample's, not one of {settings.organisation}",
            f"put your own text into {home.policies / catalogue.agreement.text}, and its title and version "
            "into agreement.toml, then: gateway policy propose",
        )
    if any(catalogue.calendar.school_year == each.calendar.school_year for each in shipped):
        yield warning(
            "the calendar is the sample's: schools are judged by its terms",
            "gateway year open YEAR --terms FILE, with the dates that the authority has published",
        )


def of_coming_year(session: Session, catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the coming year may be ratified but is not open."""
    year = catalogue.agreement.year
    coming = following(academic_year(today, year.starts))
    if has_ended(day_in(first_year(coming), year.starts), catalogue):
        return
    if today >= opens(coming, catalogue) and agreements.year_opened_at(session, coming) is None:
        yield warning(
            f"the school year {coming} is not open: nobody was told that its agreement can be ratified",
            f"gateway year open {coming}",
        )


def of_calendar(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the written term dates end soon: the rule used afterwards is only approximate."""
    if not is_ending(catalogue.calendar, today):
        return
    last = last_written(catalogue.calendar)
    ends = "there are no term dates" if last is None else f"the term dates end on {last.day} {last:%B %Y}"
    then = "school days are by rule" if catalogue.calendar.term_rule else "nothing daily or weekly is judged"
    yield warning(
        f"{ends}; after that, {then}", "gateway year open YEAR --terms FILE, with the published dates"
    )


def of_law(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the last law pack ends soon."""
    last = ends_without_another(catalogue.law, today)
    if last is not None:
        yield warning(
            f"the law pack in force ends on {last.day} {last:%B %Y}, and none follows: it is what files are "
            "judged by until one does",
            "gateway policy pack install law-YYYY-YY.toml, then: gateway policy propose",
        )


def of_provider(
    provider: Provider, catalogue: Catalogue, year: str, in_force: set[str], pending: set[str]
) -> Iterator[Complaint]:
    """Yield a complaint for each thing a provider lacks: keys, ratification, number.

    `in_force` and `pending` are the kinds ("ssh", "openpgp") of the provider's keys in these states.
    """
    if provider.suspended:
        yield warning(
            f"{provider.id} is suspended",
            f"gateway providers resume {provider.id}, or gateway providers close {provider.id}",
            provider.id,
            "providers suspended",
        )
        return
    for kind, what, alike in (
        ("ssh", "SSH key: it cannot log in", "an SSH key in force cannot log in"),
        ("openpgp", "OpenPGP key: its files are refused", "an OpenPGP key in force have their files refused"),
    ):
        if kind not in in_force:
            yield warning(
                f"{provider.id} has no {what}",
                f"ring {provider.id}, then gateway keys confirm {provider.id} FPR"
                if kind in pending
                else f"gateway keys add {provider.id} FILE",
                provider.id,
                f"providers without {alike}",
            )
    kind_of_body = catalogue.bodies.of(provider.kind)
    if kind_of_body.ratifies and not provider.ratified:
        yield warning(
            f"{provider.id} has not ratified the agreement for {year}: files of most flows wait",
            f'gateway agreement ratify {provider.id} --signatory "…"',
            provider.id,
            f"providers have not ratified the agreement for {year}, so that files of most flows wait",
        )
    number = catalogue.bodies.identifier_of(provider.kind)
    if number is not None and not number_of(provider, number) and not provider.schools:
        yield from _without_number(provider, number)


def _without_number(provider: Provider, number: Identifier) -> Iterator[Complaint]:
    if number.id == DFE_NUMBER:
        yield warning(
            f"{provider.id} has no DfE number: a file that names another school is not noticed",
            f"gateway providers set {provider.id} --dfe-number NUMBER, or for all: gateway providers import "
            "FILE.csv",
            provider.id,
            "providers without a DfE number: a file of theirs that names another school is not noticed",
        )
        return
    option = "--urn" if number.id == URN else "--number"
    yield warning(
        f"{provider.id} has no {number.name}, by which it is known",
        f"gateway providers set {provider.id} {option} NUMBER",
        provider.id,
        f"providers without their {number.name}",
    )


def kinds_of_keys(known: Sequence[Key], at: datetime) -> defaultdict[str, tuple[set[str], set[str]]]:
    """Return by provider the kinds of keys in force, and the kinds waiting for confirmation."""
    found: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for key in known:
        if key.owner_kind == "provider":
            in_force, pending = found[key.owner]
            if key.is_in_force(at):
                in_force.add(key.kind)
            if key.state == "pending":
                pending.add(key.kind)
    return found


def of_teams(catalogue: Catalogue, staffed: set[str]) -> Iterator[Complaint]:
    """Yield a complaint for each team that gets files and has no members."""
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    for team in sorted((routed | catalogue.looking_teams().held) - staffed):
        yield warning(
            f"nobody collects for {team}",
            f"gateway staff add NAME --team {team} --ssh-key FILE",
            team,
            "teams without anybody who collects",
        )


def of_hosts(session: Session, home: Home, own: str | None) -> Iterator[Complaint]:
    """Yield a complaint for each silent host, wrong clock, and key missing at a host."""
    found = hosts.known(session)
    held = {host.name: host.holds for host in found if host.is_at_work}
    if own is not None:
        held[own] = frozenset(secret_files.holding(home))
    known = keys.list_keys(session, "gateway", "gateway")
    over = {key.fingerprint[:16] for key in known if key.state in {"retired", "revoked"}}
    every = {one for one in frozenset[str]().union(*held.values()) if one.rpartition("/")[2] not in over}
    whole = next((name for name, there in held.items() if there >= every), "that has them")
    for name, there in held.items():
        if not there >= every:
            yield warning(
                f"host {name} lacks keys of the gateway that host {whole} has",
                f"at host {whole}: gateway hosts add {name} FILE; at host {name}: gateway hosts join FILE",
            )
    for host in found:
        if not host.is_at_work:
            yield fault(
                f"host {host.name} says nothing; {counted(host.spool, 'upload')} waited in its spool",
                "start it again; if it is lost, take its spool over: gateway hosts take-over; if it is to go "
                f"for good: gateway hosts remove {host.name}",
            )
        elif host.is_clock_wrong:
            yield fault(
                f"the clock of host {host.name} is {host.ahead_seconds:+.0f} s from the database's: "
                "what is uploaded there waits",
                "there: timedatectl set-ntp true, and see that the time is right",
            )


def of_keys(session: Session, home: Home, policy: KeyPolicy, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint for each key that needs a person, and for files waiting for a key."""
    known = keys.list_keys(session)
    closed = {provider.id for provider in providers.list_providers(session) if provider.closed_on is not None}
    owned: defaultdict[tuple[str, str, str], list[Key]] = defaultdict(list)
    for key in known:
        owned[key.owner_kind, key.owner, key.kind].append(key)
    for key in known:
        if key.owner_kind != "gateway" and not (key.owner_kind == "provider" and key.owner in closed):
            yield from _of_one(key, owned[key.owner_kind, key.owner, key.kind], policy, at)
    yield from _of_gateway([key for key in known if key.owner_kind == "gateway"], home, policy, at)
    waiting = Counter(
        t.upload.provider for t in transfers.find(session, state="held") if t.waits_for == "key"
    )
    for provider, number in sorted(waiting.items()):
        yield warning(
            f"{counted(number, 'file')} of {provider} waiting for a key that is renewed or approved",
            f"gateway keys list {provider}; a renewed certificate: gateway keys add {provider} FILE",
        )


def _of_one(key: Key, alike: Sequence[Key], policy: KeyPolicy, at: datetime) -> Iterator[Complaint]:
    """Yield the complaints about a key; `alike` are all keys of the same kind and owner."""
    staff = " --staff" if key.owner_kind == "staff" else ""
    what = f"the {key.noun} {key.fingerprint[:23]} of {key.owner}"

    def complaint(text: str, mend: str, alike: str) -> Complaint:
        return warning(f"{what} {text}", mend, key.owner, f"keys {alike}")

    if key.state == "pending":
        mend = f"ring {key.owner}, who reads its fingerprint out: gateway keys confirm {key.owner} FPR{staff}"
        yield complaint("waits for approval", mend, "waiting to be confirmed")
    if not key.is_in_force(at):
        return
    if key.has_expired(at):
        mend = f"gateway keys add {key.owner} FILE, once it is renewed"
        yield complaint("has expired: what it signs waits", mend, "that have expired: what they sign waits")
    elif key.step_due(at, policy.warn_days) is not None:
        left = counted(key.days_left(at) or 0, "day")
        yield complaint(f"ends in {left}", f"ask {key.owner} to extend or replace it", "that end soon")
    if not _used_lately(key, policy, at):
        replaced = any(
            other.fingerprint != key.fingerprint
            and other.is_in_force(at)
            and other.last_used_at is not None
            and _used_lately(other, policy, at)
            for other in alike
        )
        # The loss of a key that nothing replaces might lock the owner out.
        still = f"ask {key.owner} whether it is still needed: no other is known to be in use to {key.use}"
        yield complaint(
            f"was not used for {counted(policy.unused_days, 'day')}",
            f"gateway keys retire {key.owner} {key.fingerprint}{staff} --why …"
            if replaced
            else f"{still}; keep it",
            "not used for long, whose owners use another one"
            if replaced
            else "not used for long, each the only one that its owner is known to have",
        )


def _used_lately(key: Key, policy: KeyPolicy, at: datetime) -> bool:
    return (key.last_used_at or key.added_at) >= at - timedelta(days=policy.unused_days)


def _of_gateway(known: Sequence[Key], home: Home, policy: KeyPolicy, at: datetime) -> Iterator[Complaint]:
    for key in known:
        held = secret_files.secret_key_file(home, key.fingerprint).exists()
        if key.state in {"retired", "revoked"} and held:
            yield warning(
                f"the secret half of the gateway's key {key.fingerprint[:16]}, {key.state}, is still here",
                f"gateway keys gateway reseal; gateway keys gateway destroy {key.fingerprint}",
            )
        if key.state == "active" and key.added_at < at - timedelta(days=policy.rotate_days):
            age = counted(policy.rotate_days, "day")
            yield warning(
                f"the gateway's key {key.fingerprint[:16]} is older than {age}", "gateway keys gateway rotate"
            )


_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_LOW_BYTES = 1024**3
_SOON, _A_YEAR = timedelta(days=30), timedelta(days=364)  # RFC 9116 advises less than a year.
PUT_BACK = "put it back from the last backup, before the services start again"
_MADE_ONCE = {
    "mailboxes_host_key": "programs of the staff will be shown another host key, and refuse to go on",
    "statements": "nothing says which log belongs to the gateway's OpenPGP keys",
}
"""What a home loses with each file and folder in keys/ that nothing else tells of."""


def of_files(home: Home, settings: Settings) -> Iterator[tuple[str, Iterator[Complaint]]]:
    """Yield the name and the complaints of each check of a home's files, programs and machine."""
    yield "folders", _folders(home)
    yield "files made once", _made_once(home)
    yield "the draft of the policies", _draft(home)
    yield "modes", _modes(home)
    yield "secrets", _secrets(home)
    yield "settings", _contact(home, settings)
    yield "the OpenPGP program", _engine(home, settings.processor)
    yield "the console's settings", _console(home, settings.console)
    yield "the store", _store(home, settings)
    yield "what a move left", _left_behind(home, settings)
    yield "the machine", _machine(home)


def _folders(home: Home) -> Iterator[Complaint]:
    for folder in (home.keys, home.root / "sealed"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
        if not folder.exists():
            yield fault(f"{folder} is missing", "restore it from a backup")
        elif mode & (0o027 if folder.stat().st_mode & stat.S_ISGID else 0o077):
            # The set-group-ID bit marks a folder meant for a group: the mailboxes' user.
            yield fault(f"{folder} is open to other users", f"chmod 700 {folder}")


def _made_once(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each missing file or folder of those made by `gateway init`."""
    for name, without in _MADE_ONCE.items():
        if home.keys.exists() and not (home.keys / name).exists():
            yield fault(f"{home.keys / name} is missing: {without}", PUT_BACK)
    lost = [path for path in (home.spool.landed, home.published.root) if not path.exists()]
    for path in lost:
        mend = "gateway doctor --mend, or as root: systemd-tmpfiles --create gateway.conf"
        yield fault(f"{path} is missing", mend, safely=partial(_make_anew, home))
    for path in (home.published.common, home.published.intake_settings):
        if home.published.root.exists() and not path.exists():
            mend = "gateway doctor --mend, or start the processor again, which writes it anew"
            yield fault(f"{path} is missing", mend, safely=partial(_make_anew, home))


def _make_anew(home: Home) -> None:
    make_folders(home)
    publish_all(home, now())


def _draft(home: Home) -> Iterator[Complaint]:
    """Yield a complaint if policies/, the draft of the policies, is missing or has faults."""
    if home.policies_in_force == home.policies:
        return
    if not home.policies.is_dir():
        what = f"{home.policies}, the draft of the policies, is missing"
        yield warning(what, f"cp -r {home.policies_in_force} {home.policies}")
        return
    if policy_digest(home.policies) == home.policies_in_force.name:
        return
    if faults := check(home.policies):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        what = f"the draft in {home.policies} has faults: {faults[0]}{more}"
        yield warning(what, "edit the file named, then: gateway policy check")


def _modes(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each file that others can change, or private one that others can read."""
    private = (home.registry, *home.root.glob("registry.db-*"), home.mailboxes, home.console, home.web)
    for path in private:
        if path.exists() and path.stat().st_mode & 0o007:
            yield fault(
                f"{path} is open to other users", f"chmod o-rwx {path}", safely=partial(_close, path, 0o007)
            )
    for path in (home.root, *_below(home)):
        if path not in private and not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH:
            yield fault(
                f"other users may change {path}", f"chmod o-w {path}", safely=partial(_close, path, 0o002)
            )


def _close(path: Path, bits: int) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~bits)


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
        secret_files.signing_key(home)
        secret_files.log_key(home)
        secret_files.log_statement(home, secret_files.signing_fingerprint(home))
        if bare := secret_files.unprotected(home):
            yield warning(
                f"{'1 secret is' if len(bare) == 1 else f'{len(bare)} secrets are'} under no passphrase in "
                f"{home.keys}: whoever copies that reads all",
                "gateway keys gateway protect",
            )
    except ConfigurationError as error:
        yield fault(str(error), "give the passphrase, or restore keys/ from a backup")


def _contact(home: Home, settings: Settings) -> Iterator[Complaint]:
    today, ends = now().date(), settings.security_expires
    if settings.security_contact is None:
        what, mend = "nobody is named whom to tell of a flaw in the gateway", 'security_contact = "mailto:…"'
    elif ends is None or not _SOON < ends - today <= _A_YEAR:
        mend = f"see that the contact is right, then: security_expires = {today + _A_YEAR}"
        what = "security.txt has no last day, and is shown to nobody"
        if ends is not None:
            told = f"{ends:%-d %B %Y}"
            what = f"security.txt has to end in more than 30 days and less than a year: it ends on {told}"
    else:
        return
    yield warning(what, f"{mend} in {home.settings}; then start the services again")


def _left_behind(home: Home, settings: Settings) -> Iterator[Complaint]:
    for left in left_behind(home, settings):
        yield warning(f"a move left {left}: retention does not see it", "gateway move --remove-old")


def _machine(home: Home) -> Iterator[Complaint]:
    for lack in confinement.missing():
        yield warning(lack, "docs/operations.md: what isolated children give up")
    free = shutil.disk_usage(home.root).free
    if free < _LOW_BYTES:
        yield warning(f"only {free // 1024**2} MiB of disk space are left", "make room")


def _console(home: Home, console: ConsoleSettings) -> Iterator[Complaint]:
    """Yield a complaint if other machines reach the console but browsers cannot log in."""
    if console.host not in _THIS_MACHINE and console.origin is None:
        yield warning(
            "the console listens for other machines, and has no name that a passkey can belong to",
            f'origin = "https://…" under [console] in {home.settings}: docs/console.md',
        )


def _store(home: Home, settings: Settings) -> Iterator[Complaint]:
    """Yield a complaint for each broken guarantee of the S3 store, or if the store does not answer."""
    where = f"the store {settings.store.url}"
    try:
        for broken in faults_of_store(home, settings):
            yield fault(f"{where}: {broken}", "docs/cluster.md: which stores do")
    except ConfigurationError as error:
        yield fault(str(error), f"edit [store] in {home.settings}")
    except OSError as error:
        mend = "see that it runs and that its credentials may list, read, write and delete there"
        yield fault(f"{where}: {error.strerror}", mend)


def _engine(home: Home, settings: ProcessorSettings) -> Iterator[Complaint]:
    """Yield a complaint if no OpenPGP program is used, or the program judges signatures wrongly."""
    lack = None
    try:
        prove_program(settings)
        if shutil.which(settings.sop_program) is None:
            lack = f"{settings.sop_program}, the OpenPGP program, is not installed"
    except ConfigurationError as error:
        lack = str(error)
    except Fault as error:
        yield fault(f"the OpenPGP program does not run: {error}", "apt-get install sqop")
    if lack is not None and settings.engine == "sop":
        yield fault(lack, "apt-get install sqop, or engine in gateway.toml")
    elif lack is not None and settings.engine == "auto":
        size = load_limits(home).open.embedded_sealed_bytes // 1024**2
        yield warning(
            f"{lack}. Meanwhile the embedded engine opens files, and none of over {size} MiB",
            "apt-get install sqop, as Debian 13 has it",
        )
