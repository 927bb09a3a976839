"""Thirty more exports, written before anybody looked at how the rules of that day decide them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

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
from tests.corpus.books import Page, ods, xls, xlsx


def full(p: Pupil) -> str:
    return f"{p.surname}, {p.forename}"


def uln(p: Pupil) -> str:
    """Give a number with the right check digit; the next one where there is none."""
    for number in range(100_000_000 + 7 * p.number, 999_999_999):
        rest = sum(w * int(c) for w, c in zip(range(10, 1, -1), str(number), strict=True)) % 11
        if rest != 0:
            return f"{number}{10 - rest}"
    raise AssertionError


def _wonde() -> bytes:
    """Pupils with the objects that Wonde's interface puts into each."""
    pupils = [
        {
            "id": f"A{1000 + p.number}",
            "upi": f"{p.number:032x}",
            "mis_id": str(2000 + p.number),
            "surname": p.surname,
            "forename": p.forename,
            "legal_surname": p.surname,
            "legal_forename": p.forename,
            "gender": {"F": "FEMALE", "M": "MALE"}[p.sex],
            "date_of_birth": {
                "date": f"{p.born} 00:00:00.000000",
                "timezone_type": 3,
                "timezone": "Europe/London",
            },
            "education_details": {
                "data": {"upn": p.upn, "current_nc_year": "4", "admission_number": str(p.number)}
            },
        }
        for p in (Pupil(number, 4) for number in range(8))
    ]
    return json.dumps({"data": pupils}).encode()


def _registers() -> bytes:
    """A register of one week: two columns a day, the marks of a session in each."""
    head = ["UPN", "Surname", "Forename", "Reg"]
    head += [f"{day} {half}" for day in ("Mon", "Tue", "Wed", "Thu", "Fri") for half in ("AM", "PM")]
    body = [
        [p.upn, p.surname, p.forename, "2RB", *["/", "\\"] * 3, "M", "\\", "L", "\\"]
        for p in (Pupil(number, 2) for number in range(22))
    ]
    return csv(
        [head, *body], above=[["Weekly Registration Report", "", ""], ["Week beginning 16/11/2026", "", ""]]
    )


def _missing() -> bytes:
    """A report with a blank cell here and there, and a total in the last row."""
    table = rows(
        {
            "UPN": upn,
            "Name": full,
            "Reg Group": "6JW",
            "Possible Sessions": 110,
            "Present": of(110, 101, 98, 107),
            "AEA": of(0, 2, "", 1),
            "Authorised": of("", 5, 10, 1),
            "Unauthorised": of("", 4, 2, 2),
            "% Attend": of("100.0", "91.8", "89.1", "97.3"),
        },
        year=6,
    )
    return csv(table, below=[["", "Totals", "", 2640, 2496, 18, 96, 48, "94.5"]])


PUPIL: Columns = {"Surname": surname, "Forename": forename, "DOB": born(), "Gender": sex, "UPN": upn}
ARBOR: Columns = {
    "First Name": forename,
    "Last Name": surname,
    "Unique Pupil Number": upn,
    "Date of birth": born("%d %b %Y"),
}

