"""Queue letters: in the transaction of a decision, or daily by the calendar.

A letter names organisations, references, data types, days and the sentences of reasons; never a pupil, a file
name or words from a file. Letters are signed when queued, so the sending service holds no key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import chain, pairwise
from typing import get_args
from unicodedata import bidirectional

from sqlmodel import Session

from gateway.access import Sight
from gateway.errors import GatewayError
from gateway.home.settings import Settings
from gateway.model import Provider, Transfer
from gateway.openpgp.sealer import sign_each
from gateway.policy.catalogue import Catalogue
from gateway.policy.catalogue_schema import Wording
from gateway.policy.dates import local_day, moment, spoken, spoken_minute
from gateway.policy.small_schemas import FileLetterKind, LetterKind, LetterRule, filled
from gateway.policy.timescale import FlowStatus, in_words
from gateway.publish.letters_out import entity, signed
from gateway.publish.standing import ProviderFacts, gather, missing, news, read_for_all, ring
from gateway.reasons import OVERRIDING, WITHDRAWN
from gateway.reasons.languages import translate
from gateway.receipts.facts import in_language, plain_reason
from gateway.record.consequences import Ruling
from gateway.record.registrar import Registrar
from gateway.registry import letters, log, providers, receipts, transfer_lists
from gateway.registry.deliveries import find_delivered
from gateway.registry.flow_status import statuses
from gateway.registry.keys import Key
from gateway.registry.letters import Letter
from gateway.registry.sight import is_sensitive, sees
from gateway.registry.transfer_lists import TransfersWanted

_NEWS = timedelta(days=7)
_UNNAMED = "a file"
_ABOUT_FILES: tuple[FileLetterKind, ...] = get_args(FileLetterKind)
_ONCE_PASSED_ON = WITHDRAWN | OVERRIDING  # A file that is given back has one of the second.


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The sources of letters: registry (`session`), policies (`catalogue`) and settings.

    `reached`: the e-mail addresses by provider, if read in advance for many letters; else None.
    """

    session: Session
    catalogue: Catalogue
    settings: Settings
    reached: Mapping[str, Sequence[str]] | None = None

    def day(self, at: datetime) -> date:
        """Return the date of a moment by the local calendar."""
        return local_day(at, self.catalogue.calendar.timezone)

    def written(
        self, rule: LetterRule, event: str, facts: dict[str, str], *, provider: Provider | None = None,
        team: str = "", sensitive: bool = False,
    ) -> Iterator[Letter]:  # fmt: skip
        """Yield the letter of a rule about an event, once for each address.
        `event` is a code, such as "late:provider:oak:…", for which a letter is queued only once. `facts` are
        the texts for the rule's blanks, by name. Letters for triage about a `sensitive` event go only to the
        teams with sight of sensitive files.
        """
        catalogue, about = self.catalogue, None if provider is None else provider.id
        addresses = self.addresses(rule, about, team, sensitive=sensitive)
        if not addresses:
            return
        facts = {"telephone": ring(self.settings), "desk": catalogue.desks.desk} | facts
        for language in catalogue.agreement.languages:
            said = catalogue.agreement.contacts.get(language)
            facts = {_in(name, language): translate(fact, language) for name, fact in facts.items()} | facts
            if said is not None:
                facts[_in("desk", language)] = said.desk
        name = "" if provider is None else _isolated(provider.name)
        filling = {**facts, "organisation": self.settings.organisation, "team": team, "name": name}
        for address in addresses:
            yield Letter(
                event=event, recipient=address, kind=rule.kind, provider=about,
                subject=" ".join(filled(rule.subject, filling).split()),
                text=filled(rule.text, filling) + "\n",
            )  # fmt: skip

    def addresses(
        self, rule: LetterRule, provider: str | None, team: str, *, sensitive: bool
    ) -> Sequence[str]:  # fmt: skip
        """Return the e-mail addresses for the letters of a rule, about a provider or a team.
        `sensitive`: True if the letter is about a sensitive file. A letter to administrators then goes to
        nobody, and a letter to triage goes to the teams with sight of sensitive files.
        """
        of = self.catalogue.letters
        match rule.to:
            case "provider" if provider is not None:
                known = self.reached
                return (_reached(self.session, provider) if known is None else known).get(provider, ())
            case "team":
                return of.teams.get(team, ())
            case "triage":
                looking = self.catalogue.looking_teams()
                few = looking.sensitive if sensitive else looking.triage
                return sorted({one for each in few for one in of.teams.get(each, ())})
            case "administrators":
                return () if sensitive else of.administrators
        return ()


