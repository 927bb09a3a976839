"""Twenty more exports, written after the rules had been mended for the fresh ones."""

from __future__ import annotations

import json
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
from tests.corpus.books import Page, xls, xlsx

NAMED: Columns = {"UPN": upn, "Legal surname": surname, "Legal forename": forename, "DOB": born()}


def _weeks() -> bytes:
    """Marks of a week in a column a session, the weekday with its date above the session."""
    days = ("Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20")
    head = ["UPN", "Name", *(f"{day} {half}" for day in days for half in ("AM", "PM"))]
    body = [
        [p.upn, f"{p.surname} {p.forename}", *["/", "\\"] * 4, "I", "I"]
        for p in (Pupil(number, 6) for number in range(15))
    ]
    return csv([head, *body], above=[["Weekly register"], ["Class: Robins"]])


def _json() -> bytes:
    pupils = [Pupil(number, 7) for number in range(6)]
    return json.dumps(
        [
            {
                "upn": p.upn,
                "surname": p.surname,
                "forename": p.forename,
                "date": "2026-11-16",
                "session": ("AM", "PM")[p.number % 2],
                "mark": "/I"[p.number % 2],
            }
            for p in pupils
        ]
    ).encode()


FILES: Mapping[str, Export] = {
    "register-of-pupils.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "No.": lambda p: p.number + 1,
                    "Full name": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "DOB": born("%d-%m-%Y"),
                    "Sex": sex,
                    "Date of admission": "04/09/2023",
                    "Year": "3",
                },
                year=3,
            ),
            above=[["Admission register"], ["Oak Primary School"]],
            below=[["Total on roll: 24"]],
        ),
    ),
    "sims-quick.xlsx": Export(
        "student-core",
        "school",
        lambda: xlsx(
            Page(
                rows(
                    {
                        **NAMED,
                        "Gender": sex,
                        "Year taught in": "Year  2",
                        "Class": "2 Robins",
                        "Post code": "TA1 1AA",
                    },
                    year=2,
                ),
                "SIMS",
            ),
            Page([["Report criteria"], ["On roll", "Yes"], ["Effective date", "24/11/2026"]], "Criteria"),
        ),
    ),
    "ethnicity-update.csv": Export(
        "student-core",
        "academy",
        lambda: csv(
            rows(
                {**NAMED, "Ethnicity": of("WBRI", "WOTH"), "Ethnicity source": of("P", "C"), "Religion": "CH"}
            ),
            above=[["Ethnicity and religion"]],
        ),
    ),
    "enrolments.csv": Export(
        "student-core",
        "school",
        lambda: csv(
            rows(
                {
                    "pupil_upn": upn,
                    "pupil_surname": surname,
                    "pupil_forename": forename,
                    "pupil_dob": born("%Y-%m-%d"),
                    "enrolment_status": of("C", "M", "S"),
                    "entry_date": "2024-09-03",
                    "part_time": of("0", "1"),
                    "boarder": "N",
                }
            ),
            end="\n",
        ),
    ),
    "travel-year-7.xls": Export(
        "student-core",
        "academy",
        lambda: xls(
            Page(rows({**NAMED, "NCY": 7, "Travel mode": of("Walk", "Taxi"), "Postcode": "TA1 1AA"}, year=7))
        ),
    ),
    "arbor-addresses.csv": Export(
        "student-core",
        "academy",
        lambda: csv(
            rows(
                {
                    "Student": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "Date of birth": born("%d %B %Y"),
                    "Home address (as at 24/11/2026)": lambda p: (
                        f"{p.number + 1} Mill Lane, Taunton, TA2 7BB"
                    ),
                    "Year group (as at 24/11/2026)": "Year 5",
                },
                year=5,
            )
        ),
    ),
    "sen-update.xlsx": Export(
        "student-core",
        "school",
        lambda: sheet(
            rows(
                {
                    **NAMED,
                    "NC Year": 6,
                    "SEN provision": of("K", "E"),
                    "SEN start date": date(2025, 1, 6),
                    "SEN need 1": of("SEMH", "MLD"),
                },
                7,
                year=6,
            ),
            above=[["SEN list"], ["Autumn term 2026"]],
        ),
    ),
    "weekly-register.csv": Export("attendance", "school", _weeks),
    "marks.json": Export("attendance", "academy", _json),
    "termly.csv": Export(
        "attendance",
        "school",
        lambda: csv(
            rows(
                {
                    **NAMED,
                    "Possible": 130,
                    "Attended": lambda p: 130 - p.number,
                    "Authorised": lambda p: p.number,
                    "Unauthorised": 0,
                    "Percentage attendance": lambda p: f"{(130 - p.number) / 1.3:.1f}%",
                }
            ),
            below=[["Average", "", "", "", 130, 118.5, 11.5, 0, "91.2%"]],
        ),
    ),
    "codes-by-pupil.xlsx": Export(
        "attendance",
        "academy",
        lambda: sheet(
            rows(
                {
                    "Reg": "10C",
                    "Name": lambda p: f"{p.surname}, {p.forename}",
                    "UPN": upn,
                    "/\\": lambda p: 100 - p.number,
                    "L": 1,
                    "C": 2,
                    "I": lambda p: p.number,
                    "N": 0,
                    "O": 1,
                },
                year=10,
            ),
            above=[["Codes used"], ["From 01/09/2026 to 20/11/2026"]],
        ),
    ),
    "lateness.csv": Export(
        "attendance",
        "school",
        lambda: csv(
            rows(
                {
                    **NAMED,
                    "Sessions possible": 110,
                    "Sessions attended": 108,
                    "Late before registers close": of(1, 3),
                    "Late after registers close": of(0, 1),
                }
            )
        ),
    ),
    "suspended.csv": Export(
        "exclusions",
        "academy",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Suspension type": of("Suspension", "Lunchtime"),
                    "Suspension reason": of("Bullying", "Theft"),
                    "Suspension start date": "12/10/2026",
                    "Suspension end date": "13/10/2026",
                    "Suspension length": "2",
                },
                5,
                year=9,
            )
        ),
    ),
    "profile-by-area.csv": Export(
        "eyfs-profile",
        "school",
        lambda: csv(
            rows(
                {
                    **NAMED,
                    **{
                        head: of("2", "1")
                        for head in (
                            "C&L: Listening, Attention and Understanding",
                            "C&L: Speaking",
                            "PSED: Self-Regulation",
                            "PSED: Managing Self",
                            "PSED: Building Relationships",
                            "PD: Gross Motor Skills",
                            "PD: Fine Motor Skills",
                            "Literacy: Comprehension",
                            "Literacy: Word Reading",
                            "Literacy: Writing",
                            "Maths: Number",
                            "Maths: Numerical Patterns",
                            "UTW: Past and Present",
                            "UTW: People, Culture and Communities",
                            "UTW: The Natural World",
                            "EAD: Creating with Materials",
                            "EAD: Being Imaginative and Expressive",
                        )
                    },
                },
                year=1,
            )
        ),
        JUNE,
    ),
    "phonics-y1-y2.xlsx": Export(
        "phonics",
        "school",
        lambda: xlsx(
            Page(rows({**NAMED, "Year": 1, "Phonics mark": of(35, 20)}, 12, year=2), "Year 1"),
            Page(rows({**NAMED, "Year": 2, "Phonics mark": of(39, 33)}, 6, year=3), "Year 2"),
        ),
        JUNE,
    ),
    "year-2-assessments.csv": Export(
        "ks1",
        "school",
        lambda: csv(
            rows(
                {**NAMED, "Reading": of("EXS", "WTS"), "Writing": "EXS", "Mathematics": of("GDS", "EXS")},
                year=3,
            ),
            above=[["Teacher assessments"], ["Year 2"]],
        ),
        JUNE,
    ),
    "gcse-uci.csv": Export(
        "gcse-results",
        "school",
        lambda: csv(
            rows(
                {
                    "Centre": "54321",
                    "Candidate no": lambda p: 4100 + p.number,
                    "Candidate name": lambda p: f"{p.surname}:{p.forename}".upper(),
                    "Series": "6G26",
                    "Board": "AQA",
                    "Subject": of("Biology", "Geography"),
                    "Result": of("6", "4", "8"),
                },
                year=12,
            )
        ),
        GCSE_DAY,
    ),
    "a-level-grid.xlsx": Export(
        "a-level-results",
        "academy",
        lambda: sheet(
            rows(
                {
                    "UPN": upn,
                    "Name": lambda p: f"{p.surname} {p.forename}",
                    "A level Physics": of("A", "B", "C"),
                    "A level History": of("A*", "B", "D"),
                },
                year=14,
            ),
            above=[["A level results 2026"]],
        ),
        A_LEVEL_DAY,
    ),
    "fft-year-11.csv": Export(
        "fft-aspire",
        "fft",
        lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "First name": forename,
                    "Last name": surname,
                    "Year group": "11",
                    "FFT50 English Language": of("5", "6"),
                    "FFT20 English Language": of("6", "7"),
                    "FFT50 Mathematics": of("4", "7"),
                },
                year=11,
            ),
            above=[["FFT Aspire - estimates"]],
        ),
    ),
    "alps-monitoring.xlsx": Export(
        "alps-lpuk",
        "alps",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Surname": surname,
                        "Forename": forename,
                        "Subject": of("Chemistry", "Law"),
                        "Average GCSE Score": of(5.9, 6.4),
                        "MEG": of("C", "B"),
                        "Monitoring point": of("C", "B"),
                        "Alps grade": of(5, 4),
                    },
                    year=13,
                ),
                "Students",
            ),
            Page([["Subject", "Alps grade"], ["Chemistry", 5], ["Law", 4]], "Subjects"),
        ),
    ),
    "leaver-ctf.xml": Export(
        "student-core",
        "academy",
        lambda: made.ctf(
            [made.pupil(made.Child(9), made.CORE_INSIDE + made.HISTORY)], qualifier="full"
        ).encode(),
    ),
}
