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
FILES = {
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