def _reached(session: Session, provider: str | None = None) -> Mapping[str, Sequence[str]]:
    """Return the sorted e-mail addresses of all providers, or of one, by provider."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for contact in providers.contacts(session, provider):
        if contact.email is not None:
            found[contact.provider].add(contact.email)
    return {one: sorted(addresses) for one, addresses in found.items()}


def _in(name: str, language: str) -> str:
    """Return the name of a blank in the text of letters in one language: "news" in English, "news_cy" in
    Welsh.
    """
    return name if language == "en" else f"{name}_{language}"


def _isolated(name: str) -> str:
    """Return a name between U+2068 and U+2069 if in a right-to-left script, so other text keeps its order."""
    return f"\u2068{name}\u2069" if any(bidirectional(one) in {"R", "AL"} for one in name) else name


def owe_for_decisions(
    registrar: Registrar, session: Session, decided: Iterable[tuple[Transfer, Ruling]], now: datetime
) -> None:
    """Queue the letters to be sent at once about decided files, in the decision's transaction."""
    if rules := [rule for rule in registrar.catalogue.letters.letter if rule.at_once]:
        letterhead = Letterhead(session, registrar.catalogue, registrar.settings)
        counted = [(one, 0 if by.arrives else _times_before(session, one)) for one, by in decided]
        told_of = letters.events_on_record(session, {event for each in counted for event in _of_holds(*each)})
        found = (letter for each in counted for letter in _for_decision(letterhead, rules, *each, told_of))
        owe(registrar, session, found, now)


def _for_decision(
    letterhead: Letterhead, rules: Iterable[LetterRule], transfer: Transfer, before: int,
    told_of: Collection[str],
) -> Iterator[Letter]:  # fmt: skip
    """Yield the letters about a decided file.
    `before`: how often the file was taken back or held before, as `_times_before` counts. `told_of`: the
    events of earlier letters to senders about a hold. A sender gets a letter about a release only after one
    about the hold.
    """
    upload, catalogue = transfer.upload, letterhead.catalogue
    if upload.folder != "in":
        return
    wording, few = catalogue.wording, is_sensitive(transfer)
    sender = providers.get_provider(letterhead.session, upload.provider)
    facts = {
        "reference": upload.reference,
        "data_type": wording.name(transfer.data_type) if transfer.data_type and not few else _UNNAMED,
        "at": spoken_minute(upload.landed_at, catalogue.calendar.timezone),
    }
    facts |= reasons_of(transfer, wording)
    waited = any(event in told_of for event in _of_holds(transfer, before))
    kind = "released" if transfer.state == "accepted" and waited else transfer.state
    for rule in rules:
        if rule.kind == kind and rule.kind in _ABOUT_FILES and _is_for(letterhead.session, rule, transfer):
            *_, event = letters.events_about_file(kind, rule.to, upload.reference, before)
            yield from letterhead.written(rule, event, facts, provider=sender, sensitive=few)
        if rule.kind == "new-files" and transfer.state == "accepted":
            session, reference = letterhead.session, upload.reference
            for team in (one for one in transfer.teams if find_delivered(session, one, reference)):
                event = f"new-files:{team}:{upload.reference}"
                yield from letterhead.written(rule, event, facts | {"count": "1"}, team=team)


def _of_holds(transfer: Transfer, before: int) -> list[str]:
    """Return the events of letters to the sender of a file that waits, or was taken back."""
    return letters.events_about_file("held", "provider", transfer.upload.reference, before)


