"""Grades in every arrangement: broadsheets, accreditation numbers as headers, mocks, predictions."""

from __future__ import annotations

from functools import partial

from tests.classify import made
from tests.corpus.children import CORE, WHO, YEAR_11, Columns, among, csv, xlsx
from tests.corpus.corpus import Files

_GCSE: Columns = {
    "English Language": among("4", "5", "7", "U"),
    "Maths": among("6", "3", "9"),
    "Combined Science": among("5-5", "6-5", "7-7"),
    "History": among("8", "4", ""),
}
_A_LEVEL: Columns = {
    "Biology": among("A", "B", "C"),
    "Mathematics": among("A*", "B", "E"),
    "Psychology": among("C", "D", "U"),
}
_CANDIDATES: Columns = {
    "Candidate Number": lambda c: str(4_000 + c.number),
    "Surname": lambda c: c.surname,
    "Forename": lambda c: c.forename,
}
_YEAR_13: Columns = {**YEAR_11, "Year Group": "13", "Reg Group": "13A"}
_LONG: Columns = {
    "UPN": lambda c: c.upn,
    "Surname": lambda c: c.surname,
    "Forename": lambda c: c.forename,
    "Subject": among("Physics", "History"),
    "Grade": among("A", "B", "C"),
}
_FFT_TEMPLATE: Columns = {
    "Organisation": "A School",
    "DfE number": "9991234",
    "Key stage": "4",
    "Year": "2026",
    "UPN": lambda c: c.upn,
    "Forename": lambda c: c.forename,
    "Surname": lambda c: c.surname,
    "Day": "3",
    "Month": "4",
    "Gender": lambda c: c.sex,
    **_GCSE,
}


def _named(columns: Columns, form: str) -> Columns:
    return {form.format(name): value for name, value in columns.items()}


FILES: Files = {
    "gcse-broadsheet.csv": partial(csv, YEAR_11 | _GCSE),
    "gcse-broadsheet.xlsx": partial(xlsx, YEAR_11 | _GCSE),
    "gcse-broadsheet-candidates.csv": partial(csv, _CANDIDATES | _GCSE),
    "gcse-broadsheet-result-headers.csv": partial(csv, YEAR_11 | _named(_GCSE, "GCSE {} Result")),
    "gcse-one-subject.csv": partial(csv, YEAR_11 | {"Maths": among("6", "3", "9")}),
    "gcse-accreditation-headers.csv": partial(
        csv, YEAR_11 | {"601/4608/4": among("6", "7"), "60142923": among("4", "5", "9")}
    ),
    "gcse-entry-code-headers.csv": partial(
        csv, _CANDIDATES | {"8300": among("6", "7"), "1MA1H": among("4", "9")}
    ),
    "gcse-fft-template.csv": partial(csv, _FFT_TEMPLATE),
    "gcse-with-fft-columns.csv": partial(csv, YEAR_11 | _GCSE | {"Maths FFT50": "6", "Maths FFT20": "7"}),
    "gcse-with-behaviour.csv": partial(csv, YEAR_11 | _GCSE | {"Behaviour Points": "7"}),
    "a-level-broadsheet.csv": partial(csv, _YEAR_13 | _A_LEVEL),
    "a-level-with-expected.csv": partial(csv, _LONG | {"MEG": among("B", "C")}),
    "a-level-broadsheet-with-expected.csv": partial(csv, _YEAR_13 | _A_LEVEL | {"MEG": among("B", "C")}),
    "a-level-in-alps.csv": partial(
        csv, _LONG | {"Average GCSE Score": "6.1", "Alps Band": "4", "Alps Grade": "3"}
    ),
    "gcse-long.csv": lambda: made.as_csv(made.result_rows(["9", "4", "U"])).encode(),
    "a-level-long.csv": lambda: made.as_csv(made.result_rows(["A*", "B", "U"])).encode(),
    "gcse-jcq.txt": lambda: made.jcq(["8300  H9 ", "8700   4 "]).encode(),
    "mock-title.csv": partial(csv, YEAR_11 | _GCSE, above=["Year 11 Mock Examinations"]),
    "mock-headers.csv": partial(csv, YEAR_11 | _named(_GCSE, "{} Mock")),
    "mock-ppe-headers.csv": partial(csv, YEAR_11 | _named(_GCSE, "PPE {}")),
    "mock-said-in-a-column.csv": partial(csv, _LONG | {"Grade": among("9", "4"), "Assessment": "Mock 1"}),
    "mock-series.csv": partial(csv, _LONG | {"Grade": among("9", "4"), "Series": "November Mock"}),
    "predicted-beside-core.csv": partial(csv, YEAR_11 | {"Predicted Grade": among("6", "7")}),
    "predicted-headers.csv": partial(csv, YEAR_11 | _named(_GCSE, "{} Predicted")),
    "predicted-alone.csv": partial(csv, _CANDIDATES | _named(_GCSE, "Predicted {}")),
    "forecast-headers.csv": partial(csv, YEAR_11 | _named(_A_LEVEL, "{} Forecast Grade")),
    "target-headers.csv": partial(csv, YEAR_11 | _named(_GCSE, "{} Target")),
    "working-at.csv": partial(csv, YEAR_11 | _named(_GCSE, "{} Working At Grade")),
    "results-and-predictions.csv": partial(csv, _LONG | {"Predicted Grade": among("A", "B")}),
    "year-9-grades.csv": partial(csv, CORE | _GCSE | {"Year Group": "9"}),
    "unknown-subject.csv": partial(csv, YEAR_11 | {"Beekeeping": among("A", "B", "C")}),
    "effort-grades.csv": partial(csv, CORE | {"Effort": among("A", "B", "C")}),
    "ks1-assessments.csv": partial(
        csv, WHO | {"Year Group": "2", "Reading": among("EXS", "WTS"), "Writing": among("EXS", "GDS")}
    ),
}
