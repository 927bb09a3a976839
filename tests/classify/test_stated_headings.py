"""What a provider says of a heading counts for what stands under it, as far as that is of the item's kind."""

from __future__ import annotations

import csv
import json
from io import BytesIO

import pytest

from gateway.classify import classify
from gateway.classify.views.view import make_view
from gateway.model import Basis, Classified
from gateway.policy.items import basis_for
from tests.classify.made import as_csv, core_rows
from tests.views.making import CATALOGUE, LIMITS, RULES, TODAY

HEADING = "How Taken Here"
STATED = ((HEADING, "travel-mode"),)


def file(heading: str, *values: str) -> bytes:
    head, *rows = core_rows(12)
    return as_csv(
        [[*head, heading], *([*row, values[n % len(values)]] for n, row in enumerate(rows))]
    ).encode()


def found(content: bytes, stated: tuple[tuple[str, str], ...]) -> Classified:
    what = classify(BytesIO(content), "x", LIMITS, RULES.with_stated(stated), today=TODAY)
    assert isinstance(what, Classified)
    return what


def seen(content: bytes, what: Classified, stated: tuple[tuple[str, str], ...]) -> str:
    basis = basis_for(
        "admissions-and-entitlements", what.data_type, CATALOGUE, "school", what.unlisted, stated=stated
    )
    assert isinstance(basis, Basis)
    out = bytearray()
    _, whole = make_view(BytesIO(content), basis, RULES.with_stated(basis.stated), LIMITS, out.extend)
    return (content if whole else bytes(out)).decode()


def test_an_item_under_a_heading_of_ones_own_is_found_once_it_is_said() -> None:
    content = file(HEADING, "WLK", "BNK")
    assert HEADING in {one.header for one in found(content, ()).unlisted}
    what = found(content, STATED)
    assert what.unlisted == ()
    assert "Pupil: Mode of Travel" in what.items
    assert "WLK" in seen(content, what, STATED)
    assert "WLK" not in seen(content, found(content, ()), ())


@pytest.mark.parametrize("form", ["{}", "Pupil {}", "{} (01/12/2026)"])
@pytest.mark.parametrize("heading", ["Ann Brown Cries Every Day", "Always hungry, smells"])
def test_a_heading_of_ones_own_is_shown_as_the_agreement_names_the_item(heading: str, form: str) -> None:
    stated = ((heading, "travel-mode"),)
    content = file(form.format(heading), "WLK", "BNK")
    view = seen(content, found(content, stated), stated)
    assert heading not in view
    head, row, *_ = csv.reader(view.splitlines())
    day = " (01/12/2026)" if form.endswith(" (01/12/2026)") else ""
    assert dict(zip(head, row, strict=True))[f"Mode of Travel{day}"] == "WLK"
    assert RULES.column_field("Mode of Travel") == "travel-mode"


def test_two_headings_of_one_item_stay_two() -> None:
    rules = RULES.with_stated([*STATED, ("How Home", "travel-mode")])
    shown = rules.shown_headings(["UPN", HEADING, "Mode of Travel", "How Home"])
    assert (shown[0], shown[2], len(set(shown))) == ("UPN", "Mode of Travel", 4)
    assert {rules.column_field(one) for one in shown[1:]} == {"travel-mode"}
    days = [f" ({day:02}/09/2026)" for day in range(1, 13)]
    shown = rules.shown_headings([f"How Home{day}" for day in days])
    assert [one[-len(day) :] for one, day in zip(shown, days, strict=True)] == days
    assert {one.partition(" (")[0] for one in shown} == {shown[0].partition(" (")[0]}


def test_the_values_under_headings_that_are_shown_alike_all_stay_in_json() -> None:
    stated = [(heading, "absence-counts") for heading in ("Late Here", "Late There")]
    content = json.dumps([{"UPN": "A999123456789", "Surname": "Zz", "Late Here": "31", "Late There": "47"}])
    basis, out = Basis(data_type="attendance", items=("Attendance: Absence Reason",)), bytearray()
    make_view(BytesIO(content.encode()), basis, RULES.with_stated(stated), LIMITS, out.extend)
    assert ("31" in out.decode(), "47" in out.decode()) == (True, True)


def test_a_value_of_another_kind_is_in_no_view_whatever_is_said() -> None:
    content = file(HEADING, *["WLK"] * 11, "in a refuge")
    what = found(content, STATED)
    assert [one.about for one in what.findings if one.expected] == ["Pupil: Mode of Travel"]
    assert "refuge" not in seen(content, what, STATED)


@pytest.mark.parametrize("heading", ["Social Worker", "Refuge", "S.W.", "Surname", "Notes", "CP Plan"])
def test_a_heading_that_is_sensitive_or_known_keeps_its_meaning(heading: str) -> None:
    assert RULES.with_stated([(heading, "travel-mode")]).column_field(heading) == RULES.column_field(heading)


@pytest.mark.parametrize(
    "key",
    ["upn", "surname", "forename", "birth-date", "guardians", "school-name", "phone", "nhs-number", "", "no"],
)
def test_nobody_is_found_by_a_statement_and_nothing_but_items(key: str) -> None:
    assert not RULES.may_be_stated(key)
    assert RULES.with_stated([(HEADING, key)]).column_field(HEADING) is None


def test_the_law_of_a_period_counts_all_the_same() -> None:
    rules = RULES.with_stated(STATED)
    assert rules.on(TODAY).column_field(HEADING) == "travel-mode"
    assert RULES.on(TODAY).column_field(HEADING) is None