def _times_before(session: Session, transfer: Transfer) -> int:
    """Return how often a decided file was taken back, held for changed reasons, or held until another day.
    The latest decision counts, too, though it is not in the log yet. Each further hold until a day counts,
    since only a changed day leads to a new decision.
    """
    codes, taken_back = [why.code for why in transfer.reasons], 0
    if not _ONCE_PASSED_ON.isdisjoint(codes):
        earlier = log.events(session, transfer.upload.reference, kind="withdrawn")
        taken_back = len(earlier) + (not WITHDRAWN.isdisjoint(codes))
    decided = log.events(session, transfer.upload.reference, kind="decided")
    told = [event.fields for event in decided]
    waited = [set(one["reasons"].split(",")) for one in told if one["state"] == "held"]
    if transfer.state == "held" and WITHDRAWN.isdisjoint(codes):
        waited.append(set(codes))
    return taken_back + sum(one != other or "policy:embargo" in one for one, other in pairwise(waited))


def _is_for(session: Session, rule: LetterRule, transfer: Transfer) -> bool:
    """Return True if the addressees of a rule may know of a file. No desk may know of a marked child's file.
    A letter about a sensitive file goes to the few. If the file is not sensitive any more, they are not told.
    """
    desks = Sight(few=is_sensitive(transfer), marked=False)
    return rule.to == "provider" or sees(session, desks, transfer.upload.reference)


def reasons_of(transfer: Transfer, wording: Wording) -> dict[str, str]:
    """Return the reasons of a decision as running text in each language.
    The keys are the blanks in the texts of letters: "reasons", and "reasons_cy" for Welsh.
    """
    plain = [plain_reason(reason, wording) for reason in transfer.reasons]
    told = {}
    for language in wording.languages:
        each = (in_language(reason, language, wording) for reason in plain)
        told[_in("reasons", language)] = "\n\n".join(f"{one.sentence} {one.next_step}" for one in each)
    return told


def owe_by_calendar(registrar: Registrar, now: datetime) -> int:
    """Queue the day's letters not queued yet, in one transaction; return the number."""
    if not registrar.catalogue.letters.letter:
        return 0
    with registrar.registry.read() as session:
        letterhead = Letterhead(session, registrar.catalogue, registrar.settings)
        due = list(by_calendar(letterhead, now, letters.of_week(session, f"{letterhead.day(now):%G-W%V}")))
        known = letters.events_on_record(session, {letter.event for letter in due})
    fresh = [letter for letter in due if letter.event not in known]
    if not fresh:
        return 0
    with registrar.registry.write() as session:
        return owe(registrar, session, fresh, now)


def by_calendar(
    letterhead: Letterhead, now: datetime, sent: Collection[str] = (),
    judged: Mapping[str, Sequence[FlowStatus]] | None = None,
) -> Iterator[Letter]:  # fmt: skip
    """Yield every letter due on the day of `now`, unsigned, even one that has been queued already.
    `sent`: the events of weekly letters queued already this week, which are left out. `judged`: by provider,
    the status of each flow on the day, if the caller has computed them.
    """
    catalogue, session, day = letterhead.catalogue, letterhead.session, letterhead.day(now)
    since, week = now - _NEWS, f"{day:%G-W%V}"  # By ISO 8601: "2026-W48".
    left: dict[LetterKind, dict[str, list[tuple[str, datetime]]]] = {
        "agreement-changed": receipts.notices_since(session, since, receipts.AGREEMENT_NOTICE),
        "gateway-key": receipts.notices_since(
            session, since, receipts.KEY_NOTICE, receipts.GATEWAY_KEY_HEADLINE
        ),
    }
    letterhead = replace(letterhead, reached=_reached(session))
    weekly = [one for one in catalogue.letters.rules("weekly") if one.weekday <= day.isoweekday()]
    rows, standing = read_for_all(session, catalogue, day, now), []
    known = judged and ((one, judged.get(one.id, ())) for one in providers.list_providers(session))
    for provider, flows in known or statuses(session, catalogue, day):
        if provider.suspended or provider.closed_on is not None:
            continue
        facts = gather(session, catalogue, provider, flows, rows, settings=letterhead.settings, at=now)
        standing.append(facts)
        yield from _for_provider(letterhead, facts, day)
        for kind, found in left.items():
            for reference, at in found.get(provider.id, ()):
                said = {"day": spoken(letterhead.day(at)), "reference": reference}
                for rule in catalogue.letters.rules(kind):
                    event = f"{kind}:{rule.to}:{reference}"
                    yield from letterhead.written(rule, event, said, provider=provider)
        event = f"weekly:provider:{provider.id}:{week}"
        for rule in weekly if event not in sent else ():
            if rule.to == "provider":
                yield from _of_news(letterhead, rule, event, facts)
    event = f"weekly:administrators:{week}"
    for rule in weekly if event not in sent else ():
        if rule.to == "administrators":
            yield from _of_all(letterhead, rule, event, standing, day)
    yield from _digests(letterhead, day)


