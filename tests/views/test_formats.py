"""Views of each format: the same at every reading, clean, inert, and in the shape that readers expect."""

import csv
import io
import json
import random
import re
import zipfile

import openpyxl
import pytest

from gateway.classify.views import view as workbook_out
from gateway.model import UNKNOWN, WITHHELD, Basis
from gateway.samples import make, school, variants
from gateway.words import inert
from tests.classify import made
from tests.views import ctf_reader
from tests.views.making import recognised, view_for, view_of

A, C = "Y999123420001", "M999123420002"
WHO = ("Pupil: UPN", "Pupil: Surname", "Pupil: Forename", "Pupil: Date of Birth")


def basis(data_type: str = "student-core", *items: str) -> Basis:
    return Basis(data_type=data_type, items=(*WHO, *items))


def sample(data_type: str, variant: str, pupils: int = 3) -> bytes:
    rng = random.Random(3)
    return make(data_type, variant, rng=rng, school=school(rng, 1), pupils=pupils)


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@pytest.mark.parametrize("variant", [v for t, v in variants() if t == "student-core"][::4])
def test_two_readings_give_the_same_bytes(variant: str):
    data = sample("student-core", variant)
    asked = basis()
    assert view_of(data, asked) == view_of(data, asked)


def test_a_file_of_which_nothing_is_left_out_is_the_view_as_it_was_signed():
    data = b"\xef\xbb\xbfUPN;Surname;Forename;Date of Birth\n" + f"{A};B;C;2015-02-03\n".encode() * 3
    assert view_of(data, basis()) == (data, ())


def test_a_cell_with_breaks_quotes_and_delimiters_stays_one_cell():
    head, cell = "UPN,Surname,Forename,Address,Locker\r\n", '"""Old Mill"", 1 Low Road\nTaunton"'
    view, left_out = view_of(f"{head}{A},B,C,{cell},7\r\n".encode(), basis("student-core", "Pupil: Address"))
    assert rows(view) == [
        ["UPN", "Surname", "Forename", "Address"],
        [A, "B", "C", '"Old Mill", 1 Low Road\nTaunton'],
    ]
    assert left_out == (UNKNOWN,)


def test_rows_shorter_and_longer_than_the_header_lose_and_gain_nothing():
    data = f"UPN,Surname,Forename,Date of Birth\r\n{A},B\r\n{A},B,C,2015-02-03,secret\r\n".encode()
    view, left_out = view_of(data, basis())
    assert rows(view)[1:] == [[A, "B", "", ""], [A, "B", "C", "2015-02-03"]]
    assert left_out == (UNKNOWN,)


def test_what_stands_above_a_table_is_not_shown():
    table = f"UPN,Surname,Forename,Date of Birth\r\n{A},B,C,2015-02-03\r\n"
    data = f"Ash Bo is unwell\r\n\r\n{table}".encode()
    view, left_out = view_of(data, basis())
    assert b"unwell" not in view
    assert left_out == (UNKNOWN,)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+SUM(A1:A2)", " =2"])
def test_a_formula_in_csv_is_in_no_view(cell: str):
    data = f"UPN,Surname,Forename,Date of Birth\r\n{A},{cell},+44 1823 1,-\r\n".encode()
    view, left_out = view_of(data, basis())
    assert rows(view)[1] == [A, "", "", ""]
    assert left_out == (WITHHELD,)


def test_text_that_a_spreadsheet_would_run_is_made_inert():
    assert [inert(cell) for cell in ("=1+1", " =2", "-", "4B")] == ["'=1+1", "' =2", "-", "4B"]


@pytest.mark.parametrize(
    "variant", [v for t, v in variants() if t == "student-core" and ("xls" in v or "ods" in v)]
)
def test_a_workbook_becomes_a_new_one_of_text_alone(variant: str):
    data = sample("student-core", variant)
    view, _ = view_for("sen", data)
    book = openpyxl.load_workbook(io.BytesIO(view))
    assert all(name.startswith("Table ") for name in book.sheetnames)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"inlineStr", "s", "n"}
    assert {cell.data_type for cell in cells if cell.value is not None} <= {"inlineStr", "s"}
    with zipfile.ZipFile(io.BytesIO(view)) as packed:
        assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        parts = {name for name in packed.namelist() if not name.startswith("xl/worksheets/")}
    assert parts == {"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels", "[Content_Types].xml"}


