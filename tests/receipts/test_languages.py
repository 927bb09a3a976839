"""Receipts in two languages: every reason has its words in each, and nothing gets lost on the way."""

import re
from dataclasses import replace

import pytest

from gateway.policy.wording import Wording
from gateway.reasons import REASONS
from gateway.reasons.languages import table
from gateway.receipts.facts import in_language, receipt_object
from gateway.receipts.text import render_statement
from tests.log.made import FACTS
from tests.policies import why

WELSH = Wording(
    languages=("cy", "en"),
    names=(("school-census", "Cyfrifiad ysgolion"), ("central-data", "Y tîm data canolog")),
    terms=(
        (
            "cy",
            (
                ("central data team", "dîm data canolog"),
                ("information governance team", "y tîm llywodraethu"),
            ),
        ),
    ),
)


def blanks(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_its_words_in_welsh_with_the_same_blanks(code: str) -> None:
    sentence, next_step = table("cy")[code]
    assert blanks(sentence) == blanks(REASONS[code].sentence)
    assert blanks(next_step) == blanks(REASONS[code].next_step)
    assert sentence != REASONS[code].sentence


def test_no_language_has_words_for_a_reason_that_is_none() -> None:
    assert table("cy").keys() == REASONS.keys()


@pytest.mark.parametrize("code", REASONS)
def test_what_was_filled_in_stands_in_the_other_language_as_well(code: str) -> None:
    wanted = blanks(REASONS[code].sentence + REASONS[code].next_step) - {"desk", "governance"}
    clause = None if REASONS[code].rests_on == "the code" else "12.2"
    english = why(code, clause, **{name: f"<{name}>" for name in wanted})
    welsh = in_language(english, "cy", WELSH)
    assert welsh.sentence != english.sentence
    for name in blanks(REASONS[code].sentence) - {"desk", "governance"}:
        assert f"<{name}>" in welsh.sentence
    assert "{" not in welsh.sentence + welsh.next_step
    assert "central data team" not in welsh.next_step


def test_a_day_and_a_desk_are_told_in_welsh() -> None:
    held = why("policy:embargo", "12.8", until="08:00 on 19 August 2027")
    assert "cyn 08:00 ar 19 Awst 2027;" in in_language(held, "cy", WELSH).sentence
    taken = why("policy:taken-unratified", until="31 December 2026")
    welsh = in_language(taken, "cy", WELSH)
    assert "hyd ddiwedd 31 Rhagfyr 2026." in welsh.sentence
    assert "dywedwch wrth dîm data canolog yr awdurdod lleol" in welsh.next_step


def test_words_that_are_none_of_ours_stay_english() -> None:
    odd = replace(why("open:damaged"), sentence="Made up.")
    assert in_language(odd, "cy", WELSH).sentence == "Made up."


def test_a_bilingual_receipt_tells_all_in_both_and_the_details_once() -> None:
    facts = replace(FACTS, organisation="Cyngor Sir Gâr", wording=WELSH)
    text = " ".join(render_statement(facts).split())
    for words in (
        "Derbynneb gan Cyngor Sir Gâr",
        "Cafodd eich ffeil ei DERBYN.",
        "Adnabuwyd hi, yn ôl ei chynnwys, fel Cyfrifiad ysgolion.",
        "Mae'r cytundeb yn rhestru hyn: School Census",
        "(cymal y cytundeb 12.2; policy:allowed)",
        "Receipt from Cyngor Sir Gâr",
        "Your file was ACCEPTED.",
        "The agreement lists this: School Census",
    ):
        assert words in text
    assert text.index("Derbynneb") < text.index("Receipt from")
    assert text.count("SHA-256 as sent") == 1


def test_machines_get_the_same_in_any_language() -> None:
    assert receipt_object(replace(FACTS, wording=WELSH)) == receipt_object(FACTS)


def test_names_come_from_the_policies_and_ids_stand_where_these_are_silent() -> None:
    assert WELSH.name("central-data") == "Y tîm data canolog"
    assert WELSH.name("somebody") == "somebody"
