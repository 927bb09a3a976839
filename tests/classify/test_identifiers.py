"""The numbers of pupils and schools, by published vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.gb.upn import calc_check_digit

from gateway.classify import identifiers as ids
from tests.views.making import RULES


@pytest.mark.parametrize(
    ("upn", "fault"),
    [
        ("B801200005001", None),
        ("H801200001001", None),
        ("P207000016049", None),
        (" p207000016049 ", None),
        # A vendor prints this one; by the published algorithm its letter is P.
        ("Q207000016049", "upn:check-letter"),
        ("B801200005002", "upn:check-letter"),
        ("B80120000500", "upn:malformed"),
        ("I801200005001", "upn:malformed"),
        ("8801200005001", "upn:malformed"),
        ("B8012000050011", "upn:malformed"),
        ("B801200005\N{ARABIC-INDIC DIGIT ZERO}01", "upn:malformed"),
        ("", "upn:malformed"),
    ],
)
def test_upn(upn: str, fault: str | None) -> None:
    assert ids.upn_fault(upn) == fault
    assert ids.is_upn(upn) == (fault is None)


def test_a_temporary_upn_ends_in_a_letter_that_counts() -> None:
    digits = "99912342600A"
    upn = calc_check_digit(digits) + digits
    assert ids.is_upn(upn)
    assert ids.is_temporary_upn(upn)
    assert not ids.is_temporary_upn("B801200005001")
    other = upn[:-1] + "B"
    assert ids.upn_fault(other) == "upn:check-letter"


@given(st.from_regex(r"[0-9]{12}", fullmatch=True), st.integers(0, 11), st.integers(1, 9))
def test_a_wrong_digit_shows_in_the_check_letter(digits: str, place: int, step: int) -> None:
    # The weights 2 to 13 and a step below 10 never multiply to a multiple of 23.
    other = digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
    assert calc_check_digit(digits) != calc_check_digit(other)


@pytest.mark.parametrize(
    ("uln", "valid"),
    [("9276308686", True), ("9276308687", False), ("0276308686", False), ("927630868", False), ("", False)],
)
def test_uln(uln: str, valid: bool) -> None:
    assert ids.is_uln(uln) is valid


@pytest.mark.parametrize(
    ("number", "valid"),
    [("9434765919", True), ("943 476 5919", True), ("9434765918", False), ("943476591", False), ("x", False)],
)
def test_nhs_number(number: str, valid: bool) -> None:
    assert ids.is_nhs_number(number) is valid


def test_no_number_is_both_a_uln_and_an_nhs_number() -> None:
    assert not ids.is_nhs_number("9276308686")
    assert not ids.is_uln("9434765919")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (ids.is_uci, "54321A260001B", "54321A26000"),
        (ids.is_la, "933", "93"),
        (ids.is_establishment, "4000", "0400"),
        (ids.is_urn, "123456", "23456"),
        (ids.is_urn, "EY123456", "999999"),
        (ids.is_centre, "54321", "5432"),
    ],
)
def test_shapes(check, good: str, bad: str) -> None:
    assert check(good)
    assert check(f" {good} ")
    assert not check(bad)
    assert not check("")


@pytest.mark.parametrize(
    "number",
    [
        "AB123456C",
        "ab 12 34 56 c",
        "AB 20 25 26 A",
        "NI AB 123456 C.",
        "4B, AB 12 3456C",
        "4B AB 123456C",
        "Class 4 AB 123456c",
        "(QQ123456A)",
    ],
)
def test_a_national_insurance_number_is_seen_in_any_text(number: str) -> None:
    assert ids.holds_national_insurance(f"Red\n{number}\n12 Low Road")
    for key in ("house", "registration-group", "address", "school-name", "la-number"):
        judge = RULES.judges[key]
        assert set(judge.others([number, "2A"])) == {number}, key
    assert RULES.judges["phone"].others([number, "01632 960123"]) == {number}


@pytest.mark.parametrize(
    "text",
    [
        "123456A",
        "B 12 34 56 A",
        "ABC123456A",
        "AB123456E",
        "AB1234567",
        "AB123456CD",
        "M999200015123A",
        "12/10/2026",
        "PE202526A",
        "MA 2026 27 B",
        "class of 2025 26 B",
        "moved on 01 09 24 a new school",
        "DA123456A",
        "AO123456A",
        "NT123456A",
    ],
)
def test_no_other_number_is_taken_for_one_of_national_insurance(text: str) -> None:
    assert not ids.holds_national_insurance(text)


@pytest.mark.parametrize("number", ["07700900123", "01823355455", "+447700900123", "447700900123"])
def test_a_telephone_number_is_no_number_of_a_system(number: str) -> None:
    others = RULES.judges["system-number"].others
    assert set(others([number, "004711", "201600012345", "A07700900123"])) == {number}
