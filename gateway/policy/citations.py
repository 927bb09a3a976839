"""Find the clause cited by each policy entry, and check that a person has confirmed the citation.

A citation holds only while the clause still supports the entry. `confirmed.toml` stores, for each clause, the
SHA-256 of its text when a person last read it, and the citations at that time. An edited clause or a new
citation waits for `gateway policy confirm`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.home.settings_file import nearest
from gateway.policy.catalogue_schema import RESTS_WHERE, Catalogue
from gateway.policy.clause_texts import ClauseTexts
from gateway.policy.faults import Contradiction, Location
from gateway.policy.method_schema import Circumstance, Method, Safeguard
from gateway.policy.schema import ClauseId
from gateway.reasons import REASONS

CONFIRM = "read it, and then: gateway policy confirm"


@dataclass(frozen=True, slots=True)
class Citation:
    """One policy entry citing a clause. `by` names the entry, independent of its position in the file."""

    clause: ClauseId
    by: str
    file: str
    location: Location


def citations(catalogue: Catalogue) -> Iterator[Citation]:
    """Yield every citation in the policies, file by file."""
    for code, clause in catalogue.reasons.clauses.items():
        yield Citation(clause, f"reason {code}", "reasons.toml", ("clauses", code))
    for what, clause in catalogue.agreement.tell:
        if clause is not None:
            yield Citation(clause, f"notice that it is {what}", "agreement.toml", ("tell", what))
    for n, each in enumerate(catalogue.agreement.notice):
        yield Citation(each.clause, f"notice {each.id}", "agreement.toml", ("notice", n, "clause"))
    yield from _of_flows(catalogue)
    for n, team in enumerate(catalogue.teams.team):
        for clause in team.clauses:
            yield Citation(clause, f"team {team.id}", "teams.toml", ("team", n, "clauses"))
    for n, group in enumerate(catalogue.rights.group):
        yield Citation(group.clause, f"group {group.label}", "rights.toml", ("group", n, "clause"))
    for n, right in enumerate(catalogue.rights.right):
        for clause in right.clauses:
            yield Citation(clause, f"right of {right.team}", "rights.toml", ("right", n, "clauses"))
    yield from _of_methods(catalogue)
    yield from _of_breach(catalogue)


def _of_flows(catalogue: Catalogue) -> Iterator[Citation]:
    for n, flow in enumerate(catalogue.flows.flow):
        yield Citation(flow.clause, f"flow {flow.id}", "flows.toml", ("flow", n, "clause"))
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m)
            for clause in entry.clauses:
                yield Citation(clause, f"data type {entry.id}", "flows.toml", (*place, "clauses"))
            if entry.electronic:
                by = f"electronic transfer of {entry.id}"
                yield Citation(entry.electronic, by, "flows.toml", (*place, "electronic"))


def _of_methods(catalogue: Catalogue) -> Iterator[Citation]:
    methods = catalogue.methods
    named: tuple[tuple[str, int, Circumstance | Safeguard | Method], ...] = (
        *(("circumstance", n, each) for n, each in enumerate(methods.circumstance)),
        *(("safeguard", n, each) for n, each in enumerate(methods.safeguard)),
        *(("method", n, each) for n, each in enumerate(methods.method)),
    )
    for table, n, entry in named:
        yield Citation(entry.clause, f"{table} {entry.id}", "methods.toml", (table, n, "clause"))
    for n, material in enumerate(methods.material):
        for clause in material.clauses:
            yield Citation(clause, f"material {material.id}", "methods.toml", ("material", n, "clauses"))


def _of_breach(catalogue: Catalogue) -> Iterator[Citation]:
    for who, clauses in catalogue.breach.tell:
        for clause in clauses:
            yield Citation(clause, f"telling {who} of a breach", "breach.toml", ("tell", who))
    for n, grave in enumerate(catalogue.breach.grave):
        if grave.clause is not None:
            yield Citation(grave.clause, f"weight of {grave.item}", "breach.toml", ("grave", n, "clause"))


def cited_by(catalogue: Catalogue) -> dict[ClauseId, tuple[str, ...]]:
    """Return the citations of each clause, in words, sorted."""
    found: defaultdict[ClauseId, set[str]] = defaultdict(set)
    for each in citations(catalogue):
        found[each.clause].add(each.by)
    return {clause: tuple(sorted(names)) for clause, names in found.items()}


def citation_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield reasons without a clause, and clauses that are missing, unused or unconfirmed."""
    # Check that reasons.toml holds exactly the reasons with a clause of their own.
    wanted = {code for code, template in REASONS.items() if template.rests_on == "the code"}
    for code in sorted(wanted - catalogue.reasons.clauses.keys() - RESTS_WHERE.keys()):
        yield "reasons.toml", ("clauses",), f"the reason {code} rests on no clause: add it"
    for code in sorted(catalogue.reasons.clauses.keys() - wanted):
        if code in REASONS:
            words = f"{code} rests on the clause of {REASONS[code].rests_on}: take it out here"
        else:
            words = f"there is no reason {code}{nearest(code, wanted)}"
        yield "reasons.toml", ("clauses", code), words
    texts = ClauseTexts(catalogue.agreement, catalogue.agreement_text)
    yield from texts.faults()
    known = catalogue.agreement.clauses
    for each in citations(catalogue):
        if each.clause not in known:
            yield (
                each.file,
                each.location,
                f"the agreement has no clause {each.clause}{nearest(each.clause, known)}",
            )
    yield from _unused(catalogue)
    yield from _unconfirmed(catalogue, texts.digests())


def _unused(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield clauses neither cited nor explained under [uncited], and explanations for unknown clauses."""
    agreement, used = catalogue.agreement, {each.clause for each in citations(catalogue)}
    for clause in agreement.clauses:
        if clause not in used and clause not in agreement.uncited and not agreement.is_heading(clause):
            words = f"nothing rests on clause {clause}: cite it, or say under [uncited] why not"
            yield "agreement.toml", ("clauses", clause), words
    for clause in agreement.uncited:
        if clause not in agreement.clauses:
            words = f"the agreement has no clause {clause}{nearest(clause, agreement.clauses)}"
            yield "agreement.toml", ("uncited", clause), words
        elif clause in used:
            yield "agreement.toml", ("uncited", clause), f"clause {clause} is cited: take it out here"


def _unconfirmed(catalogue: Catalogue, digests: Mapping[ClauseId, str]) -> Iterator[Contradiction]:
    confirmed, used = catalogue.confirmed.clauses, cited_by(catalogue)
    for each in citations(catalogue):
        known = confirmed.get(each.clause)
        if each.clause in digests and (known is None or each.by not in known.cited_by):
            words = f"nobody has confirmed that clause {each.clause} says this: {CONFIRM} {each.clause}"
            yield each.file, each.location, words
    for clause, known in confirmed.items():
        place = ("clauses", clause)
        if clause in digests and known.sha256 != digests[clause]:
            words = (
                f"the text of clause {clause} has changed since it was confirmed for: "
                f"{', '.join(used.get(clause, ()))}; {CONFIRM} {clause}"
            )
            yield "confirmed.toml", place, words
        for gone in sorted(set(known.cited_by) - set(used.get(clause, ()))):
            words = f"clause {clause} was confirmed for {gone}, which no longer cites it; {CONFIRM} {clause}"
            yield "confirmed.toml", place, words
