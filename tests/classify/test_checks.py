"""Checks of single values."""

from datetime import date

import pytest

from gateway.classify import Rules
from gateway.classify.attendance_marks import marks_check
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.law import CodeSet, with_codes_of_packs


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-02",
        " 2026-09-02 ",
        "2026-09-02T08:30:00",
        "2026-09-02 00:00:00",
        "2026-Sep-02 00:00:00",
        "02/09/2026",
        "2/9/2026",
        "02-09-2026",
        "02.09.2026",
        "02/09/26",
        "2 Sep 2026",
        "02-Sep-26",
        "2 September 2026",
        "02/09/2026 00:00",
        "20260902",
    ],
)
def test_a_day_in_many_forms(text: str) -> None:
    assert read_date(text) == date(2026, 9, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "31/02/2026",
        "2026-13-01",
        "09/31/2026",
        "2/Foo/2026",
        "today",
        "0.5",
        "2/9-2026",
        "99/99/9999",
        "2026-Foo-02",
    ],
)
def test_no_day(text: str) -> None:
    assert read_date(text) is None


def test_years_of_two_figures() -> None:
    assert read_date("01/01/68") == date(2068, 1, 1)
    assert read_date("01/01/69") == date(1969, 1, 1)


@pytest.mark.parametrize("text", ["/", " c1 ", "/\\/\\", "/\\C1\\J1Y2-#", "/ \\ C1, I;O", "", "Illness / I"])
def test_marks(rules: Rules, text: str) -> None:
    assert marks_check(rules.code_sets["attendance"], bool)(text)


@pytest.mark.parametrize("text", ["Y8", "/8", "A", "/ A", "C11", "/x?"])
def test_other_signs_are_no_marks(rules: Rules, text: str) -> None:
    assert not marks_check(rules.code_sets["attendance"], bool)(text)


def with_two_laws(rules: Rules) -> Rules:
    """Rules under which the mark "@" is of the first law pack alone."""
    first, last = (
        pack.model_copy(update={"code_sets": {"attendance": CodeSet(codes=codes)}})
        for pack, codes in ((rules.law[0], ("/", "@")), (rules.law[-1], ("/",)))
    )
    codes = with_codes_of_packs((first, last), rules.data_types.codes)
    return Rules(
        data_types=rules.data_types.model_copy(update={"codes": codes}), items=rules.items,
        others=rules.others, working=rules.working, sensitive=rules.sensitive, law=(first, last),
    )  # fmt: skip


def test_marks_are_those_of_the_law_of_the_day(rules: Rules) -> None:
    own = with_two_laws(rules)
    then, now = (own.on(pack.first).check("attendance-mark") for pack in own.law)
    assert then is not None
    assert now is not None
    assert (then("@"), now("@")) == (None, "code:unknown")


def test_a_mark_of_another_year_is_told_apart_from_what_is_no_mark(rules: Rules) -> None:
    own = with_two_laws(rules)
    then, now = (Tally(own, pack.first).column("attendance-mark") for pack in own.law)
    then.add(["@", "?"], [1, 2])
    now.add(["@", "?"], [1, 2])
    assert (then.faults.keys(), then.others) == ({"code:unknown"}, 1)
    assert (now.faults.keys(), now.others) == ({"code:other-year", "code:unknown"}, 1)


def test_a_number_may_have_every_figure_with_which_a_system_writes_it(rules: Rules) -> None:
    check = rules.check("ks4-result")
    assert check is not None
    assert check("0.008999999999999999") is None
    assert check("0." + "9" * 40) == "code:unknown"
