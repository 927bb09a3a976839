"""Owing letters: in the transaction of a decision, or daily by the calendar.

A letter names organisations, references, data types, days and the sentences of reasons; never a pupil, a file
name or contents. Letters are signed when owed, so that the sending service holds no key.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.access import Sight
from gateway.model import Provider, Transfer
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.letters_schema import LetterRule, filled
from gateway.policy.timescale import FlowStatus
from gateway.policy.wording import Wording
from gateway.reasons.languages import told
from gateway.receipts.facts import in_language, plain_reason
from gateway.record.registrar import Registrar
from gateway.registry import contacts, keys, letters, notices, providers, register, transfer_lists
from gateway.registry.flow_status import statuses
from gateway.registry.letters import Letter
from gateway.registry.sight import is_sensitive
from gateway.registry.transfer_lists import TransfersWanted

_WIDTH = 74
_NEWS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The policies and the organisation of letters; enough for a preview, which is unsigned."""

    catalogue: Catalogue
    organisation: str

    @classmethod
    def of(cls, registrar: Registrar) -> Letterhead:
        """Return the letterhead of a registrar."""
        return cls(registrar.catalogue, registrar.settings.organisation)


def owe_for_decisions(
    registrar: Registrar, session: Session, decided: Sequence[Transfer], now: datetime
) -> None:
    """Owe the letters due at once after decisions, in the same transaction."""
    rules = [rule for rule in registrar.catalogue.letters.letter if rule.at_once]
    if rules and registrar.settings.letters.relay is not None:
        letterhead = Letterhead.of(registrar)
        found = (letter for one in decided for letter in _for_decision(letterhead, session, rules, one))
        letters.owe(session, _signed(registrar, found), registrar.signing.origin, now)


def owe_by_calendar(registrar: Registrar, now: datetime) -> int:
    """Owe a day's letters in one transaction, each only once; return the number."""
    if not registrar.catalogue.letters.letter:
        return 0
    with registrar.registry.read() as session:
        due = list(by_calendar(Letterhead.of(registrar), session, now))
        known = letters.known(session, {letter.event for letter in due})
    fresh = [letter for letter in due if letter.event not in known]
    if not fresh:
        return 0
    with registrar.registry.write() as session:
        return letters.owe(session, _signed(registrar, fresh), registrar.signing.origin, now)


def by_calendar(letterhead: Letterhead, session: Session, now: datetime) -> Iterator[Letter]:
    """Yield every unsigned letter due on the day of `now`, owed before or not."""
    zone = letterhead.catalogue.calendar.timezone
    day = local_day(now, zone)
    changes = notices.of_the_agreement(session, now - _NEWS)
    for provider, flows in statuses(session, letterhead.catalogue, day):
        if provider.suspended or provider.is_closed:
            continue
        for flow in flows:
            yield from _for_flow(letterhead, session, provider, flow, day)
        yield from _for_keys(letterhead, session, provider, now)
        yield from _for_agreement(letterhead, session, provider, day)
        yield from _for_changes(letterhead, session, provider, changes.get(provider.id, ()))
    yield from _digests(letterhead, session, day, zone)


def _for_decision(
    letterhead: Letterhead, session: Session, rules: Iterable[LetterRule], transfer: Transfer
) -> Iterator[Letter]:
    upload = transfer.upload
    if upload.folder != "in":
        return
    facts = {"reference": upload.reference, **_reasons(transfer, letterhead.catalogue.wording)}
    for rule in rules:
        if rule.kind == "held" and transfer.state == "held":
            event = f"held:{rule.to}:{upload.reference}"
            few, sender = is_sensitive(transfer), providers.get_provider(session, upload.provider)
            yield from _written(letterhead, session, rule, event, facts, provider=sender, sensitive=few)
        if rule.kind == "new-files" and transfer.state == "accepted":
            for team in transfer.teams:
                event = f"new-files:{team}:{upload.reference}"
                yield from _written(letterhead, session, rule, event, facts | {"count": "1"}, team=team)


def _for_flow(
    letterhead: Letterhead, session: Session, provider: Provider, flow: FlowStatus, day: date
) -> Iterator[Letter]:
    if flow.due is None or flow.timescale == "daily" or not _is_asked_of(letterhead, provider, flow):
        return
    named = letterhead.catalogue.wording.name(flow.data_type)
    facts = {"data_type": named, "day": _spoken(flow.due), "days": str((flow.due - day).days)}
    about = f"{provider.id}:{flow.data_type}:{flow.period}"
    for rule in letterhead.catalogue.letters.letter:
        left = (flow.due - day).days
        event = f"{rule.kind}:{rule.to}:{about}"
        soon = min((days for days in rule.days if 0 < left <= days), default=None)
        if rule.kind == "due-soon" and flow.state in {"due", "not-due"} and soon is not None:
            event = f"{event}:{soon}"
        elif not (
            (rule.kind == "due-today" and flow.state == "due" and left == 0)
            or (rule.kind == "late" and flow.state == "missing")
        ):
            continue
        yield from _written(letterhead, session, rule, event, facts, provider=provider)


def _is_asked_of(letterhead: Letterhead, provider: Provider, flow: FlowStatus) -> bool:
    """Must a provider send the data itself? Optional data, and data sent by others, are not asked for."""
    known = letterhead.catalogue.flow_of(flow.data_type)
    optional = flow.data_type in letterhead.catalogue.calendar.optional
    return known is not None and provider.kind in known.senders and not optional


