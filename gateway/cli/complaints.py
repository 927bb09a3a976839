"""Complaints printed by `doctor` and `year`: their form, and checks of providers, teams, dates and keys."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from cryptography import x509
from sqlmodel import Session

from gateway.cli.identity import account_of
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Settings
from gateway.keys import rotation
from gateway.model import Provider, counted
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, day_in, first_year, is_ending, last_written
from gateway.policy.ratification import following, has_ended, opens
from gateway.policy.shipped import shipped_agreements
from gateway.policy.small_schemas import DFE_NUMBER, URN, number_of
from gateway.policy.timescale import ends_without_another
from gateway.registry import agreements, hosts, keys, log, providers, transfers
from gateway.registry.keys import Key
from gateway.registry.tables import EventRow

SOON, _A_YEAR = timedelta(days=30), timedelta(days=364)  # RFC 9116 advises less than a year.
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_FEW = 3
_NAMED = 5
_EXAMPLE = "example.gov.uk"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A finding of `doctor`: a fault keeps files from passing, a warning tells of a weakness of the home.

    `what` describes the finding; `mend` is advice that locks nobody out. `about` is the provider, team or
    owner concerned. Complaints with the same `alike`, such as "providers suspended", may share a line, as
    "12 providers suspended". `safely`, called by `doctor --mend`, mends without loss or choice.
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
    """Yield the complaints as text. `each`: False to put more than three of one kind on one line.
    `more`: the command for the full list.
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


def of_providers(
    session: Session, enrolled: Iterable[Provider], catalogue: Catalogue, year: str, at: datetime
) -> Iterator[Complaint]:
    """Yield a complaint for each suspended provider, and each missing key, ratification or number."""
    in_force, pending = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    invited = log.last_of_each(session, "provider-invited")
    for key in keys.list_keys(session, "provider"):
        invited.pop(key.owner, None)  # It has answered.
        if key.is_in_force(at):
            in_force[key.owner].add(key.kind)
        elif key.state == "pending":
            pending[key.owner].add(key.kind)
    for one in enrolled:
        if one.closed_on is None:
            yield from _of_provider(one, catalogue, year, in_force[one.id], pending[one.id], invited)


def _of_provider(
    provider: Provider, catalogue: Catalogue, year: str, in_force: set[str], pending: set[str],
    invited: Mapping[str, datetime],
) -> Iterator[Complaint]:  # fmt: skip
    """Yield a provider's complaints, given which kinds of key ("ssh", "openpgp") are in force or pending, and
    when who was `invited`.
    """
    name = provider.id

    def complaint(what: str, mend: str, alike: str) -> Complaint:
        return warning(f"{name} {what}", mend, name, f"providers {alike}")

    if provider.suspended:
        mend = f"gateway providers resume {name}, or gateway providers close {name}"
        yield complaint("is suspended", mend, "suspended")
        return
    for kind, what, alike in (
        ("ssh", "SSH key: it cannot log in", "an SSH key in force cannot log in"),
        ("openpgp", "OpenPGP key: its files are refused", "an OpenPGP key in force have their files refused"),
    ):
        if kind not in in_force:
            ring = f"ring {name}, then gateway keys confirm {name} FPR"
            mend = ring if kind in pending else f"gateway keys add {name} FILE"
            if name in invited:
                answer = f"once it has sent {name}.keys: gateway keys add {name} {name}.keys"
                mend = f"ring {name}, which was invited on {invited[name]:%Y-%m-%d}; {answer}"
            yield complaint(f"has no {what}", mend, f"without {alike}")
    if catalogue.bodies.of(provider.kind).ratifies and not provider.ratified:
        unratified = f"have not ratified the agreement for {year}, so that files of most flows wait"
        yield complaint(
            f"has not ratified the agreement for {year}: files of most flows wait",
            f'gateway agreement ratify {name} --signatory "…"',
            unratified,
        )
    number = catalogue.bodies.identifier_of(provider.kind)
    if number is None or number_of(provider, number) or provider.schools:
        return
    if number.id == DFE_NUMBER:
        yield complaint(
            "has no DfE number: a file that names another school is not noticed",
            f"gateway providers set {name} --dfe-number NUMBER, or for all: gateway providers import "
            "FILE.csv",
            "without a DfE number: a file of theirs that names another school is not noticed",
        )
    else:
        option = "--urn" if number.id == URN else "--number"
        mend = f"gateway providers set {name} {option} NUMBER"
        yield complaint(f"has no {number.name}, by which it is known", mend, f"without their {number.name}")


def of_teams(catalogue: Catalogue, staffed: set[str]) -> Iterator[Complaint]:
    """Yield a complaint for each team without members that has to collect files, or to look at held files.
    `staffed` are the teams with members.
    """
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    for team in sorted((routed | catalogue.looking_teams().held) - staffed):
        yield warning(
            f"nobody collects for {team}",
            f"gateway staff add NAME --team {team} --ssh-key FILE",
            team,
            "teams without anybody who collects",
        )


