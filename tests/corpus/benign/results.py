"""Census, assessments, examinations and analyses as systems, DfE's tools, FFT, ALPS and LPUK write them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.classify import made
from tests.corpus.benign import (
    A_LEVEL_DAY,
    GCSE_DAY,
    JUNE,
    Columns,
    Export,
    born,
    csv,
    forename,
    of,
    rows,
    sex,
    surname,
    upn,
)
from tests.corpus.benign.core import sheet
from tests.corpus.books import Page, xlsx

WHO: Columns = {"UPN": upn, "Surname": surname, "Forename": forename, "DOB": born(), "Gender": sex}
AREAS = {
    "Communication and Language": ("Listening, Attention and Understanding", "Speaking"),
    "Personal, Social and Emotional Development": (
        "Self-Regulation",
        "Managing Self",
        "Building Relationships",
    ),
    "Physical Development": ("Gross Motor Skills", "Fine Motor Skills"),
    "Literacy": ("Comprehension", "Word Reading", "Writing"),
    "Mathematics": ("Number", "Numerical Patterns"),
    "Understanding the World": ("Past and Present", "People, Culture and Communities", "The Natural World"),
    "Expressive Arts and Design": ("Creating with Materials", "Being Imaginative and Expressive"),
}
GOALS = [goal for goals in AREAS.values() for goal in goals]
SHORT = [
    "LAU",
    "SPE",
    "SR",
    "MS",
    "BR",
    "GMS",
    "FMS",
    "COM",
    "WR",
    "WRI",
    "NUM",
    "NP",
    "PP",
    "PCC",
    "NW",
    "CM",
    "BIE",
]
OF_AREAS = [("COM", 2), ("PSE", 3), ("PHY", 2), ("LIT", 3), ("MAT", 2), ("UTW", 3), ("EXP", 2)]
CODED = [
    f"{area} E{number:02}"
    for number, area in enumerate((area for area, goals in OF_AREAS for _ in range(goals)), 1)
]
LEVELS = of("2", "1", "2", "2", "A")
TA = ("EXS", "WTS", "GDS", "PKF")


def goals(heads: list[str], values: object = LEVELS) -> Columns:
    return {**WHO, **dict.fromkeys(heads, values)}


def areas() -> list[object]:
    """The group heads above the goals."""
    out: list[object] = [""] * len(WHO)
    for area, members in AREAS.items():
        out += [area, *[""] * (len(members) - 1)]
    return out


EYFS = {
    "insight-eyfsp.csv": lambda: csv(rows(goals(GOALS), year=1)),
    "eyfsp-codes.csv": lambda: csv(rows(goals(CODED), year=1)),
    "eyfsp-short.csv": lambda: csv(rows(goals(SHORT), year=1)),
    "eyfsp-areas.xlsx": lambda: sheet(rows(goals(GOALS), year=1), above=[areas()]),
    "eyfsp-words.xlsx": lambda: sheet(
        rows({**goals(GOALS, of("Expected", "Emerging", "Expected")), "GLD": of("Yes", "No")}, year=1),
        above=[["EYFS Profile 2026"]],
    ),
    "eyfsp-ctf.xml": lambda: made.ctf(made.pupil(made.Child(n), made.EYFS) for n in range(9)).encode(),
}
PHONICS = {
    "phonics-template.xlsx": lambda: sheet(
        rows(
            {**WHO, "Year Group": "1", "Mark": of(34, 21, 40, None), "Outcome": of("", "", "", "A")}, year=2
        ),
        above=[["Phonics Screening Check 2026"], ["School name:", "Oak Primary School"], []],
    ),
    "phonics-template.csv": lambda: csv(
        rows(
            {**WHO, "Year Group": "1", "Phonics Mark": of("34", "21"), "Phonics Outcome": of("WA", "WT")},
            year=2,
        )
    ),
    "phonics-marksheet.csv": lambda: csv(
        rows(
            {
                "Name": lambda p: f"{p.surname} {p.forename}",
                "UPN": upn,
                "Reg": "1R",
                "Y1 Phonics Score": of("34", "21", "40"),
                "Y1 Phonics Grade": of("", "", "D"),
            },
            year=2,
        ),
        below=[["Report run by: Assessment"]],
    ),
    "arbor-phonics.csv": lambda: csv(
        rows(
            {
                "Student": lambda p: f"{p.forename} {p.surname}",
                "UPN": upn,
                "Year group (at 10 Nov 2026)": "Year 1",
                "Phonics Screening Check: Mark": of("34", "21"),
                "Phonics Screening Check: Outcome": of("Wa", "Wt"),
            },
            year=2,
        )
    ),
    "phonics-ctf.xml": lambda: made.ctf(made.pupil(made.Child(n), made.PHONICS) for n in range(9)).encode(),
}
KS1 = {
    "ks1-template.csv": lambda: csv(
        rows(
            {
                **WHO,
                "Reading TA": of(*TA),
                "Writing TA": of(*TA[1:]),
                "Maths TA": of(*TA),
                "Science TA": of("EXS", "HNM"),
            },
            year=3,
        )
    ),
    "ks1-template.xlsx": lambda: sheet(
        rows(
            {
                **WHO,
                "English reading": of(*TA),
                "English writing": of(*TA[1:]),
                "Mathematics": of(*TA),
                "Science": of("EXS", "HNM"),
            },
            year=3,
        ),
        above=[["Key stage 1 teacher assessment 2026"], []],
    ),
    "ks1-marksheet.csv": lambda: csv(
        rows(
            {
                "Name": lambda p: f"{p.surname} {p.forename}",
                "UPN": upn,
                "Reg": "2B",
                "KS1 Reading": of(*TA),
                "KS1 Writing": of(*TA),
                "KS1 Maths": of(*TA),
                "KS1 Science": "EXS",
            },
            year=3,
        ),
        above=[["KS1 Wizard 2026"]],
    ),
    "ks1-ctf.xml": lambda: made.ctf(made.pupil(made.Child(n), made.KS1) for n in range(9)).encode(),
}
CENSUS = {
    "census.xml": lambda: made.census_around(made.census_pupil(made.Child(n)) for n in range(12)).encode(),
    "collect-blade.csv": lambda: made.as_csv(made.blade_rows()).encode(),
    "giap-census.csv": lambda: made.as_csv(made.giap_census_rows()).encode(),
}
GCSE = {
    "gcse-broadsheet.csv": lambda: csv(
        rows(
            {
                "Candidate Number": lambda p: 4000 + p.number,
                "Name": lambda p: f"{p.surname} {p.forename}",
                "UPN": upn,
                "GCSE English Language": of("5", "7", "4"),
                "GCSE Mathematics": of("6", "9", "3"),
                "GCSE Combined Science": of("5-5", "7-6", "4-3"),
            },
            year=11,
        ),
        above=[["Results broadsheet Summer 2026"]],
    ),
    "gcse-rows.csv": lambda: csv(
        rows(
            {
                "Centre Number": "54321",
                "Cand No": lambda p: 4000 + p.number,
                "Surname": surname,
                "Forename": forename,
                "Qualification": "GCSE",
                "Subject": of("French", "History"),
                "Grade": of("9", "4", "U", "6"),
            },
            year=11,
        ),
        below=[["End of report"]],
    ),
    "gcse-jcq.txt": lambda: made.jcq(["8300H  7", "8700   5"]).encode(),
}
A_LEVEL = {
    "a-level-rows.csv": lambda: csv(
        rows(
            {
                "Candidate Number": lambda p: 7000 + p.number,
                "Surname": surname,
                "Forename": forename,
                "UPN": upn,
                "Level": "GCE A Level",
                "Subject": of("Physics", "History"),
                "Grade": of("A*", "B", "C"),
            },
            year=13,
        )
    ),
}
DFE = {
    "ks2-nca.csv": lambda: made.as_csv(made.ks2_rows()).encode(),
    "ks4.csv": lambda: made.as_csv(made.ks4_rows()).encode(),
}
FFT = {
    "fft-targets.csv": lambda: csv(
        rows(
            {
                **WHO,
                "Year": "10",
                "Subject": of("Maths", "English"),
                "FFT50 Benchmark": of("5", "6"),
                "FFT20 Benchmark": of("6", "7"),
                "FFT5 Benchmark": of("7", "8"),
            },
            year=10,
        )
    ),
    "fft-estimates.xlsx": lambda: sheet(
        rows(
            {
                "UPN": upn,
                "Name": lambda p: f"{p.forename} {p.surname}",
                "Gender": sex,
                "KS2 Reading": of("104", "99"),
                "KS2 Maths": of("110", "101"),
                "FFT50 Estimate Att8": of("48.2", "51.0"),
                "FFT20 Estimate Att8": of("53.1", "56.4"),
            },
            year=10,
        ),
        above=[["FFT Aspire"], ["Student estimates - Year 10"], []],
    ),
}
_ALPS: Columns = {
    "UPN": upn,
    "Surname": surname,
    "Forename": forename,
    "Gender": sex,
    "Subject": of("A - Physics", "A - History"),
    "Average GCSE Score": of("6.1", "5.4", "7.2"),
    "Alps Band": of("3", "5"),
    "MEG": of("B", "C/B", "A"),
    "Actual Grade": of("B", "C", "A*"),
    "Alps Score": of("0.95", "1.02"),
    "Alps Grade": of("3", "4", "2"),
}
_SUBJECTS = [
    ["Subject", "Entries", "Alps Score", "Alps Grade"],
    ["A - Physics", 12, 0.97, 4],
    ["A - History", 12, 1.01, 3],
]
ALPS = {
    "alps.csv": lambda: csv(rows(_ALPS, year=13)),
    "alps-summary.xlsx": lambda: xlsx(Page(rows(_ALPS, year=13), "Students"), Page(_SUBJECTS, "Summary")),
    "alps-summary-first.xlsx": lambda: xlsx(
        Page([["Alps Report 2026"], ["Oak Sixth Form"], [], *_SUBJECTS], "Summary"),
        Page(rows(_ALPS, year=13), "Students"),
    ),
}
LPUK = {
    "lpuk-students.csv": lambda: csv(
        rows(
            {
                "UPN": upn,
                "Surname": surname,
                "Forename": forename,
                "Qualification": "GCE A level",
                "Subject": of("Physics", "History"),
                "Prior Attainment": of("6.1", "5.4"),
                "Expected Grade": of("B", "C"),
                "Actual Grade": of("B", "A"),
                "Value Added": of("0.00", "-0.31", "0.42"),
            },
            year=13,
        ),
        above=[["Learning Plus UK - Data Dashboard"]],
    ),
    "lpuk-residuals.xlsx": lambda: sheet(
        rows(
            {
                "UPN": upn,
                "Learner": lambda p: f"{p.forename} {p.surname}",
                "Average GCSE": of("6.1", "5.4"),
                "Subject": of("Physics", "History"),
                "LPUK Expected Points": of("38.2", "31.9"),
                "Actual Points": of("40", "30"),
                "Residual": of("1.8", "-1.9"),
            },
            year=13,
        ),
        above=[],
    ),
}
FILES: Mapping[str, Export] = {
    name: Export(type_, sender, content, on)
    for type_, sender, on, files in (
        ("eyfs-profile", "school", JUNE, EYFS),
        ("phonics", "school", JUNE, PHONICS),
        ("ks1", "academy", JUNE, KS1),
        ("school-census", "school", "2026-10-05T12:00", CENSUS),
        ("gcse-results", "school", GCSE_DAY, GCSE),
        ("a-level-results", "school", A_LEVEL_DAY, A_LEVEL),
        ("ks2", "dfe", "2026-09-05T12:00", {"ks2-nca.csv": DFE["ks2-nca.csv"]}),
        ("ks4", "dfe", "2026-10-20T12:00", {"ks4.csv": DFE["ks4.csv"]}),
        ("fft-aspire", "fft", "2026-11-24T12:00", FFT),
        ("alps-lpuk", "alps", "2026-11-24T12:00", ALPS),
        ("alps-lpuk", "lpuk", "2026-11-24T12:00", LPUK),
    )
    for name, content in files.items()
}
