"""classify(): what the plainest file of each kind is, and what is none."""

from io import BytesIO

import pytest

from gateway.classify import Rules
from gateway.classify import classify as classify_content
from gateway.classify.content import Source, Unreadable, text_chunks
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from tests.classify import made
from tests.classify.cases import MIXED_JCQ, TABLES, TEXTS, XML
from tests.classify.conftest import Classify


def classified(found: Classified | ContentRefused) -> Classified:
    assert isinstance(found, Classified), found
    return found


@pytest.mark.parametrize(("text", "data_type"), TEXTS.values(), ids=TEXTS)
def test_every_kind_is_what_it_is(classify: Classify, text: str, data_type: str) -> None:
    assert classified(classify(text.encode())).data_type == data_type


@pytest.mark.parametrize("case", [*XML, *TABLES], ids=lambda case: case.name)
def test_every_pupil_is_counted_once(classify: Classify, case) -> None:
    expected = case.count if case in XML else case.pupils
    assert classified(classify(case.text().encode())).pupils == expected


@pytest.mark.parametrize(("text", "data_type"), TEXTS.values(), ids=TEXTS)
def test_evidence_holds_nothing_of_the_pupils(classify: Classify, text: str, data_type: str) -> None:
    said = repr(classify(text.encode()))
    assert not any(child.upn in said or child.surname in said for child in made.children())


def test_a_census_of_pupils_who_left_counts_them_too(classify: Classify) -> None:
    some, others = made.children(8), made.children(12)[8:]
    left = [made.census_pupil(c, "PupilNoLongerOnRoll") for c in others]
    text = made.census_around([made.census_pupil(c) for c in some], left)
    assert classified(classify(text.encode())).pupils == 12


def test_several_stages_with_a_descriptor_are_not_a_leaver(classify: Classify) -> None:
    pupils = [made.pupil(c, made.KS2 + made.KS1) for c in made.children(2)]
    pupils += [made.pupil(c, made.KS2) for c in made.children(10)[2:]]
    text = made.ctf(pupils, descriptor="Partial CTF containing Key Stage 2 data")
    found = classified(classify(text.encode()))
    assert (found.data_type, found.runner_up) == ("ks2", "ks1")


@pytest.mark.parametrize(("descriptor", "data_type"), [("Key Stage 1", "ks1"), ("Key Stage 2", "ks2")])
def test_a_descriptor_breaks_a_tie(classify: Classify, descriptor: str, data_type: str) -> None:
    pupils = [made.pupil(made.Child(1), made.KS1), made.pupil(made.Child(2), made.KS2)]
    found = classified(classify(made.ctf(pupils, descriptor=descriptor).encode()))
    assert found.data_type == data_type


def test_a_descriptor_that_disagrees_lowers_the_level(classify: Classify) -> None:
    text = made.ctf([made.pupil(c, made.KS1) for c in made.children()], descriptor="phonics check data")
    found = classified(classify(text.encode()))
    assert (found.data_type, found.level, found.runner_up) == ("ks1", "moderate", "phonics")


def test_the_key_stage_may_stand_behind_its_assessments(classify: Classify) -> None:
    inside = made.KS1.replace("<Stage>KS1</Stage>", "").replace(
        "</KeyStage>", "<Stage>KS1</Stage></KeyStage>"
    )
    found = classified(classify(made.ctf(made.pupil(c, inside) for c in made.children()).encode()))
    assert (found.data_type, found.findings) == ("ks1", ())


def test_assessments_without_a_result_are_assessments(classify: Classify) -> None:
    inside = made.KS1.replace("<Result>EXS</Result>", "").replace("<Result>WTS</Result>", "")
    inside = inside.replace("<Result>GDS</Result>", "")
    assert "<Result>" not in inside
    found = classified(classify(made.ctf(made.pupil(c, inside) for c in made.children()).encode()))
    assert (found.data_type, found.other_items) == ("ks1", ("Results of key stage assessments",))