def test_text_that_a_spreadsheet_would_run_is_a_text_in_the_new_workbook():
    out = bytearray()
    with workbook_out.new_workbook(out.extend) as write_sheet:
        write_sheet(["A"], iter([[["=HYPERLINK(1)", "  x ", "\x01&<\ud800"]]]))
    (sheet,) = openpyxl.load_workbook(io.BytesIO(bytes(out)))
    assert [(c.data_type, c.value) for (c,) in sheet.iter_rows()][1:3] == [
        ("s", "=HYPERLINK(1)"),
        ("s", "  x "),
    ]


def test_a_view_of_a_ctf_is_read_by_a_reader_of_ctfs():
    data = sample("student-core", "ctf-full", pupils=12)
    whole = ctf_reader.read(data)
    needs, _ = view_for("sen", data)
    seen = ctf_reader.read(needs)
    assert (seen.version, seen.source, seen.destination) == (whole.version, whole.source, whole.destination)
    assert [(p.upn, p.surname, p.forename, p.born) for p in seen.pupils] == [
        (p.upn, p.surname, p.forename, p.born) for p in whole.pupils
    ]
    assert any(pupil.address for pupil in whole.pupils)
    assert any(pupil.contacts for pupil in whole.pupils)
    assert [pupil.needs for pupil in seen.pupils] == [pupil.needs for pupil in whole.pupils]
    for pupil in seen.pupils:
        assert (pupil.address, pupil.contacts) == ([], 0)
        assert pupil.details.keys() <= {
            "FormerUPN",
            "PreferredSurname",
            "PreferredForename",
            "MiddleNames",
            "NCyearActual",
        }


def test_results_of_a_stage_keep_their_place_in_a_ctf():
    data = sample("ks1", next(v for t, v in variants() if t == "ks1" and v.startswith("ctf")))
    view, _ = view_for("central-data-team", data)
    assert [p.results for p in ctf_reader.read(view).pupils] == [
        p.results for p in ctf_reader.read(data).pupils
    ]


CTF = f"""<?xml version="1.0"?>
<!-- Bo Ash moved --><CTfile version="1" note="x">
<Header><DocumentName>Common Transfer File</DocumentName></Header>
<CTFpupilData><Pupil secret="1"><UPN>{A}</UPN> loose <Surname>B</Surname><Zzyzx>z</Zzyzx>
<FSMhistory><FSMinstance><FSMstartDate>2020-01-01</FSMstartDate><UKcountry>ENG</UKcountry>
</FSMinstance></FSMhistory>
<StageAssessments><KeyStage><Stage>KS9</Stage>
<StageAssessment><Subject>ZZ</Subject><Result>1</Result></StageAssessment>
</KeyStage></StageAssessments></Pupil>between<Extra>e</Extra>
<Pupil><UPN>{C}</UPN></Pupil></CTFpupilData><Tail>t</Tail></CTfile>
""".encode()