FILES: Mapping[str, Export] = {
    "whole-school.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "Adm No": lambda p: f"{p.number:06}",
                    **PUPIL,
                    "Year": "Year  4",
                    "Reg": "4LP",
                    "Ethnicity": of(
                        "White - British",
                        "Any Other White Background",
                        "Pakistani",
                        "Information Not Yet Obtained",
                    ),
                    "First Lang": of("English", "Polish", "Urdu", "Believed to be English"),
                }
            )
        ),
    ),
    "report-viewer.xlsx": Export(
        "student-core",
        "school",
        lambda: sheet(
            rows(
                {
                    **PUPIL,
                    "NC Year": of(4, 4, 4),
                    "Post Code": of("ZZ88 8ZZ", "ZZ99 3AA"),
                    "Address Block": of(
                        "12 High Street\nTestham\nZZ88 8ZZ", "Flat 2, The Maltings\nTestham\nZZ99 3AA"
                    ),
                }
            ),
            above=[["Oak Primary School"], ["Address labels as at 24/11/2026"]],
        ),
    ),
    "arbor-students.csv": Export(
        "student-core",
        "academy",
        lambda: csv(
            rows(
                {
                    **ARBOR,
                    "Sex": of("Female", "Male"),
                    "Year group": "Year 8",
                    "Form": of("8A", "8B"),
                    "Religion": of("Christian", "No Religion", "Muslim", "Refused"),
                    "EAL": of("No", "Yes"),
                    "SEN status": of("N - No Special Educational Need", "K - SEN Support"),
                },
                year=8,
            )
        ),
    ),
    "arbor-ucas.xlsx": Export(
        "student-core",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "Student": lambda p: f"{p.forename} {p.surname}",
                        "UPN": upn,
                        "ULN": uln,
                        "DOB": born(),
                        "Gender": of("Female", "Male"),
                        "Enrolled from": "01 Sep 2025",
                        "Tutor group": of("12 Curie", "12 Turing"),
                    },
                    year=12,
                ),
                "Report",
            )
        ),
    ),
    "bromcom-students.csv": Export(
        "student-core",
        "academy",
        lambda: csv(
            rows(
                {
                    "Student ID": lambda p: 5000 + p.number,
                    "Legal Last Name": surname,
                    "Legal First Name": forename,
                    "Middle Name": of("", "Rose", "James"),
                    "Preferred Last Name": surname,
                    "Preferred First Name": forename,
                    "Date Of Birth": born(),
                    "Sex": of("Female", "Male"),
                    "UPN": upn,
                    "Current Year": "Yr 9",
                    "Current Tutor Group": "9-MSM",
                    "Ethnicity": of("WBRI", "APKN", "MWBC"),
                    "House Name": of("Brunel", "Austen"),
                },
                year=9,
            ),
            encoding="utf-8-sig",
        ),
    ),
    "scholarpack-list.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "Forename": forename,
                    "Surname": surname,
                    "Class": of("Hedgehogs", "Squirrels"),
                    "NC Year": "R",
                    "DOB": born(),
                    "UPN": upn,
                    "Gender": of("Female", "Male"),
                    "Home Language": of("English", "Polish"),
                    "Address": of("4 The Green, Testham, ZZ88 8ZZ", "19a Station Road, Testham, ZZ99 3AA"),
                },
                year=0,
            )
        ),
    ),
    "scholarpack-sen.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "Pupil Name": full,
                    "UPN": upn,
                    "DOB": born(),
                    "Year": "3",
                    "SEN Provision": of("K", "E", "N"),
                    "Primary Need": of("SLCN", "ASD", ""),
                    "Secondary Need": of("", "SEMH", ""),
                    "SEN Start Date": of("05/09/2025", "14/01/2026", ""),
                },
                year=3,
            )
        ),
    ),
    "integris-pupils.xls": Export(
        "student-core",
        "school",
        lambda: xls(
            Page(
                rows(
                    {
                        "Legal Surname": surname,
                        "Legal Forename": forename,
                        "Known As": forename,
                        "D.O.B.": born(),
                        "M/F": sex,
                        "U.P.N.": upn,
                        "Yr Grp": "05",
                        "Reg Grp": "5T",
                        "F.S.M.": of("N", "Y"),
                        "Mode of Travel": of("Walk", "Car/Van", "Public Bus"),
                    },
                    year=5,
                )
            )
        ),
    ),
    "wonde-pupils.json": Export("student-core", "academy", _wonde),
    "pupil-asset-core.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Name": lambda p: f"{p.forename} {p.surname}",
                    "Gender": of("Girl", "Boy"),
                    "Birthday": born("%d/%m/%y"),
                    "NCY": 1,
                    "Class": "1W Willow",
                    "FSM": of("N", "Y"),
                    "FSM Start": of("", "01/09/2025"),
                    "EAL": of("N", "Y"),
                    "Ethnic Code": of("WBRI", "WOTH"),
                },
                year=1,
            )
        ),
    ),
    "new-starters.xlsx": Export(
        "student-core",
        "academy",
        lambda: sheet(
            rows(
                {
                    "Surname": surname,
                    "Forename": forename,
                    "UPN": upn,
                    "Date of Birth": lambda p: p.born,
                    "Date of Admission": lambda p: date(2026, 9, 2),
                    "Previous School": of("Elm Primary School", "St. Mary's C of E Primary", "Not known"),
                    "Enrolment Status": of("Single Registration", "C"),
                },
                year=7,
            ),
            above=[["New Starters"], ["Printed 24/11/2026 09:14"]],
        ),
    ),
    "leavers.ods": Export(
        "student-core",
        "school",
        lambda: ods(
            Page(
                rows(
                    {
                        "Forename": forename,
                        "Surname": surname,
                        "UPN": upn,
                        "DOB": born("%Y-%m-%d"),
                        "Date of Leaving": "2026-10-23",
                        "Reason for Leaving": of("Moved", "Transferred to another school"),
                        "Destination School": of("Elm Primary School", "Ash Academy"),
                        "Year Group": "4",
                    }
                )
            )
        ),
    ),
    "traveller.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    **PUPIL,
                    "Ethnicity": of("Gypsy / Roma", "Traveller Of Irish Heritage", "White - British"),
                    "Source of Ethnicity": of("Parent", "Provided by the parent", "School"),
                    "Traveller Family": of("Y", "N"),
                    "Service Child": of("No", "Yes", "Unknown"),
                }
            )
        ),
    ),
    "weekly-registration.csv": Export("attendance", "school", _registers),
    "sims-attendance-totals.csv": Export("attendance", "school", _missing),
    "arbor-attendance.csv": Export(
        "attendance",
        "academy",
        lambda: csv(
            rows(
                {
                    "Student": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "Form": "10C",
                    "Possible": 104,
                    "Present": of(104, 90, 99),
                    "Late": of(0, 3, 1),
                    "Authorised absent": of(0, 10, 5),
                    "Unauthorised absent": of(0, 4, 0),
                    "% Present": of("100%", "86.5%", "95.2%"),
                },
                year=10,
            )
        ),
    ),
    "bromcom-roll-call.xlsx": Export(
        "attendance",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Last Name": surname,
                        "First Name": forename,
                        "Date": "23/11/2026",
                        "AM": of("/", "/", "I", "L"),
                        "PM": of("\\", "\\", "I", "\\"),
                        "Minutes Late": of("", "", "", 12),
                    },
                    year=9,
                )
            )
        ),
    ),
    "marks-since-september.csv": Export(
        "attendance",
        "school",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Pupil": full,
                    "Start": "02/09/2026",
                    "End": "23/10/2026",
                    "Marks": of("/\\/\\/\\/\\/\\", "/\\/\\II/\\/\\", "####/\\/\\/\\"),
                },
                year=5,
            )
        ),
    ),
    "suspensions-arbor.csv": Export(
        "exclusions",
        "academy",
        lambda: csv(
            rows(
                {
                    "Student": full,
                    "UPN": upn,
                    "Type": of("Suspension", "Suspension", "Permanent exclusion"),
                    "Reason": of(
                        "Persistent or general disruptive behaviour",
                        "Physical assault against a pupil",
                        "Damage",
                    ),
                    "Start date": "04 Nov 2026",
                    "End date": of("05 Nov 2026", "06 Nov 2026", ""),
                    "Sessions": of(2, 4, ""),
                },
                count=9,
                year=9,
            )
        ),
    ),
    "suspensions-sims.xlsx": Export(
        "exclusions",
        "school",
        lambda: sheet(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Year": 6,
                    "Exclusion Type": "FIXD",
                    "Exclusion Reason": of("PP", "DB", "VA"),
                    "From": lambda p: date(2026, 11, 3),
                    "To": lambda p: date(2026, 11, 4),
                    "No. of Sessions": 3,
                },
                count=6,
                year=6,
            ),
            above=[["Suspensions - Autumn Term 2026"]],
        ),
    ),
    "eyfsp-sims.csv": Export(
        "eyfs-profile",
        "school",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "DOB": born(),
                    **{
                        f"EYFSP {area}": of(2, 2, 1)
                        for area in (
                            "LAU",
                            "SPE",
                            "SRE",
                            "MSE",
                            "BRE",
                            "GMS",
                            "FMS",
                            "COM",
                            "WRE",
                            "WRI",
                            "NUM",
                            "NPA",
                            "PPR",
                            "PCC",
                            "TNW",
                            "CWM",
                            "BIE",
                        )
                    },
                },
                year=0,
            ),
        ),
        on=JUNE,
    ),
    "phonics-sims.xlsx": Export(
        "phonics",
        "school",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Name": full,
                        "Reg": "1K",
                        "Year 1 Phonics Mark": of(34, 38, 21, 40),
                        "Year 1 Phonics Outcome": of("Wa", "Wa", "Wt", "Wa"),
                    },
                    year=1,
                )
            )
        ),
        on=JUNE,
    ),
    "ks1-insight.csv": Export(
        "ks1",
        "school",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Year": 2,
                    "KS1 Reading TA": of("EXS", "GDS", "WTS"),
                    "KS1 Writing TA": of("EXS", "WTS"),
                    "KS1 Maths TA": of("EXS", "GDS"),
                    "KS1 Science TA": of("EXS", "HNM"),
                },
                year=2,
            )
        ),
        on=JUNE,
    ),
    "ks2-gateway.csv": Export(
        "ks2",
        "dfe",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Last name": surname,
                    "First name": forename,
                    "Date of birth": born(),
                    "Reading scaled score": of(104, 99, 112),
                    "Reading outcome": of("AS", "NS", "AS"),
                    "GPS scaled score": of(106, 98, 110),
                    "GPS outcome": of("AS", "NS", "AS"),
                    "Maths scaled score": of(101, 97, 109),
                    "Maths outcome": of("AS", "NS", "AS"),
                    "Writing TA": of("EXS", "WTS", "GDS"),
                },
                year=6,
            )
        ),
        on="2026-09-05T12:00",
    ),
    "gcse-results-day.csv": Export(
        "gcse-results",
        "academy",
        lambda: csv(
            rows(
                {
                    "Candidate No": lambda p: f"{p.number + 1001}",
                    "Surname": surname,
                    "Forename": forename,
                    "UPN": upn,
                    "English Language": of(5, 6, 4),
                    "English Literature": of(5, 7, 4),
                    "Mathematics": of(6, 4, 9),
                    "Combined Science": of("6-5", "4-4", "8-8"),
                    "Geography": of(5, "", 7),
                    "French": of("", 6, 8),
                    "Religious Studies": of(4, 5, ""),
                },
                year=11,
            )
        ),
        on=GCSE_DAY,
    ),
    "gcse-sisra.xlsx": Export(
        "gcse-results",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Name": full,
                        "Exam Board": of("AQA", "Pearson"),
                        "Qualification": "GCSE (9-1)",
                        "Subject": of("Mathematics", "History", "Biology"),
                        "Grade": of("7", "5", "4"),
                    },
                    year=11,
                )
            )
        ),
        on=GCSE_DAY,
    ),
    "a-level-results-day.csv": Export(
        "a-level-results",
        "academy",
        lambda: csv(
            rows(
                {
                    "Cand No": lambda p: f"{p.number + 2001}",
                    "UCI": lambda p: f"99905024{p.number:04}{'ABCDEFGHKLMN'[p.number % 12]}",
                    "Name": full,
                    "UPN": upn,
                    "Biology": of("A", "B", ""),
                    "Chemistry": of("A*", "", "C"),
                    "Psychology": of("", "C", "B"),
                    "EPQ": of("A", "", ""),
                },
                year=13,
            )
        ),
        on=A_LEVEL_DAY,
    ),
    "fft-students.csv": Export(
        "fft-aspire",
        "fft",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Gender": sex,
                    "KS2 Prior Attainment": of("Higher", "Middle", "Lower"),
                    "English Language FFT20": of("6=", "5+", "4-"),
                    "Mathematics FFT20": of("6=", "5+", "4-"),
                    "Attainment 8 FFT20": of("56.1", "47.2", "39.0"),
                },
                year=10,
            )
        ),
    ),
    "alps-targets.csv": Export(
        "alps-lpuk",
        "alps",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Name": full,
                    "Average GCSE score": of("6.41", "5.80", "7.12"),
                    "Prior Attainment Band": of(5, 6, 3),
                    "Subject": of("Biology", "History"),
                    "Alps MEG": of("B/A", "C", "A"),
                    "Alps grade": of(4, 5, 3),
                },
                year=12,
            )
        ),
    ),
    "ks4-collect.csv": Export(
        "ks4",
        "dfe",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Sex": sex,
                    "Attainment 8 score": of("52.50", "41.00", "60.00"),
                    "Progress 8 score": of("0.21", "-0.44", "0.70"),
                    "EBacc entered": of("Yes", "No"),
                    "English and maths at grade 5 or above": of("Yes", "No", "Yes"),
                },
                year=11,
            )
        ),
        on="2026-10-20T12:00",
    ),
}