@pytest.mark.parametrize(("length", "headings"), [(20, []), (21, ["StageAssessment Method/text"])])
def test_a_long_word_in_an_assessment_is_no_code(
    classify: Classify, length: int, headings: list[str]
) -> None:
    inside = made.KS1.replace("<Method>TA</Method>", f"<Method>{'T' * length}</Method>", 1)
    found = classified(classify(made.ctf(made.pupil(c, inside) for c in made.children()).encode()))
    assert [one.header for one in found.unlisted] == headings


@pytest.mark.parametrize(("content", "other"), [(MIXED_JCQ, None), (None, ["A*", "9", "8"])])
def test_results_of_both_kinds_name_both(classify: Classify, content, other) -> None:
    text = content or made.as_csv(made.result_rows(other))
    found = classified(classify(text.encode()))
    assert (found.data_type, found.mixed_with) == ("gcse-results", "a-level-results")


def test_results_that_do_not_tell_are_ambiguous(classify: Classify) -> None:
    found = classify(made.as_csv(made.result_rows(["U", "X"])).encode())
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:ambiguous"


@pytest.mark.parametrize(("year", "data_type"), [("2", "ks1"), ("6", "ks2")])
def test_teacher_assessments_go_by_the_year_group(classify: Classify, year: str, data_type: str) -> None:
    assert classified(classify(_assessed(year).encode())).data_type == data_type


@pytest.mark.parametrize("heads", [("WRITTAOUTCOME", "SCITAOUTCOME"), ("KS2 Writing TA", "KS2 Science TA")])
@pytest.mark.parametrize("more", [{}, {"Year": "6", "Class": "6A"}], ids=["alone", "with the class"])
def test_what_a_school_assesses_itself_at_key_stage_2_is_no_core_data(
    classify: Classify, heads: tuple[str, str], more: dict[str, str]
) -> None:
    head = ",".join(["UPN,Surname,Forename,DOB,Sex", *more, *heads])
    table = made.table(
        head, lambda c: [c.upn, c.surname, c.forename, c.born, c.sex, *more.values(), "EXS", "GDS"], 12
    )
    assert classified(classify(made.as_csv(table).encode())).data_type == "ks2"


@pytest.mark.parametrize(
    ("head", "record", "named"),
    [
        ("Date,Mark,From,To", "20/11/2026,/,08:50,09:10", ["From", "To"]),
        ("Date,Mark,Start,End", "20/11/2026,/,08:50,09:10", ["Start", "End"]),
        ("DOB,Sex,Year,From,To", "01/09/2016,F,4,Oak Infants,Elm Juniors", ["From", "To"]),
        ("DOB,Sex,Year,From,To", "01/09/2016,F,4,01/09/2020,31/08/2027", []),
        ("DOB,Sex,Year,From,To", "01/09/2016,F,4,-,N/A", ["From", "To"]),
        ("DOB,Sex,Year,From,To", "01/09/2016,F,4,Oak Infants,-", ["From", "To"]),
        ("DOB,Sex,Year,Zebra", "01/09/2016,F,4,-", ["Zebra"]),
        ("DOB,Sex,Year,Start Date", "01/09/2016,F,4,Oak Infants", []),
        ("DOB,Year,From,To", "01/09/2016,4,9992001,9992002", ["From", "To"]),
        ("DOB,Year,From,To", "01/09/2016,4,2024,2025/26", ["From", "To"]),
    ],
)
def test_times_and_schools_below_from_and_to_are_no_wrong_days(
    classify: Classify, head: str, record: str, named: list[str]
) -> None:
    table = made.table(
        f"UPN,Surname,Forename,{head}", lambda c: f"{c.upn},{c.surname},{c.forename},{record}", 12
    )
    found = classified(classify(made.as_csv(table).encode()))
    assert [each.header for each in found.unlisted] == named
    assert [each.code for each in found.findings] == ["date:malformed"] * head.endswith("Start Date")


