"""Statutory returns and results of 2026/27, as the DfE, awarding bodies and school systems head them."""

from __future__ import annotations

from tests.corpus.benign import A_LEVEL_DAY, GCSE_DAY, JUNE, Columns, Export, csv, of, rows, surname, upn
from tests.corpus.benign.results import WHO
from tests.corpus.books import Page, xlsx

_NAMES: Columns = {"UPN": upn, "Surname": surname, "Forename": WHO["Forename"]}
_DAY: Columns = {"School URN": "120001", "UPN": upn, "Attendance date": of("2026-11-23", "2026-11-24")}
_EARLY: Columns = {**WHO, "Year Group": "10", "Series": "June 2026", "Subject": of("Statistics", "Latin")}
_CIE: Columns = {
    "Syllabus": "0500",
    "Option Code": "AX",
    "Centre Number": "GB099",
    "Candidate Number": lambda p: f"{1000 + p.number}",
    "Candidate Name": lambda p: f"{p.surname}: {p.forename}",
    "Syllabus Total": of(74, 61),
    "Syllabus Grade": of("A", "B", "C"),
}
_TESTS: Columns = {
    f"{subject} test {what}": value
    for subject in ("Reading", "GPS", "Maths")
    for what, value in (("outcome", of("AS", "NS")), ("score", of(104, 98)))
}
_BASICS: Columns = {
    "Attainment 8 score": of("52.5", "41"),
    "Progress 8 score": of("0.31", "-0.2"),
    "EBacc average point score": of("4.1", "3.2"),
    "Grade 5 or above in English and maths": of("Yes", "No"),
}
_ISAMS: Columns = {
    "txtSchoolID": lambda p: f"A{p.number:05}",
    "txtUPN": upn,
    "txtSurname": surname,
    "txtForename": WHO["Forename"],
    "txtGender": of("F", "M"),
    "txtDOB": lambda p: f"{p.born} 00:00:00",
    "intNCYear": "9",
    "txtForm": "9Br",
}
_COUNTED: Columns = {
    **_NAMES,
    "Sessions possible": "120",
    "Present": "110",
    "I - Illness": "4",
    "M - Medical/Dental": "1",
    "C2 - Part-time timetable": "0",
}
_RATES: Columns = {**_NAMES, "Present (%)": of("96.2", "88"), "Authorised Absence (%)": "2.1"}
_HALF_DAYS: Columns = {**_NAMES, "Possible sessions": "120", "Sessions present": of("118", "100")}
FILES = {
    "isams-fields.csv": Export("student-core", "school", lambda: csv(rows(_ISAMS, year=9))),
    "code-counts-in-words.csv": Export("attendance", "school", lambda: csv(rows(_COUNTED))),
    "rates-alone.csv": Export(
        "attendance", "school", lambda: csv(rows({**_RATES, "Unauthorised Absence (%)": "1.7"}))
    ),
    "absence-in-sessions.csv": Export(
        "attendance",
        "school",
        lambda: csv(
            rows({**_HALF_DAYS, "Authorised absence sessions": "2", "Unauthorised absence sessions": "0"})
        ),
    ),
    "phonics-of-two-years.csv": Export(
        "phonics",
        "school",
        lambda: csv(
            rows(
                {
                    **WHO,
                    "Phonics Screening Check Year 1": of("28", "31"),
                    "Phonics Screening Check Year 2": "33",
                },
                year=2,
            )
        ),
        JUNE,
    ),
    "dfe-daily-sessions.csv": Export(
        "attendance",
        "school",
        lambda: csv(rows({**_DAY, "AM session code": of("/", "I"), "PM session code": of("\\", "I")})),
    ),
    "dfe-daily-reasons.csv": Export(
        "attendance",
        "school",
        lambda: csv(
            rows(
                {
                    **_DAY,
                    "Session": of("AM", "PM"),
                    "Attendance code": of("/", "\\", "C"),
                    "Attendance reason": of(
                        "Present (morning session)",
                        "Present (afternoon session)",
                        "Leave of absence for exceptional circumstances",
                    ),
                }
            )
        ),
    ),
    "phonics-titled.csv": Export(
        "phonics",
        "school",
        lambda: csv(
            rows({**WHO, "Year": "1", "Mark": of("34", "21"), "Grade": of("Wa", "Wt")}, year=1),
            above=[["Phonics Screening Check 2026"]],
        ),
        JUNE,
    ),
    "cambridge.xlsx": Export("gcse-results", "school", lambda: xlsx(Page(rows(_CIE, year=11))), GCSE_DAY),
    "early-entries.csv": Export(
        "gcse-results",
        "school",
        lambda: csv(rows({**_EARLY, "Qualification": "GCSE", "Grade": of("9", "6")}, year=10)),
        GCSE_DAY,
    ),
    "exam-result.csv": Export(
        "gcse-results",
        "school",
        lambda: csv(
            rows({**_NAMES, "Qualification": "GCSE (9-1)", "Subject": "Maths", "Exam result": of("5", "6")})
        ),
        GCSE_DAY,
    ),
    "t-levels.csv": Export(
        "a-level-results",
        "school",
        lambda: csv(
            rows(
                {
                    **WHO,
                    "Qualification": "T Level",
                    "Subject": "Digital Production, Design and Development",
                    "Grade": of("Merit", "Distinction", "Pass"),
                },
                year=14,
            )
        ),
        A_LEVEL_DAY,
    ),
    "test-outcomes.csv": Export(
        "ks2", "dfe", lambda: csv(rows({**WHO, **_TESTS}, year=7)), "2026-09-10T12:00"
    ),
    "basics.csv": Export("ks4", "dfe", lambda: csv(rows({**WHO, **_BASICS}, year=12))),
}
