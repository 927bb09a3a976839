"""A home under every agreement that ships: made, signed, sent to, and each file where it belongs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.homes.demo.parties import Party
from gateway.model import Classified
from gateway.policy.catalogue import Catalogue
from gateway.policy.ratification import year_to_ratify
from tests.agreements.specimens import plain_signatures, table
from tests.workshop import Desk


@pytest.fixture(scope="module")
def desk(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("agreement"), policies=folder)
    yield made
    made.close()


def signed(desk: Desk, catalogue: Catalogue, provider: str) -> None:
    """Have everybody sign for a provider whose signatures the agreement wants."""
    roles = [("--role", each.role) for each in catalogue.agreement.signatory] or [()]
    for number, role in enumerate(roles, 1):
        said = desk.gateway("agreement", "ratify", provider, "--signatory", "The Head", *role)
        assert ("has ratified" in said) is (number == len(roles)), said


def test_every_kind_of_body_is_enrolled_and_signs_where_it_is_a_party(
    desk: Desk, catalogue: Catalogue
) -> None:
    for kind in catalogue.bodies.kind:
        desk.gateway("providers", "add", f"new-{kind.id}", "--name", "Ysgol Tŷ-gwyn", "--kind", kind.id)
        if kind.ratifies:
            signed(desk, catalogue, f"new-{kind.id}")
        else:
            assert "no party" in desk.gateway(
                "agreement", "ratify", f"new-{kind.id}", "--signatory", "X", code=1
            )
        said = desk.gateway("providers", "set", f"new-{kind.id}", "--number", "!", code=1)
        number = catalogue.bodies.identifier_of(kind.id)
        assert ("names no number" if number is None else f"is no {number.name}") in said
    assert "one of" in desk.gateway("providers", "add", "x", "--name", "X", "--kind", "nobody", code=2)


def test_tables_are_told_by_their_columns_alone(folder: Path) -> None:
    rules = load_rules(folder)
    for signature in plain_signatures(rules):
        content = table(rules, signature)
        found = classify(BytesIO(content), "a.csv", ClassifyLimits(), rules)
        if isinstance(found, Classified):
            assert found.data_type in rules.data_types.types
        else:
            assert not found.code.startswith("open:")


def enrolled(desk: Desk, catalogue: Catalogue, name: str, kind: str, number: str | None) -> Party:
    """A provider whose ratification counts, where its kind signs."""
    party = desk.provider(name, kind, dfe_number=number)
    if catalogue.bodies.of(kind).ratifies:
        year = year_to_ratify((), desk.now.date(), catalogue)
        with desk.registry.write() as session:
            desk.ratify(session, name, year, text_sha256=catalogue.text_sha256)
    return party


@pytest.mark.long
def test_a_file_goes_the_whole_way(desk: Desk, folder: Path, catalogue: Catalogue) -> None:
    rules, tried = load_rules(folder), 0
    for signature in plain_signatures(rules):
        number = f"99940{tried:02}"
        content = table(rules, signature, number)
        found = classify(BytesIO(content), "a.csv", ClassifyLimits(), rules)
        flow = catalogue.flow_of(signature.type)
        if flow is None or not isinstance(found, Classified) or found.data_type != signature.type:
            continue
        tried += 1
        own = catalogue.bodies.of(flow.senders[0]).own_pupils
        party = enrolled(desk, catalogue, f"sender-{tried}", flow.senders[0], number if own else None)
        bodies = [body for name in flow.recipients if (body := catalogue.bodies.find(name)) and body.kinds]
        if bodies and not own:
            enrolled(desk, catalogue, f"meant-{tried}", bodies[0].kinds[0], number)
        reference = desk.send(party, content, "file.csv.pgp")
        desk.process()
        transfer = desk.transfer(reference)
        assert transfer.data_type == signature.type
        assert transfer.state == "accepted", transfer.reasons
        entry = flow.of(signature.type)
        assert set(transfer.teams) <= set(entry.teams)
        if not entry.teams:
            told = [
                json.loads(event.leaf)["fields"]
                for event in desk.events(reference)
                if event.kind == "delivered"
            ]
            assert f"meant-{tried}" in {fields.get("provider") for fields in told}
        clauses = {reason.clause for reason in transfer.reasons}
        assert clauses <= catalogue.agreement.clauses.keys()
        receipt = desk.receipt(reference)
        assert catalogue.wording.name(signature.type) in " ".join(receipt.split())
    assert tried
    assert "everything fits" in desk.gateway("log", "verify")
