"""Under every agreement that ships, a citation counts only while its clause says what it is cited for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.policy.catalogue import Catalogue, load_catalogue, load_unchecked
from gateway.policy.citations import citations, cited_by, clause_texts, due
from gateway.policy.decide import decide
from gateway.policy.explain import render
from gateway.policy.faults import PolicyFault
from gateway.record.policy_check import check
from tests.agreements.specimens import classified
from tests.agreements.test_decisions import NOON, sender
from tests.policies import confirm


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "policies"))


def edit(copy: Path, file: str, there: str, instead: str) -> list[PolicyFault]:
    text = (copy / file).read_text("utf-8")
    assert there in text
    (copy / file).write_text(text.replace(there, instead, 1), "utf-8")
    return check(copy)


def test_every_clause_is_found_where_it_is_printed(catalogue: Catalogue) -> None:
    texts = clause_texts(catalogue)
    assert texts.keys() == catalogue.agreement.clauses.keys()
    assert due(catalogue) == ()


def test_a_clause_that_is_gone_is_told_of_everything_that_cites_it(copy: Path, catalogue: Catalogue) -> None:
    for clause in list(cited_by(catalogue))[::7]:
        words = catalogue.agreement.clauses[clause]
        before = (copy / "agreement.toml").read_text("utf-8")
        lines = [line for line in before.splitlines(keepends=True) if not line.startswith(f'"{clause}" = ')]
        (copy / "agreement.toml").write_text("".join(lines), "utf-8")
        faults = check(copy)
        (copy / "agreement.toml").write_text(before, "utf-8")
        for each in (one for one, _ in citations(catalogue) if one.name == clause):
            assert any(fault.file == each.file and clause in fault.message for fault in faults), (each, words)


def test_a_clause_with_another_meaning_waits_until_somebody_has_read_it(
    copy: Path, catalogue: Catalogue
) -> None:
    texts = clause_texts(catalogue)
    clause, text = next(
        (each, text)
        for each in cited_by(catalogue)
        if each not in catalogue.agreement.printed and (text := texts.get(each)) and len(text.split()) > 5
    )
    file = next(
        name
        for name in (catalogue.agreement.text, *catalogue.agreement.documents)
        if text.split()[0] in (copy / name).read_text("utf-8")
    )
    word = text.split()[-1]
    at = (copy / file).read_text("utf-8").index(" ".join(text.split()[:2]))
    whole = (copy / file).read_text("utf-8")
    (copy / file).write_text(whole[:at] + whole[at:].replace(word, f"{word} FOI", 1), "utf-8")
    assert any(f"the text of clause {clause} has changed" in fault.message for fault in check(copy))
    confirm(copy)
    assert check(copy) == []


def test_short_words_with_another_meaning_wait_as_well(copy: Path, catalogue: Catalogue) -> None:
    clause = next(iter(cited_by(catalogue)))
    faults = edit(copy, "agreement.toml", catalogue.agreement.clauses[clause], "Freedom of information.")
    assert any(f"the text of clause {clause} has changed" in fault.message for fault in faults)


def test_a_flow_that_is_mistyped_is_told_with_the_nearest_name(copy: Path, catalogue: Catalogue) -> None:
    """Where it would refuse every file of its kind."""
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            before = (copy / "flows.toml").read_bytes()
            place = f'[[flow.data_type]]\nid = "{entry.id}"'
            faults = edit(copy, "flows.toml", place, place.replace(entry.id, f"{entry.id[:-1]}"))
            (copy / "flows.toml").write_bytes(before)
            assert any(entry.id in fault.message for fault in faults), entry.id


def test_a_decision_is_explained_in_the_words_of_its_clause(copy: Path, catalogue: Catalogue) -> None:
    assert load_catalogue(copy).agreement.clauses == load_unchecked(copy).agreement.clauses
    for flow in catalogue.flows.flow:
        decision = decide(
            classified(catalogue, flow, flow.data_type[0].id), catalogue, sender(flow.senders[0]), NOON
        )
        told = render(decision, catalogue)
        assert catalogue.agreement.clauses[flow.clause] in told
