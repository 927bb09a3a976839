"""A file that is not what its sender means gets a sentence of its own, and good advice."""

import io
import zipfile
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from stdnum.gb.upn import calc_check_digit

from gateway.model import Classified, ContentRefused, Decision, ProviderKind
from tests.classify import made
from tests.corpus.benign import NOVEMBER, Columns, Pupil, born, csv, forename, of, rows, surname, upn
from tests.corpus.benign.core import sheet
from tests.corpus.benign.results import GOALS, WHO, goals
from tests.corpus.books import with_member
from tests.corpus.corpus import judged
from tests.views.making import view_for

TAKE_OUT = "Take that out of the next export."
NOTHING = "Nothing needs doing."
SUMMER = "2026-06-22T12:00"


def decided(content: bytes, sender: ProviderKind | str = "school", on: str = NOVEMBER) -> Decision:
    """The decision on a file."""
    when = datetime.fromisoformat(on).replace(tzinfo=ZoneInfo("Europe/London"))
    return judged(content, "file", sender, when)[1]  # type: ignore[arg-type] - decide() refuses any other


def told(decision: Decision) -> dict[str, str]:
    """The sentences of a decision, by their codes."""
    return {reason.code: reason.sentence for reason in decision.reasons}


def steps(decision: Decision) -> set[str]:
    """The next steps of a decision."""
    return {reason.next_step for reason in decision.reasons}


def renamed(columns: Columns, old: str, new: str) -> Columns:
    """The same columns, one of them with another head."""
    return {new if head == old else head: value for head, value in columns.items()}


def test_all_early_learning_goals_are_in_the_view_under_the_heads_of_a_tracker() -> None:
    content = csv(rows(goals(GOALS), year=1))
    assert list(told(decided(content, on=SUMMER))) == ["policy:allowed"]
    view, _ = view_for("early-years", content, "school")
    head = view.decode().splitlines()[0]
    assert [goal for goal in GOALS if goal not in head] == []


@pytest.mark.parametrize(
    ("columns", "head", "year", "lacking"),
    [
        (goals(GOALS), "Number", 1, "1 of 17 early learning goals"),
        (
            {**WHO, "Phonics Outcome": of("WA", "WT"), "Phonics Mark": of("34", "21")},
            "Phonics Mark",
            2,
            "1 of 1",
        ),
        (
            {**WHO, "Reading TA": "EXS", "Writing TA": "WTS", "Maths TA": "EXS", "Science TA": "EXS"},
            "Writing TA",
            3,
            "1 of 4 teacher assessments",
        ),
    ],
)
def test_a_return_that_lacks_what_stands_in_a_strange_column_waits(
    columns: Columns, head: str, year: int, lacking: str
) -> None:
    position = list(columns).index(head) + 1
    decision = decided(csv(rows(renamed(columns, head, "Gwrdd"), year=year)), on=SUMMER)
    assert type(decision).__name__ == "Held"
    assert list(told(decision)) == ["policy:return-incomplete"]
    assert lacking in told(decision)["policy:return-incomplete"]
    assert f"column {position}" in told(decision)["policy:return-incomplete"]
    assert not any("Take that out" in step for step in steps(decision))


@pytest.mark.parametrize(
    ("known", "strange", "what"),
    [
        ("<Result>2</Result>", "<Lefel>2</Lefel>", "17 of 17 early learning goals"),
        ("Surname>", "Cyfenw>", "all of Pupil: Surname"),
    ],
)
def test_a_common_transfer_file_that_lacks_what_stands_in_a_strange_element_waits(
    known: str, strange: str, what: str
) -> None:
    content = made.ctf(made.pupil(made.Child(n), made.EYFS) for n in range(9))
    content = content.replace(known, strange)
    decision = decided(content.encode(), on=SUMMER)
    assert type(decision).__name__ == "Held"
    assert what in told(decision)["policy:return-incomplete"]
    assert "element" in told(decision)["policy:return-incomplete"]


