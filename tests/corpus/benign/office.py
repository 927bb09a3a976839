"""Exports as a school's office makes them, with the words of the CBDS in place of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tests.corpus.benign import (
    A_LEVEL_DAY,
    GCSE_DAY,
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

WHO: Columns = {"UPN": upn, "Surname": surname, "Forename": forename, "DOB": born()}


def _table(columns: Columns, year: int) -> bytes:
    return csv(rows({**WHO, **columns}, 24, year))


# As "Working together to improve school attendance" (2024) has them, beside their codes.
_ABSENCE = {
    "B": "Attending any other approved educational activity",
    "C": "Leave of absence for exceptional circumstance",
    "C2": "Leave of absence for a compulsory school age pupil subject to a part-time timetable",
    "E": "Suspended or permanently excluded and no alternative provision made",
    "M": "Leave of absence for the purpose of attending a medical or dental appointment",
    "O": "Absent in other or unknown circumstances",
    "Q": "Unable to attend the school because of a lack of access arrangements",
    "Y2": "Unable to attend due to widespread disruption to travel",
    "Y5": "Unable to attend as pupil is in criminal justice detention",
}

FILES: Mapping[str, Export] = {
    "broadsheet-with-vocational-awards.csv": Export(
        "gcse-results",
        "school",
        lambda: _table(
            {
                "Reg": "11A",
                "GCSE/9FCD Combined Sci Tril": "65",
                "BTEC L2 Sport": of("L2D*", "L2M"),
                "Cambridge National Sport Studies": of("L2M", "L1P"),
                "Business BTEC Ext Cert": "L2P",
            },
            11,
        ),
        GCSE_DAY,
    ),
    "sims-register-with-marks-of-its-own.csv": Export(
        "attendance",
        "school",
        lambda: _table(
            {"16/11/2026 AM": of("/", "!", "&"), "16/11/2026 PM": of("\\", "!", "@"), "17/11/2026 AM": "-"}, 9
        ),
    ),
    "arbor-suspensions.csv": Export(
        "exclusions",
        "academy",
        lambda: _table(
            {
                "Exclusion Type": "Suspension",
                "Start Date": "03/11/2026",
                "End Date": "04/11/2026",
                "Reason": of(
                    "Disobedience/disrespect to staff",
                    "Challenging/unacceptable behaviour",
                    "Physical assault/violent behaviour against a pupil",
                    "Drug or alcohol-related",
                    "Sexual harassment",
                ),
            },
            9,
        ),
    ),
    "absences-in-the-words-of-the-guidance.csv": Export(
        "attendance",
        "school",
        lambda: _table(
            {
                "Date": "16/11/2026",
                "Session": "AM",
                "Code": of(*_ABSENCE),
                "Code Description": of(*_ABSENCE.values()),
            },
            8,
        ),
    ),
    "sims-languages.csv": Export(
        "student-core",
        "school",
        lambda: _table(
            {
                "Reg Group": "4B",
                "First Language": of(
                    "Panjabi (Gurmukhi)",
                    "Portuguese (Brazil)",
                    "Romanian (Romania)",
                    "Arabic (Any Other)",
                    "Chinese (Mandarin/Putonghua)",
                    "Swahili (Any Other)",
                    "Akan (Twi/Asante)",
                    "English",
                ),
                "Ethnicity": of(
                    "White Western European",
                    "Mirpuri Pakistani",
                    "Black - Congolese",
                    "Vietnamese",
                    "White and any other ethnic group",
                    "Prefer not to say",
                    "Information not obtained",
                    "I do not wish an ethnic background to be recorded",
                ),
            },
            4,
        ),
    ),
    "ticks.csv": Export(
        "student-core",
        "school",
        lambda: _table({"Year group": "Year 0", "FSM": of("\u2713", ""), "EAL": of("", "\u2714", "")}, 0),
    ),
    "faith-and-travel.csv": Export(
        "student-core",
        "school",
        lambda: _table(
            {
                "Year": 8,
                "Religion": of("C of E", "CofE", "Taoist", "No religion"),
                "Mode of Travel": of("Coach", "Ferry", "Boarding", "Walk"),
            },
            8,
        ),
    ),
    "relatives.csv": Export(
        "student-core",
        "school",
        lambda: _table(
            {
                "Year": 2,
                "Sex": sex,
                "Contact Name": of("Mrs Joan Price", "Mr Ian Price"),
                "Relationship": of("Great Aunt", "Grandad", "Half-brother", "Mother"),
            },
            2,
        ),
    ),
    "arbor-people.csv": Export(
        "student-core",
        "academy",
        lambda: _table(
            {
                "Year group": "Year 6",
                "Default address": of("12 Orchard Close, Taunton, TA1 1ZZ", "3 Mill Lane, Yeovil, TA2 2ZZ"),
                "Primary guardians": lambda p: f"Mary {p.surname}, Ian {p.surname}",
            },
            6,
        ),
    ),
    "plans.csv": Export(
        "student-core",
        "school",
        lambda: _table(
            {
                "SEN Status": "E",
                "SEN Need": of("ASD", "SLCN"),
                "EHCP Start Date": f"{date(2025, 9, 1):%d/%m/%Y}",
            },
            5,
        ),
    ),
    "main-reasons.csv": Export(
        "exclusions",
        "school",
        lambda: _table(
            {
                "Exclusion type": "Suspension",
                "Start": "2026-11-16",
                "End": "2026-11-17",
                "Primary suspension reason": of(
                    "Persistent or general disruptive behaviour", "Physical assault against a pupil"
                ),
            },
            9,
        ),
    ),
    "arbor-days.csv": Export(
        "attendance",
        "academy",
        lambda: csv(
            rows(
                {
                    "Student": lambda p: f"{p.forename} {p.surname}",
                    "UPN": upn,
                    "Form": "4A",
                    **{
                        f"{day} Nov {half}": of("/", "\\", "L", "I")
                        for day in (16, 17)
                        for half in ("AM", "PM")
                    },
                }
            )
        ),
    ),
    "sims-group-summary.csv": Export(
        "attendance",
        "school",
        lambda: _table({"Reg Grp": "4A", "Sessions Possible": 120, "Present": 104, "% Attend": "86.7"}, 4),
    ),
    "sims-elements.csv": Export(
        "a-level-results",
        "school",
        lambda: _table(
            {
                "Exam Number": lambda p: f"{4000 + p.number}",
                "Element Title": of("Physics", "French"),
                "Level": "GCE/A",
                "Board": "OCR",
                "Season": "Summer 2026",
                "Result": of("A*", "B"),
            },
            13,
        ),
        A_LEVEL_DAY,
    ),
    "isams-registers.csv": Export(
        "attendance",
        "school",
        lambda: _table(
            {
                "Form": "4A",
                "Registration Date": "16/11/2026",
                "Registration Period": of("AM Registration", "PM Registration"),
                "Code": of("/", "\\", "I"),
            },
            4,
        ),
    ),
    "no-provision.csv": Export(
        "student-core",
        "school",
        lambda: _table({"Year": 4, "SEN Status": of("No Specialist Assistance", "No Provision", "K")}, 4),
    ),
    "suspension-sessions.csv": Export(
        "exclusions",
        "academy",
        lambda: _table(
            {
                "Type": "Suspension",
                "Primary Reason": of("Persistent or general disruptive behaviour", "Damage"),
                "Secondary Reason": of("", "Theft"),
                "From": "16/11/2026",
                "To": "17/11/2026",
                "Total Sessions": 4,
            },
            9,
        ),
    ),
    "total-sessions.csv": Export(
        "attendance",
        "school",
        lambda: _table({"Year": 4, "Total Sessions": 120, "Sessions Attended": 110, "Authorised": 8}, 4),
    ),
}
