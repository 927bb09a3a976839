"""Forty more exports, written before anybody looked at how the rules of that day decide them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

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
from tests.corpus.benign.autumn import full, uln
from tests.corpus.benign.core import sheet
from tests.corpus.books import Page, ods, xls, xlsx

WHO: Columns = {"UPN": upn, "Surname": surname, "Forename": forename}
LEGAL: Columns = {"Legal Surname": surname, "Legal Forename": forename, "UPN": upn, "Date of Birth": born()}
ARBOR: Columns = {"Student": lambda p: f"{p.forename} {p.surname}", "UPN": upn}


def table(columns: Columns, year: int, count: int = 24, above: Sequence[Sequence[object]] = ()) -> bytes:
    """Give a CSV of a year group."""
    return csv(rows(columns, count, year), above=above)


def _marks() -> bytes:
    """Marks of a fortnight as Bromcom prints them: a column a day, both sessions in one cell."""
    days = [date(2026, 11, 9) + timedelta(days=n) for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)]
    marks = (
        r"/\ /\ /\ L\ /\ /\ /\ MM /\ /\ ",
        r"II II /\ /\ /\ /\ /\ /\ /\ /\ ",
        r"/\ /\ /\ /\ CC /\ /\ /\ /\ GG ",
    )
    body = [
        [p.upn, full(p), "8N", *marks[p.number % 3].split()]
        for p in (Pupil(number, 8) for number in range(26))
    ]
    return csv([["UPN", "Student", "Tutor Group", *(f"{day:%a %d/%m}" for day in days)], *body])


def _arbor_json() -> bytes:
    """Students as a script writes them from Arbor's interface: camel case, nested names."""
    students = [
        {
            "studentId": 4000 + p.number,
            "uniquePupilNumber": p.upn,
            "person": {
                "legalFirstName": p.forename,
                "legalLastName": p.surname,
                "dateOfBirth": f"{p.born}",
                "gender": "Female" if p.sex == "F" else "Male",
            },
            "yearGroup": "Year 8",
            "registrationForm": "8 Hepworth",
            "enrolmentDate": "2026-09-03",
        }
        for p in (Pupil(number, 8) for number in range(15))
    ]
    return json.dumps(students, indent=2).encode()


def _by_subject() -> bytes:
    """GCSE results a row a result, sorted by subject, as a data manager pastes them into one sheet."""
    subjects = (
        ("Health and Social Care", "BTEC", "L2P"),
        ("Biology", "GCSE", "7"),
        ("Child Development", "OCR", "L2M"),
    )
    head = ["Exam No", "UPN", "Candidate", "Series", "Qualification", "Subject", "Grade"]
    body = [
        [3000 + p.number, p.upn, full(p), "Summer 2026", kind, subject, grade]
        for subject, kind, grade in (subjects[1], ("English Language", "GCSE", "5"), ("History", "GCSE", "8"))
        for p in (Pupil(number, 11) for number in range(18))
    ]
    return csv([head, *body])


def _letters() -> bytes:
    """Sessions by code, a column a code, with the names of the codes in a second sheet."""
    codes = (
        ("I", "Illness"),
        ("M", "Medical or dental appointment"),
        ("G", "Unauthorised holiday"),
        ("O", "Unauthorised absence"),
    )
    table = rows(
        {**WHO, "Possible": 112, **{code: of(0, 2, 4) for code, _ in codes}, "% Attendance": of(96.4, 91.1)},
        year=3,
    )
    return xlsx(Page(table, "Codes"), Page([["Code", "Meaning"], *map(list, codes)], "Key"))