def test_of_what_is_left_out_of_xml_no_trace_stays():
    view, left_out = view_of(CTF, basis("student-core", "Results of key stage assessments"))
    text = " ".join(view.decode().split())
    assert text.endswith(
        f"<CTFpupilData> <Pupil><UPN>{A}</UPN><Surname>B</Surname></Pupil> <Pupil><UPN>{C}</UPN></Pupil> "
        "</CTFpupilData> </CTfile>"
    )
    for gone in ("moved", "secret", "loose", "Zzyzx", "FSM", "ENG", "KS9", "between", "Extra", "Tail"):
        assert gone not in text
    assert left_out == ("Pupil: FSM Eligible/Date", UNKNOWN)


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("<CTfile>", '<CTfile note="Bo moved">'),
        ("<CTFpupilData>", '<CTFpupilData note="Bo moved">'),
        ("<CTFpupilData>", "<CTFpupilData>Bo moved"),
        ("</Pupil>", "</Pupil>Bo moved"),
        ("</Pupil>", "</Pupil><!-- Bo moved -->"),
        ("</Pupil>", "</Pupil><?Bo moved?>"),
        ("<Pupil>", '<Pupil note="Bo moved">'),
        ("</UPN>", "</UPN>Bo moved"),
        ("</Header>", "</Header>Bo moved"),
        ("</CTFpupilData>", "</CTFpupilData>Bo moved"),
        ("</CTfile>", "<Note>Bo moved</Note></CTfile>"),
        ("</CTfile>", "</CTfile><!-- Bo moved -->"),
    ],
)
def test_what_stands_beside_the_elements_of_xml_is_never_shown(there: str, instead: str):
    plain = (
        f"<CTfile><Header><CTFversion>1</CTFversion></Header><CTFpupilData><Pupil><UPN>{A}</UPN></Pupil>"
        f"<Pupil><UPN>{C}</UPN></Pupil></CTFpupilData></CTfile>"
    )
    assert view_of(plain.encode(), basis()) == (plain.encode(), ())
    view, left_out = view_of(plain.replace(there, instead).encode(), basis())
    assert b"moved" not in view
    assert view.count(b"<UPN>") == 2
    assert left_out == (UNKNOWN,)


@pytest.mark.parametrize(
    "around", ["<Contacts><Contact>{}</Contact></Contacts>", "<Guardians>{}</Guardians>"]
)
@pytest.mark.parametrize(
    "own",
    [
        "<Address><AddressLines><AddressLine1>7 Mill Lane</AddressLine1></AddressLines></Address>",
        "<Address><PostCode>BS9 9ZZ</PostCode></Address>",
        "<PostCode>BS9 9ZZ</PostCode>",
        "<Religion>MU</Religion>",
        "<Ethnicity>BCRB</Ethnicity>",
        "<PreferredSurname>Nowak</PreferredSurname>",
        "<Disabilities><Disability>MOB</Disability></Disabilities>",
        "<SENhistory><SEN><SENprovision>E</SENprovision></SEN></SENhistory>",
    ],
)
def test_what_somebody_around_a_pupil_has_is_not_shown_as_the_pupils_own(own: str, around: str):
    data = made.ctf([made.pupil(made.Child(1), made.CORE_INSIDE + around.format(own))]).encode()
    what = recognised(data)
    for team in ("central-data-team", "education-welfare", "sen"):
        view, left_out = view_for(team, data)
        assert re.findall(r"<\w+>[^<>]+<", own)[0].encode() not in view
        assert UNKNOWN in left_out
    assert what.unlisted  # Its sender is told.


def test_results_in_fixed_width_become_a_table():
    variant = next(v for t, v in variants() if t == "gcse-results" and v.startswith("jcq"))
    data = sample("gcse-results", variant)
    view, _ = view_for("central-data-team", data)
    head, *lines = rows(view)
    assert head[:2] == ["Centre Number", "Candidate Number"]
    assert {"UCI", "Entry Code", "Grade"} <= set(head)
    assert recognised(view).pupils == recognised(data).pupils
    assert all(line[0].isdigit() and line[-1] for line in lines)


def test_json_stays_json():
    data = json.dumps(
        [{"upn": A, "surname": "B", "forename": "C", "sen_need": "ASD", "dob": "2015-02-03"}] * 2
    ).encode()
    view, left_out = view_of(data, basis())
    assert json.loads(view) == [{"upn": A, "surname": "B", "forename": "C", "dob": "2015-02-03"}] * 2
    assert left_out == ("SEN: SEN Need",)


def test_what_stands_beside_the_records_of_json_is_not_shown():
    record = {"upn": A, "surname": "B", "forename": "C", "dob": "2015-02-03"}
    data = json.dumps({"data": [record], "next": "https://bo-moved.example/2"}).encode()
    assert json.loads(view_of(data, basis())[0]) == [record]