def test_a_column_that_nobody_understands_need_not_be_taken_out() -> None:
    decision = decided(csv(rows({**WHO, "Year": "4", "Gwrdd": of("Red Hen", "Blue Tit")})))
    assert "policy:unlisted-left-out" in told(decision)
    assert TAKE_OUT not in steps(decision)


def test_pupils_with_figures_that_nobody_understands_are_not_taken_for_core_data() -> None:
    decision = decided(csv(rows({**WHO, "Year": "1", "Gwrdd": of("34", "21")}, year=2)))
    assert list(told(decision)) == ["classify:unknown"]


def test_what_another_flow_of_the_sender_carries_need_not_be_taken_out() -> None:
    decision = decided(csv(rows({**WHO, "Year": "4", "Centre Number": "54321"})))
    assert "policy:unlisted-left-out" in told(decision)
    assert TAKE_OUT not in steps(decision)


def test_what_no_flow_of_the_sender_carries_is_to_be_taken_out() -> None:
    decision = decided(csv(rows({**WHO, "Year": "4", "Residual": of("1.5", "-0.5")})))
    assert "policy:unlisted-take-out" in told(decision)
    assert TAKE_OUT in steps(decision)


def test_an_item_of_another_flow_of_the_sender_need_not_be_taken_out() -> None:
    decision = decided(csv(rows({**WHO, "Year": "4", "Former Surname": "Brown"})))
    assert "Former names" in told(decision)["policy:items-elsewhere"]
    assert "policy:items-outside" not in told(decision)
    assert TAKE_OUT not in steps(decision)


CLASS: Columns = {
    "UPN": upn,
    "Surname": surname,
    "Forename": forename,
    "DOB": born(),
    "Gender": "F",
    "Year": lambda p: str(p.year),
}


def test_one_upn_with_two_surnames_is_told() -> None:
    table = rows(CLASS)
    table.append([table[1][0], "Kowalski", *table[1][2:]])
    decision = decided(csv(table))
    assert "1 record" in told(decision)["policy:upn-two-names"].replace("1 records", "1 record")
    assert steps(decision) != {NOTHING}


def test_one_upn_with_one_surname_in_other_letters_is_not_told() -> None:
    table = rows({"UPN": upn, "Surname": surname, "Date": "16/11/2026", "Session": "AM", "Mark": "/"})
    table += [[row[0], str(row[1]).upper(), *row[2:4], "\\"] for row in table[1:]]
    assert "policy:upn-two-names" not in told(decided(csv(table)))


@pytest.mark.parametrize("columns", [CLASS, {k: v for k, v in CLASS.items() if k != "Year"} | {"Class": "A"}])
def test_a_primary_school_that_sends_year_10_is_asked(columns: Columns) -> None:
    decision = decided(csv(rows(columns, year=10)), "oak")
    assert type(decision).__name__ == "Held"
    assert "24 records" in told(decision)["policy:other-phase"]
    assert "policy:other-phase" not in told(decided(csv(rows(columns, year=6)), "oak"))


def test_a_sender_that_is_no_primary_school_may_send_year_10() -> None:
    assert "policy:other-phase" not in told(decided(csv(rows(CLASS, year=10)), "trust"))
    assert "policy:other-phase" not in told(decided(csv(rows(CLASS, year=10)), "school"))


def of_another_authority(p: Pupil) -> str:
    """A UPN that LA 998, which does not exist either, would have given."""
    digits = f"998{p.upn[4:]}"
    return calc_check_digit(digits) + digits


def test_upns_of_another_authority_alone_are_told() -> None:
    strange = {**CLASS, "UPN": of_another_authority}
    decision = decided(csv(rows(strange)), "oak")
    assert "998" in told(decision)["policy:upns-of-other-authority"]
    assert steps(decision) != {NOTHING}
    mixed = [*rows(strange, 20), *rows(CLASS, 1, start=30)[1:]]
    assert "policy:upns-of-other-authority" not in told(decided(csv(mixed), "oak"))
    assert "policy:upns-of-other-authority" not in told(decided(csv(rows(strange, 3)), "oak"))


