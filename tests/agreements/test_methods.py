"""What may go another way, under every agreement that ships: with its safeguards, and receipted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.model import Held, Provider, Refused, Settled
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import Declaration, decide_method, subject
from gateway.policy.small_schemas import Method
from gateway.receipts.text import declaration_statement
from tests.log.made import Log
from tests.policy.tables import with_safeguards

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def declared(catalogue: Catalogue) -> Iterator[tuple[Method, Declaration]]:
    """Each kind of data and each material by each way, from a sender of it who has signed."""
    party = next(kind.id for kind in catalogue.bodies.kind if kind.ratifies)
    things = [(entry.id, flow.senders[0]) for flow in catalogue.flows.flow for entry in flow.data_type]
    things += [(material.id, party) for material in catalogue.methods.material]
    for data, kind in things:
        provider = Provider(id="anyone", name="Ysgol Tŷ-gwyn", kind=kind, ratified=True)
        for method in catalogue.methods.method:
            yield method, Declaration(provider=provider, method=method.id, data=data, at=NOON)


def test_every_outcome_cites_a_clause_of_its_agreement_and_nothing_else_is_open(catalogue: Catalogue) -> None:
    states = set()
    for method, declaration in declared(catalogue):
        decision = with_safeguards(declaration, catalogue)
        states.add(decision.state)
        assert {reason.clause for reason in decision.reasons} <= catalogue.agreement.clauses.keys()
        if isinstance(decision, Settled):
            assert method.declarable
    assert states >= {"accepted", "refused"}


def test_each_safeguard_that_a_way_needs_is_missed_by_name(catalogue: Catalogue) -> None:
    known = catalogue.methods.safeguards()
    for method, declaration in declared(catalogue):
        if isinstance(with_safeguards(declaration, catalogue), Refused):
            continue
        found = subject(declaration.data, catalogue)
        assert found is not None
        true = found.circumstances
        needs = [
            need
            for need in method.need
            if (not need.when or true.intersection(need.when)) and true.isdisjoint(need.unless)
        ]
        decision = decide_method(declaration, catalogue)
        assert isinstance(decision, Refused) is bool(needs), (method.id, declaration.data)
        told = " ".join(reason.sentence for reason in decision.reasons)
        for need in needs:
            assert known[need.any_of[0]].told in told


def test_what_is_declared_of_who_has_not_signed_waits_unless_the_flow_says_otherwise(
    catalogue: Catalogue,
) -> None:
    everything = frozenset(catalogue.methods.safeguards())
    for method, declaration in declared(catalogue):
        flow = catalogue.flow_of(declaration.data)
        if flow is None or not isinstance(with_safeguards(declaration, catalogue), Settled):
            continue
        kind = declaration.provider.kind
        unsigned = Provider(id="anyone", name="anyone", kind=kind, ratified=False)
        found = decide_method(
            Declaration(
                provider=unsigned, method=method.id, data=declaration.data, at=NOON, safeguards=everything
            ),
            catalogue,
        )
        waits = catalogue.bodies.of(kind).ratifies and flow.unratified(declaration.data) == "hold"
        assert isinstance(found, Held) is waits, (method.id, declaration.data)


def test_a_declaration_is_receipted_in_each_language(catalogue: Catalogue) -> None:
    declaration = next(
        each for _, each in declared(catalogue) if isinstance(with_safeguards(each, catalogue), Settled)
    )
    decision = with_safeguards(declaration, catalogue)
    reference = "261124-anyone-7K3QD"
    statement = declaration_statement(
        declaration, decision, catalogue, title=declaration.data, reference=reference, at=NOON,
        organisation="Cyngor Sir Gâr",
    )  # fmt: skip
    log = Log()
    log.add("declared", reference)
    text = statement.for_people(log.proof(0))
    assert text.count("Ysgol Tŷ-gwyn\n") == len(catalogue.agreement.languages)
    assert "This transfer is ALLOWED." in text
