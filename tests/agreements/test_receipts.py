"""Receipts under every agreement that ships: in its languages, with its names and its clauses."""

from __future__ import annotations

import re

from gateway.policy.catalogue import Catalogue
from gateway.policy.small_schemas import BY_LANGUAGE, NAMES, filled
from gateway.reasons import REASONS
from gateway.receipts.facts import in_language
from gateway.receipts.text import receipt_statement
from tests.log.made import FACTS, with_parts

_OTHERS = r"\{(?!desk|governance)(\w+)\}"


def test_every_reason_rests_on_a_clause_of_its_own_agreement(catalogue: Catalogue) -> None:
    for code, template in REASONS.items():
        if template.rests_on == "the code":
            assert catalogue.clause_of(code) in catalogue.agreement.clauses, code


def test_every_kind_of_data_is_told_by_its_name_in_each_language(catalogue: Catalogue) -> None:
    wording = catalogue.wording
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            reason = catalogue.reason_under(
                flow.clause,
                "policy:allowed",
                title=flow.document.description,
                sender=flow.document.sender,
                recipient=flow.document.recipient,
            )
            facts = with_parts(
                FACTS, data_type=entry.id, flow=flow.id, teams=entry.teams, reasons=(reason,), wording=wording
            )
            text = receipt_statement(facts).text
            assert wording.name(entry.id) in " ".join(text.split())
            assert flow.clause in text
            for team in entry.teams:
                assert wording.name(team) in " ".join(text.split())


def test_desks_are_called_as_the_agreement_calls_them_in_each_language(catalogue: Catalogue) -> None:
    asking = [
        code
        for code, each in REASONS.items()
        if each.rests_on == "the code"
        and "{desk}" in each.next_step
        and not re.findall(_OTHERS, each.sentence)
    ]
    assert asking
    for code in asking:
        blanks = dict.fromkeys(re.findall(_OTHERS, REASONS[code].next_step), "x")
        reason = catalogue.reason(code, **blanks)
        assert catalogue.desks.desk in reason.next_step
        for language in catalogue.agreement.languages:
            said = in_language(reason, language, catalogue.wording)
            assert catalogue.agreement.contacts[language].desk in said.next_step, (code, language)
            assert (said.sentence == reason.sentence) is (language == "en")


def test_letters_to_providers_are_in_each_language(catalogue: Catalogue) -> None:
    """Whatever a letter tells in one of the agreement's languages, it tells in all of them."""
    others = [each for each in catalogue.agreement.languages if each != "en"]
    for rule in (each for each in catalogue.letters.letter if each.to == "provider"):
        for name in BY_LANGUAGE:
            if f"{{{name}}}" in rule.text:
                for language in others:
                    assert f"{{{name}_{language}}}" in rule.text, (rule.kind, name, language)
        told = dict.fromkeys(NAMES, "Ŵ")
        assert not set("{}") & set(filled(rule.text, told) + filled(rule.subject, told))


def test_what_waits_for_a_person_is_said_in_the_words_of_officers() -> None:
    """A list of held files says why in a few words, which are not those that its sender reads."""
    waiting = {
        code for code, each in REASONS.items() if re.search(r"\bso (?:it|the file) waits\b", each.sentence)
    }
    assert {"policy:unlisted-items", "policy:no-team", "policy:agreement-not-ratified"} <= waiting
    assert not [code for code in waiting if not REASONS[code].officer]
    told = [each.officer for each in REASONS.values() if each.officer]
    assert len(set(told)) == len(told)
    assert max(map(len, told)) < 70
    assert not [words for words in told if re.search(r"[{}]|\byou", words) or words.endswith(".")]
