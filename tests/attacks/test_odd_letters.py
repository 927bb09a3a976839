"""Signs that are no letters, and words that are joined by signs, are no code, heading, mark or number."""

from __future__ import annotations

import json
import random
from io import BytesIO
from zipfile import ZipFile, is_zipfile

import pytest

from gateway.classify.content import Unreadable, encoding_of
from gateway.classify.value_kinds import QUERIES
from gateway.model import Basis, Classified
from gateway.samples import make, school
from tests.views.making import RULES, found, view_of
from tests.views.remarks import TABLES
from tests.views.test_values import HEAD, ITEMS, ROWS

CIRCLED, PICTURE, BRAILLE, BOLD = "ⓗⓘⓥ", "\U0001f930", "⠏⠗⠑⠛", "\U0001d40e\U0001d42c"
ODD = (CIRCLED, PICTURE, BRAILLE, BOLD, "怀孕", "\u034f\ufe01", "\u00ad\u200b")


def shown(data: bytes) -> str:
    """All that anybody reads of a file, whose team may have every item; nothing where it waits."""
    what = found(data)
    if not isinstance(what, Classified):
        return ""
    view, _ = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    if not is_zipfile(BytesIO(view)):
        return view.decode("utf-8")
    with ZipFile(BytesIO(view)) as packed:
        return "\n".join(packed.read(name).decode() for name in packed.namelist())


def table(form: str, *, heading: str = "Gender", value: str = "M") -> bytes:
    head = [heading if name == "Gender" else name for name in HEAD]
    rows = [list(row) for row in ROWS]
    rows[1][HEAD.index("Gender")] = value
    return TABLES[form]([head, *rows])


def fault(key: str, text: str) -> str | None:
    check = RULES.check(key)
    assert check is not None
    found = check(text)
    return None if found in QUERIES else found


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("odd", ODD)
def test_a_code_with_signs_that_are_no_letters_is_none(form: str, odd: str) -> None:
    assert odd not in shown(table(form, value=f"M {odd}"))
    assert "Brown" in shown(table(form, value=f"M {odd}"))
    assert fault("sen-need", f"MLD; SLCN {odd}") is not None


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("odd", ODD)
def test_a_heading_with_signs_that_are_no_letters_is_in_no_view(form: str, odd: str) -> None:
    assert odd not in shown(table(form, heading=f"Gender {odd}"))
    assert "Gender" in shown(table(form, heading="Gender:"))


@pytest.mark.parametrize("key", ["surname", "forename", "house", "registration-group", "address"])
@pytest.mark.parametrize("word", ["\u2c6dbused", "K\u0269cks", "H\u0251s H\u0269v", "Dr\u028anken"])
def test_letters_that_are_read_as_others_are_in_no_name(key: str, word: str) -> None:
    assert fault(key, word) is not None
    for name in ("\u0110\u1eb7ng", "\u00de\u00f3r\u00f0ur", "\u018fliyev", "\u0152uvrard", "\u00c6gir"):
        assert fault(key, name) is None


@pytest.mark.parametrize("key", ["surname", "house"])
@pytest.mark.parametrize(
    "word", ["Abus\u0259d", "ABUS\u018fD", "Dru\u014bk", "DRU\u014aK", "P\u00e6dophile", "Abuse\u00f0"]
)
def test_a_letter_that_ascii_has_not_hides_no_word(key: str, word: str) -> None:
    assert fault(key, word) is not None


@pytest.mark.parametrize("odd", [CIRCLED, "怀孕", BOLD])
def test_a_subject_has_no_words_in_other_letters(odd: str) -> None:
    assert RULES.data_types.subjects.is_subject("Mathematics (GCSE)")
    assert not RULES.data_types.subjects.is_subject(f"Mathematics {odd}")
    assert not RULES.data_types.subjects.is_subject("Mathematics 07700900123")


@pytest.mark.parametrize("line", [CIRCLED, PICTURE, f"Page 1 {BRAILLE}", "Report ⓐⓝⓝ"])
def test_a_line_of_such_signs_is_not_a_reports_own(line: str) -> None:
    data = table("csv") + f"{line}\r\n".encode()
    assert not isinstance(found(data), Classified)


def test_a_sentence_of_a_reports_words_under_a_table_is_in_no_view() -> None:
    line = "Pupil 7 is under protection from the authority - do not share"
    for form in ("csv", "workbook"):
        data = TABLES[form]([HEAD, *ROWS, [line] + [""] * (len(HEAD) - 1)])
        assert "protection" not in shown(data)
        assert "Brown" in shown(data)


@pytest.mark.parametrize(
    "marks",
    [
        "DRUNK//////",
        "SUICID//////",
        "I N C E S T",
        "I N C E S T ABSENT",
        "H/I/T/S/",
        "/\\PIMPED/\\",
        "/" * 1001,
    ],
)
def test_a_word_among_marks_is_none(marks: str) -> None:
    assert fault("attendance-mark", marks) is not None


@pytest.mark.parametrize(
    "marks",
    [
        "/\\/\\/\\/\\/\\",
        "/\\OCG\\/\\/\\/\\/\\/\\W\\/\\",
        "IIIIIIII/\\",
        "/\\LNLNLN",
        "/ \\ I I N N",
        "C1C1/\\",
        "Illness",
        "/\\/\\/\\LNNU",
        "##########",
    ],
)
def test_marks_of_a_week_stay(marks: str) -> None:
    assert fault("attendance-mark", marks) is None


