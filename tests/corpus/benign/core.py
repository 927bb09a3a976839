"""Student core data as SIMS, Arbor, Bromcom, ScholarPack, Integris, Wonde and CTF writers export it."""

from __future__ import annotations

import csv as csv_module
import io
import json
from collections.abc import Mapping
from datetime import date

import openpyxl
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from tests.classify import made
from tests.corpus.benign import (
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
from tests.corpus.books import Page, ods, xls, xlsx

SIMS: Columns = {
    "Adno": lambda p: f"{4000 + p.number:06}",
    "UPN": upn,
    "Legal Surname": surname,
    "Legal Forename": forename,
    "Middle name(s)": of("", "Ann", "James", ""),
    "Preferred Surname": surname,
    "Preferred Forename": forename,
    "DOB": born(),
    "Gender": sex,
    "Year": "Year  4",
    "Reg": of("4A", "4B"),
    "Ethnicity": of("White - British", "Indian", "Any other Asian background"),
    "First Language": of("English", "Polish", "English"),
    "SEN Status": of("", "K", "", "E"),
    "Eligible for free meals": of("F", "T"),
}
ARBOR: Columns = {
    "UPN": upn,
    "Legal First Name": forename,
    "Legal Last Name": surname,
    "Date of birth": born("%d %b %Y"),
    "Sex": of("Female", "Male"),
    "Year group": "Year 4",
    "Registration form": of("Oak", "Ash"),
    "Ethnicity": of("White - English", "Pakistani", "Information not yet obtained"),
    "Native language": of("English", "Urdu"),
    "SEN status": of("No Special Educational Need", "SEN Support"),
}
BROMCOM: Columns = {
    "Adno": lambda p: 1200 + p.number,
    "UPN": upn,
    "Legal Last Name": surname,
    "Legal First Name": forename,
    "Gender": of("F", "M"),
    "Date of Birth": born("%d-%b-%Y"),
    "Tutor Group": of("9LB", "9KT"),
    "Year Group": "9",
    "Ethnicity": of("WBRI", "AIND", "NOBT"),
    "Home Language": of("ENG", "PNJ"),
    "Enrolment Status": of("C", "C", "M"),
    "Date of Entry": "02/09/2024",
}
SCHOLARPACK: Columns = {
    "Surname": surname,
    "Forename": forename,
    "UPN": upn,
    "Class": of("Willow", "Beech"),
    "Year": "3",
    "DOB": born("%d/%m/%y"),
    "Gender": sex,
    "Ethnicity": of("WBRI", "MWBC"),
    "Religion": of("Christian", "Muslim", "No religion"),
    "First Language": of("ENG", "POL"),
    "FSM": of("No", "Yes"),
    "SEN": of("N", "K"),
    "EAL": of("No", "Yes"),
}
ADDRESSES: Columns = {
    "House Name": of("", "Rose Cottage", ""),
    "House Number": lambda p: 1 + p.number,
    "Street": of("Low Road", "Mill Lane"),
    "Town": "Taunton",
    "County": "Somerset",
    "Postcode": of("TA1 1AA", "TA2 7BB"),
}
WHO: Columns = {"UPN": upn, "Surname": surname, "Forename": forename, "DOB": born()}
WONDE: Columns = {
    "student.id": lambda p: f"A{1329183376 + p.number}",
    "student.upn": upn,
    "student.legal_surname": surname,
    "student.legal_forename": forename,
    "student.surname": surname,
    "student.forename": forename,
    "student.middle_names": "",
    "student.date_of_birth": born("%Y-%m-%d 00:00:00.000000"),
    "student.gender": of("FEMALE", "MALE"),
    "student.year": "4",
    "student.registration_group": of("4A", "4B"),
}
WONDE_API: Columns = {
    "id": lambda p: f"A{1329183376 + p.number}",
    "mis_id": lambda p: 300 + p.number,
    "legal_surname": surname,
    "legal_forename": forename,
    "date_of_birth": born("%Y-%m-%d"),
    "gender": of("FEMALE", "MALE"),
    "education_details.data.upn": upn,
    "education_details.data.admission_date": "2022-09-05",
    "education_details.data.current_nc_year": "4",
    "extended_details.data.ethnicity_code": of("WBRI", "AIND"),
    "extended_details.data.first_language_code": of("ENG", "GUJ"),
    "extended_details.data.sen_status_code": of("N", "K"),
    "extended_details.data.free_school_meals": of("FALSE", "TRUE"),
}
COVER = [
    ["ScholarPack export"],
    ["School", "Oak Primary School"],
    ["Academic year", "2026/2027"],
    ["Generated", "24/11/2026 08:15"],
]
NOTES = [
    ["Notes"],
    ["Ethnicity and language codes follow the DfE code sets."],
    ["Blank cells mean that nothing is recorded."],
]


def changed(base: Columns, names: Mapping[str, str]) -> Columns:
    """The same columns with other heads."""
    return {names.get(head, head): value for head, value in base.items()}


def sheet(table: list[list[object]], *, above: list[list[object]], dates: bool = True) -> bytes:
    """A workbook as a system formats it: a bold merged title, frozen head, filter, real dates."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Pupils"
    for row in [*above, *table]:
        page.append(row)
    if above:
        page.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(table[0]))
        page["A1"].font = Font(bold=True)
    page.freeze_panes = page.cell(row=len(above) + 2, column=1)
    page.auto_filter.ref = f"A{len(above) + 1}:{get_column_letter(len(table[0]))}{page.max_row}"
    if dates:
        for cells in page.iter_rows():
            for cell in cells:
                if isinstance(cell.value, date):
                    cell.number_format = "dd/mm/yyyy"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def wonde_json() -> bytes:
    """What the students end point of Wonde answers."""
    pupils = [Pupil(number, 4) for number in range(12)]
    return json.dumps(
        {
            "data": [
                {
                    "upi": f"{p.number:032x}",
                    "surname": p.surname,
                    "forename": p.forename,
                    "legal_surname": p.surname,
                    "legal_forename": p.forename,
                    "gender": ("FEMALE", "MALE")[p.number % 2],
                    "date_of_birth": p.born.isoformat(),
                    "education_details": {
                        "data": {"upn": p.upn, "current_nc_year": "4", "admission_date": "2022-09-05"}
                    },
                }
                for p in pupils
            ]
        },
        indent=2,
    ).encode()


def flat_json() -> bytes:
    head, *body = rows(
        {
            "upn": upn,
            "legalSurname": surname,
            "legalForename": forename,
            "dateOfBirth": born("%Y-%m-%d"),
            "sex": sex,
            "ncYear": "4",
            "registrationGroup": "4A",
            "ethnicity": of("WBRI", "AIND"),
            "postcode": "TA1 1AA",
        }
    )
    return json.dumps([dict(zip(map(str, head), row, strict=True)) for row in body]).encode()


TITLE = [["Oak Primary School"], ["Pupil Basic Details"], ["As at 24/11/2026"], []]
GROUPS = ["Pupil details", "", "", "", "", "Address", "", "", "School", ""]
GROUPED: Columns = {
    **WHO,
    "Gender": sex,
    "Address Line 1": lambda p: f"{1 + p.number} Low Road",
    "Town": "Taunton",
    "Post Code": "TA1 1AA",
    "NC Year": "4",
    "Class": of("4A", "4B"),
}


def split(table: list[list[object]], every: int) -> list[list[object]]:
    """The table with its head and a page line again after so many pupils."""
    head, *body = table
    out = []
    for number, start in enumerate(range(0, len(body), every), 1):
        out += [head, *body[start : start + every], [f"Page {number} of {-(-len(body) // every)}"]]
    return out


FILES: Mapping[str, Export] = {
    name: Export("student-core", "school", content)
    for name, content in {
        "sims-basic.csv": lambda: csv(rows(SIMS)),
        "sims-report-run-by.csv": lambda: csv(
            rows(SIMS), below=[[], ["Report run by: Ann Brown on 24/11/2026 10:31"]]
        ),
        "sims-title-total.csv": lambda: csv(
            rows(SIMS, 30), above=TITLE, below=[["Total pupils: 30"]], encoding="cp1252"
        ),
        "sims-pages.csv": lambda: csv(split(rows(SIMS, 48), 24)),
        "sims-closing.xlsx": lambda: xlsx(
            Page([*rows(SIMS), [], ["End of report"], ["Printed from SIMS .net"]])
        ),
        "sims-old.xls": lambda: xls(Page(rows(SIMS))),
        "sims-unicode-text.txt": lambda: csv(rows(SIMS), delimiter="\t", encoding="utf-16"),
        "class-list.csv": lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "Surname": surname,
                    "Forename": forename,
                    "Date of Birth": born(),
                    "Gender": sex,
                    "NCY": "4",
                }
            )
        ),
        "class-list.xlsx": lambda: sheet(
            rows(
                {
                    "Forename": forename,
                    "Surname": surname,
                    "Class": "Oak",
                    "NC Year": "R",
                    "UPN": upn,
                    "Sex": sex,
                    "Date of Birth": lambda p: p.born,
                },
                year=0,
            ),
            above=[["Class list - Oak class"]],
        ),
        "moved.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Old Address": lambda p: f"{p.number + 3} Mill Lane, Taunton",
                    "Old Postcode": "TA2 7BB",
                    "New Address": lambda p: f"{p.number + 9} Low Road, Taunton",
                    "New Postcode": "TA1 1AA",
                    "Date of Change": "16/11/2026",
                },
                6,
            )
        ),
        "moved.xlsx": lambda: sheet(
            rows(
                {
                    "Pupil UPN": upn,
                    "Legal Surname": surname,
                    "Legal Forename": forename,
                    "Date of Birth": lambda p: p.born,
                    "Previous Address Line 1": lambda p: f"{p.number + 3} Mill Lane",
                    "Previous Town": "Taunton",
                    "Previous Post Code": "TA2 7BB",
                    "Current Address Line 1": lambda p: f"Flat 2, {p.number + 9} Low Road",
                    "Current Town": "Taunton",
                    "Current Post Code": "TA1 1AA",
                    "Moved In": date(2026, 11, 2),
                },
                5,
            ),
            above=[["Change of address notifications"], []],
        ),
        "wonde-students.csv": lambda: csv(rows(WONDE), end="\n"),
        "wonde-details.csv": lambda: csv(rows(WONDE_API), end="\n", quoting=csv_module.QUOTE_ALL),
        "wonde-students.json": wonde_json,
        "records.json": flat_json,
        "arbor-custom-report.csv": lambda: csv(rows(ARBOR), quoting=csv_module.QUOTE_ALL, end="\n"),
        "arbor-at-a-day.csv": lambda: csv(
            rows(
                changed(
                    ARBOR,
                    {
                        head: f"{head} (at 10 Nov 2026)"
                        for head in ("Year group", "Registration form", "SEN status")
                    },
                )
            )
        ),
        "arbor-at-a-day.xlsx": lambda: xlsx(
            Page(
                rows(
                    {
                        "Student": lambda p: f"{p.forename} {p.surname}",
                        "UPN (at 10 Nov 2026)": upn,
                        "Date of birth": lambda p: p.born,
                        "Year group (at 10 Nov 2026)": "Year 4",
                        "Ethnicity (at 10 Nov 2026)": of("White British", "Indian"),
                        "Free School Meals Eligibility (at 10 Nov 2026)": of("Yes", "No"),
                    }
                )
            )
        ),
        "bromcom-quick-report.csv": lambda: csv(rows(BROMCOM, year=9), encoding="utf-8-sig"),
        "bromcom-quick-report.xlsx": lambda: sheet(
            rows(BROMCOM, year=9),
            above=[["Students - Quick Report"], ["Run on 24 Nov 2026 at 09:12 by Ann Brown"]],
        ),
        "scholarpack.csv": lambda: csv(rows(SCHOLARPACK, year=3)),
        "scholarpack-three-sheets.xlsx": lambda: xlsx(
            Page(COVER, "Cover"), Page(rows(SCHOLARPACK, year=3), "Data"), Page(NOTES, "Notes")
        ),
        "scholarpack-three-sheets.ods": lambda: ods(
            Page(COVER, "Cover"), Page(rows(SCHOLARPACK, year=3), "Data"), Page(NOTES, "Notes")
        ),
        "integris.csv": lambda: csv(
            rows(
                {
                    "Unique Pupil Number": upn,
                    "Legal Surname": surname,
                    "Legal Forename": forename,
                    "Chosen Forename": forename,
                    "Date of Birth": born(),
                    "Gender": of("Female", "Male"),
                    "NCY Group": "5",
                    "Reg Group": of("5H", "5P"),
                    "Admission Date": "05/09/2022",
                    "Ethnicity": of("White British", "Bangladeshi"),
                    "Home Language": "English",
                },
                year=5,
            ),
            delimiter=";",
        ),
        "upper-case.csv": lambda: csv(
            rows(
                {
                    "UPN": upn,
                    "SURNAME": lambda p: p.surname.upper(),
                    "FORENAME": lambda p: p.forename.upper(),
                    "DATE_OF_BIRTH": born("%Y%m%d"),
                    "GENDER": sex,
                    "NC_YEAR": "08",
                    "FORM": "8C",
                    "POSTCODE": "TA1 1AA",
                },
                year=8,
            )
        ),
        "addresses.csv": lambda: csv(rows({**WHO, **ADDRESSES}), below=[["30 records"]]),
        "two-row-head.csv": lambda: csv(rows(GROUPED), above=[GROUPS]),
        "two-row-head.xlsx": lambda: sheet(rows(GROUPED), above=[GROUPS]),
        "leavers.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Year Group": "6",
                    "Date of Leaving": "20/07/2026",
                    "Destination School": "Elm Academy",
                    "Destination LA": "999",
                },
                year=6,
            ),
            above=[["Leavers 01/07/2026 to 24/11/2026"]],
        ),
        "starters.xlsx": lambda: sheet(
            rows(
                {
                    "UPN": upn,
                    "Name": lambda p: f"{p.surname}, {p.forename}",
                    "DOB": lambda p: p.born,
                    "Date of Admission": date(2026, 9, 2),
                    "Previous School": of("Ash ForkingParent", "Fir Pre-School"),
                    "NCY": "R",
                },
                9,
                year=0,
            ),
            above=[],
        ),
        "sen-register.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Year": "4",
                    "SEN Status": of("K", "E"),
                    "SEN Status Start Date": "03/09/2024",
                    "Primary Need": of("SPLD", "SLCN", "ASD"),
                },
                8,
            )
        ),
        "free-meals.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Reg Group": "4A",
                    "FSM Eligible": "Y",
                    "FSM Start Date": "01/04/2025",
                    "FSM End Date": "",
                },
                8,
            ),
            below=[["Report run by: Office"], ["Total: 8"]],
        ),
        "languages.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Year": "4",
                    "Ethnicity": of("WBRI", "AIND"),
                    "Ethnic Source": "P",
                    "First Language": of("ENG", "URD"),
                    "EAL": of("N", "Y"),
                }
            )
        ),
        "travel.csv": lambda: csv(
            rows(
                {
                    **WHO,
                    "Year": "7",
                    "Postcode": "TA1 1AA",
                    "Mode of Travel": of("WLK", "BNK", "Car/Van"),
                    "Service Child": of("N", "Y"),
                },
                year=7,
            )
        ),
        "guardians.xlsx": lambda: xlsx(
            Page(
                rows(
                    {
                        **WHO,
                        "Class": "4A",
                        "Parent/Guardian 1": lambda p: f"Mrs A {p.surname}",
                        "Parent/Guardian 2": lambda p: f"Mr B {p.surname}",
                        "Post Code": "TA1 1AA",
                    }
                )
            )
        ),
        "ctf-core.xml": lambda: made.ctf(
            made.pupil(made.Child(n), made.CORE_INSIDE) for n in range(9)
        ).encode(),
    }.items()
}
