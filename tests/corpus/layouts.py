"""The layouts in which systems, awarding bodies and the DfE write what the agreement lists."""

from __future__ import annotations

import hashlib
import json

from tests.classify import made
from tests.corpus.containers import core, text
from tests.corpus.corpus import Files

MARKS = ("Present", "Illness (not medical or dental appointment)", "Late (before registers closed)")
NO_ZONE = {"timezone_type": 3, "timezone": "Europe/London"}


def _table(header: str, record) -> bytes:
    return text(made.table(header, record, 12))


def _full_name() -> bytes:
    header = ["UPN", "Surname, Forename", "DOB", "Year", "Reg", "Ethnicity"]
    rows = [[c.upn, f"{c.surname}, {c.forename}", c.born, "4", "4B", "WBRI"] for c in made.children()]
    return text([header, *rows])


def _arbor_core() -> bytes:
    return _table(
        "Legal first name,Legal last name,Unique Pupil Number (UPN),Date of birth,Sex,"
        "Year group (this academic year),Registration form,Ethnicity (name),SEN status,Free meals eligible,"
        "Enrolment date,Native languages",
        lambda c: [
            c.forename,
            c.surname,
            c.upn,
            c.born,
            "Male",
            "Year 4",
            "4B",
            "White - British",
            "SEN Support",
            "Yes",
            "01/09/2021",
            "English",
        ],
    )


def _words_for_marks() -> bytes:
    return _table(
        "UPN,Surname,Forename,Date,Session,Mark",
        lambda c: [
            c.upn,
            c.surname,
            c.forename,
            "07/09/2026",
            "AM",
            ("Present", "Illness (not medical or dental appointment)", "Late (before registers closed)")[
                c.number % 3
            ],
        ],
    )


def _words_for_suspensions() -> bytes:
    return _table(
        "UPN,Surname,Forename,Suspension type,Reason,Start date,End date,Length of suspension",
        lambda c: [
            c.upn,
            c.surname,
            c.forename,
            "Suspension (fixed period)",
            "Persistent or general disruptive behaviour",
            "05/10/2026",
            "06/10/2026",
            "2",
        ],
    )


def _wonde_student(c: made.Child) -> dict:
    return {
        "id": f"A{c.number:09}",
        "upi": hashlib.sha256(c.upn.encode()).hexdigest()[:32],
        "mis_id": str(c.number),
        "surname": c.surname,
        "forename": c.forename,
        "gender": "MALE",
        "date_of_birth": {
            "date": f"{c.born} 00:00:00.000000",
            "timezone_type": 3,
            "timezone": "Europe/London",
        },
        "education_details": {
            "data": {"upn": c.upn, "local_upn": None, "current_nc_year": "4", "admission_date": None}
        },
        "extended_details": {
            "data": {"ethnicity_code": "WBRI", "sen_status": "K", "free_school_meals": True}
        },
    }


def _wonde(records: list, **more: object) -> bytes:
    meta = {"pagination": {"next": None, "previous": None, "more": False, "per_page": 50, "current_page": 1}}
    return json.dumps({"data": records, "meta": meta, **more}).encode()


def _wonde_students(**more: object) -> bytes:
    return _wonde([_wonde_student(c) for c in made.children()], **more)


def _wonde_marks() -> bytes:
    return _wonde(
        [
            {
                "date": {
                    "date": "2026-09-07 00:00:00.000000",
                    "timezone_type": 3,
                    "timezone": "Europe/London",
                },
                "session": "AM",
                "attendance_code": {"data": {"code": "/"}},
                "student": {"data": {"upn": c.upn, "surname": c.surname, "forename": c.forename}},
            }
            for c in made.children()
        ]
    )


def _wonde_columns() -> bytes:
    return _table(
        "mis_id,upi,upn,former_upn,legal_surname,legal_forename,date_of_birth,gender,current_nc_year,ethnicity_code,"
        "first_language,admission_date,free_school_meals",
        lambda c: [
            str(c.number),
            "",
            c.upn,
            "",
            c.surname,
            c.forename,
            c.born,
            c.sex,
            "4",
            "WBRI",
            "ENG",
            "",
            "N",
        ],
    )


