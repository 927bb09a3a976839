"""Twenty more exports, written after the rules had been mended twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tests.classify import made
from tests.corpus.benign import (
    A_LEVEL_DAY,
    GCSE_DAY,
    JUNE,
    Columns,
    Export,
    Pupil,
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
from tests.corpus.benign.results import GOALS
from tests.corpus.books import Page, ods, xls, xlsx

NAMED: Columns = {"UPN": upn, "Last name": surname, "First name": forename, "Date of Birth": born("%d %b %Y")}


def _two_weeks() -> bytes:
    """A row a pupil and week, the marks of its sessions in columns of their own."""
    head = ["UPN", "Surname", "Forename", "Week commencing", *(f"Session {n}" for n in range(1, 11))]
    body = [
        [p.upn, p.surname, p.forename, week, *["/", "\\"] * 5]
        for p in (Pupil(number, 5) for number in range(12))
        for week in ("02/11/2026", "09/11/2026")
    ]
    return csv([head, *body], below=[["Printed: 24/11/2026 10:02"]])


FILES: Mapping[str, Export] = {
    "engage-pupils.csv": Export(
        "student-core",
        "academy",
        lambda: csv(
            rows(
                {
                    "Pupil ID": lambda p: 700 + p.number,
                    "UPN": upn,
                    "Surname": surname,
                    "First names": forename,
                    "Known as": forename,
                    "Date of Birth": born(),
                    "Gender": of("M", "F"),
                    "Form": of("7X", "7Y"),
                    "National Curriculum Year": "7",
                    "Nominal roll date": "02/09/2026",
                },
                year=7,
            )
        ),
    ),
    "office-list.xlsx": Export(
        "student-core",
        "school",
        lambda: sheet(
            rows(
                {
                    "Surname": surname,
                    "Forename": forename,
                    "Year": of("Year 1", "Year 2"),
                    "Class": "Squirrels",
                    "DOB": lambda p: p.born,
                    "M/F": sex,
                    "UPN": upn,
                    "Ethnicity": of("WBRI", "MOTH"),
                    "First language": of("English", "Romanian"),
                },
                year=1,
            ),
            above=[["Oak Primary School"], ["Pupils on roll, November 2026"], []],
        ),
    ),
    "new-address.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    **NAMED,
                    "Old address line 1": "3 Mill Lane",
                    "Old postcode": "TA2 7BB",
                    "New address line 1": "9 Low Road",
                    "New address line 2": "Taunton",
                    "New postcode": "TA1 1AA",
                    "From": "02/11/2026",
                },
                3,
            ),
            above=[["Address changes"]],
        ),
    ),
    "wonde-groups.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "student.upn": upn,
                    "student.surname": surname,
                    "student.forename": forename,
                    "student.date_of_birth": born("%Y-%m-%d"),
                    "student.gender": of("MALE", "FEMALE"),
                    "student.education_details.data.current_nc_year": "8",
                    "student.education_details.data.admission_date": "2025-09-03",
                },
                year=8,
            )
        ),
    ),
    "religions.ods": Export(
        "student-core",
        "academy",
        lambda: ods(
            Page(rows({**NAMED, "Religion": of("Christian", "Hindu", "None"), "Faith": ""}), "Religion"),
            Page([["Key"], ["CH", "Christian"], ["HI", "Hindu"], ["NR", "No religion"]], "Key"),
        ),
    ),
    "service-children.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows({**NAMED, "Year group": "Reception", "Service child": of("No", "Yes")}, 9, year=0),
            below=[["Service children: 4"]],
        ),
    ),
    "two-weeks.csv": Export("attendance", "school", _two_weeks),
    "attendance-by-class.xls": Export(
        "attendance",
        "school",
        lambda: xls(
            Page(
                [
                    ["Attendance by class"],
                    ["Date range: 01/09/2026 to 20/11/2026"],
                    *rows(
                        {
                            "Class": "Maple",
                            "Pupil name": lambda p: f"{p.surname}, {p.forename}",
                            "UPN": upn,
                            "Possible": 112,
                            "Present": lambda p: 112 - p.number,
                            "Auth abs": lambda p: p.number,
                            "Unauth abs": 0,
                            "Attendance (%)": lambda p: round((112 - p.number) / 1.12, 2),
                        }
                    ),
                ]
            )
        ),
    ),
    "absence-reasons.csv": Export(
        "attendance",
        "academy",
        lambda: csv(
            rows(
                {
                    **NAMED,
                    "Date": "17/11/2026",
                    "Session": of("AM", "PM"),
                    "Absence reason": of("I", "M", "O", "N"),
                }
            ),
            delimiter="\t",
        ),
    ),
    "year-to-date.xlsx": Export(
        "attendance",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "Student": lambda p: f"{p.forename} {p.surname}",
                        "UPN": upn,
                        "Form": "9A",
                        "Attendance % (01 Sep 2026 - 20 Nov 2026)": 95.5,
                        "Possible sessions (01 Sep 2026 - 20 Nov 2026)": 110,
                        "Sessions attended (01 Sep 2026 - 20 Nov 2026)": 105,
                        "Unauthorised absences (01 Sep 2026 - 20 Nov 2026)": 1,
                    },
                    year=9,
                ),
                "YTD",
            )
        ),
    ),
    "exclusions-log.xlsx": Export(
        "exclusions",
        "school",
        lambda: sheet(
            rows(
                {
                    "UPN": upn,
                    "Pupil": lambda p: f"{p.surname} {p.forename}",
                    "Exclusion type": of("Suspension", "Permanent Exclusion"),
                    "Exclusion reason": of("Theft", "Damage"),
                    "Exclusion start date": date(2026, 10, 12),
                    "Exclusion end date": of(date(2026, 10, 14), None),
                    "Exclusion length": of("3 days", ""),
                },
                4,
                year=9,
            ),
            above=[["Exclusions"]],
        ),
    ),
    "profile.csv": Export(
        "eyfs-profile",
        "academy",
        lambda: csv(
            rows(
                {**NAMED, **{f"{goal} (ELG)": of("EXP", "EM") for goal in GOALS}, "GLD": of("1", "0")}, year=1
            ),
            above=[["EYFSP results"]],
            below=[["EXP = Expected, EM = Emerging"]],
        ),
        JUNE,
    ),
    "phonics.csv": Export(
        "phonics",
        "school",
        lambda: csv(
            rows(
                {**NAMED, "Sex": sex, "PSC Mark": of("36", "29", ""), "PSC Outcome": of("Wa", "Wt", "A")},
                year=2,
            ),
            above=[["Phonics screening check"]],
        ),
        JUNE,
    ),
    "ks1-results.xls": Export(
        "ks1",
        "school",
        lambda: xls(
            Page(
                rows(
                    {
                        **NAMED,
                        "KS1 English reading TA": of("EXS", "GDS"),
                        "KS1 English writing TA": of("WTS", "EXS"),
                        "KS1 Mathematics TA": "EXS",
                        "KS1 Science TA": of("EXS", "HNM"),
                    },
                    year=3,
                )
            )
        ),
        JUNE,
    ),
    "gcse-series.csv": Export(
        "gcse-results",
        "academy",
        lambda: csv(
            rows(
                {
                    "Centre No.": "54321",
                    "Cand. No.": lambda p: 2000 + p.number,
                    "UCI": "",
                    "Surname": surname,
                    "Forename": forename,
                    "Exam Level": "GCSE",
                    "Exam Title": of("Drama", "Music"),
                    "Grade": of("7", "5"),
                },
                year=12,
            ),
            below=[["Report generated by SIMS"]],
        ),
        GCSE_DAY,
    ),
    "a-levels.csv": Export(
        "a-level-results",
        "school",
        lambda: csv(
            rows(
                {
                    "Candidate No": lambda p: 9000 + p.number,
                    "Candidate Name": lambda p: f"{p.surname} {p.forename}",
                    "Qualification": "GCE A Level",
                    "Subject": of("Chemistry", "Law"),
                    "Result": of("A", "C", "E"),
                },
                year=14,
            )
        ),
        A_LEVEL_DAY,
    ),
    "fft-year-6.xlsx": Export(
        "fft-aspire",
        "fft",
        lambda: sheet(
            rows(
                {
                    "Pupil": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "Reading FFT50": of(102, 105),
                    "Maths FFT50": of(101, 107),
                    "Writing FFT50": of("EXS", "GDS"),
                },
                year=6,
            ),
            above=[["FFT Aspire pupil estimates"], ["Year 6"]],
        ),
    ),
    "alps-subjects.csv": Export(
        "alps-lpuk",
        "alps",
        lambda: csv(
            rows(
                {
                    "Student Name": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "Qualification": "A Level",
                    "Subject": of("Maths", "Art"),
                    "Avg GCSE Score": of("6.9", "5.0"),
                    "Minimum Expected Grade": of("A", "C"),
                    "Alps Points": of("50", "30"),
                },
                year=14,
            ),
            above=[["Alps Connect"]],
        ),
    ),
    "lpuk-summary.xlsx": Export(
        "alps-lpuk",
        "lpuk",
        lambda: xlsx(
            Page([["Subject", "Value Added", "Entries"], ["Maths", 0.1, 12], ["Art", -0.2, 12]], "Summary"),
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Surname": surname,
                        "Forename": forename,
                        "Subject": of("Maths", "Art"),
                        "Expected Grade": of("B", "C"),
                        "Value Added": of(0.3, -0.4),
                    },
                    year=14,
                ),
                "Students",
            ),
        ),
    ),
    "census-spring.xml": Export(
        "school-census",
        "academy",
        lambda: made.census_around(made.census_pupil(made.Child(n)) for n in range(5)).encode(),
        "2026-10-09T12:00",
    ),
}
