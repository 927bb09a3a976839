"""What a tired person writes into a policy file, and what `policy check` says of it: none is silent."""

import shutil
from pathlib import Path

import pytest

from gateway.record.policy_check import check
from tests.policies import POLICIES

SPRING = 'due_days = 27\nlocal_days = 6\nopen_days = 21\n\n[[census]]\nterm = "spring"'
A_LEVEL_DAYS = "dates = [2024-08-15, 2025-08-14, 2026-08-13]"
# The file, what stands there, what is put instead, and words of the fault.
MISTAKES = [
    ("agreement.toml", "warn_days = [60, 30, 7]", "warn_days = [60, -30, 7]", "greater than or equal to 1"),
    ("agreement.toml", "warn_days = [60, 30, 7]", "warn_days = [60, 60, 7]", "each number of days once"),
    ("agreement.toml", "warn_days = [60, 30, 7]", "warn_days = []", "at least 1 item"),
    ("agreement.toml", 'review = "07-01"', 'review = "09-15"', "opens after the year has begun"),
    ("agreement.toml", 'lapses = "09-01"', 'lapses = "09-31"', "no year has this day"),
    ("agreement.toml", 'lapses = "09-01"', 'lapses = "06-01"', "before the coming year can be ratified"),
    ("agreement.toml", 'version = "2.0"', 'version = ""', "write something"),
    (
        "agreement.toml",
        '"9.1.1" = "eLIM supports the schools\' systems."\n',
        "",
        "the text has a clause 9.1.1",
    ),
    ("agreement.toml", 'languages = ["en"]', 'languages = ["fr"]', "write 'en' or 'cy'"),
    ("agreement.toml", 'whole_rolls = ["school-census"]', 'whole_rolls = ["census"]', "no flow lists census"),
    ("agreement.toml", 'changed = "3.3"', 'changed = "3.33"', "no clause 3.33"),
    ("keys.toml", "14, 7, 1]", "14, 7, -1]", "greater than or equal to 1"),
    ("keys.toml", "overlap_days = 90", "overlap_days = -90", "greater than or equal to 0"),
    ("methods.toml", "rsa_bits = 2048", "rsa_bits = 1024", "greater than or equal to 2048"),
    ("retention.toml", "unopened = 1\n", "unopened = 120\n", "kept for longer than other refused files"),
    ("retention.toml", "refused = 90\n", "refused = 0\n", "greater than or equal to 1"),
    ("retention.toml", "[receipts]\naccepted = 2557", "[receipts]\naccepted = 30", "less time than the file"),
    ("retention.toml", "phonics = 800", "phonic = 800", "no flow lists phonic; perhaps phonics"),
    (
        "calendar.toml",
        '"06-01"\nlast = "06-30"',
        '"06-30"\nlast = "06-01"',
        "last day comes before the first",
    ),
    ("calendar.toml", SPRING, SPRING.replace("local_days = 6", "local_days = 60"), "after the return is due"),
    ("calendar.toml", "[[4000, 4999]", "[[3000, 4999]", "in a range before this one"),
    ("calendar.toml", "[[2000, 3999]]", "[[3999, 2000]]", "ends before it begins"),
    ("calendar.toml", A_LEVEL_DAYS, A_LEVEL_DAYS.replace("2025-08-14", "2024-08-15"), "each day once"),
    ("calendar.toml", 'season = "05-01"', 'season = "08-01"', "begins after the day of the results"),
    (
        "calendar.toml",
        'data_type = "a-level-results"\ntime',
        'data_type = "gcse-results"\ntime',
        "there is no results day of a-level-results",
    ),
    (
        "flows.toml",
        'ratification = "accept"',
        'ratification = "accept-with-notice-until 02-30"',
        "no year has",
    ),
    ("flows.toml", '["Disability code"]', '["Disabilty code"]', "perhaps Disability code"),
    (
        "flows.toml",
        '["Disability code"]\nformats = ["CTF XML"]\nteams = ["sen"]',
        '["Disability code"]\nformats = ["CTF XML"]\nteams = ["exclusions"]',
        "exclusions gets no student-core",
    ),
    ("flows.toml", 'formats = ["CTF XML"]', 'formats = ["CTF-XML"]', "perhaps CTF XML"),
    ("flows.toml", "switched_on = []", 'switched_on = ["home-edu"]', "no optional flow home-edu"),
    ("teams.toml", "sensitive = true\n", "", "nobody would see sensitive files"),
    ("teams.toml", "threshold = 5", "threshold = 0", "greater than or equal to 3"),
    ("bodies.toml", "[0-9]{7}", "[0-9]{6}", "9991234 does not fit the pattern"),
    ("bodies.toml", "[0-9]{7}", "[0-9]{7", "a pattern is made of letters, digits"),
    ("bodies.toml", 'identifier = "dfe-number"', 'identifier = "dfe-nubmer"', "no identifier dfe-nubmer"),
    ("rights.toml", '"Date of Birth", "EAL",', '"Date of Brith", "EAL",', "Pupil: Date of Brith"),
    ("items.toml", 'codes = "english-proficiency"', 'codes = "proficiency"', "is not a list in [codes]"),
    (
        "items.toml",
        "(new|current|present)(home)",
        "(new|current|present(home)",
        "is not a regular expression",
    ),
    ("items.toml", 'patterns = ["(new', 'patterns = [".*", "(new', ".* fits any name"),
    ("items.toml", 'elements = ["Street",', 'elements = ["Address/*", "Street",', "write each by its name"),
    ("data_types.toml", 'must = [["upn"]]', 'must = [["unp"]]', "unp is not a field"),
    ("law-2026-27.toml", "last = 2027-08-31", "last = 2026-08-31", "ends before it begins"),
    ("law-2026-27.toml", "first = 2026-09-01", "first = 2026-10-01", "begin on the day after"),
    ("law-2026-27.toml", "first = 2026-09-01", "first = 2026-07-01", "begin on the day after"),
    ("law-2026-27.toml", 'extends = "2025-26"', 'extends = "2024-25"', "there is no pack 2024-25 before it"),
    ("law-2026-27.toml", 'codes = "kinship-care"', 'codes = "kinshipcare"', "perhaps kinship-care"),
    ("law-2026-27.toml", '["Kinship care"]', '["Kinship"]', "items.toml has no Kinship; perhaps"),
    ("law-2026-27.toml", "spring = 2027-01-21", "spring = 2026-01-21", "is not a day of 2026-27"),
    ("law-2026-27.toml", 'terms = ["autumn"]', 'terms = ["autum"]', "write 'autumn'"),
    ("law-2026-27.toml", 'previous = "25.0"', 'previous = "26.0"', "older than the present one"),
    ("law-2026-27.toml", 'previous = "25.0"', 'previous = "25"', "write a version as 26.0"),
    ("reasons.toml", '"open:empty" =', '"open:emtpy" =', "the reason open:empty rests on no clause"),
    ("reasons.toml", '"open:empty" = "5.1"', '"open:empty" = "5.11"', "no clause 5.11; perhaps 5.1"),
    ("sensitive.toml", 'label = "safeguarding"\n', "", "this key is missing"),
    ("sensitive.toml", 'words = ["dsl",', 'words = ["", "dsl",', "write a word"),
    ("sensitive.toml", 'stems = ["safeguard",', 'stems = ["s", "safeguard",', "four small letters or more"),
]


