"""Tell a provider's standing: the facts, and the sentences for page, calendar and letters.

Each sentence is made here only, so page, calendar and letters say the same. Sentences name data types, days,
references and reasons, but no pupil and nothing from a file's content. Of the three only the page gives the
names of files, as receipts do.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from sqlmodel import Session

from gateway.home import shown_name
from gateway.home.settings import Settings
from gateway.model import Provider
from gateway.openpgp.certificates import grouped
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment, spoken, term_began
from gateway.policy.timescale import FlowStatus, agenda, coming_requirements, in_words
from gateway.reasons.languages import Language, translate
from gateway.receipts.facts import in_language, plain_reason
from gateway.registry import keys, register, transfer_lists
from gateway.registry.keys import Key
from gateway.registry.transfer_lists import InShort

_MOST_FILES, _WAITING, _MOST_TOLD = 1_000, 100, 20
_WEEK = timedelta(days=7)
# The page names a file for so long: a child may be named there, and the file's receipts go in time as well.
_NAMED = timedelta(days=30)
_TO_EXTEND = 60  # Days before its end, as in keys.toml.
_EXTEND = "Extend it before that day: gateway send renew, or as the guide says."


def ring(settings: Settings) -> str:
    """Return ", telephone NUMBER", to put after the authority's name; "" if the settings name no number."""
    return f", telephone {settings.telephone}" if settings.telephone else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """The facts about a provider as of `at`.

    `due`: for each flow, the status of today, and a status for each due day ahead. `files`: the files of the
    term, or of the last week for letters, latest first. `waiting`: the held files. `ratified`: the school
    years ratified. `to_ratify`: the school year that the provider has to ratify now; None if none.
    """

    settings: Settings
    provider: Provider
    catalogue: Catalogue
    at: datetime
    due: Sequence[tuple[FlowStatus, ...]]
    files: Sequence[InShort]
    waiting: Sequence[InShort]
    own_keys: Sequence[Key]
    ratified: Sequence[str]
    to_ratify: str | None

    @property
    def today(self) -> date:
        """The date of the facts, by local time."""
        return self.day(self.at)

    def day(self, at: datetime) -> date:
        """Return the date of a moment by local time."""
        return local_day(at, self.catalogue.calendar.timezone)

    def named(self, data_type: str | None) -> str:
        """Return the name of a data type; "not recognised" for None."""
        return self.catalogue.wording.name(data_type) if data_type else "not recognised"

    @property
    def provider_facts(self) -> str:
        """The provider's record as JSON, for programs that check files before sending."""
        told = ("id", "kind", "dfe_number", "urn", "number", "harmless", "schools", "stated")
        return json.dumps({name: getattr(self.provider, name) for name in told})


class StandingLine(NamedTuple):
    """One line of a section, in one language: the subject (`about`), and the sentence (`says`).

    `data`: HTML attributes for programs. `late`: True if the page marks the line as late. `news`: how many
    days a weekly letter has to look ahead to have the line; 0 for every weekly letter, None for no letter.
    """

    about: str
    says: str
    data: Mapping[str, str] = {}
    late: bool = False
    news: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadForAll:
    """Rows read at once for all providers: keys, school years ratified, and providers with held files.

    `lately`: the files of a week, and `held`: the held files, each by provider; None if files are read for
    each provider separately.
    """

    own_keys: Mapping[str, Sequence[Key]]
    ratified: Mapping[str, frozenset[str]]
    waiting: frozenset[str]
    lately: Mapping[str, Sequence[InShort]] | None = None
    held: Mapping[str, Sequence[InShort]] | None = None


def read_for_all(
    session: Session, catalogue: Catalogue, day: date, week_before: datetime | None = None
) -> ReadForAll:
    """Return all providers' keys, the school years ratified by a day, and the providers with held files.
    If `catalogue` has a new text that must be ratified again, ratifications of another text are left out.
    `week_before`: a moment; if given, return also the files of the seven days up to then, and all held files.
    """
    known = register.of(session)
    own_keys: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys.list_keys(session, "provider"):
        if key.state != "revoked":
            own_keys[key.owner].append(key)
    return ReadForAll(
        own_keys=own_keys,
        ratified={one: known.years(one, catalogue.text_wanted, day) for one in known.ratified},
        waiting=transfer_lists.whose_files_wait(session),
        lately=transfer_lists.lately_in_short(session, week_before - _WEEK) if week_before else None,
        held=transfer_lists.held_in_short(session, _WAITING) if week_before else None,
    )