def test_a_census_seven_years_old_waits() -> None:
    census = made.census_around(made.census_pupil(made.Child(n)) for n in range(12))
    old = census.replace("2026-10-01", "2019-10-03").replace("<Year>2026</Year>", "<Year>2019</Year>")
    decision = decided(old.encode(), on="2026-10-05T12:00")
    assert type(decision).__name__ == "Held"
    assert "3 October 2019" in told(decision)["policy:old-return"]
    assert "policy:old-return" not in told(decided(census.encode(), on="2026-10-05T12:00"))


def test_the_same_is_told_of_a_workbook() -> None:
    assert "policy:other-phase" in told(decided(sheet(rows(CLASS, year=10), above=[]), "oak"))


SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"
STORY = "Ring the office before you use this list because some of the children in it have left us since then"


def with_text(part: str, before: str, text: str) -> bytes:
    """A workbook of a class whose part holds a text before some markup."""
    content = sheet(rows(CLASS), above=[])
    return with_member(content, part, lambda known: known.decode().replace(before, text + before, 1))


def with_page(text: str) -> bytes:
    """A workbook with a header on its pages."""
    return with_text(SHEET, "</worksheet>", f"<headerFooter><oddHeader>{text}</oddHeader></headerFooter>")


@pytest.mark.parametrize(
    "text",
    [
        "&amp;L&amp;D&amp;CPage &amp;P of &amp;N&amp;R&amp;F",
        "&amp;C&amp;&quot;Arial,Bold&quot;&amp;12Class list",
    ],
)
def test_codes_in_the_header_of_a_page_are_no_words(text: str) -> None:
    assert list(told(decided(with_page(text)))) == ["policy:allowed"]


@pytest.mark.parametrize(
    "codes", ["&amp;C", "&amp;C&amp;&quot;Arial,Bold&quot;&amp;12&amp;KFF0000", "&amp;R&amp;B"]
)
def test_words_behind_codes_in_the_header_of_a_page_are_read(codes: str) -> None:
    assert "policy:sensitive" in told(decided(with_page(f"{codes}Child protection plan&amp;R&amp;P")))


def test_a_story_in_the_header_of_a_page_waits() -> None:
    assert "classify:beside-table" in told(decided(with_page(f"&amp;C{STORY}")))