def _for_provider(letterhead: Letterhead, of: ProviderFacts, day: date) -> Iterator[Letter]:
    """Yield letters to a provider on its flows, on keys soon to expire, and on a ratification to be made."""
    catalogue, provider = letterhead.catalogue, of.provider
    for flow in chain.from_iterable(of.due):
        yield from _for_flow(letterhead, provider, flow, day)
    for rule in catalogue.letters.rules("key-expires"):
        for key, until, left in _ends(of):
            soon = min((days for days in rule.days if left <= days), default=None)
            if soon is not None:
                event = f"key-expires:{rule.to}:{key.fingerprint}:{until:%Y%m%d}:{soon}"
                facts = {"day": spoken(of.day(until)), "days": str(left)}
                yield from letterhead.written(rule, event, facts, provider=provider)
    if (year := of.to_ratify) is not None:
        for rule in catalogue.letters.rules("ratify"):
            event = f"ratify:{rule.to}:{provider.id}:{year}"
            yield from letterhead.written(rule, event, {"year": year}, provider=provider)


def _for_flow(letterhead: Letterhead, provider: Provider, flow: FlowStatus, day: date) -> Iterator[Letter]:
    if flow.due is None or flow.timescale == "daily" or not flow.asked:
        return
    named = letterhead.catalogue.wording.name(flow.data_type)
    left = (flow.due - day).days
    facts = {"data_type": named, "day": spoken(flow.due), "days": str(left)}
    about = f"{provider.id}:{flow.data_type}:{flow.period}"
    for rule in letterhead.catalogue.letters.letter:
        event = f"{rule.kind}:{rule.to}:{about}"
        soon = min((days for days in rule.days if 0 < left <= days), default=None)
        if rule.kind == "due-soon" and flow.state in {"due", "not-due"} and soon is not None:
            event = f"{event}:{soon}"
        elif not (
            (rule.kind == "due-today" and flow.state == "due" and left == 0)
            or (rule.kind == "late" and flow.state == "missing")
        ):
            continue
        yield from letterhead.written(rule, event, facts, provider=provider)


def _of_news(letterhead: Letterhead, rule: LetterRule, event: str, facts: ProviderFacts) -> Iterator[Letter]:
    """Yield a provider's letter: on missing data if the rule is of the kind "chase", else with news.
    Nothing is yielded if there is nothing to say, or no address.
    """
    if not letterhead.addresses(rule, facts.provider.id, "", sensitive=False):
        return
    said = {
        _in("news", one): missing(facts, one)
        if rule.kind == "chase"
        else news(facts, one, max(rule.days, default=0))
        for one in letterhead.catalogue.wording.languages
    }
    if any(said.values()):
        said |= {"day": spoken(letterhead.day(facts.at))}
        yield from letterhead.written(rule, event, said, provider=facts.provider)


def chasing(letterhead: Letterhead, provider: str, now: datetime) -> list[Letter]:
    """Return unsigned letters to remind a provider of missing data.
    Raises GatewayError if nothing is missing, or if there is no address, or no rule for reminders.
    """
    catalogue, session, day = letterhead.catalogue, letterhead.session, letterhead.day(now)
    providers.provider_row(session, provider)
    if not any(one.email for one in providers.contacts(session, provider)):
        raise GatewayError(f"no e-mail address of {provider} is on record: ring them, or set a contact first")
    rules = catalogue.letters.rules("chase")
    if not rules:
        raise GatewayError("the policies have no letter that chases: add one of the kind chase")
    found: list[Letter] = []
    for one, flows in statuses(session, catalogue, day, [provider]):
        rows = read_for_all(session, catalogue, day)
        facts = gather(session, catalogue, one, flows, rows, settings=letterhead.settings, at=now)
        for rule in rules:
            found += _of_news(letterhead, rule, letters.chase_event(provider, day), facts)
    if not found:
        raise GatewayError(f"there is nothing to chase: {provider} has sent everything that was due")
    return found