@pytest.mark.parametrize(("value", "told"), [("Bullying", True), ("Theft", False)])
def test_a_code_of_suspensions_tells_of_a_pupil_in_core_data(
    classify: Classify, value: str, told: bool
) -> None:
    rows = [[*row, value if place else "Primary Reason"] for place, row in enumerate(made.core_rows())]
    found = classified(classify(made.as_csv(rows).encode()))
    assert (found.data_type, [bool(each.topic) for each in found.unlisted]) == ("student-core", [told])


def test_suspensions_with_sessions_below_start_lack_their_day(classify: Classify) -> None:
    head = "UPN,Surname,Forename,Exclusion Category,Exclusion Reason,Start,End"
    table = made.table(head, lambda c: f"{c.upn},{c.surname},{c.forename},SUSP,PP,AM,PM", 12)
    found = classified(classify(made.as_csv(table).encode()))
    assert (found.data_type, [each.header for each in found.unlisted]) == ("exclusions", ["Start", "End"])
    assert [(each.code, each.count) for each in found.findings] == [("item:missing", 12)]


def test_what_is_right_elsewhere_tells_in_any_row(classify: Classify) -> None:
    head = "UPN,Surname,Forename,DOB,Sex,Year,FSM,Reason"
    table = made.table(head, lambda c: f"{c.upn},{c.surname},{c.forename},01/09/2016,F,4,N,DB", 3000)
    table[2900][-1] = "Bullying"
    (told,) = classified(classify(made.as_csv(table).encode())).unlisted
    assert told.topic == "behaviour"


def test_earlier_results_of_new_pupils_are_core_data(classify: Classify) -> None:
    head = "UPN,Surname,Forename,DOB,Year,FSM,Reading Scaled Score,Maths Scaled Score"
    table = made.table(head, lambda c: [c.upn, c.surname, c.forename, c.born, "7", "N", "104", "99"], 12)
    assert classified(classify(made.as_csv(table).encode())).data_type == "student-core"


@pytest.mark.parametrize(
    ("head", "record", "data_type"),
    [
        (
            "Sessions Possible,Sessions Attended,Authorised Absence,Unauthorised Absence",
            "120,110,8,2",
            "attendance",
        ),
        ("Category,Reason,Start Date,End Date,School Days", "SUSP,PP,05/10/2026,06/10/2026,2", "exclusions"),
        (
            "Candidate Number,Result Series,Result Year,Subject,Grade",
            "4001,Summer,2026,French,7",
            "gcse-results",
        ),
        ("DOB,Year,Reg Group", "{born},7,7B", "student-core"),
        ("DOB,Year", "{born},10", "student-core"),
        ("DOB,Year,KS2 GPS Score", "{born},Year 7,101", "student-core"),
        ("DOB,Year,KS2 GPS Score", "{born},Year 6,101", "ks2"),
        *(
            ("DOB,Year,KS2 GPS Score", f"{{born}},{year},101", "ks2")
            for year in ("Yr 6", "Yr6", "6A", "Year Six")
        ),
        ("DOB,KS2 GPS Score", "{born},101", "ks2"),
        ("DOB,Reg Group", "{born},8C", "student-core"),
        ("KS4_ATT8,KS4_P8SCORE,KS4_EBACC_94", "45.5,0.12,1", "ks4"),
        ("Phonics_PHONICS_MARK,Phonics_PHONICS_OUTCOME", "35,WA", "phonics"),
    ],
)
def test_two_earlier_results_beside_other_data_do_not_decide(
    classify: Classify, head: str, record: str, data_type: str
) -> None:
    table = made.table(
        f"UPN,Surname,Forename,{head},KS2 Reading Score,KS2 Maths Score",
        lambda c: f"{c.upn},{c.surname},{c.forename},{record.format(born=c.born)},104,99",
        12,
    )
    assert classified(classify(made.as_csv(table).encode())).data_type == data_type


