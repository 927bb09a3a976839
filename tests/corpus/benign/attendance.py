"""Attendance and exclusions as school systems export them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from tests.classify import made
from tests.corpus.benign import (
    Columns,
    Export,
    Pupil,
    Value,
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

WHO: Columns = {"UPN": upn, "Surname": surname, "Forename": forename}
FULL: Value = lambda p: f"{p.surname}, {p.forename}"  # noqa: E731
FIRST: Value = lambda p: f"{p.forename} {p.surname}"  # noqa: E731
MARKS = ("/", "\\", "/", "\\", "L", "I", "M", "C1", "/", "O")
POSSIBLE = 128


def missed(p: Pupil) -> int:
    return p.number * 3 % 17


def late(p: Pupil) -> int:
    return p.number % 4


def present(p: Pupil) -> int:
    return POSSIBLE - missed(p) - late(p)


def rate(p: Pupil) -> str:
    return f"{present(p) * 100 / POSSIBLE:.1f}"


SUMMARY: Columns = {
    "Name": FULL,
    "UPN": upn,
    "Reg": of("4A", "4B"),
    "Poss.": POSSIBLE,
    "Pres.": present,
    "Auth.": missed,
    "Unauth.": late,
    "% Att.": rate,
}
CODES = ("/", "\\", "B", "C", "D", "E", "G", "I", "L", "M", "N", "O", "U")
WEEK = [date(2026, 11, 16) + timedelta(days=n) for n in range(5)]


def mark(offset: int) -> Value:
    return lambda p: MARKS[(p.number + offset) % len(MARKS)]


def counted(code: str) -> Value:
    return lambda p: (p.number * 7 + ord(code)) % 9 if code not in "/\\" else 50 + p.number


def marks_long(form: str, heads: tuple[str, str, str]) -> list[list[object]]:
    """One row a pupil and session."""
    out: list[list[object]] = [["UPN", "Surname", "Forename", *heads]]
    for number in range(12):
        p = Pupil(number, 4)
        for day in WEEK:
            for half, session in enumerate(("AM", "PM")):
                out.append(
                    [p.upn, p.surname, p.forename, day.strftime(form), session, MARKS[(number + half) % 10]]
                )
    return out


_WHO_DOB: Columns = {**WHO, "DOB": born()}
_SUSPENDED: Columns = {
    **_WHO_DOB,
    "Type": of("Suspension", "Suspension", "Permanent"),
    "Reason": of("Persistent or general disruptive behaviour", "Physical assault against a pupil"),
    "Start Date": "10/11/2026",
    "End Date": of("11/11/2026", "12/11/2026", ""),
    "Number of Sessions": of("4", "6", ""),
}
ATTENDANCE = {
    "sims-summary.csv": lambda: csv(rows(SUMMARY)),
    "sims-summary-title.xlsx": lambda: sheet(
        rows(SUMMARY),
        above=[["Group Attendance Summary"], ["01/09/2026 AM to 20/11/2026 PM"], []],
    ),
    "sims-summary-footer.csv": lambda: csv(
        rows(SUMMARY, 30),
        above=[["Oak Primary School"], ["Attendance from 01/09/2026 to 20/11/2026"]],
        below=[["Totals", "", "", 3840, 3500, 280, 60, "91.1"], ["Report run by: Ann Brown"]],
    ),
    "sims-summary-old.xls": lambda: xls(Page(rows(SUMMARY))),
    "bromcom-summary.csv": lambda: csv(
        rows(
            {
                "Adno": lambda p: 1200 + p.number,
                "UPN": upn,
                "Last Name": surname,
                "First Name": forename,
                "Tutor Group": of("9LB", "9KT"),
                "Possible Sessions": POSSIBLE,
                "Sessions Attended": present,
                "Authorised Absences": missed,
                "Unauthorised Absences": late,
                "Late Before Reg Closed": late,
                "Late After Reg Closed": 0,
                "% Attendance": lambda p: rate(p) + "%",
            },
            year=9,
        )
    ),
    "arbor-year-to-date.csv": lambda: csv(
        rows(
            {
                "Student": FIRST,
                "UPN": upn,
                "Year group (at 10 Nov 2026)": "Year 4",
                "Possible sessions": POSSIBLE,
                "Present": present,
                "Authorised absent": missed,
                "Unauthorised absent": late,
                "Attendance % (at 10 Nov 2026)": rate,
            }
        )
    ),
    "code-counts.csv": lambda: csv(rows({**WHO, "Reg": "4A", **{code: counted(code) for code in CODES}})),
    "code-counts.xlsx": lambda: sheet(
        rows({"Pupil Name": FULL, "UPN": upn, **{code: counted(code) for code in CODES}, "Total": POSSIBLE}),
        above=[["Attendance code totals 01/09/2026 - 20/11/2026"]],
    ),
    "code-counts-named.csv": lambda: csv(
        rows(
            {
                **_WHO_DOB,
                "Present (/\\)": present,
                "Late (L)": late,
                "Illness (I)": missed,
                "Medical (M)": late,
                "Holiday not agreed (G)": 0,
                "Unauthorised (O)": late,
            }
        )
    ),
    "long-marks.csv": lambda: csv(marks_long("%d/%m/%Y", ("Date", "Session", "Mark"))),
    "long-marks-iso.csv": lambda: csv(
        marks_long("%Y-%m-%d", ("Attendance Date", "Session Type", "Attendance Code")), delimiter=";"
    ),
    "week-grid.csv": lambda: csv(
        rows(
            {
                **WHO,
                "Class": "4A",
                **{
                    f"{day:%a} {half}": mark(n + m)
                    for n, day in enumerate(WEEK)
                    for m, half in enumerate(("AM", "PM"))
                },
            }
        )
    ),
    "date-grid.xlsx": lambda: xlsx(
        Page(
            rows(
                {
                    "Surname": surname,
                    "Forename": forename,
                    "UPN": upn,
                    **{
                        f"{day:%d/%m/%Y} {half}": mark(n + m)
                        for n, day in enumerate(WEEK)
                        for m, half in enumerate(("AM", "PM"))
                    },
                }
            )
        )
    ),
    "two-row-grid.csv": lambda: csv(
        [
            ["", "", "", *(text for day in WEEK for text in (f"{day:%d/%m/%Y}", ""))],
            ["UPN", "Surname", "Forename", *["AM", "PM"] * 5],
            *[
                [p.upn, p.surname, p.forename, *(MARKS[(p.number + n) % 10] for n in range(10))]
                for p in (Pupil(number, 4) for number in range(20))
            ],
        ]
    ),
    "wonde-attendance.csv": lambda: csv(
        rows(
            {
                "student.upn": upn,
                "student.surname": surname,
                "student.forename": forename,
                "attendance.date": "2026-11-16 00:00:00.000000",
                "attendance.session": of("AM", "PM"),
                "attendance_code.code": of("/", "\\", "I", "L"),
            }
        )
    ),
    "weekly-string.csv": lambda: csv(
        rows(
            {
                **WHO,
                "Week Beginning": "16/11/2026",
                "Marks": of("/\\/\\/\\/\\/\\", "/\\IIII/\\/\\", "L\\/\\/\\C1\\--"),
            }
        )
    ),
    "scholarpack-summary.xlsx": lambda: xlsx(
        Page([["Attendance report"], ["Oak Primary School"], ["Autumn term 2026"]], "Cover"),
        Page(
            rows(
                {
                    **_WHO_DOB,
                    "Class": "Willow",
                    "Sessions Possible": POSSIBLE,
                    "Sessions Present": present,
                    "Authorised": missed,
                    "Unauthorised": late,
                    "Attendance %": rate,
                }
            ),
            "Data",
        ),
        Page([["Figures are for statutory sessions only."]], "Notes"),
    ),
    "persistent-absence.csv": lambda: csv(
        rows(
            {
                **_WHO_DOB,
                "Year Group": "10",
                "Sessions Possible": POSSIBLE,
                "Sessions Missed": lambda p: missed(p) + late(p),
                "Absence %": lambda p: f"{(missed(p) + late(p)) * 100 / POSSIBLE:.2f}",
            },
            year=10,
        ),
        above=[["Persistent absentees"], ["Threshold: 10%"]],
    ),
    "attendance.xml": lambda: made.attendance_around(
        made.attendance_pupil(made.Child(n)) for n in range(9)
    ).encode(),
}
EXCLUSIONS = {
    "sims-exclusions.csv": lambda: csv(
        rows(
            {
                **_WHO_DOB,
                "Exclusion Category": of("SUSP", "PERM"),
                "Exclusion Reason": of("PP", "DB", "VA"),
                "Start Date": "09/11/2026",
                "End Date": of("10/11/2026", ""),
                "School Days": of("2", ""),
            },
            5,
        )
    ),
    "bromcom-suspensions.csv": lambda: csv(rows(_SUSPENDED, 6, year=9), below=[["Total: 6"]]),
    "arbor-suspensions.xlsx": lambda: sheet(
        rows(
            {
                "Student": FIRST,
                "UPN": upn,
                "Sex": sex,
                "Year group": "Year 9",
                "Suspension or exclusion": of("Suspension", "Permanent exclusion"),
                "Reason": of("Damage", "Bullying"),
                "Start date": date(2026, 11, 9),
                "End date": of(date(2026, 11, 10), None),
            },
            4,
            year=9,
        ),
        above=[["Suspensions and permanent exclusions"]],
    ),
}
FILES: Mapping[str, Export] = {
    **{name: Export("attendance", "school", content) for name, content in ATTENDANCE.items()},
    **{name: Export("exclusions", "academy", content) for name, content in EXCLUSIONS.items()},
}
