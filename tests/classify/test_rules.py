"""Reading the rules: what does not fit together is named by file and key."""

import shutil
from io import BytesIO
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.errors import ConfigurationError
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified
from tests.classify import made
from tests.classify.conftest import POLICIES


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    for name in ("data_types.toml", "items.toml", "sensitive.toml"):
        shutil.copy(POLICIES / name, tmp_path)
    return tmp_path


def change(policies: Path, name: str, old: str, new: str) -> None:
    text = (policies / name).read_text("utf-8")
    assert old in text
    (policies / name).write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "items.toml",
            'columns = ["Religion"',
            'kolumns = ["Religion"',
            "items.toml: items.religion.kolumns",
        ),
        ("items.toml", '"Religion",', '"Religion", "UPN",', "upn.columns: UPN also stands under religion"),
        ("items.toml", 'codes = "sex"', 'codes = "sexes"', "sex.codes: sexes is not a list in [codes]"),
        ("items.toml", 'codes = "sex"', "", "sex.codes: goes with values"),
        ("items.toml", "when = { attendance", "when = { attendence", "attendence is not a data type"),
        ("items.toml", '["mark"]', '["marc"]', "attendance-mark.when.attendance: marc is not a field"),
        ("items.toml", "[items.religion]", "[items.mark]", "mark: defined twice"),
        ("items.toml", "[others.photograph]", "[others.photograph", "items.toml"),
        (
            "data_types.toml",
            '[["census-pupil", "',
            '[["census", "',
            "tables.0.any: census is not a field",
        ),
        ("data_types.toml", 'type = "ks4"', 'type = "ks5"', "type: ks5 is not a data type"),
        ("data_types.toml", 'pattern = "ALPS', 'pattern = "(ALPS', "pattern: (ALPS"),
        ("data_types.toml", 'NM = "phonics-mark"', 'NM = "marks"', "ctf.results.NM: marks"),
    ],
)
def test_a_fault_is_named(policies: Path, name: str, old: str, new: str, told: str) -> None:
    change(policies, name, old, new)
    with pytest.raises(ConfigurationError) as caught:
        load_rules(policies)
    assert told in str(caught.value)


def test_a_missing_file_is_named(policies: Path) -> None:
    (policies / "items.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"items\.toml is missing"):
        load_rules(policies)


@pytest.mark.parametrize(
    ("subjects", "is_one"), [(("Mathematics",), False), (("Mathematics", "History"), True)]
)
def test_a_kind_may_need_several_columns_of_subjects(
    policies: Path, subjects: tuple[str, ...], *, is_one: bool
) -> None:
    change(policies, "data_types.toml", "many = { subject-grade = 1 }", "many = { subject-grade = 2 }")
    lines = [",".join(("UPN", "Surname", "Year Group", *subjects))]
    lines += [
        ",".join((child.upn, child.surname, "11", *("7" for _ in subjects))) for child in made.children()
    ]
    found = classify(BytesIO("\n".join(lines).encode()), "x", ClassifyLimits(), load_rules(policies))
    assert (isinstance(found, Classified) and found.data_type == "gcse-results") is is_one


@pytest.mark.parametrize(
    ("pattern", "name", "is_known"),
    [
        ("(?=zz){words}", "zzband", False),
        ("(?=[a-z]*band){words}", "cohortband", True),
        ("(?=[a-z]*band){words}", "cohortqqband", False),
        ("zz{words}", "zzband", True),
        ("zz{words}", "cohortband", False),
        ("(?=cohort){words}zz", "cohortbandzz", True),
        ("(?=cohort)(zz|{words})", "cohortband", True),
    ],
)
def test_words_in_a_pattern_are_a_row_of_words_of_columns(
    policies: Path, pattern: str, name: str, is_known: bool
) -> None:
    change(
        policies, "items.toml", 'columns = ["Religion"', f'patterns = ["{pattern}"]\ncolumns = ["Religion"'
    )
    found = load_rules(policies).column_field(name)
    assert (found == "religion") == is_known


@pytest.mark.parametrize("agreement", ["somerset", "cwm-alarch"])
def test_no_pattern_takes_a_heading_with_the_name_of_a_pupil(agreement: str) -> None:
    rules = load_rules(POLICIES / agreement)
    names = {name for _, name in rules.column_names()}
    tables = (each for pack in rules.law for each in pack.layouts.values() if each.format == "CSV")
    names |= {element.name for each in tables for element in each.elements}
    assert len(names) > 1_000
    for written in (" Kit Nowak ", "_zq"):
        headings = (
            f"{name[:at]}{written}{name[at:]}" for name in names for at in (0, len(name) // 2, 7, len(name))
        )
        assert [heading for heading in headings if rules.column_field(heading) is not None] == []


# What the agreement of Cwm Alarch has under another field, or has not at all.
ITS_OWN = {"removal-grounds": "of the law of England", "sessions-possible": "Total Sessions stands here"}


def test_the_two_agreements_know_the_same_headings_of_a_field() -> None:
    first, other = (load_rules(POLICIES / name) for name in ("somerset", "cwm-alarch"))
    both = (first.fields.keys() & other.fields.keys()) - ITS_OWN.keys()
    lists = [
        (key, of, set(getattr(first.fields[key], of)) ^ set(getattr(other.fields[key], of)))
        for key in both
        for of in ("columns", "patterns", "elements")
    ]
    assert [each for each in lists if each[2]] == []