def _of_all(
    letterhead: Letterhead, rule: LetterRule, event: str, standing: Sequence[ProviderFacts], day: date
) -> Iterator[Letter]:
    """Yield the weekly letter to administrators, on late data and expiring keys of all in `standing`."""
    late = [
        f"- {_isolated(facts.provider.name)}: {facts.named(now.data_type)}, {in_words(now, day)}"
        for facts in standing
        for now, *_ in facts.due
        if now.to_chase and now.timescale != "daily"
    ]
    end = [
        f"- {_isolated(facts.provider.name)}: OpenPGP key, until {spoken(facts.day(until))}"
        for facts in standing
        for _, until, left in _ends(facts)
        if left <= max(rule.days, default=0)
    ]
    parts = [("## Late", late), ("## Keys that end", end)]
    if said := "\n\n".join("\n".join([heading, "", *lines]) for heading, lines in parts if lines):
        told_of = {"news": said, "day": spoken(day), "count": str(len(late) + len(end))}
        yield from letterhead.written(rule, event, told_of)


def _ends(facts: ProviderFacts) -> Iterator[tuple[Key, datetime, int]]:
    """Yield each of a provider's OpenPGP keys in force that has yet to expire: with the moment, and the days
    left.
    """
    for key in facts.own_keys:
        counts = key.kind == "openpgp" and key.is_in_force(facts.at)
        # An expired key stays in force on record, until its provider renews it.
        if counts and key.expires_at is not None and key.expires_at > facts.at:
            yield key, key.expires_at, (key.expires_at - facts.at).days


def _digests(letterhead: Letterhead, day: date) -> Iterator[Letter]:
    """Yield the daily letters about the files of the day before `day`."""
    session, zone = letterhead.session, letterhead.catalogue.calendar.timezone
    first, end = (moment(one, time(), zone) for one in (day - timedelta(days=1), day))
    for rule in letterhead.catalogue.letters.letter:
        if rule.at_once:
            continue
        if rule.kind == "new-files":
            for team, count in letters.delivered_by_team(session, first, end).items():
                event = f"new-files:{team}:{day}"
                yield from letterhead.written(rule, event, {"count": str(count)}, team=team)
        if rule.kind == "held":
            for few in (False, True):
                # A team may not know of files about children that are marked for named people.
                sight = Sight(ordinary=not few, few=few, marked=False)
                wanted = TransfersWanted(state="held", since=first, until=end, sight=sight)
                facts = {"count": str(transfer_lists.count(session, wanted))}
                event = f"held:{rule.to}:{'few:' if few else ''}{day}"
                if facts["count"] != "0":
                    yield from letterhead.written(rule, event, facts, sensitive=few)


def owe(registrar: Registrar, session: Session, found: Iterable[Letter], now: datetime) -> int:
    """Queue letters, each as text and HTML under one signature (PGP/MIME); return the number queued."""
    written = list(found)
    organisation, (language, *_) = registrar.settings.organisation, registrar.catalogue.wording.languages
    whole = [entity(letter.subject, letter.text, organisation, language) for letter in written]
    signatures = sign_each(registrar.signing.openpgp, whole)
    final = (
        replace(letter, text=signed(data, signature))
        for letter, data, signature in zip(written, whole, signatures, strict=True)
    )
    return letters.owe(session, final, registrar.signing.origin, now)


def owe_again(registrar: Registrar, session: Session, number: int, now: datetime) -> None:
    """Queue a given-up letter once more, to the provider's present addresses.
    GatewayError if not given up, or if the policies no longer have an address of the authority's.
    """
    row, of = letters.take_up(session, number, now), registrar.catalogue.letters
    if row.event.split(":")[1] == "provider":
        reached = _reached(session, row.provider).get(row.provider or "", ())
        letters.readdress(session, row.provider or "", reached, registrar.signing.origin, now)
    elif row.recipient not in chain(of.administrators, *of.teams.values()):
        raise GatewayError(f"letter {number}: letters.toml does not have {row.recipient} any more")