def test_the_files_of_an_archive_lose_their_names():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in ("Bo Ash.csv", "Cy Ash.csv"):
            packed.writestr(name, f"UPN,Surname,Forename,Date of Birth,Address\r\n{A},B,C,2015-02-03,x\r\n")
    view, left_out = view_of(out.getvalue(), basis())
    with zipfile.ZipFile(io.BytesIO(view)) as packed:
        assert packed.namelist() == ["1.csv", "2.csv"]
        assert rows(packed.read("2.csv"))[0] == ["UPN", "Surname", "Forename", "Date of Birth"]
    assert left_out == ("Pupil: Address",)


@pytest.mark.parametrize("where", ["alone", "in the second sheet"])
def test_a_column_that_holds_something_else_than_its_heading_says_is_in_no_view(where: str):
    """Free text under Registration Group: its name is known, but not what stands in it."""
    head = ["UPN", "Surname", "Forename", "Date of Birth", "Gender", "NCY", "Registration Group"]
    good = [[r["UPN"], "B", "C", "2015-02-03", "F", "5", "5A"] for r in _pupils()]
    odd = [
        [*row[:-1], f"was seen crying in the yard again on day {n} of this week"]
        for n, row in enumerate(good)
    ]
    book = openpyxl.Workbook()
    book.active.append(head)
    for row in good if where != "alone" else odd:
        book.active.append(row)
    if where != "alone":
        second = book.create_sheet()
        for row in [head, *odd]:
            second.append(row)
    out = io.BytesIO()
    book.save(out)
    what = recognised(out.getvalue())
    told = [(one.about, one.count, one.much) for one in what.findings if one.expected]
    assert told == [("School History: Registration Group", len(odd), True)]
    view, _ = view_of(
        out.getvalue(),
        Basis(
            data_type="student-core",
            items=(*WHO, "School History: Registration Group"),
            unlisted=what.unlisted,
        ),
    )
    sheets = list(openpyxl.load_workbook(io.BytesIO(view)))
    seen = [[row[-1].value for row in sheet.iter_rows(min_row=2)] for sheet in sheets]
    assert seen[-1] == [None] * len(odd)
    if where != "alone":
        assert seen[0] == ["5A"] * len(good)


def test_where_not_all_that_is_unknown_was_told_of_nothing_behind_it_is_shown():
    head = [
        "UPN",
        "Surname",
        "Forename",
        "Date of Birth",
        "Gender",
        "NCY",
        *(f"Zz{n}" for n in range(120)),
        "Former UPN",
    ]
    row = ["A999400120000", "B", "C", "2015-02-03", "F", "5", *["q"] * 120, "A999400120000"]
    data = "\r\n".join(",".join(line) for line in [head, *[[p["UPN"], *row[1:]] for p in _pupils()]]).encode()
    what = recognised(data)
    assert what.unlisted[-1].further
    asked = Basis(data_type="student-core", items=(*WHO, "Pupil: Former UPN"), unlisted=what.unlisted)
    assert rows(view_of(data, asked)[0])[0] == ["UPN", "Surname", "Forename", "Date of Birth"]


@pytest.mark.parametrize(
    ("before", "after", "shown", "gone"),
    [
        (r"<AddressLine2>[^<]*", "<AddressLine2>9434765919", b"<Forename>", b"Lane</AddressLine1>"),
        ("</Pupil>", "".join(f"<Zz{n}>q</Zz{n}>" for n in range(120)) + "</Pupil>", b"<", b"<Forename>"),
    ],
    ids=["an NHS number in one element of addresses", "more that is unknown than is told of"],
)
def test_no_element_is_shown_that_was_told_of_or_may_have_been_left_off(
    before: str, after: str, shown: bytes, gone: bytes
):
    data = re.sub(before, after, sample("student-core", "ctf-full").decode()).encode()
    assert shown in data
    assert gone in data
    asked = Basis(
        data_type="student-core", items=(*WHO, "Pupil: Address"), unlisted=recognised(data).unlisted
    )
    view, left_out = view_of(data, asked)
    assert shown in view
    assert gone not in view
    assert UNKNOWN in left_out


