"""Any text in any cell: it is of the kind that its heading names, or it is in no view. What is, stays."""

from __future__ import annotations

import csv
import io
import random
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.classify.value_kinds import QUERIES
from gateway.model import WITHHELD, Basis, Classified
from gateway.samples import make, school, variants
from tests.corpus.corpus import files, lines, tables
from tests.views.making import RULES, found, recognised, view_of
from tests.views.remarks import REMARKS

ITEMS = tuple({item.label for item in (*RULES.items.values(), *RULES.others.values())})
FIELDS = [
    key for key, rule in RULES.fields.items() if rule.columns and key in {**RULES.items, **RULES.working}
]
HEAD = ["UPN", "Surname", "Forename", "Date of Birth", "Gender", "NCY", "Ethnicity"]
ROWS = [
    ["Y999123420001", "O'Neill", "Zoë", "2016-02-02", "F", "5", "WBRI"],
    ["M999123420002", "Brown", "Amir", "2016-03-03", "M", "5", "MWBC"],
    ["J999123420000", "Ng", "Bo", "2016-01-01", "M", "5", "AIND"],
]
TEXTS = st.one_of(
    st.text(max_size=60), st.sampled_from(REMARKS), st.from_regex(r"[A-Z0-9 /;:,()-]{1,12}", fullmatch=True)
)


def is_of_kind(key: str, text: str) -> bool:
    """By the statement of items.toml alone."""
    check = RULES.check(key)
    return check is not None and check(text) in (None, *QUERIES)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FIELDS), TEXTS)
@example("sex", "F (M)")
@example("house", "SW: Jane")
@example("attendance-mark", "Mum in prison")
def test_any_text_in_any_column_is_of_its_kind_or_in_no_view(key: str, text: str) -> None:
    name = RULES.fields[key].columns[0]
    rows = [HEAD + ["Zz"] * (name not in HEAD), *([*row, ""] for row in ROWS)]
    place = HEAD.index(name) if name in HEAD else len(HEAD)
    rows[0][place:] = rows[0][place:] if name in HEAD else [name]
    rows = [row[: len(rows[0])] for row in rows]
    rows[2][place] = text
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    data = out.getvalue().encode("utf-8", "replace")
    what = found(data)
    if not isinstance(what, Classified):
        return  # It waits for a person.
    view, left_out = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    head, *seen = csv.reader(io.StringIO(view.decode("utf-8-sig"), newline=""))
    cells = [row[head.index(name)] for row in seen] if name in head else []
    for cell in filter(str.strip, cells):
        assert is_of_kind(key, cell.removeprefix("'")), (key, cell)
    if cells and text.strip() and len(seen) == len(ROWS) and not cells[1].strip():
        assert WITHHELD in left_out
        assert [one for one in what.findings if one.expected and 2 in one.rows]


_ELEMENTS = {
    "Pupil/Surname": "surname",
    "Pupil/Gender": "sex",
    "BasicDetails/Ethnicity": "ethnicity",
    "BasicDetails/NCyearActual": "year-group",
    "Address/Town": "address",
    "Contact/Surname": "guardians",
}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(_ELEMENTS)),
    st.one_of(st.text(st.characters(exclude_categories=["C"]), max_size=40), st.sampled_from(REMARKS)),
    st.booleans(),
)
def test_any_text_in_any_element_is_of_its_kind_or_in_no_view(where: str, text: str, cdata: bool) -> None:
    parent, _, name = where.partition("/")
    written = f"<![CDATA[{text.replace(']]>', '')}]]>" if cdata else escape(text)
    inner = f"<{name}>{written}</{name}>"
    pupils = (
        f"<Pupil><UPN>Y999123420001</UPN>{inner if parent == 'Pupil' else ''}<DOB>2016-02-02</DOB>"
        f"{'' if parent == 'Pupil' else f'<{parent}>{inner}</{parent}>'}</Pupil>"
    )
    data = (
        "<CTfile><Header><DocumentName>Common Transfer File</DocumentName></Header>"
        f"<CTFpupilData>{pupils}</CTFpupilData></CTfile>"
    ).encode()
    what = found(data)
    if not isinstance(what, Classified):
        return
    view, _ = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    plain = text.replace("]]>", "") if cdata else text
    if plain.strip() and inner.encode() in view:
        assert is_of_kind(_ELEMENTS[where], plain), (where, text)