@pytest.mark.parametrize(
    ("heading", "data_type"),
    [("FormMark", "ks2"), ("MTC Score", "ks2"), ("Multiplication Tables Check", "ks2"), ("Reading", None)],
)
def test_marks_beside_one_item_of_core_data_make_no_core_data(
    classify: Classify, heading: str, data_type: str | None
) -> None:
    table = made.table(
        f"UPN,Surname,Forename,DOB,Sex,{heading}",
        lambda c: f"{c.upn},{c.surname},{c.forename},{c.born},F,{int(c.upn[-2:]) % 26}",
        12,
    )
    assert getattr(classify(made.as_csv(table).encode()), "data_type", None) == data_type


@pytest.mark.parametrize(
    ("head", "record", "data_type"),
    [
        ("DOB,Sex,NC Yr", "2017-03-04,F,4", "student-core"),
        ("DOB,Sex,Date Off Roll", "2017-03-04,F,2026-11-20", "student-core"),
        ("Attainment 8 estimate,English Language estimate", "50.2,5", "fft-aspire"),
        ("Qualification,Subject,Grade", "T Level,Digital Production,Merit", "a-level-results"),
        ("Series,Qualification,Subject,Grade", "6G,GCSE,Science,E3", "gcse-results"),
    ],
)
def test_headings_and_names_in_use_are_known(
    classify: Classify, head: str, record: str, data_type: str
) -> None:
    table = made.table(
        f"UPN,Surname,Forename,{head}", lambda c: f"{c.upn},{c.surname},{c.forename},{record}", 12
    )
    found = classified(classify(made.as_csv(table).encode()))
    assert (found.data_type, found.unlisted, found.findings) == (data_type, (), ())


@pytest.mark.parametrize("heading", ["Sessions Possible", "Total Sessions"])
def test_core_data_may_say_how_many_sessions_there_were(classify: Classify, heading: str) -> None:
    table = made.table(
        f"UPN,Surname,Forename,DOB,Year,Reg Group,Address,{heading}",
        lambda c: f"{c.upn},{c.surname},{c.forename},{c.born},5,5B,1 High St,120",
        12,
    )
    found = classified(classify(made.as_csv(table).encode()))
    assert (found.data_type, found.unlisted) == ("student-core", ())


def test_teacher_assessments_of_no_year_are_ambiguous(classify: Classify) -> None:
    found = classify(_assessed("").encode())
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:ambiguous"


@pytest.mark.parametrize("name", ["KS1 autumn.csv", "ks2.csv", "KS2.CSV.pgp"])
def test_the_name_of_a_file_breaks_a_tie_and_is_told(classify: Classify, name: str) -> None:
    found = classified(classify(_assessed("").encode(), name))
    assert found.data_type == name[:3].lower()
    assert any(line.endswith("its content fits ks1 and ks2 equally") for line in found.evidence)
    of_year_2 = classified(classify(_assessed("2").encode(), name))
    assert (of_year_2.data_type, "equally" in " ".join(of_year_2.evidence)) == ("ks1", False)


@pytest.mark.parametrize("name", ["phonics.csv", "EYFSP.csv", "marks.csv", "data.csv"])
def test_a_name_says_nothing_between_other_kinds(classify: Classify, name: str) -> None:
    assert classify(_assessed("").encode(), name).code == "classify:ambiguous"


def test_results_that_a_name_tells_wait_for_the_later_release(classify: Classify) -> None:
    results = made.as_csv(made.result_rows(["U", "X"])).encode()
    found = classified(classify(results, "A-level results.csv"))
    assert (found.data_type, found.mixed_with) == ("a-level-results", "gcse-results")
    found = classified(classify(results, "GCSE.csv"))
    assert (found.data_type, found.mixed_with) == ("gcse-results", "a-level-results")


