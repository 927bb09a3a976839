"""The agreement beside the rules enforcing its clauses, and the ratifications."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlmodel import Session

from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import cited_by
from gateway.policy.clause_texts import ClauseTexts
from gateway.policy.dates import local_day
from gateway.policy.ratification import register, text_wanted
from gateway.registry import agreements, providers
from gateway.zones.hatch.answers import Named
from gateway.zones.hatch.questions import AskAgreement
from gateway.zones.hatch.school_answers import AgreementSeen, ClauseSeen, StandingSeen


def ask_agreement(counter: Counter, _caller: Caller, _: AskAgreement) -> AgreementSeen:
    """Return the clauses with texts and citations, and the standing of each school, unratified first.

    Only for callers with a role, because the agreement keeps the list of schools from other agencies.
    """
    catalogue = counter.catalogue()
    with counter.desk.registry.read() as session:
        standings = list(_standings(session, counter, catalogue))
    standings.sort(key=lambda each: (each.standing == "ratified", each.school.name.casefold()))
    return AgreementSeen(
        sha256=catalogue.text_sha256,
        policies=catalogue.digest,
        clauses=tuple(_clauses(catalogue)),
        standings=tuple(standings),
    )


def _clauses(catalogue: Catalogue) -> Iterator[ClauseSeen]:
    texts = ClauseTexts(catalogue.agreement, catalogue.agreement_text)
    rules = cited_by(catalogue)
    for clause, words in catalogue.agreement.clauses.items():
        yield ClauseSeen(clause=clause, words=words, text=texts.of(clause) or "", rules=rules.get(clause, ()))


def _standings(session: Session, counter: Counter, catalogue: Catalogue) -> Iterator[StandingSeen]:
    day = local_day(counter.clock(), catalogue.calendar.timezone)
    signed: defaultdict[str, set[str]] = defaultdict(set)
    wanted = text_wanted(catalogue)
    for row in agreements.ratifications(session):
        if wanted in {None, row.text_sha256}:
            signed[row.provider].add(row.academic_year)
    for provider in providers.list_providers(session):
        if catalogue.bodies.of(provider.kind).ratifies and not provider.is_closed:
            found = register(signed[provider.id], day, catalogue)
            yield StandingSeen(
                school=Named(id=provider.id, name=provider.name),
                standing=found.standing,
                academic_year=found.academic_year,
                lapses=found.lapses,
            )