# Files of the corpus that pass, with cells that are blank in every view, and why they are.
WITH_BLANKS = {
    "cell-adds.csv": "a formula stands for the name of a class",
    "cell-sums.csv": "a formula stands for the name of a class",
    "known-as-with-a-story.csv": "a remark stands for a name",
    "result-in-words.xml": "words stand for a result",
    "below-without-a-number.csv": "words stand for a UPN",
}


@pytest.mark.parametrize("table", tables())
def test_of_good_files_no_cell_is_blank_without_a_reason(table: str) -> None:
    blanks = {}
    for line in lines(table):
        if line.outcome == "accepted" and line.file not in WITH_BLANKS:
            what = found(files(table)[line.file]())
            withheld = (
                [(f.about, f.count) for f in what.findings if f.expected]
                if isinstance(what, Classified)
                else []
            )
            if withheld:
                blanks[line.file] = withheld
    assert blanks == {}


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in variants()}))
def test_of_samples_no_cell_is_blank(kind: str) -> None:
    blanks = {}
    for variant in [v for k, v in variants() if k == kind]:
        rng = random.Random(11)
        what = recognised(make(kind, variant, rng=rng, school=school(rng, 1), pupils=20))
        withheld = [(f.about, f.count) for f in what.findings if f.expected]
        if withheld:
            blanks[variant] = withheld
    assert blanks == {}


def test_the_files_with_blanks_are_there() -> None:
    assert set(WITH_BLANKS) <= {line.file for table in tables() for line in lines(table)}