def _assessed(year: str) -> str:
    return made.as_csv(
        made.table(
            "UPN,Surname,Forename,Year,Reading,Writing,Maths",
            lambda c: f"{c.upn},{c.surname},{c.forename},{year},EXS,WTS,GDS",
            12,
        )
    )


@pytest.mark.parametrize(
    ("header", "data_type"),
    [("UPN,Attendance Mark", "attendance"), ("UPN,FFT Benchmark", "fft-aspire")],
)
def test_a_table_of_no_more_than_the_columns_that_its_kind_needs_is_of_it(
    classify: Classify, header: str, data_type: str
) -> None:
    value = {"attendance": "/", "fft-aspire": "5"}[data_type]
    rows = made.table(header, lambda c: f"{c.upn},{value}", 12)
    assert classified(classify(made.as_csv(rows).encode())).data_type == data_type


def test_a_heading_can_decide(classify: Classify) -> None:
    rows = made.table("UPN,Surname,Subject,Estimate", lambda c: f"{c.upn},{c.surname},Maths,5", 12)
    with_heading = [["FFT Aspire student report"], [], *rows]
    assert classified(classify(made.as_csv(with_heading).encode())).data_type == "fft-aspire"
    assert isinstance(classify(made.as_csv(rows).encode()), ContentRefused)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "classify:unknown"),
        (b"UPN,Surname,Forename,DOB,Year,Reg\n", "classify:no-rows"),
        (made.ctf([]).encode(), "classify:unknown"),
        (made.census_around([]).encode(), "classify:unknown"),
        (made.census_around([], collection="").encode(), "classify:unknown"),
        (b"<CTfile><CTFpupilData><Pupil><UPN>", "classify:malformed"),
        (b"junk <?xml version='1.0'?><CTfile/>", "classify:malformed"),
        (b"<?xml version='1.0'?><?xml version='1.0'?><CTfile/>", "classify:malformed"),
        (made.ctf([made.pupil(made.Child(1))]).encode() + b"<CTfile/>", "classify:malformed"),
        (made.jcq(["8300  H9 "], trailer=False).encode(), "classify:malformed"),
        (made.jcq([], letter="E").encode(), "classify:outside-agreement"),
        (b"<ApplicationImport><Pupil/></ApplicationImport>", "classify:outside-agreement"),
        (b"<html><body>hello</body></html>", "classify:document"),
    ],
)
def test_what_is_none_is_refused(classify: Classify, content: bytes, code: str) -> None:
    found = classify(content)
    assert isinstance(found, ContentRefused), found
    assert found.code == code


@pytest.mark.parametrize(("stage", "subject"), [("KS9", "ENG"), ("EYF", "RBA")])
def test_assessments_of_no_known_kind_are_told_with_the_format(
    classify: Classify, stage: str, subject: str
) -> None:
    inside = made.assessments(stage, (subject, "REA", "TA", "NC", "EXS"))
    found = classify(made.ctf(made.pupil(c, inside) for c in made.children()).encode())
    assert isinstance(found, ContentRefused)
    assert found.evidence == ("a Common Transfer File whose assessments are of no known kind",)
    assert (found.format, found.extension) == ("CTF XML", "xml")


@pytest.mark.parametrize(
    ("collection", "kind"),
    [
        ("CIN", "Children in Need census"),
        ("School Workforce Census", "School Workforce Census"),
        ("APC", "Alternative Provision census"),
        ("ILR", "Individualised Learner Record"),
        ("Something", "another DfE collection"),
    ],
)
def test_other_collections_are_outside_the_agreement(classify: Classify, collection: str, kind: str) -> None:
    found = classify(
        made.census_around(map(made.census_pupil, made.children()), collection=collection).encode()
    )
    assert isinstance(found, ContentRefused)
    assert (found.code, found.evidence[0]) == ("classify:outside-agreement", kind)


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("9991234_SC3_999LL26_001.XML", "school-census"),
        ("9991234_FSP_999LLLL_001.xml", "eyfs-profile"),
        ("9991234_CTF_999LLLL_001.xml", None),
        ("R5432170.X01", None),
        ("KS4pu26.csv", "ks4"),
        ("books4sale.csv", None),
    ],
)
def test_a_name_suggests_and_never_decides(classify: Classify, name: str, suggested: str | None) -> None:
    found = classified(classify(TEXTS["ks2-csv"][0].encode(), name))
    assert (found.data_type, found.name_suggests) == ("ks2", suggested)