WORDY = (
    "Mum-is-drunk.dad/hits+him-since-2024",
    "PREGNANT2024",
    "hit1",
    "Bo-hit-by-dad-1",
    "I-n-c-e-s-t-1",
    "Smelly1",
    "AB123456C",
)
NUMBERS = (
    "A1329183376",
    "PMR1001",
    "STU-00123",
    "600/4567/8",
    "10A/Ma1",
    "2026/27",
    "1.2.3",
    "EY1234567",
    "3f2a9c1e-dead-4b1c-8fed-0123456789ab",
    "b6ec2fb3b7a7a2c4dc8bc511fce972ff",
    "AUT",
    "/",
    "4*",
)
REFERENCES = sorted(
    key for key, rule in RULES.fields.items() if rule.identifier == "reference" and "label" not in rule.values
)


@pytest.mark.parametrize("key", REFERENCES)
def test_words_that_are_joined_by_signs_are_no_number_of_a_system(key: str) -> None:
    assert [text for text in WORDY if fault(key, text) is None] == []
    assert [text for text in NUMBERS if fault(key, text) is not None] == []


def test_short_letters_that_tell_of_something_are_no_number() -> None:
    assert [text for text in ("HIV", "RAPE", "DEAD") if fault("removal-grounds", text) is None] == []
    assert fault("removal-grounds", "AB") is None


def test_an_academic_year_is_one() -> None:
    assert [t for t in ("2026", "2026/27", "2025/2026", "202627") if fault("academic-year", t)] == []
    assert fault("academic-year", "A2026") is not None


@pytest.mark.parametrize(
    "heading",
    [
        "Phonics_Bravo_smells",
        "FSP_Bravo_smells",
        "KS4 Bravo smells",
        "FFT20 Bravo smells",
        "ALPs Bravo smells",
        "LPUK Bravo smells",
        "Bravo smells chance 4",
        "Bravo smells estimate",
        "Mon cry pm",
        "Fri sad",
        "SmellsPupilOnRollTableID",
        "Bravo smells phone",
        "Bravo smells email",
        "Bravo smells 1 tel",
        "TermlyReason_Bravo_Autumn_ab",
    ],
)
def test_a_heading_that_begins_as_a_known_one_has_known_words_alone(heading: str) -> None:
    assert RULES.column_field(heading) is None


@pytest.mark.parametrize(
    "heading",
    [
        "KS4_HGMATH_91",
        "FFT20 English Language",
        "Maths chance % 4",
        "FFT50 Estimate Att8",
        "ALPS points",
        "Mon 16 Nov AM",
        "Tue 3 March 2026 pm",
        "LPUK expected points",
        "Phonics_Version",
        "FSP_AGE",
        "PupilOnRollTableID",
        "Contact 2 Mobile",
        "Mother Email Address",
        "Home Tel No",
    ],
)
def test_headings_that_systems_write_are_known(heading: str) -> None:
    assert RULES.column_field(heading) is not None


def pupils(**more: object) -> bytes:
    records = [dict(zip(HEAD, row, strict=True)) for row in ROWS]
    records[1] |= more
    return json.dumps(records).encode()


@pytest.mark.parametrize(
    ("more", "topic"),
    [
        ({"child_protection": {"person": {"surname": "Kane"}}}, "safeguarding"),
        ({"child_protection": {"preferred": {"surname": "Kane"}}}, "safeguarding"),
        ({"child_protection": {"birth_date": {"date": "2001-01-01", "timezone": "UTC"}}}, "safeguarding"),
        ({"social_worker": {"pupil": {"forename": "Kane"}}}, "social care"),
        ({"minder": {"preferred": {"surname": "Kane"}}}, ""),
        ({"minder": {"home": {"address": "Kane Road"}}}, ""),
        ({f"surname {PICTURE}": "Kane"}, ""),
    ],
    ids=str,
)
def test_of_objects_in_objects_every_name_is_looked_at(more: dict[str, object], topic: str) -> None:
    what = found(pupils(**more))
    assert isinstance(what, Classified)
    assert [one.topic for one in what.unlisted] == [topic]
    assert "Kane" not in shown(pupils(**more))
    assert "2001" not in shown(pupils(**more))


def test_the_name_of_an_object_is_not_cut() -> None:
    assert "TA1 1AA" in shown(pupils(address={"postcode": "TA1 1AA"}))


def test_an_encoding_that_is_declared_far_away_is_not_overlooked() -> None:
    for blanks in (1, 300, 70_000):
        start = f'<?xml version="1.0"{" " * blanks}encoding="GB18030"?><CTfile/>'.encode()
        with pytest.raises(Unreadable, match="malformed"):
            encoding_of(BytesIO(start))
    assert (
        encoding_of(BytesIO(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><CTfile/>')) == "utf-8"
    )


@pytest.mark.parametrize(
    ("layout", "around"),
    [
        ("student-core ctf-full", "CTFpupilData"),
        ("school-census xml-autumn", "PupilsOnRoll"),
        ("attendance xml-strings", "Pupils"),
    ],
)
def test_an_empty_element_outside_the_records_is_told(layout: str, around: str) -> None:
    rng = random.Random(3)
    text = make(*layout.split(), rng=rng, school=school(rng, 1), pupils=30).decode()
    plain = found(text.encode())
    assert isinstance(plain, Classified)
    data = text.replace(f"<{around}>", f"<Bo_is_pregnant/><{around}>", 1).encode()
    what = found(data)
    assert isinstance(what, Classified)
    assert [one.topic for one in what.unlisted if one not in plain.unlisted] == ["health"]
    assert "pregnant" not in shown(data)
