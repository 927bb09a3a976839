"""Complaints printed by `doctor` and `year`: their form, and checks of providers, teams, dates and keys."""

from __future__ import annotations

import os
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from sqlmodel import Session

from gateway.cli.identity import account_of
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Settings
from gateway.keys import rotation
from gateway.model import Provider, counted
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, day_in, first_year, is_ending, last_written, local_day
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


WORDS: dict[str, dict[str, str]] = tomllib.loads(
    files("gateway.cli").joinpath("complaints.toml").read_text("utf-8")
)


def complaint(code: str, about: str = "", **blanks: object) -> Complaint:
    """Return the complaint with a `code` of complaints.toml, whose blanks are filled from `blanks`."""
    words = {name: text.format(about=about, **blanks) for name, text in WORDS[code].items()}
    told: dict[str, Any] = {"severity": "warning"} | words
    return Complaint(about=about, **told)


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
    ready = local_day(at, catalogue.calendar.timezone) >= opens(year, catalogue)
    for one in enrolled:
        if one.closed_on is None:
            yield from _of_provider(
                one, catalogue, year if ready else None, in_force[one.id], pending[one.id], invited
            )


def _of_provider(
    provider: Provider, catalogue: Catalogue, year: str | None, in_force: set[str], pending: set[str],
    invited: Mapping[str, datetime],
) -> Iterator[Complaint]:  # fmt: skip
    """Yield a provider's complaints, given which kinds of key ("ssh", "openpgp") are in force or pending, and
    when who was `invited`. `year`: None if nobody can ratify for it yet.
    """
    name = provider.id
    if provider.suspended:
        yield complaint("provider-suspended", name)
        return
    for kind in ("ssh", "openpgp"):
        if kind not in in_force:
            ring = f"ring {name}, then gateway keys confirm {name} FPR"
            step = ring if kind in pending else f"gateway keys add {name} FILE"
            if name in invited:
                answer = f"once it has sent {name}.keys: gateway keys add {name} {name}.keys"
                step = f"ring {name}, which was invited on {invited[name]:%Y-%m-%d}; {answer}"
            yield complaint(f"no-{kind}-key", name, step=step)
    if year and catalogue.bodies.of(provider.kind).ratifies and not provider.ratified:
        yield complaint("not-ratified", name, year=year)
    number = catalogue.bodies.identifier_of(provider.kind)
    if number is None or number_of(provider, number) or provider.schools:
        return
    if number.id == DFE_NUMBER:
        yield complaint("no-dfe-number", name)
    else:
        option = "--urn" if number.id == URN else "--number"
        yield complaint("no-number", name, number=number.name, option=option)


def of_teams(catalogue: Catalogue, staffed: set[str]) -> Iterator[Complaint]:
    """Yield a complaint for each team without members that has to collect files, or to look at held files.
    `staffed` are the teams with members.
    """
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    for team in sorted((routed | catalogue.looking_teams().held) - staffed):
        yield complaint("team-empty", team)


def of_samples(home: Home, settings: Settings, catalogue: Catalogue) -> Iterator[Complaint]:
    """Yield a complaint for each setting, and for an agreement, that is still that of the shipped sample."""
    usual = Settings()
    if settings.organisation == usual.organisation:
        yield complaint("sample-organisation", organisation=usual.organisation, settings=home.settings)
    if settings.security_contact is not None and _EXAMPLE in settings.security_contact:
        yield complaint("sample-contact", settings=home.settings)
    try:
        shipped = [load_catalogue(folder) for folder in shipped_agreements()]
    except ConfigurationError:
        return  # Nothing to compare with where the shipped policies are not installed.
    theirs = [each for each in shipped if each.text_sha256 == catalogue.text_sha256]
    if theirs and settings.organisation not in theirs[0].agreement.title:
        text = home.policies / catalogue.agreement.text
        yield complaint("sample-agreement", organisation=settings.organisation, text=text)
    if any(catalogue.calendar.school_year == each.calendar.school_year for each in shipped):
        yield complaint("sample-calendar")


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
        yield complaint("calendar-ends", ends=ends, then=then)