def _return(collection: str, inside: str) -> bytes:
    pupils = [made.pupil(c, inside) for c in made.children()]
    around = made.census_around([], collection=collection)
    return around.replace(
        "<PupilsOnRoll></PupilsOnRoll><PupilsNoLongerOnRoll></PupilsNoLongerOnRoll>", "".join(pupils)
    ).encode()


def _ctf(inside: str) -> bytes:
    return made.ctf([made.pupil(c, inside) for c in made.children()]).encode()


def _result_lines(unit: str, grades: str, count: int = 12, told: int | None = None) -> bytes:
    """One result a record: centre at 2, candidate at 7, UCI at 11, ULN at 24, unit at 40, grade at 46."""
    lines = ["R17054321060826", "R354321A SCHOOL"]
    for n in range(count):
        grade = grades.split()[n % len(grades.split())]
        lines.append(f"R554321{4000 + n}{'54321010' + f'{n:04}A'}{'':10}{'':6}{unit:6}{grade:4}")
    trailer = f"{count if told is None else told:07}"
    lines += [f"R754321{trailer}", f"R970{trailer}"]
    return "".join(f"{line:100}\r\n" for line in lines).encode()


def _no_upn(header: str, names) -> bytes:
    return _table(header, lambda c: [*names(c), c.born, "Oak School", "4"])


def _ks4() -> bytes:
    return text(made.ks4_rows())


FILES: Files = {
    "full-name.csv": _full_name,
    "no-upn.csv": lambda: _no_upn("Surname,Forename,DOB,School,Year", lambda c: [c.surname, c.forename]),
    "no-upn-full-name.csv": lambda: _no_upn(
        "Pupil Name,DOB,School,Year", lambda c: [f"{c.surname} {c.forename}"]
    ),
    "arbor-core.csv": _arbor_core,
    "words-for-marks.csv": _words_for_marks,
    "words-for-suspensions.csv": _words_for_suspensions,
    "wonde-core.json": _wonde_students,
    "wonde-marks.json": _wonde_marks,
    "wonde-columns.csv": _wonde_columns,
    "wonde-and-staff.json": lambda: _wonde_students(staff=[{"surname": "Brown"}]),
    "wonde-and-a-note.json": lambda: _wonde_students(note="Ann is looked after by her aunt"),
    "wonde-list.json": lambda: json.dumps([_wonde_student(c) for c in made.children()]).encode(),
    "wonde-cut-off.json": lambda: _wonde_students()[:-200],
    "prices.json": lambda: json.dumps([{"item": "chair", "price": 20}] * 9).encode(),
    "eyfsp-return.xml": lambda: _return("EYFSP", made.EYFS),
    "phonics-return.xml": lambda: _return("Phonics", made.PHONICS),
    "ks1-return.xml": lambda: _return("KS1", made.KS1),
    "eyfsp-return-of-ks1.xml": lambda: _return("EYFSP", made.KS1),
    "eyfsp-return-of-nothing.xml": lambda: _return("EYFSP", ""),
    "ks2-teacher.xml": lambda: _ctf(made.assessments("KS2", ("ENG", "WRI", "TA", "NC", "EXS"))),
    "tables-check.xml": lambda: _ctf(made.assessments("KS2", ("MAT", "MTC", "TT", "MT", "25"))),
    "ks2.csv": lambda: text(made.ks2_rows()),
    "ks4.csv": _ks4,
    "gcse-lines.X70": lambda: _result_lines("8300H", "9 4 U"),
    "a-level-lines.X70": lambda: _result_lines("7357", "A* B U"),
    "lines-miscounted.X70": lambda: _result_lines("8300H", "9 4 U", told=13),
    "core.csv": lambda: text(core()),
}
