"""A provider's own page in its SFTP folder: /status.html for people, /calendar.ics for calendars.

Both are projections of the registry, like receipts. Pages name data types, days, references and reasons;
never a pupil, a file's name or anything from a file's content.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlmodel import Session

from gateway.model import Provider, Reason, Transfer
from gateway.openpgp.certificates import grouped
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.lawful import asked_soon
from gateway.policy.timescale import FlowStatus, periods_around
from gateway.policy.wording import Wording
from gateway.reasons.languages import Language, told
from gateway.receipts.facts import in_language, plain_reason
from gateway.registry import keys, register, transfer_lists
from gateway.registry.keys import Key
from gateway.registry.transfer_lists import InShort, TransfersWanted

_LATEST, _WAITING = 20, 100
_AHEAD = timedelta(days=400)
# Version of the calendar's form: raise with each change, so that calendars are made again.
_FORM = 2
_MADE_OF = "X-GATEWAY-MADE-OF"
_TOLD = ("due", "missing", "late", "early", "on-time", "nil", "received", "not-due")
_TEMPLATES = Environment(
    loader=PackageLoader("gateway.publish"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """Facts for a provider's page as of `at`; `deadlines` are the days to come."""

    organisation: str
    provider: Provider
    at: datetime
    flows: Sequence[FlowStatus]
    latest: Sequence[InShort]
    waiting: Sequence[Transfer]
    own_keys: Sequence[Key]
    ratified: Sequence[str]
    to_ratify: str | None
    deadlines: Sequence[tuple[str, str, date]]
    wording: Wording

    @property
    def provider_facts(self) -> str:
        """Provider's facts for a check of files before sending, as JSON."""
        one = self.provider
        return json.dumps(
            {
                "id": one.id, "kind": one.kind, "dfe_number": one.dfe_number,
                "urn": one.urn, "number": one.number,
                "harmless": one.harmless, "schools": one.schools, "stated": one.stated,
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEach:
    """Registry data read once for all providers: keys, years ratified, providers with waiting files."""

    own_keys: Mapping[str, Sequence[Key]]
    ratified: Mapping[str, frozenset[str]]
    waiting: frozenset[str]


def of_each(session: Session) -> OfEach:
    """Read the keys, ratified years and waiting files of every provider."""
    own_keys: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys.list_keys(session, "provider"):
        if key.state != "revoked":
            own_keys[key.owner].append(key)
    return OfEach(
        own_keys=own_keys,
        ratified={one: frozenset(years) for one, years in register.of(session).ratified.items()},
        waiting=transfer_lists.whose_files_wait(session),
    )


def gather(
    session: Session, catalogue: Catalogue, provider: Provider, flows: Sequence[FlowStatus], of_each: OfEach,
    *, organisation: str, at: datetime,
) -> ProviderFacts:  # fmt: skip
    """Collect the facts about a provider from registry and policies at `at`."""
    today = at.astimezone(ZoneInfo(catalogue.calendar.timezone)).date()
    years = of_each.ratified.get(provider.id, frozenset())
    party = provider.kind in catalogue.bodies.parties()
    held = TransfersWanted(provider=provider.id, state="held")
    deadlines = list(_deadlines(provider, catalogue, today, flows))
    return ProviderFacts(
        organisation=organisation,
        provider=provider,
        at=at,
        flows=[_ahead(flow, deadlines, today) for flow in flows if flow.state in _TOLD],
        latest=transfer_lists.latest_in_short(session, provider.id, _LATEST),
        waiting=transfer_lists.latest(session, held, _WAITING) if provider.id in of_each.waiting else (),
        own_keys=of_each.own_keys.get(provider.id, ()),
        ratified=sorted(years),
        to_ratify=ratification.year_to_ratify(years, today, catalogue)
        if party and not ratification.in_force(years, today, catalogue)
        else None,
        deadlines=deadlines,
        wording=catalogue.wording,
    )


def _deadlines(
    provider: Provider, catalogue: Catalogue, today: date, flows: Sequence[FlowStatus]
) -> Iterator[tuple[str, str, date]]:
    """Yield deadlines of flows neither daily nor weekly: data type, period, day."""
    for flow in flows:
        if flow.timescale not in {"daily", "weekly"} and flow.state != "not-expected":
            for period in periods_around(provider, flow.data_type, catalogue, today):
                if today <= period.due <= today + _AHEAD:
                    yield flow.data_type, period.name, period.due


def _ahead(flow: FlowStatus, deadlines: Sequence[tuple[str, str, date]], today: date) -> FlowStatus:
    """Return a flow with its next day, where its day passed before the flow applied to the provider."""
    if flow.state != "not-due" or flow.due is None or flow.due >= today:
        return flow
    ahead = (due for data_type, _, due in deadlines if data_type == flow.data_type)
    return replace(flow, due=min(ahead, default=None))


def page(facts: ProviderFacts, catalogue: Catalogue) -> str:
    """Return the page as HTML, once in each language: no script, no external content, readable at 320
    pixels.
    """
    zone = ZoneInfo(catalogue.calendar.timezone)

    def day(moment: datetime | date | None) -> str:
        if moment is None:
            return "-"
        local = moment.astimezone(zone) if isinstance(moment, datetime) else moment
        return f"{local.day} {local:%B %Y}"

    wording = catalogue.wording

    def said(reason: Reason, language: Language) -> Reason:
        return in_language(plain_reason(reason, wording), language, wording)

    def desk(language: Language) -> str:
        return catalogue.agreement.contacts.get(language, catalogue.desks).desk

    types = {flow.data_type for flow in facts.flows}
    soon = asked_soon(catalogue, facts.at.astimezone(zone).date())
    return _TEMPLATES.get_template("status.html").render(
        facts=facts,
        coming=[each for each in soon if each.data_type in types],
        day=day,
        iso=_iso,
        at=f"{day(facts.at)}, {facts.at.astimezone(zone):%H:%M}",
        languages=wording.languages,
        tell=lambda language: lambda text: told(text, language),
        said=said,
        name=wording.name,
        grouped=grouped,
        desk=desk,
        kinds={"openpgp": "OpenPGP key", "ssh": "SSH key"},
    )


def _iso(moment: datetime | date | None) -> str:
    """Return a day or moment in ISO 8601; empty for None."""
    return "" if moment is None else moment.isoformat()


def made_of(facts: ProviderFacts) -> str:
    """Return a digest of the calendar's content except the time of making."""
    wording = facts.wording
    days = [(wording.name(data_type), name, due.isoformat()) for data_type, name, due in facts.deadlines]
    said = json.dumps([_FORM, facts.organisation, facts.provider.id, wording.languages, days])
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()  # So short that its line is not folded.


def tells_the_same(made: bytes, facts: ProviderFacts) -> bool:
    """Return True where an existing calendar has the content of a new one."""
    return f"\r\n{_MADE_OF}:{made_of(facts)}\r\n".encode() in made


def calendar(facts: ProviderFacts) -> bytes:
    """Return the deadlines as an iCalendar file (RFC 5545), as whole days with a reminder a week before.

    Texts are given in each language, one after the other.
    """
    wording = facts.wording

    def said(text: str) -> str:
        return " / ".join(dict.fromkeys(told(text, language) for language in wording.languages))

    made = icalendar.Calendar()
    made.add("prodid", "-//gateway//deadlines//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", said(f"Due to {facts.organisation}"))
    made.add(_MADE_OF, made_of(facts))
    for data_type, name, due in facts.deadlines:
        event = icalendar.Event()
        event.add("uid", f"{data_type}-{due:%Y%m%d}-{facts.provider.id}@gateway.invalid")
        event.add("dtstamp", facts.at)
        event.add("dtstart", due)
        event.add("dtend", due + timedelta(days=1))
        event.add("summary", said(f"{wording.name(data_type)} due ({name})"))
        event.add("transp", "TRANSPARENT")
        reminder = icalendar.Alarm()
        reminder.add("action", "DISPLAY")
        reminder.add("description", said(f"{wording.name(data_type)} is due in a week"))
        reminder.add("trigger", timedelta(days=-7))
        event.add_component(reminder)
        made.add_component(event)
    return bytes(made.to_ical())