def of_samples(home: Home, settings: Settings, catalogue: Catalogue) -> Iterator[Complaint]:
    """Yield a complaint for each setting, and for an agreement, that is still that of the shipped sample."""
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


def of_calendar(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if calendar.toml has no term dates, or if the last of them is near."""
    if is_ending(catalogue.calendar, today):
        last = last_written(catalogue.calendar)
        ends = "there are no term dates"
        if last is not None:
            ends = f"the term dates end on {last.day} {last:%B %Y}"
        then = (
            "school days are by rule" if catalogue.calendar.term_rule else "nothing daily or weekly is judged"
        )
        mend = "gateway year open YEAR --terms FILE, with the published dates"
        yield warning(f"{ends}; after that, {then}", mend)


def of_coming_year(session: Session, catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the time to ratify the coming school year has begun, and nobody has opened it."""
    year = catalogue.agreement.year
    coming = following(academic_year(today, year.starts))
    if has_ended(day_in(first_year(coming), year.starts), catalogue) or today < opens(coming, catalogue):
        return
    if agreements.year_opened_at(session, coming) is None:
        yield warning(
            f"the school year {coming} is not open: nobody was told that its agreement can be ratified",
            f"gateway year open {coming}",
        )


def of_law(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the law pack in force ends soon, and no other follows."""
    last = ends_without_another(catalogue.law, today)
    if last is not None:
        yield warning(
            f"the law pack in force ends on {last.day} {last:%B %Y}, and none follows: it is what files are "
            "judged by until one does",
            "gateway policy pack install law-YYYY-YY.toml, then: gateway policy propose",
        )


def of_keys(
    session: Session, secret_file: Callable[[str], Path], policy: KeyPolicy, at: datetime
) -> Iterator[Complaint]:
    """Yield a complaint for each key that needs attention, and for each provider whose files wait for a key.
    `secret_file` returns the path of a gateway key's secret half, given the key's fingerprint.
    """
    known = keys.list_keys(session)
    closed = {provider.id for provider in providers.list_providers(session) if provider.closed_on is not None}
    owned: defaultdict[tuple[str, str, str], list[Key]] = defaultdict(list)
    for key in known:
        owned[key.owner_kind, key.owner, key.kind].append(key)
    for key in known:
        if key.owner_kind != "gateway" and not (key.owner_kind == "provider" and key.owner in closed):
            alike = owned[key.owner_kind, key.owner, key.kind]
            yield from _of_key(key, alike, keys.suspension(session, key), policy, at)
    for key in (key for key in known if key.owner_kind == "gateway"):
        held = secret_file(key.fingerprint).exists()
        if key.state in {"retired", "revoked"} and held:
            yield warning(
                f"the secret half of the gateway's key {key.fingerprint[:16]}, {key.state}, is still here",
                f"gateway keys gateway reseal; gateway keys gateway destroy {key.fingerprint}",
            )
        if key.state == "active" and key.added_at < at - timedelta(days=policy.rotate_days):
            what = (
                f"the gateway's key {key.fingerprint[:16]} is older than {counted(policy.rotate_days, 'day')}"
            )
            yield warning(what, "gateway keys gateway rotate")
    held_back = Counter(
        t.upload.provider for t in transfers.find(session, state="held") if t.waits_for == "key"
    )
    for provider, number in sorted(held_back.items()):
        yield warning(
            f"{counted(number, 'file')} of {provider} waiting for a key that is renewed or approved",
            f"gateway keys list {provider}; a renewed certificate: gateway keys add {provider} FILE",
        )


def _of_key(
    key: Key, alike: Sequence[Key], suspension: EventRow | None, policy: KeyPolicy, at: datetime
) -> Iterator[Complaint]:
    """Yield the complaints about a key; `alike` are all keys of the same kind and owner."""
    staff = " --staff" if key.owner_kind == "staff" else ""
    what = f"the {key.noun} {key.fingerprint[:23]} of {key.owner}"

    def complaint(text: str, mend: str, alike: str) -> Complaint:
        return warning(f"{what} {text}", mend, key.owner, f"keys {alike}")

    if suspension is not None:
        fpr = f"{key.owner} {key.fingerprint}{staff}"
        mend = f"a second person: gateway keys revoke {fpr} --why …; or if it is safe, keys confirm {fpr}"
        yield complaint(f"was revoked by {suspension.actor} alone", mend, "revoked by one person alone")
    elif key.state == "pending":
        mend = f"ring {key.owner}, who reads its fingerprint out: gateway keys confirm {key.owner} FPR{staff}"
        yield complaint("waits for approval", mend, "waiting to be confirmed")
    if not key.is_in_force(at):
        return
    if key.has_expired(at):
        mend = f"gateway keys add {key.owner} FILE{staff}, once it is renewed"
        yield complaint("has expired: what it signs waits", mend, "that have expired: what they sign waits")
    elif key.step_due(at, policy.warn_days) is not None:
        left = counted(key.days_left(at) or 0, "day")
        yield complaint(f"ends in {left}", f"ask {key.owner} to extend or replace it", "that end soon")
    since = at - timedelta(days=policy.unused_days)
    if (key.last_used_at or key.added_at) < since:
        replaced = any(
            other.fingerprint != key.fingerprint
            and other.is_in_force(at)
            and other.last_used_at is not None
            and other.last_used_at >= since
            for other in alike
        )
        # The loss of a key that nothing replaces might lock the owner out.
        still = f"ask {key.owner} whether it is still needed: no other is known to be in use to {key.use}"
        mend, each = f"{still}; keep it", "each the only one that its owner is known to have"
        if replaced:
            mend = f"gateway keys retire {key.owner} {key.fingerprint}{staff} --why …"
            each = "whose owners use another one"
        unused = f"was not used for {counted(policy.unused_days, 'day')}"
        yield complaint(unused, mend, f"not used for long, {each}")


def of_closed_folders(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each folder that this user cannot use, and one if this is root, who can all."""
    if os.statvfs(home.root).f_flag & os.ST_RDONLY:
        what, mend = (
            f"the file system of {home.root} is read-only",
            "dmesg says why; then: mount -o remount,rw",
        )
        yield fault(what, mend)
        return
    owner_id, user = home.settings.stat().st_uid, os.geteuid()
    owner, readable, written = account_of(owner_id), os.R_OK | os.X_OK, os.R_OK | os.W_OK | os.X_OK
    other = f"sudo -u {owner} gateway doctor --home {home.root}"
    if user == 0 != owner_id:
        yield warning(f"doctor was run by root, and cannot see what is closed to {owner}", other)
    read_only = home.keys, *home.keys.glob("*/"), home.root / "sealed", home.spool.root
    needed = dict.fromkeys(read_only, readable)
    passed_on = (home.spool.landed, home.mailboxes, home.published.root, *home.published.root.glob("*/"))
    for folder, mode in (needed | dict.fromkeys(passed_on, written)).items():
        if os.access(folder, os.F_OK) and not os.access(folder, mode):
            by_hand = f"chown -R {owner}: {folder}; chmod -R u+rwX {folder}"
            mend = f"as root: systemd-tmpfiles --create gateway.conf, or without systemd: {by_hand}"
            mend = mend if user == owner_id else other
            yield fault(f"{folder} is closed to {account_of(user)}, as whom doctor runs", mend)


def of_settings(home: Home, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield complaints about security.txt, a console without an `origin`, and weak algorithms of SSH."""
    today, ends, mend = at.date(), settings.security_expires, ""
    if settings.security_contact is None:
        what, mend = "nobody is named whom to tell of a flaw in the gateway", 'security_contact = "mailto:…"'
    elif ends is None or not SOON < ends - today <= _A_YEAR:
        mend = f"see that the contact is right, then: security_expires = {today + _A_YEAR}"
        what = "security.txt has no last day, and is shown to nobody"
        if ends is not None:
            told = f"{ends:%-d %B %Y}"
            what = f"security.txt has to end in more than 30 days and less than a year: it ends on {told}"
    if mend:
        yield warning(what, f"{mend} in {home.settings}; then start the services again")
    if settings.console.host not in _THIS_MACHINE and settings.console.origin is None:
        yield warning(
            "the console listens for other machines, and has no name that a passkey can belong to",
            f'origin = "https://…" under [console] in {home.settings}: docs/console.md',
        )
    for section, certificate in (
        ("console", settings.console.certificate),
        ("web", settings.web.certificate),
    ):
        if certificate is not None:
            yield from of_certificate(certificate, f"the certificate of [{section}], {certificate},", at)
    for offer in settings.ssh.also_offer:
        whom = [*offer.networks, *([] if offer.provider is None else [f"provider {offer.provider}"])]
        yield warning(
            f"weak algorithms of SSH are offered to {', '.join(whom)}: {', '.join(offer.algorithms)}",
            "have them update their program, then take the line out of [ssh] also_offer in gateway.toml",
        )


def of_certificate(path: Path, what: str, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint if the certificate for HTTPS at `path` is missing, is none, or ends soon."""
    mend = "put a new one there, as docs/console.md tells; then restart the service"
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except PermissionError:
        return  # Only the service itself may read it.
    except OSError as error:
        yield fault(f"{what} cannot be read: {error.strerror}", mend)
    except ValueError:
        yield fault(f"{what} is none", mend)
    else:
        if ends < at + SOON:
            told = "has ended" if ends < at else "ends"
            yield (fault if ends < at else warning)(f"{what} {told}: {ends:%Y-%m-%d}", mend)


def of_hosts(session: Session, home: Home, own: str | None) -> Iterator[Complaint]:
    """Yield a complaint for each host that is silent, has a wrong clock or lacks a key; `own`: this host."""
    found = hosts.known(session)
    held = {host.name: host.holds for host in found if host.is_at_work}
    if own is not None:
        held[own] = frozenset(rotation.held(home, session))
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