def test_renaming_changes_nothing(classify: Classify) -> None:
    for text, data_type in TEXTS.values():
        for other in ("KS2.csv", "FFT Aspire.xml", "9991234_PHO_999LLLL_001.xml", "a.jpg"):
            assert classified(classify(text.encode(), other)).data_type == data_type


def test_on_pupil_hears_of_each_pupil(classify: Classify) -> None:
    heard: list[tuple] = []
    elsewhere = made.HISTORY.replace("1234", "4321")
    inside = (
        made.CORE_INSIDE,
        made.HISTORY,
        elsewhere,
        "<BasicDetails><EnrolStatus>S</EnrolStatus></BasicDetails>",
    )
    pupils = [made.pupil(child, text) for child, text in zip(made.children(4), inside, strict=True)]
    classify(made.ctf(pupils).encode(), on_pupils=lambda said, _: heard.extend(said))
    assert [(said[0], str(said[1])) for said in heard] == [(c.upn, c.born) for c in made.children(4)]
    assert [said[3] for said in heard] == [True, False, True, False]


def test_on_pupil_hears_who_is_no_longer_on_roll(classify: Classify) -> None:
    heard: list[tuple] = []
    text = made.census_around(
        [made.census_pupil(made.Child(1))], [made.census_pupil(made.Child(2), "PupilNoLongerOnRoll")]
    )
    classify(text.encode(), on_pupils=lambda said, _: heard.extend(said))
    assert [(said[0], said[3]) for said in heard] == [(made.Child(1).upn, True), (made.Child(2).upn, False)]


def test_on_pupil_hears_of_rows_of_tables(classify: Classify) -> None:
    heard: list[tuple] = []
    rows = made.table(
        "UPN,Former UPN,Surname,Forename,DOB,Year,Enrolment Status",
        lambda c: f"{c.upn},{made.Child(900).upn},{c.surname},{c.forename},{c.born},4,{'CMS'[c.number]}",
        3,
    )
    classify(made.as_csv(rows).encode(), on_pupils=lambda said, _: heard.extend(said))
    assert [said[0] for said in heard] == [c.upn for c in made.children(3)]
    assert {said[2] for said in heard} == {made.Child(900).upn}
    assert [said[3] for said in heard] == [True, True, False]


def test_reading_ends_when_the_time_is_up(rules: Rules) -> None:
    ticks = iter(range(1_000))
    limits = ClassifyLimits(seconds=3)
    content = BytesIO(TEXTS["core-csv"][0].encode())
    found = classify_content(content, "a.csv", limits, rules, clock=lambda: next(ticks))
    assert found == ContentRefused(
        code="classify:unknown", evidence=("it takes longer than 3 seconds to read",)
    )


def test_the_content_stays_open(rules: Rules) -> None:
    content = BytesIO(TEXTS["core"][0].encode())
    classify_content(content, "a.xml", ClassifyLimits(), rules)
    content.seek(0)
    assert content.read(5) == b"<?xml"


@pytest.mark.parametrize(
    "cell", ["+44 (0)1823 000000", "-", "-/\\!C1", "@/\\", "a=b", "x@example.org", "--", "- (none)"]
)
def test_a_sign_alone_is_no_formula(classify: Classify, cell: str) -> None:
    rows = made.core_rows()
    rows[3][-1] = cell
    assert isinstance(classify(made.as_csv(rows).encode()), Classified)


