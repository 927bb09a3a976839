"""A remark in any cell reaches no view, and its sender is told where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from io import BytesIO
from zipfile import ZipFile, is_zipfile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classify.findings import describe
from gateway.classify.value_kinds import QUERIES
from gateway.model import Basis, Classified, Provider, Refused
from gateway.policy.decide import decide
from tests.views.making import CATALOGUE, RULES, found, view_of
from tests.views.remarks import REMARKS, Place, places

pytestmark = pytest.mark.long

PLACES = list(places())
NOW = datetime(2026, 6, 16, 12, tzinfo=ZoneInfo("Europe/London"))
EVERY_ITEM = tuple({item.label for item in (*RULES.items.values(), *RULES.others.values())})
EACH = 1
YEARS = (RULES, *(RULES.on(date(year, 10, 1)) for year in (2025, 2026)))
# A return that the authority does not take yet waits whole, whatever else is wrong with it.
ASK = {"policy:values-withheld", "policy:wrong-column", "policy:sensitive", "classify:law-return"}
NOTHING = "a remark: nobody's (so to say) kind; of anything"
WORDS = (
    *("Mum", "Dad", "is", "ill", "Brown", "Ann", "M", "F", "Y", "5", "MLD", "SLCN", "WBRI", "ENG", "Refuge"),
    *("Drunk", "Broken", "Ribs", "/\\", "2016-02-02", "Road", "TA1", "⠏⠗⠑", "ⓗⓘⓥ", "💉", "怀孕"),
)


def cases() -> Iterator[tuple[Place, str]]:
    for number, place in enumerate(PLACES):
        for step in range(EACH):
            yield place, REMARKS[(number * EACH + step) % len(REMARKS)]


def texts_of(view: bytes) -> str:
    """All that somebody reads in a view."""
    if not is_zipfile(BytesIO(view)):
        return view.decode()
    with ZipFile(BytesIO(view)) as packed:
        return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


def test_there_are_enough() -> None:
    assert len(list(cases())) >= 200
    assert {place.form for place in PLACES} == {"csv", "workbook", "json", "ctf", "census"}
    assert {place.field for place in PLACES} >= RULES.fields.keys()


@pytest.mark.parametrize("chunk", range(40))
def test_a_remark_is_in_no_view_and_its_sender_is_told(chunk: int) -> None:
    wrong = []
    for place, remark in list(cases())[chunk::40]:
        data = place.filled(remark)
        what = found(data)
        where = f"{place.form} {place.data_type} {place.about} ({place.field}): {remark}"
        if not isinstance(what, Classified) or is_of_kind(place.field, remark):
            continue  # It waits for a person, or it is an e-mail address where one belongs.
        # As a team would be shown it that may have every item.
        view, _ = view_of(data, Basis(data_type=what.data_type, items=EVERY_ITEM, unlisted=what.unlisted))
        if remark in texts_of(view):
            wrong.append(f"a team sees {where}")
        told = [one for one in what.findings if one.expected and (place.row in one.rows or not place.row)]
        # What is free text is in no view whatever it says, and its heading is told of.
        headed = what.unlisted or (RULES.fields[place.field].values == ("free",) and what.other_items)
        if not told and not headed and place.row:
            wrong.append(f"nobody is told of {where}")
        said = "\n".join(map(describe, what.findings))
        decision = decide(what, CATALOGUE, Provider(id="oak", name="Oak", kind="school", ratified=True), NOW)
        said += "\n".join(f"{why.sentence} {why.next_step}" for why in decision.reasons)
        if remark in said:
            wrong.append(f"a reason or finding names {where}")
        if told and not isinstance(decision, Refused):
            codes = {why.code for why in decision.reasons}
            if codes.isdisjoint(ASK):
                wrong.append(f"nothing in the receipt asks to mend {where}")
    assert wrong == []


def is_of_kind(key: str, text: str) -> bool:
    """Tell whether a text may stand for a field, by the policies' statement and the codes of either year."""
    several = (rules.check(key) for rules in YEARS) if key else ()
    return any(check is not None and check(text) in (None, *QUERIES) for check in several)


@cache
def shown(place: Place, text: str) -> tuple[str, object]:
    """What a team with every item reads of a file with a text in a place; nothing where the file waits."""
    what = found(place.filled(text))
    if not isinstance(what, Classified):
        return "", ()
    view, _ = view_of(
        place.filled(text), Basis(data_type=what.data_type, items=EVERY_ITEM, unlisted=what.unlisted)
    )
    return texts_of(view), [(one.header, one.position, one.place) for one in what.unlisted]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PLACES),
    st.one_of(
        st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="<>&]"), max_size=30),
        st.from_regex(r"[A-Z0-9 /;:,()-]{1,12}", fullmatch=True),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(lambda words: "-".join([*words, "7"])),
    ),
)
def test_any_text_in_any_place_is_of_its_kind_or_no_view_says_anything_of_it(place: Place, text: str) -> None:
    if not text.strip() or is_of_kind(place.field, text):
        return
    seen, told = shown(place, text)
    other, told_of_other = shown(place, NOTHING)
    if seen and other and told == told_of_other:
        assert seen == other, (place.form, place.data_type, place.about, text)
    elif len(text) > 3 and text not in other and text not in place.text:
        assert text not in seen, (place.form, place.data_type, place.about, text)