@pytest.mark.parametrize(
    ("file", "there", "instead", "words"), MISTAKES, ids=[f"{row[0]}-{row[3]}" for row in MISTAKES]
)
def test_a_mistake_is_told(tmp_path: Path, file: str, there: str, instead: str, words: str) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    text = (policies / file).read_text("utf-8")
    assert there in text
    (policies / file).write_text(text.replace(there, instead, 1), "utf-8")
    found = check(policies)
    assert any(words in fault.message for fault in found), found
    assert found[0].file != "confirmed.toml"


def test_what_is_to_be_confirmed_again_is_told_after_what_is_wrong(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    path = policies / "flows.toml"
    path.write_text(path.read_text("utf-8").replace('id = "attendance"', 'id = "student-core"', 1), "utf-8")
    files = [fault.file for fault in check(policies)]
    assert files[0] != "confirmed.toml"
    assert files[-1] == "confirmed.toml"


def test_a_mistake_in_an_optional_flow_is_told_where_it_stands(tmp_path: Path) -> None:
    policies = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    before, optional, after = (policies / "flows.toml").read_text("utf-8").partition("[[optional]]")
    after = after.replace(
        'teams = ["education-welfare"]\nlaw', 'formats = ["CTF-XML"]\nteams = ["education-welfare"]\nlaw', 1
    )
    (policies / "flows.toml").write_text(before + optional + after, "utf-8")
    (fault,) = [each for each in check(policies) if "perhaps CTF XML" in each.message]
    assert fault.key.startswith("optional[0].data_type[0].carried")