def _pupils() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sample("student-core", "csv-core", pupils=6).decode("utf-8-sig"))))


@pytest.mark.parametrize(
    ("data_type", "variant"),
    [pair for pair in variants() if pair[1].startswith(("ctf", "xml", "atf"))],
)
def test_elements_that_are_judged_by_their_form_are_pruned_as_each_by_itself(
    data_type: str, variant: str, monkeypatch: pytest.MonkeyPatch
):
    rng = random.Random(6)
    data = make(data_type, variant, rng=rng, school=school(rng, 1), pupils=25)
    asked = basis(data_type, "Pupil: Ethnicity", "SEN: SEN Need")
    by_form = view_of(data, asked)
    # Nothing is remembered, neither of records nor of what is inside, and nothing waits.
    monkeypatch.setattr("gateway.classify.views.markup_view._Document._takes", lambda *_: False)
    monkeypatch.setattr("gateway.classify.views.markup_view._AT_ONCE", 0)
    assert view_of(data, asked) == by_form


@pytest.mark.parametrize("place", ["before", "behind", "in each"])
def test_results_are_shown_wherever_their_key_stage_stands(place: str):
    stage, inside = "<Stage>KS1</Stage>", made.KS1
    if place == "behind":
        inside = inside.replace(stage, "").replace("</KeyStage>", f"{stage}</KeyStage>")
    elif place == "in each":
        inside = inside.replace(stage, "").replace("<StageAssessment>", f"<StageAssessment>{stage}")
    data = made.ctf(made.pupil(child, inside) for child in made.children(3)).encode()
    asked = basis("ks1", "Pupil: Gender", "Results of key stage assessments")
    view, left_out = view_of(data, asked)
    assert (view.count(b"<Result>"), left_out) == (12, ())
    bad = data.replace(b"<Result>GDS</Result>", b"<Result>unwell</Result>")
    view, left_out = view_of(bad, asked)
    assert (view.count(b"<Result>"), left_out) == (9, (WITHHELD,))


def test_text_between_the_elements_of_one_record_of_many_is_left_out():
    data = sample("school-census", "xml-summer", pupils=9)
    place = data.index(b"<Surname>", len(data) // 2)
    view, left_out = view_for("sen", data[:place] + b"is unwell" + data[place:])
    assert b"unwell" not in view
    assert UNKNOWN in left_out


HIDDEN = b"Mum_is_HIV_positive_"
"""Words to whoever reads octets, ten Chinese letters to whoever reads UTF-16."""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_written_anew_so_that_no_reader_sees_other_letters(encoding: str):
    text = f"UPN,Surname,Forename,Date of Birth\r\n{A},Zoë,C,2015-02-03\r\n"
    assert view_of(text.encode(encoding), basis()) == (text.encode(), ())
    register = sample("attendance", "xml-strings").decode()
    register = register[register.index("?>") + 2 :].lstrip()
    view, left_out = view_for("education-welfare", register.encode(encoding))
    assert (view[:5], left_out) == (b"<?xml", ())
    assert view.decode().count("<Pupil>") == register.count("<Pupil>")


@pytest.mark.parametrize(
    "name", [HIDDEN.decode("utf-16-le"), "Brav\u043e", "\u0412\u0440\u0430\u0432\u043e", "\u5965"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_a_name_in_letters_of_another_script_is_in_no_view(encoding: str, name: str):
    """Also where one letter alone is of another: it may look like one of ours."""
    head = "UPN,Surname,Forename,Date of Birth\r\n"
    data = f"{head}{A},{name},C,2015-02-03\r\n{C},Zoë,D,2015-02-04\r\n".encode(encoding)
    view, left_out = view_of(data, basis())
    assert [row[1] for row in rows(view)] == ["Surname", "", "Zoë"]
    assert HIDDEN not in view
    assert left_out == (WITHHELD,)
