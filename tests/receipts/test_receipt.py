"""Receipts: what each form says, and that the two and the log belong together."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.log.leaf import canonical as written
from gateway.model import Reason, State
from gateway.reasons import REASONS
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.text import WIDTH, bullets, reason_sections, receipt_statement
from gateway.verify.verify_receipts import canonical as verified
from tests.log.made import FACTS, KEY, VKEY, Log, example, landed, recorded, with_parts
from tests.policies import why

# What `gateway transfers list --json` promises of every transfer.
LISTED = {
    "reference",
    "provider",
    "name",
    "state",
    "flow",
    "teams",
    "sha256",
    "size",
    "landed_at",
    "decided_at",
    "reasons",
}
BLANKS: dict[str, str | int] = {
    "title": "School Census",
    "sender": "education providers",
    "earlier": "261123-marsh-lane-00000",
    "feature": "bzip2",
    "kind": "workforce census",
    "found": "9992002",
    "expected": "9992001",
    "until": "13 August 2027 at 08:00",
    "safeguard": "tracked delivery",
}


def filled(code: str) -> Reason:
    template = REASONS[code]
    wanted = re.findall(r"\{(\w+)\}", template.sentence + template.next_step)
    clause = None if template.rests_on == "the code" else "12.2"
    return why(code, clause, **{name: BLANKS.get(name, "x") for name in wanted})


def text_of(facts: ReceiptFacts) -> str:
    log = Log()
    return receipt_statement(facts).for_people(log.proof(recorded(log, facts)))


def json_of(facts: ReceiptFacts) -> dict[str, Any]:
    log = Log()
    made: dict[str, Any] = json.loads(
        receipt_statement(facts).for_machines(log.proof(recorded(log, facts)), KEY.sign)
    )
    return made


def test_the_json_has_what_a_listing_has() -> None:
    receipt = json_of(FACTS)["receipt"]
    assert set(receipt) >= LISTED
    assert receipt["sha256"] == FACTS.transfer.upload.sha256
    assert receipt["landed_at"] == "2026-11-24T14:03:22Z"
    assert receipt["decided_at"] == "2026-11-24T14:03:23.000500Z"
    assert set(receipt["reasons"][0]) == {"code", "clause", "sentence", "next_step"}


def test_receipt_leaf_and_signature_belong_together() -> None:
    _, text = example()
    made = json.loads(text)
    digest = hashlib.sha256(rfc8785.dumps(made["receipt"])).hexdigest()
    assert (
        json.loads(made["leaf"])["fields"]["receipt"] == digest == receipt_statement(FACTS).digests["receipt"]
    )
    assert base64.b64decode(made["signature"]) == KEY.sign(receipt_statement(FACTS).canonical)
    assert (made["index"], made["log_key"]) == (6, VKEY)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
)


@given(json_values)
def test_the_small_canonical_form_is_rfc_8785(value: Any) -> None:
    assert verified(value) == written(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("landed", "has ARRIVED."),
        ("accepted", "was ACCEPTED."),
        ("held", "is HELD"),
        ("refused", "was REFUSED."),
    ],
)
def test_the_outcome_comes_first(state: State, says: str) -> None:
    text = text_of(with_parts(FACTS, state=state))
    assert says in "\n".join(text.split("\n")[:5])


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_is_told_with_its_clause_and_next_step(code: str) -> None:
    why = filled(code)
    text = " ".join(text_of(with_parts(FACTS, state="refused", reasons=(why,))).split())
    assert " ".join(why.sentence.split()) in text
    assert f"(agreement clause {why.clause}; {code})" in text
    assert why.next_step in text


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["Nothing.", "Send it again.", "Nothing."], ["Send it again."]),
        (["Call us.", "Send it again.", "Call us."], ["Call us.", "Send it again."]),
        (["Nothing.", "Nothing."], ["Nothing."]),
        ([], ["Keep it."]),
    ],
)
def test_that_nothing_is_to_be_done_is_told_only_if_nothing_is(steps: list[str], told: list[str]) -> None:
    reasons = [replace(filled("policy:other-school"), next_step=step) for step in steps]
    said = {"clause": "clause", "why": "Why", "next": "Next", "nothing": "Nothing.", "keep": "Keep it."}
    _, (title, text) = reason_sections(reasons, said)
    assert (title, text) == ("Next", bullets(told))


WHOLE = {
    "receipt-accepted": FACTS,
    "receipt-landed": landed(),
    "receipt-held": with_parts(
        FACTS,
        state="held",
        flow=None,
        teams=(),
        notices=(),
        reasons=(
            why("policy:other-school", found="9992002", expected="9992001", count=3),
            why("policy:agreement-not-ratified"),
        ),
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_each_receipt_reads_as_expected(name: str) -> None:
    """The whole text stands in expected/. Where a change is meant, read it and replace the file."""
    expected = (Path(__file__).parent / "expected" / f"{name}.txt").read_text("utf-8")
    assert receipt_statement(WHOLE[name]).text + "\n" == expected


def test_the_sections_stand_in_the_order_a_person_needs() -> None:
    text = text_of(FACTS)
    titles = [line for line in text.split("\n") if re.fullmatch(r"[A-Z][a-z ]+", line) and " " in line]
    wanted = ["What happened", "What to do next", "Please note", "The file", "What was found in it"]
    assert [title for title in titles if title in wanted] == wanted


def test_a_landed_receipt_says_no_more_than_is_known() -> None:
    text = text_of(landed())
    assert "A second receipt will say" in " ".join(text.split())
    assert "What was found in it" not in text
    assert "Why" not in text.split("\n")


names = st.text(min_size=1, max_size=80)
AWKWARD = [
    "-----BEGIN PGP SIGNATURE-----",
    "- dash",
    "From me",
    "a\r\nb",
    "\u202etxt.exe",
    "\u6d4b\u8bd5.csv",
    " ",
]


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("part", ["name", "provider_name", "organisation", "notices"])
def test_awkward_text_can_be_seen_and_within_the_margins(part: str, name: str) -> None:
    value: Any = (name,) if part == "notices" else name
    check_shape(text_of(with_parts(FACTS, **{part: value})))


@given(names, names)
def test_any_names_can_be_seen_and_within_the_margins(name: str, provider: str) -> None:
    check_shape(text_of(with_parts(FACTS, name=name, provider_name=provider)))


def check_shape(text: str) -> None:
    assert text.endswith("\n")
    for line in text.split("\n"):
        assert len(line) <= WIDTH
        assert line == line.rstrip()
        assert not line.startswith(("-", "From "))
        assert line.isprintable()


def test_a_name_in_another_script_is_also_shown_exactly() -> None:
    text = text_of(with_parts(FACTS, name="Élèves 测试.csv"))
    assert "Élèves 测试.csv" in text
    assert "\\xc9l\\xe8ves \\u6d4b\\u8bd5.csv" in text
    assert with_parts(FACTS, name="Élèves 测试.csv").shown["name"] == "Élèves 测试.csv"


def test_a_name_with_accents_is_shown_as_it_is() -> None:
    text = text_of(with_parts(FACTS, name="Tŷ-gwyn.csv", organisation="Cyngor Sir Ga\u0302r"))
    assert "Tŷ-gwyn.csv" in text
    assert "Exact name" not in text
    assert "Receipt from Cyngor Sir G\u00e2r" in text


def test_notices_reach_both_forms() -> None:
    assert "Your signing key expires on 1 January 2027." in text_of(FACTS)
    assert json_of(FACTS)["receipt"]["notices"] == list(FACTS.notices)


def test_times_are_utc_in_both_forms() -> None:
    at = datetime.fromisoformat("2026-07-01T13:00:00+01:00")
    facts = with_parts(FACTS, landed_at=at)
    assert "1 July 2026 at 12:00:00 UTC" in text_of(facts)
    assert facts.shown["landed_at"] == "2026-07-01T12:00:00Z"
    assert (
        receipt_statement(facts).digests["receipt"]
        == receipt_statement(with_parts(facts, landed_at=at.astimezone(UTC))).digests["receipt"]
    )