def of_school_years(session: Session, catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the time to ratify a school year has begun, and nobody has opened it: the coming
    year, and the present one where an earlier one was ratified.
    """
    year = catalogue.agreement.year
    current = academic_year(today, year.starts)
    earlier = any(row.academic_year < current for row in agreements.ratifications(session))
    for one in (current, following(current)) if earlier else (following(current),):
        ended = has_ended(day_in(first_year(one), year.starts), catalogue)
        if not ended and today >= opens(one, catalogue) and agreements.year_opened_at(session, one) is None:
            yield complaint("year-not-open", year=one)


def of_law(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint if the law pack in force ends soon, and no other follows."""
    last = ends_without_another(catalogue.law, today)
    if last is not None:
        yield complaint("law-ends", day=f"{last.day} {last:%B %Y}")


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
            short, whole = key.fingerprint[:16], key.fingerprint
            yield complaint("secret-half-left", key=short, state=key.state, fingerprint=whole)
        if key.state == "active" and key.added_at < at - timedelta(days=policy.rotate_days):
            age = counted(policy.rotate_days, "day")
            yield complaint("gateway-key-old", key=key.fingerprint[:16], age=age)
    held_back = Counter(
        t.upload.provider for t in transfers.find(session, state="held") if t.waits_for == "key"
    )
    for provider, number in sorted(held_back.items()):
        yield complaint("files-wait-for-key", files=counted(number, "file"), provider=provider)


def _of_key(
    key: Key, alike: Sequence[Key], suspension: EventRow | None, policy: KeyPolicy, at: datetime
) -> Iterator[Complaint]:
    """Yield the complaints about a key; `alike` are all keys of the same kind and owner."""
    staff = " --staff" if key.owner_kind == "staff" else ""

    def of_key(code: str, **blanks: object) -> Complaint:
        what = f"the {key.noun} {key.fingerprint[:23]} of {key.owner}"
        whole = f"{key.owner} {key.fingerprint}{staff}"
        return complaint(code, key.owner, key=what, whole=whole, staff=staff, **blanks)

    if suspension is not None:
        yield of_key("key-suspended", by=suspension.actor)
    elif key.state == "pending":
        yield of_key("key-pending")
    if not key.is_in_force(at):
        return
    if key.has_expired(at):
        yield of_key("key-expired")
    elif key.step_due(at, policy.warn_days) is not None:
        yield of_key("key-ends", left=counted(key.days_left(at) or 0, "day"))
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
        code = "key-unused" if replaced else "only-key-unused"
        yield of_key(code, span=counted(policy.unused_days, "day"), use=key.use)


def of_closed_folders(home: Home) -> Iterator[Complaint]:
    """Yield a complaint for each folder that this user cannot use, and one if this is root, who can all."""
    if os.statvfs(home.root).f_flag & os.ST_RDONLY:
        yield complaint("file-system-read-only", root=home.root)
        return
    owner_id, user = home.settings.stat().st_uid, os.geteuid()
    owner, readable, written = account_of(owner_id), os.R_OK | os.X_OK, os.R_OK | os.W_OK | os.X_OK
    if user == 0 != owner_id:
        yield complaint("run-by-root", owner=owner, root=home.root)
    rules = (home.policies, home.versions, *home.versions.glob("*/"))
    read_only = (home.keys, *home.keys.glob("*/"), *rules, home.root / "sealed", home.spool.root)
    needed = dict.fromkeys(read_only, readable)
    passed_on = (home.spool.landed, home.mailboxes, home.published.root, *home.published.root.glob("*/"))
    for folder, mode in (needed | dict.fromkeys(passed_on, written)).items():
        if os.access(folder, os.F_OK) and not os.access(folder, mode):
            code = "folder-closed" if user == owner_id else "folder-closed-to-other"
            yield complaint(code, folder=folder, user=account_of(user), owner=owner, root=home.root)


def of_settings(home: Home, settings: Settings, at: datetime) -> Iterator[Complaint]:
    """Yield complaints about security.txt, the console, certificates, ports and weak algorithms of SSH."""
    today, ends, code = at.date(), settings.security_expires, ""
    if settings.security_contact is None:
        code = "no-security-contact"
    elif ends is None:
        code = "security-endless"
    elif not SOON < ends - today <= _A_YEAR:
        code = "security-expires"
    if code:
        yield complaint(code, settings=home.settings, day=today + _A_YEAR, ends=ends)
    if settings.console.host not in _THIS_MACHINE and settings.console.origin is None:
        yield complaint("console-nameless", settings=home.settings)
    for section, certificate in (
        ("console", settings.console.certificate),
        ("web", settings.web.certificate),
    ):
        if certificate is not None:
            yield from of_certificate(certificate, f"the certificate of [{section}], {certificate},", at)
    services = ["intake", "mailboxes", "console", *(["web"] if settings.web.origin is not None else [])]
    services += ["metrics"] if settings.metrics.port is not None else []
    places = [(name, getattr(settings, name)) for name in services]
    for (one, its), (other, another) in combinations(places, 2):
        meet = its.host == another.host or not {"0.0.0.0", "::"}.isdisjoint((its.host, another.host))  # noqa: S104
        if meet and its.port == another.port != 0:
            both = f"{one} and {other}"
            yield complaint("port-shared", services=both, port=its.port, settings=home.settings)
    for offer in settings.ssh.also_offer:
        whom = [*offer.networks, *([] if offer.provider is None else [f"provider {offer.provider}"])]
        yield complaint("weak-ssh", whom=", ".join(whom), algorithms=", ".join(offer.algorithms))


def of_certificate(path: Path, what: str, at: datetime) -> Iterator[Complaint]:
    """Yield a complaint if the certificate for HTTPS at `path` is missing, is none, or ends soon."""
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except PermissionError:
        return  # Only the service itself may read it.
    except OSError as error:
        yield complaint("certificate-unreadable", certificate=what, error=error.strerror)
    except ValueError:
        yield complaint("certificate-none", certificate=what)
    else:
        if ends < at + SOON:
            code = "certificate-ended" if ends < at else "certificate-ends"
            yield complaint(code, certificate=what, ends=ends)


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
            yield complaint("host-lacks-keys", name=name, whole=whole)
    for host in found:
        if not host.is_at_work:
            yield complaint("host-silent", name=host.name, uploads=counted(host.spool, "upload"))
        elif host.is_clock_wrong:
            yield complaint("host-clock", name=host.name, ahead=host.ahead_seconds)