HIDDEN = {
    "phonetic": (SHEET, "</is>", '<rPh sb="0" eb="1"><t>{}</t></rPh>'),
    "number format": (
        STYLES,
        "<fonts",
        '<numFmts count="1"><numFmt numFmtId="190" formatCode="&quot;{}&quot;"/></numFmts>',
    ),
    "condition": (
        SHEET,
        "<pageMargins",
        (
            '<conditionalFormatting sqref="A1"><cfRule type="containsText" priority="1" text="{}">'
            "<formula>TRUE</formula></cfRule></conditionalFormatting>"
        ),
    ),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_what_is_shown_instead_of_a_cell_is_told_and_in_no_view(where: str) -> None:
    part, before, text = HIDDEN[where]
    quiet = with_text(part, before, text.format("x"))
    assert list(told(decided(quiet))) == ["policy:allowed"]
    wordy = with_text(part, before, text.format("rang grandmother twice"))
    assert "what cells are shown as" in told(decided(wordy))["policy:unlisted-left-out"]
    view, _ = view_for("central-data-team", wordy, "school")
    assert b"grandmother" not in b"".join(open_archive(view))
    assert "policy:sensitive" in told(decided(with_text(part, before, text.format("child protection plan"))))


def open_archive(content: bytes) -> list[bytes]:
    """The parts of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


SESSIONS: Columns = {
    "UPN": upn,
    "Surname": surname,
    "Possible": "118",
    "Present": "110",
    "Illness": of("3", ""),
}


def test_sessions_of_illness_are_attendance_and_a_remark_in_other_files() -> None:
    assert list(told(decided(csv(rows(SESSIONS))))) == ["policy:allowed"]
    assert "policy:sensitive" in told(decided(csv(rows(SESSIONS | {"Illness": of("", "epilepsy")}))))
    for heading in ("Illness", "Illness (I)"):
        assert "policy:sensitive" in told(decided(csv(rows(CLASS | {heading: of("1", "0")}))))


@pytest.mark.parametrize(
    "outcomes",
    [("Met standard", "Not met standard"), ("Met expected standard", "Did not meet expected standard")],
)
def test_outcomes_of_the_phonics_check_in_words_are_such(outcomes: tuple[str, str]) -> None:
    columns = {**WHO, "Phonics Mark": of("34", "21"), "Phonics Outcome": of(*outcomes)}
    assert list(told(decided(csv(rows(columns, year=1)), on=SUMMER))) == ["policy:allowed"]


def test_early_learning_goals_are_known_by_their_initials() -> None:
    initials = (
        "CL LAU,CL S,PSED SR,PSED MS,PSED BR,PD GM,LIT C,LIT WR,LIT W,MAT N,MAT NP,UTW PP,UTW PCC,UTW NW"
    )
    columns = goals([*initials.split(","), "PD FM", "EAD CM", "EAD BIE"])
    assert list(told(decided(csv(rows(columns, year=1)), on=SUMMER))) == ["policy:allowed"]


RESULTS: Columns = {
    "UPN": upn, "Surname": surname, "Forename": forename, "Level": "GCSE", "Subject": "Mathematics",
    "Grade": of("6", "4"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "on", "until"),
    [
        # November's come out on 14 January 2027. A review of summer's marks may end in the week before.
        ({"Season": "June", "Year": "2026"}, "2027-01-13T12:00", None),
        ({"Series": "Summer 2026"}, "2027-01-13T12:00", None),
        ({"Series": "June", "Result Year": of("2026", "")}, "2027-01-13T12:00", "14 January 2027"),
        ({"Series": "2026/27 Summer"}, "2027-01-13T12:00", "14 January 2027"),
        ({"Year": "2026"}, "2027-01-13T12:00", "14 January 2027"),
        ({"Series": of("Nov-26", "June 2026")}, "2027-01-13T12:00", "14 January 2027"),
        ({"Series": of("Nov-25", "June 2026")}, "2027-01-13T12:00", None),
        ({"Series": "November 2026"}, "2027-01-14T08:00", None),
        ({"Academic Year": "2026/27"}, "2027-01-13T12:00", "14 January 2027"),
        ({"Academic Year": "2026/27"}, "2027-01-14T08:00", None),
        ({"Academic Year": "2026/27"}, "2027-06-02T12:00", "19 August 2027"),
        ({"Result Series": "6G", "Result Year": "2027"}, "2027-08-18T12:00", "19 August 2027"),
    ],
)  # fmt: skip
def test_results_wait_for_the_day_of_the_series_that_they_state(
    said: Columns, on: str, until: str | None
) -> None:
    decision = decided(csv(rows(RESULTS | said, year=12)), on=on)
    assert type(decision).__name__ == ("Held" if until else "Accepted")
    assert not until or until in told(decision)["policy:embargo"]


@pytest.mark.parametrize("grade", ["6", "A"])
def test_a_primary_school_that_sends_examination_results_is_asked(grade: str) -> None:
    columns = RESULTS | {"Level": "" if grade == "A" else "GCSE", "Grade": grade, "Year": "2026"}
    assert "24 records" in told(decided(csv(rows(columns, year=11)), "oak"))["policy:other-phase"]


@pytest.mark.parametrize(
    ("columns", "above"),
    [
        (RESULTS | {"Level": of("HL", "SL")}, []),
        (RESULTS | {"Level": "", "Subject": "Mathematics AA HL"}, []),
        (RESULTS | {"Level": ""}, [["International Baccalaureate results, May 2026"], []]),
    ],
)
def test_results_of_the_international_baccalaureate_are_none_of_gcse(
    columns: Columns, above: list[list[object]]
) -> None:
    decision = decided(csv(rows(columns, year=13), above=above))
    assert list(told(decision)) == ["classify:outside-agreement"]


PLACED = {
    "AP provider URN": "131234",
    "Placement start date": "07/09/2026",
    "Sessions per week": of("4", "10"),
}
BASELINE = {"RBA Maths score": of("12", "9"), "RBA LCL score": of("10", "8")}
AIMS = {
    "ULN": "",
    "QAN": "60312345",
    "Learning Aim Title": "A Level Maths",
    "Start Date": "07/09/2026",
    "Core Aim": "Y",
}
ENTRIES = {"Season": "Summer 2027", "Entry Code": of("8300", "8700"), "Title": "Mathematics", "Tier": "H"}
VOCATIONAL = {"Qualification": "BTEC National", "Subject": "Sport", "Grade": of("D*", "D", "P")}
T_LEVEL = {
    "T Level": "Digital Production",
    "Core Component Grade": of("A", "B"),
    "Occupational Specialism Grade": of("Merit", "Pass"),
}


@pytest.mark.parametrize(
    ("columns", "year", "kind", "step"),
    [
        ({**WHO, **PLACED, "Attendance pattern": "PT"}, 9, "alternative provision", "your school census"),
        ({**WHO, **BASELINE}, 0, "reception baseline", "assessment service"),
        ({**WHO, **AIMS}, 13, "learning aims", "autumn school census"),
        ({**WHO, **ENTRIES}, 11, "examination entries", "The agreement asks for results"),
        ({**WHO, **T_LEVEL}, 14, "T Level results", "the overall grades alone"),
        ({"UPN": upn, "Universal Hours": "15", "30 Hours Code": "1"}, 0, "early years", "early years team"),
        ({"UPN": upn, "EHCP Issue Date": "01/09/2026", "Request Date": "01/09/2025"}, 9, "plans", "SEN team"),
        ({"UPN": upn, "Intended Destination": "College"}, 11, "after year 11", "central data team"),
        ({"UPN": upn, "Bus Route": "7", "Bus Stop": "Elm Road"}, 8, "transport", "admissions and"),
        ({"UPN": upn, "Destination": "Elm College"}, 11, "next destinations", "Common Transfer File"),
        ({"UPN": upn, "Reception Baseline Narrative": "Counts to ten"}, 0, "baseline", "assessment service"),
        ({"UPN": upn, "1st Preference": "Elm School", "2nd Preference": "Oak"}, 6, "preferences", "parents"),
        ({**WHO, "Year": "6", "School Applied For": "Oak"}, 6, "preferences", "parents"),
        ({"Surname": surname, "DOB": born(), "Parent NI Number": ""}, 6, "eligibility", "service itself"),
        ({"UPN": upn, "Attendance %": "88.1", "Persistently Absent": "Y"}, 8, "rates", "attendance export"),
        ({"UPN": upn, "Club": of("Chess", "Choir"), "Surname": of("Foster")}, 8, "own use", "need not send"),
        ({"UPN": upn, "SEN Status": "K", "Need": "MLD", "Intervention": "A"}, 8, "register", "core data"),
        ({"UPN": upn, "Surname": surname, "Payroll No": "17"}, 8, "staff", "about pupils"),
        ({"UPN": upn, "Penalty Notice Date": "01/10/2026"}, 8, "penalty", "education welfare"),
        ({"FamilyName": surname, "DateOfBirth": born(), "VerificationType": "1"}, 9, "unique", "Records"),
        ({"LearnRefNumber": "12", "ULN": "", "FundModel": "25", "ProgType": "24"}, 12, "Learner", "Submit"),
        ({**WHO, **VOCATIONAL}, 13, "BTEC", "GCSE and A level: send these"),
        ({"UPN": upn, "BTEC Sport": of("D*", "D", "P"), "Result": ""}, 14, "BTEC", "GCSE and A level"),
        ({"CHILD": "C1", "DOB": born(), "UPN": upn, "MC_DOB": ""}, 9, "Looked After", "makes this return"),
        ({"CHILD": "C1", "DECOM": "01/04/2026", "RNE": "S"}, 9, "Looked After", "makes this return"),
    ],
)  # fmt: skip
def test_what_belongs_elsewhere_says_where(columns: Columns, year: int, kind: str, step: str) -> None:
    decision = decided(csv(rows(columns, year=year)))
    assert kind in told(decision)["classify:outside-agreement"]
    assert any(step in each for each in steps(decision))
    assert set(told(decision)) <= {"classify:outside-agreement", "policy:sensitive"}
    assert not any("Take that out" in each for each in steps(decision))


def test_a_collection_that_nobody_knows_says_where_such_are_loaded() -> None:
    unknown = made.census_around(map(made.census_pupil, made.children()), collection="ASL").encode()
    assert any("the DfE's own service" in each for each in steps(decided(unknown)))


def test_one_heading_of_what_belongs_elsewhere_makes_no_core_data_wait() -> None:
    columns: Columns = {**WHO, "Year": "12", "SEN Status": "N", "Industry placement status": "Not started"}
    decision = decided(csv(rows(columns, year=12)))
    assert "policy:allowed" in told(decision)
    assert any("policy:unlisted" in code for code in told(decision))


@pytest.mark.parametrize("root", ["CCIS", "A2CMessage"])
def test_messages_that_are_not_for_the_authority_say_whose_they_are(root: str) -> None:
    decision = decided(f"<{root}><Learner><Surname>Bell</Surname></Learner></{root}>".encode())
    assert list(told(decision)) == ["classify:outside-agreement"]


def test_vocational_grades_beside_a_levels_are_neither_kind() -> None:
    columns: Columns = {**WHO, "Qualification": of("A Level", "BTEC National"), "Series": "June 2026"}
    content = csv(rows({**columns, "Subject": "Sport", "Grade": of("A", "D*")}, year=13))
    found, decision = judged(content, "file", "school", datetime.fromisoformat(NOVEMBER).astimezone())
    assert list(told(decision)) == ["policy:allowed"]
    assert "0 GCSE and 12 A level results, 12 of neither" in found.evidence


@pytest.mark.parametrize("heading", ["Reason Not Taking", "Reason for not taking the check"])
@pytest.mark.parametrize("reasons", [("", "A"), ("",)])
def test_marks_of_the_multiplication_tables_check_are_known_by_the_reason_for_none(
    heading: str, reasons: tuple[str, ...]
) -> None:
    content = csv(rows({**WHO, "Mark": of("25", "21"), heading: of(*reasons)}, year=4))
    found, _ = judged(content, "file", "school", datetime.fromisoformat(NOVEMBER).astimezone())
    assert isinstance(found, Classified)
    assert (found.data_type, found.unlisted) == ("ks2", ())


def test_the_first_day_and_the_sessions_of_a_suspension_are_known_as_systems_head_them() -> None:
    columns: Columns = {**WHO, "Exclusion Type": "Suspension", "Exclusion Reason": "PP"}
    columns |= {"Date exclusion started": "01/10/2026", "Exclusion Start Session": "AM"}
    decision = decided(csv(rows({**columns, "Exclusion End Session": "PM"}, year=8)))
    assert list(told(decision)) == ["policy:allowed"]


def test_a_percentage_and_the_sessions_missed_are_attendance() -> None:
    columns: Columns = {"UPN": upn, "Surname": surname, "Year": "8", "% Attendance": of("96.1", "88.0")}
    assert list(told(decided(csv(rows({**columns, "Sessions Missed": "4"}, year=8))))) == ["policy:allowed"]


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("CAT4 Verbal SAS", "104"), ("NGRT Stanine", "104"), ("Standardised Age Score", "104"),
        ("Reading Age", "9.02"), ("Maths Level", "5a"), ("KS3 Science", "6b"), ("Writing TA", "EXS"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", [{"UPN": upn}, WHO], ids=["UPN", "WHO"])
def test_assessments_of_other_kinds_are_told_as_these(who: Columns, heading: str, value: str) -> None:
    decision = decided(csv(rows({**who, heading: value}, year=8)))
    assert "classify:other-assessments" in told(decision), told(decision)


@pytest.mark.parametrize("grades", [("5", "4", "7"), ("A", "B", "C")])
@pytest.mark.parametrize("on", [NOVEMBER, SUMMER])
def test_grades_one_a_row_of_pupils_too_young_for_the_examination_are_no_results(
    grades: tuple[str, ...], on: str
) -> None:
    columns: Columns = {**WHO, "Year": "8", "Subject": of("Mathematics", "History"), "Grade": of(*grades)}
    assert "classify:other-assessments" in told(decided(csv(rows(columns, year=8)), on=on))
    born_on = {**columns, "Year": "", "DOB": born()}
    assert "classify:other-assessments" in told(decided(csv(rows(born_on, year=8)), on=on))
    assert list(told(decided(csv(rows({**columns, "Year": "11"}, year=11)), on="2026-09-10T12:00"))) == [
        "policy:allowed"
    ]


@pytest.mark.parametrize("forms", [("8B",), ("Y9 Set 2",), ("07.1/Ma",), ("8B", "10A"), ("9C", "11A")])
def test_grades_of_forms_too_young_for_the_examination_are_no_results(forms: tuple[str, ...]) -> None:
    pupils: Columns = {"UPN": upn, "Surname": surname, "Forename": forename, "Reg": of(*forms)}
    for grades in ({"English": of("4", "5"), "Maths": "6"}, {"Subject": "Maths", "Grade": of("4", "5")}):
        young = decided(csv(rows({**pupils, **grades}, year=8)), on=NOVEMBER)
        assert "classify:other-assessments" in told(young), told(young)
        old = decided(csv(rows({**pupils, **grades, "Reg": "11B"}, year=11)), on=NOVEMBER)
        assert "classify:other-assessments" not in told(old)


@pytest.mark.parametrize(
    ("series", "year"), [("Autumn 2026", "10"), ("June 2026", "8"), ("Data drop 1", "10")]
)
def test_a_series_that_is_none_of_examinations_makes_no_results_of_early_grades(
    series: str, year: str
) -> None:
    columns: Columns = {**WHO, "Year": year, "Series": series, "Qualification": "GCSE", "Subject": "Maths"}
    decision = decided(csv(rows({**columns, "Grade": of("5", "4")}, year=int(year))))
    assert "classify:other-assessments" in told(decision)


def test_a_rehearsal_says_which_grades_are_no_results_as_the_receipt_does() -> None:
    columns: Columns = {
        "UPN": upn,
        "Surname": surname,
        "Year": "8",
        "Subject": "History",
        "Grade": of("5", "4"),
    }
    content = csv(rows(columns, year=8))
    found, decision = judged(content, "file", "school", datetime.fromisoformat(NOVEMBER).astimezone())
    assert isinstance(found, ContentRefused)
    assert f"({found.about})" in told(decision)["classify:other-assessments"]


def test_who_was_absent_from_the_phonics_check_by_a_grade_waits_for_no_results_day() -> None:
    columns: Columns = {**WHO, "Year": "1", "Phonics Score": of("34", "21", ""), "Grade": of("", "", "A")}
    decision = decided(csv(rows(columns, year=1)), on=SUMMER)
    assert list(told(decision)) == ["policy:allowed"]


@pytest.mark.parametrize("grades", [("A", "B", "C"), ("5", "4", "7"), ("WA", "WT", "8")])
def test_grades_of_something_else_beside_the_phonics_check_wait_and_are_in_no_view(
    grades: tuple[str, ...],
) -> None:
    for year in ({}, {"Year": "1"}):
        content = csv(rows({**WHO, **year, "Phonics Mark": of("34", "21"), "Grade": of(*grades)}, year=1))
        assert "classify:other-assessments" in told(decided(content, on=SUMMER))
        view, _ = view_for("central-data-team", content)
        assert b"Phonics Mark" in view
        assert b"Grade" not in view
    reading = {**WHO, "Year": "1", "Phonics Mark": of("34", "21"), "Reading Grade": of(*grades)}
    assert "classify:other-assessments" in told(decided(csv(rows(reading, year=1)), on=SUMMER))


@pytest.mark.parametrize("year", ["2", ""])
def test_optional_tests_of_key_stage_1_are_not_told_as_key_stage_2(year: str) -> None:
    scores: Columns = {"Reading Scaled Score": of("101", "97"), "Maths Scaled Score": "99"}
    columns: Columns = {**WHO, "Year": year, "DOB": born(), **scores}
    assert list(told(decided(csv(rows(columns, year=2))))) == ["classify:other-assessments"]
    assert list(told(decided(csv(rows({**columns, "Year": "6"}, year=6))))) == ["policy:assessment"]


def test_the_expected_standard_is_no_prediction() -> None:
    columns: Columns = {**WHO, "Reading scaled score": "101", "Maths scaled score": "99"}
    columns = {**columns, "Reading expected standard": of("AS", "NS"), "GPS expected standard": "AS"}
    assert list(told(decided(csv(rows(columns, year=6))))) == ["policy:assessment"]


def test_results_of_a_stated_series_are_results_in_forms_of_all_ages() -> None:
    columns: Columns = {"UPN": upn, "Surname": surname, "Forename": forename, "Reg": of("9 Oak", "7 Oak")}
    grades: Columns = {
        "Qualification": "GCSE",
        "Subject": of("Mathematics", "History"),
        "Grade": of("5", "4"),
    }
    assert "classify:other-assessments" in told(decided(csv(rows({**columns, **grades}, year=11))))
    decision = decided(csv(rows({**columns, **grades, "Series": "June 2026"}, year=11)))
    assert list(told(decision)) == ["policy:allowed"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("Start date of part-time timetable", "End date"),
        ("Planned start date of reduced timetable", "Planned end date"),
        ("Number of days of sickness absence (code I)", "End date"),
        ("Date part-time timetable commenced", "End date"),
        ("Date pupil removed from roll", "New start date"),
        ("Date placed on admission register", "End date"),
        ("Home educated from", "End date"),
        ("EHE date", "End date"),
        ("Date of withdrawal for EHE", "End date"),
    ],
)
def test_a_return_by_law_in_the_headings_of_forms_is_no_core_data(start: str, end: str) -> None:
    columns: Columns = {**WHO, "Year": "8", "SEN Status": "K", start: "02/11/2026", end: "18/12/2026"}
    assert list(told(decided(csv(rows(columns, year=8, count=5))))) == ["classify:law-return"]


def test_suspensions_without_a_category_are_no_core_data() -> None:
    columns: Columns = {
        **CLASS,
        "Suspension start": "02/11/2026",
        "Suspension end": "04/11/2026",
        "Reason": of("DB", "PA"),
    }
    found, decision = judged(
        csv(rows(columns)), "file", "school", datetime.fromisoformat(NOVEMBER).astimezone()
    )
    assert isinstance(found, Classified)
    assert (found.data_type, type(decision).__name__) == ("exclusions", "Accepted")
    notice = csv(rows({**columns, "Parents informed on": "02/11/2026"}))
    assert list(told(decided(notice))) == ["classify:law-return"]
