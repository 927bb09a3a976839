"""Twenty more exports, written after the last mend of the rules: no rule was mended for them."""

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

WHO: Columns = {"Surname": surname, "Forename": forename, "UPN": upn, "DOB": born("%d/%m/%Y")}


def _table(columns: Columns, **more: object) -> bytes:
    return csv(rows({**WHO, **columns}), **more)  # type: ignore[arg-type] - as `csv` takes them


CORE = {
    "medical-flags.csv": lambda: _table({"Medical flag": of("Y", "N"), "Class": "4A"}),
    "boarders.csv": lambda: _table({"Boarder": of("N", "B"), "Year": "9"}, below=[["Number of pupils: 24"]]),
    "preferred-names.xlsx": lambda: sheet(
        rows(
            {**WHO, "Preferred surname": surname, "Preferred forename": forename, "Tutor group": "7A"}, year=7
        ),
        above=[["Preferred names"], ["Printed by SIMS on 24/11/2026"]],
    ),
    "english.csv": lambda: _table({"EAL": of("Yes", "No"), "Home language": of("Polish", "English")}),
    "new-intake.ods": lambda: ods(
        Page(rows({**WHO, "Gender": sex, "Admission date": "02/09/2026", "Part time": of("Y", "N")}, year=0))
    ),
    "postcodes.csv": lambda: _table({"Home postcode": of("TA1 1AA", "TA2 7BB")}, delimiter="\t"),
    "leavers-summer.xls": lambda: xls(
        Page([["Leavers Summer 2026"], *rows({**WHO, "Leaving date": "22/07/2026", "NCY": 6}, year=6)])
    ),
    "sen-changes.csv": lambda: _table(
        {"SEN status": of("K", "N"), "SEN start date": "01/09/2026", "SEN need": of("SLCN", "HI")}
    ),
}
ATTENDANCE = {
    "half-term.csv": lambda: _table(
        {"Possible sessions": 70, "Present": 68, "Authorised absence": 1, "Unauthorised absence": 1},
        above=[["Half-term attendance"], ["01/09/2026 - 23/10/2026"]],
        below=[["Report run by: Ann Brown"], ["Page 1 of 1"]],
    ),
    "daily.xlsx": lambda: sheet(
        rows({**WHO, "Date": date(2026, 11, 23), "AM": of("/", "L"), "PM": of("\\", "I")}),
        above=[["Daily attendance"]],
    ),
    "percentages.csv": lambda: _table(
        {"Sessions possible": 110, "Sessions present": 100, "% attendance": "90.9", "% unauthorised": "0.9"}
    ),
    "codes.csv": lambda: _table({"/\\": 98, "L": 2, "I": of(4, 5), "M": 1, "C": 0, "O": 3}),
}
FILES: Mapping[str, Export] = {
    **{name: Export("student-core", "school", content) for name, content in CORE.items()},
    **{name: Export("attendance", "academy", content) for name, content in ATTENDANCE.items()},
    "suspensions.csv": Export(
        "exclusions",
        "school",
        lambda: _table(
            {
                "Category": "SUSP",
                "Reason": of("PP", "VA"),
                "Start date": "09/11/2026",
                "End date": "10/11/2026",
            }
        ),
    ),
    "early-years.csv": Export(
        "eyfs-profile",
        "school",
        lambda: csv(rows({**WHO, "Sex": sex, **{f"EYFS {goal}": of(2, 1) for goal in GOALS}}, year=1)),
        JUNE,
    ),
    "phonics-results.xlsx": Export(
        "phonics",
        "academy",
        lambda: sheet(
            rows(
                {**WHO, "Year": "1", "Phonics Screening Check Score": of(38, 19), "Result": of("Wa", "Wt")},
                year=2,
            ),
            above=[["Phonics screening check results 2026"]],
        ),
        JUNE,
    ),
    "key-stage-1.csv": Export(
        "ks1",
        "school",
        lambda: csv(
            rows(
                {**WHO, "Reading": "EXS", "Writing": of("WTS", "EXS"), "Maths": "EXS", "Science": "EXS"},
                year=3,
            ),
            above=[["Year 2 teacher assessment"]],
        ),
        JUNE,
    ),
    "gcse.csv": Export(
        "gcse-results",
        "school",
        lambda: csv(
            rows(
                {
                    "Candidate number": lambda p: 5000 + p.number,
                    **WHO,
                    "Subject": of("Art", "PE"),
                    "Grade": of("8", "3"),
                },
                year=12,
            ),
            below=[["Grand total: 24"]],
        ),
        GCSE_DAY,
    ),
    "a-level.xlsx": Export(
        "a-level-results",
        "school",
        lambda: xlsx(
            Page(
                rows(
                    {
                        **WHO,
                        "Qualification": "A Level",
                        "Subject": of("Maths", "Art"),
                        "Grade": of("A*", "D"),
                    },
                    year=14,
                )
            )
        ),
        A_LEVEL_DAY,
    ),
    "fft.csv": Export(
        "fft-aspire",
        "fft",
        lambda: csv(
            rows(
                {**WHO, "Subject": of("Science", "French"), "FFT50": of("5", "7"), "FFT20": of("6", "8")},
                year=10,
            )
        ),
    ),
    "alps-students.csv": Export(
        "alps-lpuk",
        "alps",
        lambda: csv(
            rows({**WHO, "Subject": "Biology", "Avg GCSE": "6.1", "MEG": "B", "Alps Score": "1.01"}, year=14),
            above=[["Alps"]],
        ),
    ),
    "census-october.xml": Export(
        "school-census",
        "school",
        lambda: made.census_around(made.census_pupil(made.Child(n)) for n in range(20)).encode(),
        "2026-10-08T12:00",
    ),
}