def gather(
    session: Session, catalogue: Catalogue, provider: Provider, flows: Sequence[FlowStatus],
    rows: ReadForAll, *, settings: Settings, at: datetime,
) -> ProviderFacts:  # fmt: skip
    """Return the facts about one provider as of `at`.
    `flows`: the status of each of the provider's flows on the day. `rows`: the result of `read_for_all`.
    """
    zone = catalogue.calendar.timezone
    today = local_day(at, zone)
    began = term_began(catalogue.calendar, today, catalogue.school_year_starts)
    years = rows.ratified.get(provider.id, frozenset())
    party = provider.kind in catalogue.bodies.parties
    waiting, lately = rows.held, rows.lately
    if lately is None:
        term = moment(began, time(), zone)
        lately = transfer_lists.lately_in_short(session, term, provider.id, _MOST_FILES)
    if waiting is None and provider.id in rows.waiting:
        waiting = transfer_lists.held_in_short(session, _WAITING, provider.id)
    return ProviderFacts(
        settings=settings,
        provider=provider,
        catalogue=catalogue,
        at=at,
        due=list(agenda(provider, flows, catalogue, today)),
        files=lately.get(provider.id, ()),
        waiting=(waiting or {}).get(provider.id, ()),
        own_keys=rows.own_keys.get(provider.id, ()),
        ratified=sorted(years),
        to_ratify=ratification.year_to_ratify(years, today, catalogue)
        if party
        and not ratification.in_force(years, today, catalogue)
        and not ratification.has_ended(today, catalogue)
        else None,
    )


def sections(facts: ProviderFacts, language: Language) -> Iterator[tuple[str, Sequence[StandingLine], str]]:
    """Yield the sections of a provider's standing, in one language.
    Each is a heading, the lines, and the sentence to show where there are no lines.
    """

    def t(text: str) -> str:
        return translate(text, language)

    named = facts.named
    due = [_due(facts, one, language) for one in facts.due]
    yield t("Due"), due, t("Nothing is expected of you.")
    types = {now.data_type for now, *_ in facts.due}
    soon = [
        StandingLine(", ".join([named(one.data_type), *([t(spoken(day))] if day else [])]), one.says)
        for one, day in coming_requirements(facts.catalogue, facts.today)
        if one.data_type in types
    ]
    if soon:
        yield t("What the law asks for soon"), soon, ""
    waiting = [_waits(facts, one, language) for one in facts.waiting]
    yield t("Waiting"), waiting, t("Nothing of yours waits.")
    held = ("held", "in")  # Of data: a key, a signed agreement and a statement on headings have no type.
    came = [
        StandingLine(
            one.reference,
            (f"{shown_name(one.name)}: " if facts.at - one.landed_at < _NAMED else "")
            + (f"{t(named(one.data_type))}, " if one.data_type or held == (one.state, one.folder) else "")
            + f"{t(one.state)}, {t(spoken(facts.day(one.landed_at)))}",
        )
        for one in facts.files
    ]
    yield t("What came this term"), came, t("Nothing came yet.")
    yield t("Your keys"), [_key(facts, one, language) for one in facts.own_keys], ""
    ratified = f"Ratified: {', '.join(facts.ratified)}." if facts.ratified else "You need not ratify it."
    agreement = StandingLine("", t(ratified))
    if year := facts.to_ratify:
        says = t(f"Not ratified for {year}: read /agreement/agreement.txt, and sign it or tell us.")
        agreement = StandingLine("", says, {"data-ratify": year}, late=True, news=0)
    yield t("The agreement"), [agreement], ""
    desk = facts.catalogue.agreement.contacts.get(language, facts.catalogue.desks).desk
    of = f"{facts.settings.organisation}{ring(facts.settings)}"
    whom = t(f"The {desk} of {of}. Quote the reference.")
    yield t("Whom to call"), [StandingLine("", whom)], ""


