"""No pupil's data reaches a leaf or a receipt, wherever a file may carry it."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.classify.findings import FINDINGS
from gateway.model import Facts, Finding, Reason
from gateway.openpgp.components import OLD_HASHES
from gateway.openpgp.containers import _CIPHERS
from gateway.policy.catalogue_schema import Wording
from gateway.reasons import REASONS
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.text import receipt_statement
from gateway.words import WORDS, plain, plain_but
from tests.log.made import FACTS, KEY, Log, recorded, with_parts

ROOT = Path(__file__).parents[2]
SURNAME = "Quillfeather"
MARKERS = [
    f"Zebedee {SURNAME}",
    f"{SURNAME}, Zebedee",
    SURNAME.upper(),
    f"pupil {SURNAME.lower()} of class 3",
    f"surname:{SURNAME}",
    f"Mark_{SURNAME}_2",
    "A999123456780",
    "a 9991 2345 6780",
    "UPN A99912345678X",
    "2015-03-04",
    "04/03/2015",
    "04.03.15",
    "4 March 2015",
    "4th May 2015",
    "May 4, 2015",
    "born 4-may-15",
    "20150304",
    "943 476 5919",
    "9434765919",
    "12 Hobblewick Lane",
    "TA19 9ZZ",
    "zebedee@hobblewick.example",
    "07700 900123",
]
# What of a marker must not be seen: the telling part of each.
TELLING = re.compile(
    r"quillfeather|zebedee|9991|1234|5678|2015|0304|03[-/.]04|04[-/.]03|march|may|943|476|5919|hobblewick|9zz|07700|900123",
    re.IGNORECASE,
)

# Where each part of a receipt comes from. A new part must be sorted in here before this test passes.
OURS = {
    "schools",  # Of the registry: a file only says which of them.
    "reference",
    "provider",
    "provider_name",
    "organisation",
    "folder",
    "stage",
    "state",
    "size",
    "sha256",
    "landed_at",
    "decided_at",
    "content_size",
    "content_sha256",
    "signer",
    "signing_key",
    "signed_at",
    "pupils",
    "flow",
    "teams",
    "notices",
    "told_by_intake",
    "salt",
}
SENDERS = {"name"}
FROM_FILES = {
    "data_type",
    "level",
    "evidence",
    "runner_up",
    "facts",
    "findings",
    "items",
    "other_items",
    "reasons",
}


def rendered(facts: ReceiptFacts) -> tuple[str, str, str]:
    """The text, the JSON and the leaf of a receipt."""
    log = Log()
    proof = log.proof(recorded(log, facts))
    return (
        receipt_statement(facts).for_people(proof),
        receipt_statement(facts).for_machines(proof, KEY.sign),
        proof.leaf.decode(),
    )


BASELINE = "".join(rendered(with_parts(FACTS, reasons=(), name="x")))


def told_plainly(text: str) -> str:
    """What a receipt says, without digests, signatures, keys and hashes, in which anything may occur."""
    unhashed = re.sub(r"[A-Za-z0-9+/]{20,}={0,2}", "", text)
    return unhashed.partition("\nProof\n")[0].replace(FACTS.transfer.upload.reference, "")


def planted(part: str, marker: str) -> list[ReceiptFacts]:
    """Receipts with the marker in every place of one part."""
    match part:
        case "facts":
            names = [one.name for one in fields(Facts) if one.name not in {"reference_date", "latest_day"}]
            return [with_parts(FACTS, facts=Facts(**{name: marker})) for name in names]
        case "findings":
            finding = Finding(code="upn:malformed", severity="error", count=1)
            return [
                with_parts(FACTS, findings=(replace(finding, **{name: marker}),))
                for name in ("code", "about")
            ]
        case "reasons":
            return [with_parts(FACTS, reasons=(one,)) for one in planted_reasons(marker)]
        case "evidence" | "items" | "other_items":
            return [
                with_parts(FACTS, **{part: (marker,)}),
                with_parts(FACTS, **{part: ("UPN", marker, "and more")}),
            ]
        case _:
            return [with_parts(FACTS, **{part: marker})]


def planted_reasons(marker: str) -> list[Reason]:
    """Every reason with the marker in each blank that files can fill, and reasons made up altogether."""
    made = [Reason(code="open:damaged", clause="5.1", sentence=marker, next_step="Send it again.")]
    made.append(Reason(code="no:such", clause="1", sentence=marker, next_step=marker))
    for code, template in REASONS.items():
        whole = template.sentence + template.next_step
        blanks = set(re.findall(r"\{(\w+)\}", whole))
        for blank in blanks & {"found", "kind", "feature"}:
            filled = dict.fromkeys(blanks, "2") | {blank: marker}
            made.append(
                Reason(
                    code=code,
                    clause="5.1",
                    sentence=template.sentence.format(**filled),
                    next_step=template.next_step.format(**filled),
                )
            )
    return made


def test_every_part_of_a_receipt_is_sorted() -> None:
    whole = with_parts(FACTS, salt="9" * 32, schools=(("9992001", "marsh-lane", "Marsh Lane"),))
    assert whole.shown.keys() == OURS | SENDERS | FROM_FILES
    assert not OURS & FROM_FILES


@pytest.mark.parametrize("part", sorted(FROM_FILES))
def test_nothing_of_a_pupil_reaches_a_receipt(part: str) -> None:
    for marker in MARKERS:
        for facts in planted(part, marker):
            for text in rendered(facts):
                assert not TELLING.search(told_plainly(text)), (
                    part,
                    marker,
                    TELLING.search(told_plainly(text)),
                )


def test_the_markers_would_be_seen() -> None:
    """The search itself works: each marker is found where it is really shown."""
    for marker in MARKERS:
        text, made, leaf = rendered(with_parts(FACTS, provider_name=marker))
        assert TELLING.search(told_plainly(text))
        assert TELLING.search(told_plainly(made))
        assert not TELLING.search(told_plainly(leaf))


@pytest.mark.parametrize("marker", MARKERS)
def test_a_file_name_is_on_its_own_receipt_and_never_in_the_log(marker: str) -> None:
    text, made, leaf = rendered(with_parts(FACTS, name=f"{marker}.csv"))
    assert TELLING.search(told_plainly(text))
    assert TELLING.search(told_plainly(made))
    assert not TELLING.search(told_plainly(leaf))


@pytest.mark.parametrize("day", [date(2015, 3, 4), date(2024, 11, 1), date(2030, 1, 1)])
def test_a_date_of_birth_is_no_reference_date(day: date) -> None:
    for text in rendered(with_parts(FACTS, facts=Facts(reference_date=day, latest_day=day))):
        assert day.isoformat() not in text


def test_a_reference_date_near_the_upload_is_shown() -> None:
    assert "2026-10-01" in rendered(FACTS)[0]
    attendance = rendered(with_parts(FACTS, facts=Facts(latest_day=date(2026, 10, 2))))[0]
    assert re.search(r"Latest day +2026-10-02", attendance)


@given(st.text(max_size=60))
def test_plain_text_is_made_of_known_words_and_short_numbers(text: str) -> None:
    for word in re.findall(r"[^\W_]+", plain(text)):
        assert word.casefold() in WORDS or (word.isdigit() and len(word) <= 4)


@given(st.integers(10_000, 10**14), st.sampled_from(["", " ", "-", "/", ", ", " - "]))
def test_no_long_number_passes_however_it_is_spaced(number: int, gap: str) -> None:
    assert not re.search(r"\d", plain(gap.join(str(number))))


def words_of_policies() -> list[str]:
    """What the classifier may say of a file: titles, labels, reasons and types of the policies."""
    types = tomllib.loads((ROOT / "policies" / "data_types.toml").read_text("utf-8"))
    items = tomllib.loads((ROOT / "policies" / "items.toml").read_text("utf-8"))
    topics = tomllib.loads((ROOT / "policies" / "sensitive.toml").read_text("utf-8"))
    told = {"title", "because", "label"}
    every = [*leaves(types), *leaves(items), *leaves(topics)]
    said = [value for way, value in every if way[-1] in told or OUTSIDE & {*way}]
    return [*said, *types["types"], *FINDINGS]


OUTSIDE = {"outside", "outside_roots"}


def leaves(value: Any, way: tuple[str, ...] = ("",)) -> list[tuple[tuple[str, ...], str]]:
    """Every text in a policy file, with the keys that lead to it."""
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in leaves(inner, (*way, name))]
    if isinstance(value, list):
        return [pair for inner in value for pair in leaves(inner, way)]
    return [(way, value)] if isinstance(value, str) else []


def features() -> list[str]:
    """What the OpenPGP engines may name as a feature that they do not read."""
    named = [f"a signature with {digest}" for digest in OLD_HASHES]
    named += [f"the cipher {name}" for name, _, makes in _CIPHERS.values() if makes is None]
    for source in (ROOT / "gateway" / "openpgp").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            told = [node.value] if isinstance(node, ast.keyword) and node.arg == "feature" else []
            if isinstance(node, ast.FunctionDef) and node.name == "_unsupported":
                told = [one for one in ast.walk(node) if isinstance(one, ast.Return)]
            for each in told:
                inner = [one.value for one in ast.walk(each) if isinstance(one, ast.Constant)]
                named += [one for one in inner if isinstance(one, str)]
    return named


def test_what_we_say_ourselves_is_shown_in_full() -> None:
    """Where this fails, a word of ours is new: add it to gateway/words/words.txt."""
    said = [*words_of_policies(), *features()]
    assert len(said) > 50
    assert {one: plain(one) for one in said if plain(one) != " ".join(one.split())} == {}


OWN = ("Wellbeing: Hobby", "two-year-checks", "Two-year progress check")


def test_what_the_policies_name_is_shown_and_what_the_file_says_is_not():
    checked = with_parts(
        FACTS,
        data_type="two-year-checks",
        flow="two-year-checks",
        evidence=(f"the headings of Two-year progress check, and {SURNAME}",),
        items=("Wellbeing: Hobby", f"Wellbeing: {SURNAME}"),
        wording=Wording(own=OWN, names={"two-year-checks": "Two-year progress check"}),
    )
    text = " ".join(receipt_statement(checked).text.split())
    assert "recognised, by its content, as Two-year progress check." in text
    assert "the headings of Two-year progress check, and ..." in text
    assert "Data items Wellbeing: Hobby, " in text
    assert SURNAME not in text
    assert "two-year-checks" not in receipt_statement(with_parts(checked, wording=Wording(), flow=None)).text


def test_a_phrase_of_the_policies_is_no_part_of_another_word():
    assert plain_but("Hopewell, hope", ("hope",)) == "..., hope"
    assert plain_but("the pupils", ("hope",)) == "the pupils"
