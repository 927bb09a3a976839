from datetime import date
from random import Random

from stdnum.gb import upn as stdnum_upn

from gateway.samples import MARKER, pupils, school
from gateway.samples.people import academic_year, temporary_upn, upn, wrong_upn

TODAY = date(2026, 6, 15)
# stdnum's list of LAs is of 2011 and knows no 999, so only its check letter is used.
check_letter = stdnum_upn.calc_check_digit


def some(count=300, **more):
    rng = Random(5)
    of = school(rng, 0)
    return pupils(rng, of, count, **{"years": ("R", "6", "11"), "today": TODAY, **more})


def test_upns_are_of_no_real_authority_and_their_check_letters_fit():
    for pupil in some():
        assert pupil.upn[1:4] == "999"
        assert check_letter(pupil.upn[1:]) == pupil.upn[0]


def test_upns_are_distinct_even_in_one_year_group_of_thousands():
    children = some(2500, years=("7",))
    assert len({pupil.upn for pupil in children}) == 2500


def test_a_temporary_upn_ends_in_a_letter_and_its_check_letter_fits():
    temporary = temporary_upn(upn("2000", 2020, 7))
    assert temporary[-1].isalpha()
    assert check_letter(temporary[1:]) == temporary[0]


def test_a_wrong_upn_differs_in_its_check_letter_only():
    right = upn("2000", 2020, 7)
    wrong = wrong_upn(right)
    assert wrong[1:] == right[1:]
    assert check_letter(wrong[1:]) != wrong[0]


def test_dates_of_birth_fit_the_year_group():
    for pupil in some():
        age = 4 if pupil.year == "R" else 4 + int(pupil.year)
        assert date(2025 - age - 1, 9, 1) <= pupil.dob <= date(2025 - age, 8, 31)


def test_the_academic_year_turns_on_the_first_of_september():
    assert academic_year(date(2026, 8, 31)) == 2025
    assert academic_year(date(2026, 9, 1)) == 2026


def test_every_pupil_carries_the_marker():
    assert all(pupil.middle_names == MARKER for pupil in some())


def test_narrow_names_fit_windows_1252_and_wide_ones_go_beyond():
    for pupil in some(narrow=True):
        (pupil.forename + pupil.surname).encode("windows-1252")
    wide = "".join(pupil.forename + pupil.surname for pupil in some())
    assert any(ord(c) > 0x100 for c in wide)


def test_ulns_and_nhs_numbers_have_fitting_check_digits():
    for pupil in some(50):
        assert sum(int(d) * w for d, w in zip(pupil.uln, range(10, 0, -1), strict=True)) % 11 == 10
        assert sum(int(d) * w for d, w in zip(pupil.nhs_number, range(10, 0, -1), strict=True)) % 11 == 0
        assert pupil.nhs_number.startswith("999")


def test_schools_are_invented_and_take_turns_in_phase():
    schools = [school(Random(1), n) for n in range(4)]
    assert [of.phase for of in schools] == ["primary", "secondary", "primary", "secondary"]
    assert len({of.dfe_number for of in schools}) == 4
    assert all(of.dfe_number.startswith("999") and len(of.dfe_number) == 7 for of in schools)