def _due(facts: ProviderFacts, days: Sequence[FlowStatus], language: Language) -> StandingLine:
    (now, *later), today = days, facts.today
    parts = [in_words(now, today)]
    if later and now.asked:
        parts.append(f"then {in_words(later[0], today)}")
    if not now.asked:
        parts.append("if you have any")
    if now.last:
        parts.append(f"last came {spoken(facts.day(now.last))}")
    if now.missed:
        parts.append(f"{now.missed} missed")
    open_days = (
        each.due
        for each in days
        if each.due and each.asked and each.timescale != "daily" and each.state in {"due", "not-due"}
    )
    ahead = min(((day - today).days for day in open_days), default=None)
    return StandingLine(
        facts.named(now.data_type), ", ".join(translate(part, language) for part in parts),
        {
            "data-flow": now.data_type, "data-state": now.state,
            "data-due": now.due.isoformat() if now.due else "",
            "data-last": now.last.isoformat() if now.last else "",
        },
        late=now.state in {"missing", "late"}, news=0 if now.to_chase else ahead,
    )  # fmt: skip


def _waits(facts: ProviderFacts, one: InShort, language: Language) -> StandingLine:
    wording = facts.catalogue.wording
    reasons = [in_language(plain_reason(each, wording), language, wording) for each in one.reasons]
    came = translate(f"Came {spoken(facts.day(one.landed_at))}.", language)
    says = " ".join([came, *(f"{each.sentence} {each.next_step}" for each in reasons)])
    return StandingLine(one.reference, says, {"data-waits": one.reference}, news=0)


def _key(facts: ProviderFacts, key: Key, language: Language) -> StandingLine:
    about = f"{translate(key.noun, language)}: {translate(key.state, language)}"
    left = None
    if key.until:
        about += f", {translate(f'until {spoken(facts.day(key.until))}', language)}"
        left = (key.until - facts.at).days if key.state in {"active", "retiring"} else None
    says = grouped(key.fingerprint) if key.kind == "openpgp" else key.fingerprint
    if key.kind == "openpgp" and left is not None and 0 <= left <= _TO_EXTEND:
        says = f"{translate(_EXTEND, language)} {says}"
    until = key.until.isoformat() if key.until else ""
    data = {"data-key": key.kind, "data-state": key.state, "data-until": until}
    return StandingLine(about, says, data, news=left if left is None or left >= 0 else None)


def news(facts: ProviderFacts, language: Language, days: int) -> str:
    """Return a provider's news for a letter, under the headings of the page; "" if there is no news.
    News are data late or due within `days`, keys that end within `days`, held files, a ratification to make,
    and the files of the last week, without file names; of a sensitive one not even the kind is told.
    """
    found = []
    for heading, all_lines, _ in sections(facts, language):
        lines = [
            ": ".join(filter(None, (line.about, line.says)))
            for line in all_lines
            if line.news is not None and line.news <= days
        ]
        if lines:
            found.append("\n".join([f"## {heading}", "", *(f"- {line}" for line in lines)]))
    lately = [one for one in facts.files if one.landed_at >= facts.at - _WEEK]
    lines = [
        f"- {one.reference}: " + ", ".join(translate(each, language) for each in (kind, one.state))
        for one in lately[:_MOST_TOLD]
        for kind in ("a file" if one.few else facts.named(one.data_type),)
    ]
    if more := len(lately) - len(lines):
        lines.append(f"- {translate(f'and {more} more, which your own page lists', language)}")
    if lines:
        found.append("\n".join([f"## {translate('What came this week', language)}", "", *lines]))
    return "\n\n".join(found)


def missing(facts: ProviderFacts, language: Language) -> str:
    """Return a line for a letter on each missing data type, with the due day."""
    lines = (_due(facts, one, language) for one in facts.due if one[0].to_chase)
    return "\n".join(f"- {line.about}: {line.says}" for line in lines)