FILES: Mapping[str, Export] = {
    # Core data.
    "sims-pupil-premium-list.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                **LEGAL,
                "Gender": sex,
                "Year Group": "Year  5",
                "Reg Group": "5 Oak",
                "Eligible for free meals": of("F", "T"),
                "Pupil Premium Indicator": of("F", "T"),
            },
            5,
        ),
    ),
    "sims-whole.xlsx": Export(
        "student-core",
        "school",
        lambda: sheet(
            rows(
                {
                    "Admission number": lambda p: f"{p.number + 4100:06}",
                    **LEGAL,
                    "Middle name(s)": of("", "Rose", "James"),
                    "Preferred Surname": surname,
                    "Chosen name": forename,
                    "Gender": sex,
                    "Date of admission": born("%d/%m/2026"),
                    "Enrolment status": "Single Registration",
                    "Boarder indicator": "Not a boarder",
                    "House": of("Nightingale", "Seacole"),
                },
                year=7,
            ),
            above=[["Pupil Details"], [""]],
        ),
    ),
    "arbor-core.csv": Export(
        "student-core",
        "academy",
        lambda: table(
            {
                "Arbor Student ID": lambda p: p.number + 310,
                "Legal first name": forename,
                "Legal last name": surname,
                "Sex": of("Female", "Male"),
                "Date of birth": born("%d %b %Y"),
                "UPN": upn,
                "Year group": "Year 4",
                "Registration form": "4 Kingfisher",
                "Date of admission": "04 Sep 2026",
                "Status": "Enrolled",
            },
            4,
        ),
    ),
    "arbor-sen.csv": Export(
        "student-core",
        "academy",
        lambda: table(
            {
                **ARBOR,
                "DoB": born("%d/%m/%Y"),
                "Year": "Year 6",
                "SEN status": of("SEN support", "Education, health and care plan"),
                "Primary SEN need": of(
                    "Speech, language and communication needs", "Specific learning difficulty"
                ),
                "Date placed on register": "12 Sep 2024",
            },
            6,
            9,
        ),
    ),
    "arbor-api.json": Export("student-core", "academy", _arbor_json),
    "bromcom-basic.csv": Export(
        "student-core",
        "academy",
        lambda: table(
            {
                "MIS ID": lambda p: p.number + 900,
                "First Name": forename,
                "Last Name": surname,
                "Preferred First Name": forename,
                "DOB": born(),
                "Gender": of("F", "M"),
                "UPN": upn,
                "Year Group": "9",
                "Tutor Group": "9C",
                "Date Joined": "01/09/2024",
                "EAL": of("No", "Yes"),
                "Service Child": "No",
            },
            9,
        ),
    ),
    "bromcom-addresses.csv": Export(
        "student-core",
        "academy",
        lambda: table(
            {
                **WHO,
                "Date Of Birth": born(),
                "House Name": of("", "Rose Cottage"),
                "House No": of("14", ""),
                "Street": of("Mill Lane", "Church Row"),
                "District": "",
                "Town": "Testham",
                "County": "Anyshire",
                "Postcode": "ZZ99 3AA",
            },
            9,
        ),
    ),
    "scholarpack-basic.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                "Pupil ID": lambda p: p.number,
                "Forename": forename,
                "Surname": surname,
                "UPN": upn,
                "DOB": born("%Y-%m-%d"),
                "Year": "Y2",
                "Class": "Beech",
                "Ethnicity": of("WBRI", "APKN"),
                "Home Language": of("English", "Urdu"),
                "Religion": of("Christian", "Muslim", "No Religion"),
            },
            2,
        ),
    ),
    "scholarpack-leavers.ods": Export(
        "student-core",
        "school",
        lambda: ods(
            Page(
                rows(
                    {
                        **WHO,
                        "DOB": born(),
                        "Leaving Date": "23/10/2026",
                        "Destination School": "Elm Primary School",
                        "Reason for Leaving": of("Moved to another school", "Moved out of area"),
                    },
                    year=3,
                    count=4,
                )
            )
        ),
    ),
    "integris-class.xls": Export(
        "student-core",
        "school",
        lambda: xls(
            Page(
                [
                    ["Class List: Willow", "", "", "", "", ""],
                    ["Academic Year 2026/2027", "", "", "", "", ""],
                    *rows({**WHO, "Date of Birth": born(), "Sex": sex, "Year": 1}, year=1),
                ],
                "Willow",
            )
        ),
    ),
    "pupil-asset-export.csv": Export(
        "student-core",
        "academy",
        lambda: table(
            {
                "PupilAssetID": lambda p: p.number + 77,
                "upn": upn,
                "legal_surname": surname,
                "legal_forename": forename,
                "dob": born("%Y-%m-%d"),
                "gender": sex,
                "ncyear": 5,
                "class": "5B",
                "fsm": of("0", "1"),
                "eal": of("0", "1"),
                "sen": of("N", "K"),
            },
            5,
        ),
    ),
    "wonde-flat.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                "upn": upn,
                "legal_surname": surname,
                "legal_forename": forename,
                "date_of_birth": born("%Y-%m-%d"),
                "gender": of("FEMALE", "MALE"),
                "year.name": "Year 3",
                "registration.name": "3J",
                "extended_details.ethnicity": of("White - British", "Bangladeshi"),
                "extended_details.first_language": of("English", "Bengali"),
                "created_at": "2026-11-02 09:14:55",
            },
            3,
        ),
    ),
    "juniper-horizons.xlsx": Export(
        "student-core",
        "school",
        lambda: xlsx(
            Page(
                rows(
                    {
                        **WHO,
                        "Known As": forename,
                        "Date of Birth": born("%d-%b-%Y"),
                        "Gender": of("Female", "Male"),
                        "Year Group": "Year 6",
                        "Reg. Group": "6 Cedar",
                        "Adm. No.": lambda p: f"{p.number:05}",
                        "Nationality": "",
                    },
                    year=6,
                ),
                "Pupils",
            )
        ),
    ),
    "new-arrivals.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                **WHO,
                "Date of Birth": born(),
                "Date of Arrival": "02/11/2026",
                "Previous School": "Ash Junior School",
                "Year Group": "4",
            },
            4,
            3,
        ),
    ),
    "meals-in-england.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                **WHO,
                "DOB": born(),
                "FSM Start Date": "14/09/2025",
                "FSM End Date": "",
                "Country of UK": "England",
            },
            5,
            8,
        ),
    ),
    "reception-classes.csv": Export(
        "student-core",
        "school",
        lambda: table(
            {
                "Class": of("Ladybirds", "Bumblebees", "Nurture Group"),
                **WHO,
                "Date of Birth": born(),
                "Gender": sex,
            },
            0,
        ),
    ),
    # Attendance and exclusions.
    "bromcom-fortnight.csv": Export("attendance", "academy", _marks),
    "codes-and-key.xlsx": Export("attendance", "school", _letters),
    "arbor-by-student.csv": Export(
        "attendance",
        "academy",
        lambda: table(
            {
                **ARBOR,
                "Year group": "Year 10",
                "Possible sessions": 118,
                "Present sessions": of(112, 104),
                "Authorised absences": of(4, 8),
                "Unauthorised absences": of(2, 6),
                "Lates": of(1, 0),
                "Attendance %": of("94.9%", "88.1%"),
            },
            10,
        ),
    ),
    "sims-persistent.csv": Export(
        "attendance",
        "school",
        lambda: table(
            {
                **WHO,
                "Year": 9,
                "Reg": "9GR",
                "Attendances": of(81, 90),
                "Possible": 112,
                "%": of(72.3, 80.4),
                "Unauth": of(20, 4),
                "Auth": of(11, 18),
            },
            9,
            11,
            above=[["Persistent Absence Report"], ["02/09/2026 to 20/11/2026"], ["Threshold: 90%"]],
        ),
    ),
    "scholarpack-sessions.csv": Export(
        "attendance",
        "school",
        lambda: table(
            {
                **WHO,
                "Date": "20/11/2026",
                "Session": of("AM", "PM"),
                "Code": of("/", "\\", "I", "L"),
                "Description": of(
                    "Present (AM)", "Present (PM)", "Illness", "Late (before registers closed)"
                ),
            },
            2,
        ),
    ),
    "sims-late.xlsx": Export(
        "attendance",
        "school",
        lambda: sheet(
            rows(
                {
                    **WHO,
                    "Reg": "7TS",
                    "Mark": of("L", "U"),
                    "Mark Date": lambda p: date(2026, 11, 17),
                    "Session": "AM",
                    "Minutes Late": of(5, 35),
                },
                year=7,
                count=9,
            ),
            above=[["Lates for week commencing 16 November 2026"]],
        ),
    ),
    "arbor-suspended.csv": Export(
        "exclusions",
        "academy",
        lambda: table(
            {
                **ARBOR,
                "Suspension start": "09 Nov 2026",
                "Suspension end": "10 Nov 2026",
                "Number of sessions": of(2, 4),
                "Primary reason": of(
                    "Verbal abuse or threatening behaviour against an adult",
                    "Use or threat of use of an offensive weapon or prohibited item",
                ),
                "Suspension type": "Suspension",
            },
            9,
            5,
        ),
    ),
    "sims-excluded.csv": Export(
        "exclusions",
        "school",
        lambda: table(
            {
                **WHO,
                "Year": 10,
                "Exclusion Type": of("Suspension", "Permanent"),
                "Exclusion Start Date": "03/11/2026",
                "Exclusion End Date": of("05/11/2026", ""),
                "Exclusion Reason": of("Drug and alcohol related", "Bullying"),
                "Lost Sessions": of(6, ""),
            },
            10,
            4,
        ),
    ),
    # Census and assessments of primary schools.
    "giap-premium.csv": Export(
        "pupil-premium",
        "school",
        lambda: table(
            {
                "UPN": upn,
                "Surname": surname,
                "Forename": forename,
                "Sex": sex,
                "DOB": born("%d/%m/%Y"),
                "NCYear": "4",
                "Deprivation Pupil Premium": of(1, 0),
                "Service Child Premium": 0,
                "Adopted from Care Premium": 0,
                "Looked After Premium": 0,
                "Pupil Premium FTE": "1.00",
                "Cash Amount": of("1480", "0"),
            },
            4,
        ),
    ),
    "sonar-elg.csv": Export(
        "eyfs-profile",
        "school",
        lambda: table(
            {
                **WHO,
                "DOB": born(),
                **{
                    goal: of(2, 1, 2)
                    for goal in (
                        "ELG01: Listening, Attention and Understanding",
                        "ELG02: Speaking",
                        "ELG03: Self-Regulation",
                        "ELG04: Managing Self",
                        "ELG05: Building Relationships",
                        "ELG06: Gross Motor Skills",
                        "ELG07: Fine Motor Skills",
                        "ELG08: Comprehension",
                        "ELG09: Word Reading",
                        "ELG10: Writing",
                        "ELG11: Number",
                        "ELG12: Numerical Patterns",
                        "ELG13: Past and Present",
                        "ELG14: People, Culture and Communities",
                        "ELG15: The Natural World",
                        "ELG16: Creating with Materials",
                        "ELG17: Being Imaginative and Expressive",
                    )
                },
                "GLD": of("Yes", "No"),
            },
            0,
        ),
        on=JUNE,
    ),
    "arbor-eyfs.xlsx": Export(
        "eyfs-profile",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "First Name": forename,
                        "Last Name": surname,
                        "UPN": upn,
                        **{
                            goal: of("Expected", "Emerging")
                            for goal in (
                                "Listening, Attention & Understanding",
                                "Speaking",
                                "Self-Regulation",
                                "Managing Self",
                                "Building Relationships",
                                "Gross Motor Skills",
                                "Fine Motor Skills",
                                "Comprehension",
                                "Word Reading",
                                "Writing",
                                "Number",
                                "Numerical Patterns",
                                "Past & Present",
                                "People, Culture & Communities",
                                "The Natural World",
                                "Creating with Materials",
                                "Being Imaginative & Expressive",
                            )
                        },
                    },
                    year=0,
                ),
                "Reception",
            )
        ),
        on=JUNE,
    ),
    "insight-phonics.csv": Export(
        "phonics",
        "school",
        lambda: table(
            {
                "First Name": forename,
                "Last Name": surname,
                "UPN": upn,
                "Year Group": "Y1",
                "Phonics Score": of(36, 28, 40),
                "Phonics Result": of("Wa", "Wt", "Wa"),
            },
            1,
        ),
        on=JUNE,
    ),
    "phonics-retakes.xls": Export(
        "phonics",
        "school",
        lambda: xls(
            Page(
                rows(
                    {
                        **WHO,
                        "Class": "2 Rowan",
                        "Yr 1 Mark": of(24, 29),
                        "Yr 2 Mark": of(35, 33),
                        "Phonics Outcome": of("Wa", "Wa"),
                    },
                    year=2,
                    count=6,
                ),
                "Phonics",
            )
        ),
        on=JUNE,
    ),
    "integris-ks1.csv": Export(
        "ks1",
        "school",
        lambda: table(
            {
                **WHO,
                "Date of Birth": born(),
                "Year": 2,
                "Reading (KS1 TA)": of("EXS", "GDS", "WTS"),
                "Writing (KS1 TA)": of("EXS", "WTS"),
                "Maths (KS1 TA)": of("EXS", "GDS"),
                "Science (KS1 TA)": of("EXS", "HNM"),
            },
            2,
        ),
        on=JUNE,
    ),
    "ks2-pag.csv": Export(
        "ks2",
        "dfe",
        lambda: table(
            {
                "Last name": surname,
                "First name": forename,
                "Date of birth": born(),
                "UPN": upn,
                "English reading raw score": of(31, 40),
                "English reading scaled score": of(102, 110),
                "Mathematics raw score": of(70, 91),
                "Mathematics scaled score": of(102, 109),
                "GPS raw score": of(44, 58),
                "GPS scaled score": of(103, 113),
                "School": "Oak Primary School",
            },
            6,
        ),
        on="2026-07-20T12:00",
    ),
    # Results of secondary schools.
    "ks4-performance.csv": Export(
        "ks4",
        "dfe",
        lambda: table(
            {
                "UPN": upn,
                "Surname": surname,
                "Forename": forename,
                "Attainment 8": of("48.00", "61.50"),
                "Progress 8": of("-0.12", "0.64"),
                "EBacc APS": of("4.10", "5.90"),
                "EBacc entry": of("N", "Y"),
                "Number of GCSE entries": of(8, 9),
            },
            11,
        ),
        on="2026-10-21T12:00",
    ),
    "gcse-list.csv": Export("gcse-results", "academy", _by_subject, on=GCSE_DAY),
    "arbor-gcse.xlsx": Export(
        "gcse-results",
        "academy",
        lambda: xlsx(
            Page(
                rows(
                    {
                        **ARBOR,
                        "Art and Design (9-1)": of(6, "", 5),
                        "Biology (9-1)": of(7, 5, 4),
                        "English Language (9-1)": of(6, 5, 4),
                        "Mathematics (9-1)": of(8, 5, 3),
                        "Psychology (9-1)": of("", 6, ""),
                        "Religious Studies (9-1)": of(7, 4, 5),
                    },
                    year=11,
                ),
                "Results",
            )
        ),
        on=GCSE_DAY,
    ),
    "a-level-list.csv": Export(
        "a-level-results",
        "academy",
        lambda: table(
            {
                "ULN": uln,
                "UPN": upn,
                "Name": full,
                "Qualification": "GCE A level",
                "Subject": of("Sociology", "Law", "Further Mathematics", "Politics"),
                "Board": of("AQA", "OCR"),
                "Grade": of("A", "B", "A*", "C"),
            },
            13,
        ),
        on=A_LEVEL_DAY,
    ),
    "sixth-form.xlsx": Export(
        "a-level-results",
        "academy",
        lambda: sheet(
            rows(
                {
                    **WHO,
                    "Art": of("A", "", "B"),
                    "Economics": of("", "C", "A*"),
                    "Mathematics": of("B", "D", ""),
                    "Physics": of("", "E", "C"),
                    "UCAS Points": of(88, 96, 120),
                },
                year=13,
            ),
            above=[["A Level Results August 2026"]],
        ),
        on=A_LEVEL_DAY,
    ),
    "fft-benchmarks.csv": Export(
        "fft-aspire",
        "fft",
        lambda: table(
            {
                **WHO,
                "DOB": born(),
                "Year Group": 10,
                "Eng Lang 9-1 FFT50": of("5", "6"),
                "Maths 9-1 FFT50": of("4", "7"),
                "Science 9-1 FFT50": of("5", "6"),
                "Att8 FFT50": of("45.2", "58.8"),
                "FSM6": of("Yes", "No"),
            },
            10,
        ),
    ),
    "fft-primary.xlsx": Export(
        "fft-aspire",
        "fft",
        lambda: xlsx(
            Page(
                rows(
                    {
                        **WHO,
                        "Reading FFT20 Estimate (Scaled Score)": of(104, 109),
                        "Maths FFT20 Estimate (Scaled Score)": of(105, 111),
                        "% chance of Expected Standard": of(78, 91),
                    },
                    year=6,
                ),
                "Estimates",
            )
        ),
    ),
    "alps-students.xlsx": Export(
        "alps-lpuk",
        "alps",
        lambda: xlsx(
            Page(
                rows(
                    {
                        "UPN": upn,
                        "Student Name": full,
                        "Gender": sex,
                        "QCA Score": of("52.1", "47.9"),
                        "ALPS Target": of("B", "C/B"),
                        "Subject": of("Biology", "Media Studies"),
                        "Subject MEG": of("B", "C"),
                        "Actual Grade": "",
                    },
                    year=12,
                ),
                "Students",
            )
        ),
    ),
    "lpuk-value-added.csv": Export(
        "alps-lpuk",
        "lpuk",
        lambda: table(
            {
                "UPN": upn,
                "Surname": surname,
                "Forename": forename,
                "Average GCSE": of("6.12", "5.44"),
                "Qualification": "A level",
                "Subject": of("Psychology", "Geography"),
                "Expected Points": of("34.1", "28.8"),
                "Value Added": of("0.31", "-0.22"),
            },
            12,
        ),
    ),
}