def _for_keys(
    letterhead: Letterhead, session: Session, provider: Provider, now: datetime
) -> Iterator[Letter]:
    rules = letterhead.catalogue.letters.rules("key-expires")
    if not rules:
        return
    for key in keys.keys_in_force(session, "provider", provider.id, "openpgp", now):
        left = None if key.expires_at is None else (key.expires_at - now).days
        for rule in rules:
            soon = min((days for days in rule.days if left is not None and 0 <= left <= days), default=None)
            if soon is not None and key.expires_at is not None:
                event = f"key-expires:{rule.to}:{key.fingerprint}:{key.expires_at:%Y%m%d}:{soon}"
                facts = {"day": _spoken(key.expires_at.date()), "days": str(left)}
                yield from _written(letterhead, session, rule, event, facts, provider=provider)


def _for_agreement(
    letterhead: Letterhead, session: Session, provider: Provider, day: date
) -> Iterator[Letter]:
    if provider.kind not in letterhead.catalogue.bodies.parties():
        return
    years = register.of(session).years(provider.id)
    if ratification.in_force(years, day, letterhead.catalogue):
        return
    year = ratification.year_to_ratify(years, day, letterhead.catalogue)
    for rule in letterhead.catalogue.letters.rules("ratify"):
        event = f"ratify:{rule.to}:{provider.id}:{year}"
        yield from _written(letterhead, session, rule, event, {"year": year}, provider=provider)


def _for_changes(
    letterhead: Letterhead, session: Session, provider: Provider, left: Sequence[tuple[str, datetime]]
) -> Iterator[Letter]:
    """Yield letters about notices of changes in the agreement, given by reference and time."""
    zone = letterhead.catalogue.calendar.timezone
    for reference, at in left:
        facts = {"day": _spoken(local_day(at, zone)), "reference": reference}
        for rule in letterhead.catalogue.letters.rules("agreement-changed"):
            event = f"agreement-changed:{rule.to}:{reference}"
            yield from _written(letterhead, session, rule, event, facts, provider=provider)


def _digests(letterhead: Letterhead, session: Session, day: date, zone: str) -> Iterator[Letter]:
    """Yield the daily letters about the files of the day before."""
    first, end = (_midnight(one, zone) for one in (day - timedelta(days=1), day))
    for rule in letterhead.catalogue.letters.letter:
        if rule.at_once:
            continue
        if rule.kind == "new-files":
            for team, count in letters.delivered(session, first, end).items():
                event = f"new-files:{team}:{day}"
                yield from _written(letterhead, session, rule, event, {"count": str(count)}, team=team)
        if rule.kind == "held":
            for few in (False, True):
                sight = Sight(ordinary=not few, few=few)
                wanted = TransfersWanted(state="held", since=first, until=end, sight=sight)
                facts = {"count": str(transfer_lists.count(session, wanted))}
                event = f"held:{rule.to}:{'few:' if few else ''}{day}"
                if facts["count"] != "0":
                    yield from _written(letterhead, session, rule, event, facts, sensitive=few)


def _written(
    letterhead: Letterhead, session: Session, rule: LetterRule, event: str, facts: dict[str, str], *,
    provider: Provider | None = None, team: str = "", sensitive: bool = False,
) -> Iterator[Letter]:  # fmt: skip
    """Yield the letter of a rule about an event, once for each address.

    Of a `sensitive` event only the authority's teams with access are told, instead of triage.
    """
    catalogue = letterhead.catalogue
    days = {f"day_{one}": told(facts["day"], one) for one in catalogue.agreement.languages if "day" in facts}
    desks = {f"desk_{one}": said.desk for one, said in catalogue.agreement.contacts.items()}
    filling = {
        **facts, **days, **desks,
        "organisation": letterhead.organisation,
        "desk": catalogue.desks.desk,
        "team": team,
        "name": "" if provider is None else provider.name,
    }  # fmt: skip
    about = None if provider is None else provider.id
    for address in _addresses(letterhead, session, rule, about, team, sensitive=sensitive):
        yield Letter(
            event=event, recipient=address, kind=rule.kind, provider=about,
            subject=" ".join(filled(rule.subject, filling).split()), text=filled(rule.text, filling) + "\n",
        )  # fmt: skip


def _addresses(
    letterhead: Letterhead,
    session: Session,
    rule: LetterRule,
    provider: str | None,
    team: str,
    *,
    sensitive: bool,
) -> Sequence[str]:  # fmt: skip
    catalogue = letterhead.catalogue
    match rule.to:
        case "provider" if provider is not None:
            found = (contact.email for contact in contacts.contacts(session, provider))
            return sorted({email for email in found if email is not None})
        case "team":
            return catalogue.letters.teams.get(team, ())
        case "triage":
            looking = catalogue.looking_teams().at_held(few=sensitive)
            return sorted({one for each in looking for one in catalogue.letters.teams.get(each, ())})
        case "administrators":
            return () if sensitive else catalogue.letters.administrators
    return ()


def _signed(registrar: Registrar, found: Iterable[Letter]) -> Iterator[Letter]:
    written = list(found)
    signed = registrar.signing.clearsign_each(letter.text for letter in written)
    for letter, text in zip(written, signed, strict=True):
        yield Letter(
            event=letter.event, recipient=letter.recipient, kind=letter.kind, provider=letter.provider,
            subject=letter.subject, text=text,
        )  # fmt: skip


def _reasons(transfer: Transfer, wording: Wording) -> dict[str, str]:
    """Return the reasons of a decision as running text in each language."""
    plain = [plain_reason(reason, wording) for reason in transfer.reasons]
    return {
        "reasons" if language == "en" else f"reasons_{language}": "\n\n".join(
            textwrap.fill(f"{one.sentence} {one.next_step}", _WIDTH)
            for one in (in_language(reason, language, wording) for reason in plain)
        )
        for language in wording.languages
    }


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