def registers(column: str, values: list[str], *, pupils: int = 200, in_order: bool = True) -> bytes:
    """A list of pupils; the column has the values in turn, or sorted by them as a school's system does."""
    rng = random.Random(2)
    whole = make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=pupils)
    _, *rows = csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline=""))
    out = io.StringIO(newline="")
    listed = values * (pupils // len(values))
    listed = sorted(listed) if in_order else listed
    writer = csv.writer(out)
    writer.writerow(["UPN", "Surname", "Forename", "Date of Birth", "Gender", column])
    for row, value in zip(rows, listed, strict=False):
        writer.writerow([row[0], row[1], row[2], row[4], row[7], value])
    return out.getvalue().encode()


def shown_of(data: bytes) -> list[str]:
    """The last column, as a team sees it that may have every item."""
    what = recognised(data)
    view, _ = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    return [row[-1] for row in csv.reader(io.StringIO(view.decode("utf-8-sig"), newline=""))][1:]


FORMS = [f"{year}{letter}" for year in range(7, 12) for letter in "AB"]


@pytest.mark.parametrize("odd", ["YC", "T1D", "SI/SH", "8P SH", "7R OpE", "7YC", "Nurture"])
def test_a_class_of_one_pupil_that_is_written_as_no_other_is_in_no_view(odd: str) -> None:
    data = registers("Form", FORMS).replace(b",9B\r", f",{odd}\r".encode(), 1)
    assert odd in data.decode()
    assert odd not in shown_of(data)
    assert [one.count for one in recognised(data).findings if one.expected] == [1]


@pytest.mark.parametrize(
    ("odd", "is_shown"),
    [
        ("YC", False), ("EH", False), ("S.E.N.", False), ("S E N", False), ("y.c.", False), ("T1D", False),
        ("3B YC", False), ("3B (EBD)", False), ("Ch Prot", False),
        ("RH", True), ("Owls", True), ("EYFS", True), ("Reception A", True), ("Miss Jones", True),
        ("FS2", True), ("6 Mrs Patel", True), ("Dosbarth 3", True), ("Dosbarth Derw", True),
        ("Sixth Form", True), ("Reception", True), ("5 Oak", True), ("Maple Class", True),
        ("Year 2 Owls", True), ("6 JP", True), ("Mrs O'Neill & Miss Lee", True),
        ("10X1", True), ("Mr Lee 7C", True), ("4th Form", True), ("Mr Lee K", False), ("Part-time", False),
        ("4 TA", False), ("Mr Lee LSA TA", False), ("Oak Ukr", False), ("Year 3 - Oak", True),
        ("Upper IV", True), ("Lower VI", True), ("Room 4A", True), ("Mr van Dyk", True), ("VI", False),
        ("Year 3 - PRU", False), ("Nurture", False), ("RC", False), ("Ukraine", False), ("SEN K", False),
        ("4C Travel", False),
        ("4C/YC", False), ("4C+PP", False), ("4C, Roma", False), ("4C - JW", False), ("4C *", False),
        ("Mr Lee SEN K", False), ("PMLD", False), ("Wave 3", False),
        ("Hosp", False), ("Iso", False), ("ARP", False), ("10 Alt", False), ("R-PRU", False),
        ("9-PRU", False), ("R-KAL", True), ("9-ELM", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("forms", [FORMS, ["3B", "Otters", "4A", "Robins"], ["Mrs Jones", "Mr Lee"]])
def test_in_a_small_table_a_value_of_one_pupil_is_shown_if_it_is_made_as_a_class_is(
    odd: str, is_shown: bool, forms: list[str]
) -> None:
    data = registers("Form", forms, pupils=20, in_order=False)
    lines = data.decode().splitlines()
    lines[7] = lines[7].rpartition(",")[0] + f",{odd}"
    assert (odd in shown_of("\r\n".join(lines).encode())) == is_shown


def test_of_three_pupils_two_with_an_abbreviation_that_tells_make_no_class() -> None:
    assert shown_of(registers("Form", ["3B", "YC", "YC"], pupils=3)) == ["3B", "", ""]


@pytest.mark.parametrize(
    ("guardians", "is_shown"),
    [
        ("Mrs Jones - Foster", False), ("Mrs Jones (Foster)", False), ("Black - D.V.", False),
        ("Black -D.V.", False), ("J Lee - Bail", False), ("Jo Ward (step-mother)", True),
        ("Amma (bewa)", False),
        ("Pani Nowak - rozwódka", False),
        ("LA", False), ("TA", False), ("SS", False), ("NG", True), ("Mam", True), ("Nain", True),
        ("Mrs Foster", True), ("Mr Ward - Mrs Foster", True), ("Mr Smith - Father", True),
        ("Ann Lee (mother)", True),
        ("smith, ann", True), ("Mum & dad", True),
    ],
)  # fmt: skip
def test_behind_a_dash_or_in_small_letters_no_remark_is_shown_beside_guardians(
    guardians: str, is_shown: bool
) -> None:
    check = RULES.check("guardians")
    assert check is not None
    assert (check(guardians) is None) == is_shown


def test_classes_by_initials_beside_one_with_a_figure_are_shown_and_make_no_file_wait() -> None:
    data = registers("Form", ["3B"], pupils=20)
    for initials in ("JSM", "KLT", "PWB"):
        data = data.replace(b",3B\r", f",{initials}\r".encode(), 1)
    assert [*dict.fromkeys(shown_of(data))] == ["JSM", "KLT", "PWB", "3B"]
    assert recognised(data).findings == ()


def test_the_last_class_of_a_portion_is_shown_if_it_goes_on_in_the_next() -> None:
    data = registers("Form", [*FORMS, "SH"], pupils=550)
    lines = data.decode().splitlines()
    for n in (499, 500):
        lines[n] = lines[n].rpartition(",")[0] + ",SH"
    assert shown_of("\r\n".join(lines).encode()).count("SH") == 52


@pytest.mark.parametrize("odd", ["Sanctuary", "Roma", "Ever 6", "FSM"])
def test_a_house_of_one_pupil_is_in_no_view(odd: str) -> None:
    data = registers("House", ["Curie", "Turing", "Seacole", "Darwin"])
    assert odd not in shown_of(data.replace(b",Turing\r", f",{odd}\r".encode(), 1))


@pytest.mark.parametrize(
    ("odd", "is_shown"),
    [
        ("Kestrel (PP)", False), ("Owl - RC", False), ("Owl no photos", False), ("RC", False),
        ("TRAV", False), ("Jewish", False), ("Roma", False), ("K", False), ("Owl/PP", False),
        ("Wren*SEN", False), ("Wren JW", False), ("Kurdish", False),
        ("Tier 4", False), ("Wren 4", False), ("Step Down", False),
        ("Wren", True), ("Owl A", True), ("None", True), ("St Francis", True),
    ],
)  # fmt: skip
def test_beside_houses_of_a_small_table_no_remark_is_shown(odd: str, is_shown: bool) -> None:
    data = registers("House", ["Owl", "Swift", "Heron"], pupils=12)
    assert (odd in shown_of(data.replace(b",Owl\r", f",{odd}\r".encode(), 1))) == is_shown
    capitals = registers("House", ["MAN", "BED", "SEA"], pupils=12)
    assert "MAN" in shown_of(capitals.replace(b",BED\r", b",TER\r", 1))


@pytest.mark.parametrize(
    ("school", "is_shown"),
    [
        ("Hillside PRU", False), ("Moorside SEMH School", False), ("Hill Pupil Referral Unit", False),
        ("Elmhurst AP", False),
        ("Prudhoe Primary", True), ("St Mary's RC School", True),
    ],
)  # fmt: skip
def test_a_school_that_tells_of_a_need_is_shown_unless_few_pupils_have_it(
    school: str, is_shown: bool
) -> None:
    data = registers("School Name", [school, "Oak Primary"], pupils=20)
    assert school in shown_of(data)
    lone = data.replace(f",{school}\r".encode(), b",Elm Primary\r").replace(
        b"Oak Primary", school.encode(), 1
    )
    assert (school in shown_of(lone)) == is_shown
    assert shown_of(registers("School Name", [school], pupils=1)) == [school]


@pytest.mark.parametrize("more", [" - Foster", " (RC)", " JW"])
def test_a_class_with_more_behind_it_is_in_no_view_of_a_small_table(more: str) -> None:
    data = registers("Form", ["Mrs Jones", "Mr Lee", "Owls"], pupils=12)
    assert not [one for one in shown_of(data.replace(b"s\r", f"s{more}\r".encode(), 1)) if more in one]


@pytest.mark.parametrize(
    "forms",
    [
        FORMS,
        ["7R OpE", "7R SmK", "8P JnH", "8P TaB"],
        ["7G CsA", "7H PsO", "7J SmK", "7K JnH"],
        ["Oak", "Willow", "1/2 Maple", "Reception A", "N AM"],
        ["9 CSA", "9 JSM", "10 PLO", "10 HBA", "11 TRK"],
        ["ICO", "HBA", "JSM", "KLB", "TRK"],
    ],
)
@pytest.mark.parametrize("pupils", [200, 600])
def test_classes_of_many_pupils_are_shown_however_a_school_writes_them(forms: list[str], pupils: int) -> None:
    data = registers("Form", forms, pupils=pupils)
    assert set(shown_of(data)) == set(forms)


def test_a_small_class_that_is_written_as_the_others_is_shown() -> None:
    assert "9C" in shown_of(registers("Form", FORMS).replace(b",9B\r", b",9C\r", 1))


@pytest.mark.parametrize("in_order", [True, False])
def test_the_smallest_class_of_a_special_school_is_shown(in_order: bool) -> None:
    classes = [
        f"{word} {size}" for word in ("Otter", "Badger", "Robin", "Heron", "Wren", "Owl") for size in "ABC"
    ]
    listed = classes * 8 + ["Vole"] * 4
    data = registers("Form", listed, pupils=len(listed), in_order=in_order)
    assert shown_of(data).count("Vole") == 4


def test_the_classes_of_a_second_school_are_shown_where_a_portion_ends_among_its_pupils() -> None:
    first = ["Oak", "Ash", "Elm", "Yew", "Fir", "Lime", "Rowan", "Cedar"] * 61
    second = ["Dewi", "Non", "Teilo", "Cadoc", "Illtud", "Beuno", "Asaph", "Elli", "Gwynno"] * 20
    data = registers("Form", first + second, pupils=len(first + second), in_order=False)
    assert shown_of(data) == first + second


def test_a_second_column_of_classes_is_judged_by_its_own_rows() -> None:
    data = registers("Form", FORMS).replace(b",9B\r", b",YC\r", 1)
    rows = [line.rsplit(",", 1) for line in data.decode().splitlines()]
    twice = "".join(f"{row},{'Class' if form == 'Form' else form},{form}\r\n" for row, form in rows)
    assert "YC" not in shown_of(twice.encode())
    thrice = "".join(
        f"{row},{'Class,Tutor Group' if form == 'Form' else f'{form},{form}'},{form}\r\n"
        for row, form in rows
    )
    assert [one.count for one in recognised(thrice.encode()).findings if one.expected] == [3]


def test_a_class_of_eight_in_a_school_of_a_thousand_is_shown() -> None:
    listed = [f"{year}{letter}" for year in range(7, 12) for letter in "ABCDEFGH"] * 25
    for place in range(8):
        listed[place * 130 + place] = "Cedar"
    assert shown_of(registers("Form", listed, pupils=len(listed), in_order=False)) == listed


@pytest.mark.parametrize(
    ("odd", "is_shown"),
    [
        ("YC", False),
        ("Y.C.", False),
        ("s e n", False),
        ("5 Nurture", False),
        ("Phased", False),
        ("Hub", False),
        ("Syrian", False),
        ("Brazil", True),
        ("Homer", True),
    ],
)
def test_in_xml_a_class_that_tells_is_in_no_view_and_the_sender_is_told(odd: str, is_shown: bool) -> None:
    _, *rows = csv.reader(io.StringIO(registers("Form", FORMS).decode(), newline=""))
    pupils = "".join(
        f"<Pupil><UPN>{upn}</UPN><Surname>{surname}</Surname><Forename>{forename}</Forename>"
        f"<RegGroup>{odd if number == 60 else form}</RegGroup></Pupil>"
        for number, (upn, surname, forename, _, _, form) in enumerate(rows)
    )
    data = (
        "<CTfile><Header><DocumentName>Common Transfer File</DocumentName></Header>"
        f"<CTFpupilData>{pupils}</CTFpupilData></CTfile>"
    ).encode()
    what = recognised(data)
    view, left_out = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    assert (f">{odd}<".encode() in view, WITHHELD not in left_out) == (is_shown, is_shown)
    assert [one.count for one in what.findings if one.expected] == [1] * (not is_shown)


def test_a_column_in_which_every_pupil_has_another_class_is_shown() -> None:
    sets = [f"{word} {letter}" for word in ("Maths", "Art", "French") for letter in "PQRSTUVWXYZ"]
    assert set(shown_of(registers("Set", sets, pupils=99))) == set(sets)


def test_pupils_left_out_of_a_view_count_among_those_of_a_class() -> None:
    data = registers("Form", FORMS).replace(b",9B\r", b",YC\r", 1)
    what = recognised(data)
    basis = Basis(
        data_type=what.data_type, items=ITEMS, unlisted=what.unlisted, without=tuple(range(20, 180))
    )
    assert b"YC" not in view_of(data, basis)[0]


@pytest.mark.parametrize(
    "remark",
    [
        "Morgan YC",
        "Walker - SEMH",
        "King AP",
        "Evie EH",
        "Smith YC?",
        "Lac",
        "Full",
        "Byrne - Ramadan",
        "Khan - Foster",
        "Lee EAL",
        "Isaac J.W.",
        "Lee Y/C",
        "SEN K",
        "Lee EOTAS",
        "Ben YC",
        "Di PP",
        "Khan and YC",
        "Lee NEET",
        "Lee EWO",
        "Morgan ARAP",
        "Ramadan",
        "Secret",
        "Carer",
        "Nowak (Ukr)",
        "Lee K",
        "LEE K",
        "Nowak Spld",
        "Bell Syrian",
        "Novak Roma",
        "Bell - kurd",
        "Gypsy",
        "Adopt",
    ],
)
def test_an_abbreviation_behind_a_surname_is_in_no_view_but_a_rare_surname_is(remark: str) -> None:
    check = RULES.check("surname")
    assert check is not None
    assert (check(remark) is None) == remark.isalpha()


@pytest.mark.parametrize(
    ("key", "value", "is_shown"),
    [
        ("registration-group", "Mrs Reed YC", False), ("registration-group", "3B/YC", False),
        ("registration-group", "YC", True), ("registration-group", "7R PP", True),
        ("subject", "Maths YC", False), ("subject", "English SEN K", False),
        ("full-name", "Ann Lee YC", False), ("surname", "Nowak Ukr", False), ("surname", "Nowak Ppg", False),
        ("surname", "Lac", True), ("surname", "Minh Ta", True), ("surname", "YC", False),
        ("forename", "Dad", True), ("forename", "Amy B.J.", True), ("forename", "Amy J.W.", False),
        ("forename", "Amy S.W.", False), ("surname", "Amy B.J.", False), ("forename", "YC", False),
        ("preferred-forename", "AJ", True), ("school-name", "Oak Primary YC", False),
        ("preferred-forename", "SEN", False), ("preferred-forename", "LA", False), ("forename", "Sen", True),
        ("surname", "SEN", True), ("forename", "Emma K", True), ("full-name", "Ann Lee SLCN", False),
        ("school-name", "Oak SEN School", True),
        ("registration-group", "Mrs Reed TA", False), ("entry-code", "SEND8300", False),
        ("entry-code", "8300/SEN", False), ("entry-code", "SEN8300", False),
        ("full-name", "Amit SEN", True), ("school-name", "St Mary's RC School", True),
        ("surname", "Police", True), ("surname", "Hospital", True), ("surname", "Deaf", True),
        ("entry-code", "LAC8300", False), ("entry-code", "8300/scribe", False),
        ("entry-code", "C200PA", True), ("subject", "D&T: Product Design", True),
        ("subject", "Art 1:1", False),
    ],
)  # fmt: skip
def test_an_abbreviation_that_tells_stands_beside_no_other_word(key: str, value: str, is_shown: bool) -> None:
    check = RULES.check(key)
    assert check is not None
    assert (check(value) is None) == is_shown


def test_behind_a_dash_no_sensitive_word_is_in_a_full_name_either() -> None:
    check = RULES.check("full-name")
    assert check is not None
    assert [name for name in ("Ann Jones - Foster", "Ann Jones - Bailey", "Foster, Ann") if check(name)] == [
        "Ann Jones - Foster"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "SMITH JONES",
        "MD Rahman",
        "Fitzgerald III",
        "McDONALD",
        "Smith-JONES",
        "Smith Jnr",
        "JOSÉ MARIA",
        "AJ",
        "van DIJK",
        "De LUCA",
        "Tommy LEE",
        "Abdul AZIZ",
        "Uddin MIAH",
        "Rahim KHAN",
        "Smith - Jones",
        "Nana S",
        "Mc KAY",
        "Mc CANN",
        "ap RHYS",
        "ó Súilleabháin",
        "ní Bhriain",
        "De LA CRUZ",
        "El-Kurd",
        "Novak JNR",
        "Vlk",
        "Irish",
        "Sousa e Silva",
        "Bwlch",
    ],
)
def test_capitals_that_are_a_name_are_shown(name: str) -> None:
    check = RULES.check("surname")
    assert check is not None
    assert check(name) is None


def test_a_very_long_name_is_judged_from_each_word_and_not_from_each_letter() -> None:
    check = RULES.check("surname")
    assert check is not None
    assert check("x" * 1_000_000)  # From each letter, this ends after the time limit of any test.


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        ("2 Knife Edge", True), ("1 Refuge Close", True), ("Sheffield, S20", True), ("Westward Ho!", True),
        ("1 High Street, Sheffield S20", True), ("S20 1AA", True), ("B & B", False), ("B&B, Taunton", False),
        ("Refuge Close", False), ("Placed S20", False), ("S20", False), ("Man Move", False),
        ("1 Refuge Place", False), ("2 Bail Court", False),
        ("12 Violence Drive", False), ("12 Hospital Close", True), ("1 Asylum Road", True),
        ("14 Carers Way", True), ("1 Asylum Way", False), ("St Jude's Hospice", False),
        ("3 Hospice Way", True), ("Nan's on RO", False), ("9 Elm Road SSW", False), ("9 ELM ROAD SSW", False),
        ("15 Park Road T/A", False), ("22 Mill Lane FP, Bath", False), ("9 Elm Road NE", True),
        ("Room 14 Britannia Inn", False), ("Room 14, Britannia Inn", False), ("Rm 3 The Grange", False),
        ("The Grange, Ward 6", False), ("Ward End", True), ("3 Room Street", True), ("London SW", True),
        ("1 Elm Road, London SW1A", True), ("Flat 3 SW", False),
        ("Leeds LS", True), ("1 Elm Road, Taunton TA", True), ("9 Elm Road RO", False),
        ("2 Deaf Hill Terrace", True), ("Flat AB, 9 Elm RD", True), ("9 Elm Road LEEDS", True),
        ("Travelling", False), ("Tent, Ham Hill", False), ("Abroad", False), ("Overseas", False),
        ("Hillside", True), ("Sandwich", True), ("Woodlands Cottage", True), ("Flat", True), ("Japan", True),
    ],
)  # fmt: skip
def test_streets_and_towns_are_shown_that_are_written_like_remarks(line: str, is_shown: bool) -> None:
    check = RULES.check("address")
    assert check is not None
    assert (check(line) is None) == is_shown


@pytest.mark.parametrize(
    ("key", "good", "remarks"),
    [
        ("postcode", ("TA1 1AA", "M1   1AA", "M1\u00a01AA", "BFPO 58"), ("Police Marker", "TA1 1AA Mum")),
        ("postcode", ("JE2 3AB", "ec1a1bb"), ("Dad Moved", "M1 Dad")),
        ("phone", ("01632 960123", "(01632) 960123 Ext 12"), ("LA", "Ring Works", "Blocked")),
        ("phone-type", ("H", "Mobile"), ("Not Dad", "Prison")),
        ("middle-names", ("Iris", "Grace Ann", "J", "Văn"), ("Bail", "Illegit", "Roma", "Ann Foster")),
        ("surname", ("Smith", "Foster"), ("Smith Tba", "Lee TBC")),
    ],
)
def test_a_field_takes_values_of_its_own_form_alone(
    key: str, good: tuple[str, ...], remarks: tuple[str, ...]
) -> None:
    check, quick = RULES.check(key), RULES.quick(key, with_queries=True)
    assert check is not None
    assert [value for value in good if check(value)] == []
    assert [remark for remark in remarks if not check(remark)] == []
    assert [remark for remark in remarks if quick and remark in quick([remark, *good])] == []