def test_a_document_with_a_second_header_is_known_by_neither(classify: Classify) -> None:
    core = made.ctf(made.pupil(child, made.CORE_INSIDE) for child in made.children())
    another = "<Header><SourceSchool><LEA>998</LEA><Estab>4001</Estab></SourceSchool></Header>"
    for text in (
        core.replace("<Header>", f"{another}<Header>"),
        core.replace("</CTfile>", f"{another}</CTfile>"),
    ):
        found = classify(text.encode())
        assert isinstance(found, ContentRefused)
        assert found.evidence[-1] == "a header beside the one at its beginning"


def test_a_header_that_stands_again_is_no_row_though_it_has_no_blank_column(classify: Classify) -> None:
    head, *records = made.core_rows()
    wide = [[*row, ""] for row in (head, *records)]
    found = classified(classify(made.as_csv([*wide[:6], head, *wide[6:]]).encode()))
    assert found == classified(classify(made.as_csv(wide).encode()))


def test_a_text_that_ends_within_a_letter_is_malformed() -> None:
    source = Source(BytesIO("UPN,Zo\xeb".encode()[:-1]), "utf-8", ClassifyLimits())
    with pytest.raises(Unreadable) as caught:
        list(text_chunks(source))
    assert caught.value.code == "classify:malformed"


def test_rows_may_be_shorter_than_a_header_that_ends_in_a_subject(classify: Classify) -> None:
    """Spreadsheets leave out blank cells at the end of a row."""
    heading = "UPN,Surname,Forename,Year Group,Mathematics,History"
    rows = (f"{c.upn},{c.surname},{c.forename},11,5" for c in made.children(3))
    found = classify("\n".join([heading, *rows, ""]).encode())
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:other-assessments"


def test_an_assessment_is_told_by_its_heading_or_by_what_stands_above(classify: Classify) -> None:
    core = [[*row, "5"] for row in made.core_rows()]
    core[0][-1] = "Maths Predicted"
    results = [["Mock results"], [], *made.result_rows(["9", "8"])]
    for rows, told in ((core, ("Maths Predicted", "predicted")), (results, ("Grade", "mock"))):
        found = classified(classify(made.as_csv(rows).encode()))
        assert [(one.header, one.assessment) for one in found.unlisted] == [told]


def test_a_record_of_one_letter_is_no_record_of_results(classify: Classify) -> None:
    assert isinstance(
        classify(b"R1AQA                 \nR399002               \nR\nR90000000\n"), ContentRefused
    )


@pytest.mark.parametrize("heading", ["Surname", "Forename", "Date of Birth"])
def test_a_heading_that_says_who_a_pupil_is_stands_once(classify: Classify, heading: str) -> None:
    """The second column would be a parent's or a sibling's, and be shown as the pupil's."""
    values = {"Surname": "Kane", "Forename": "Hidden", "Date of Birth": "2017-02-01"}
    head = f"UPN,Surname,Forename,Date of Birth,{heading}"

    def table(second: dict[str, str]) -> bytes:
        rows = (f"{c.upn},{c.surname},{c.forename},{c.born}" for c in made.children(3))
        own = (
            {"Surname": c.surname, "Forename": c.forename, "Date of Birth": c.born} for c in made.children(3)
        )
        lines = (f"{row},{(second or each)[heading]}" for row, each in zip(rows, own, strict=True))
        return "\n".join([head, *lines, ""]).encode()

    found = classify(table(values))
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:beside-table"
    again = classify(table({}))
    assert isinstance(again, Classified) or again.code != "classify:beside-table"


def test_a_table_with_an_endless_cell_is_malformed(classify: Classify) -> None:
    head, *rows = made.core_rows(12)
    rows[11][head.index("Address")] = "x" * 131_073
    found = classify(made.as_csv([head, *rows]).encode())
    assert isinstance(found, ContentRefused)
    assert (found.code, found.format, found.evidence) == (
        "classify:malformed", "CSV", ("a cell is too long",)
    )  # fmt: skip
