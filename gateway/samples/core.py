"""Student core data as spreadsheets: the headers of several systems over the same pupils."""

from __future__ import annotations

from collections.abc import Callable

from gateway.samples.drawing import Cell, Cohort, SampleTable
from gateway.samples.people import Pupil

Column = tuple[str, Callable[[Pupil], Cell]]


def table(cohort: Cohort, columns: list[Column], preamble: list[list[Cell]] | None = None) -> SampleTable:
    """Return one row for each pupil of `cohort` under the headings of `columns`."""
    return SampleTable(
        header=[heading for heading, _ in columns],
        rows=[[cell(pupil) for _, cell in columns] for pupil in cohort.pupils],
        preamble=preamble or [],
    )


def full_table(cohort: Cohort) -> SampleTable:
    """Return nearly every item of Appendix A, under its own name."""
    return table(cohort, _FULL)


def aliased_table(cohort: Cohort) -> SampleTable:
    """Return nearly every item of Appendix A under another system's headings, with a title above."""
    return table(cohort, _ALIASED, [[cohort.school.name, "Pupil details", cohort.today]])


def short_table(cohort: Cohort) -> SampleTable:
    """Return a class list with the headings requested by test publishers."""
    return table(cohort, _SHORT)


def exam_office_table(cohort: Cohort) -> SampleTable:
    """Return a list with the headings requested by test centres, including learner numbers."""
    return table(cohort, _EXAM_OFFICE)


def sen_table(cohort: Cohort) -> SampleTable:
    """Return a register of special educational needs."""
    return table(cohort, _SEN)


def history_table(cohort: Cohort) -> SampleTable:
    """Return starters and leavers: school history."""
    school = cohort.school
    where: list[Column] = [
        ("School Name", lambda _: school.name),
        ("LA Number", lambda _: school.la),
        ("School Number", lambda _: school.establishment),
    ]
    return table(cohort, [*_NAMED, *where, *_HISTORY])


def _yes(flag: bool) -> str:
    return "Y" if flag else "N"


def _full_address(pupil: Pupil) -> str:
    return f"{pupil.house} {pupil.street}\n{pupil.town}\n{pupil.postcode}"


_NAMED: list[Column] = [
    ("UPN", lambda p: p.upn),
    ("Surname", lambda p: p.surname),
    ("Forename", lambda p: p.forename),
    ("Middle Names", lambda p: p.middle_names),
    ("Date of Birth", lambda p: p.dob),
]
_FULL: list[Column] = [
    *_NAMED,
    ("Preferred Surname", lambda p: p.surname),
    ("Preferred Forename", lambda p: p.forename),
    ("Gender", lambda p: p.sex),
    ("NCY", lambda p: p.year),
    ("Registration Group", lambda p: p.registration_group),
    ("Former UPN", lambda p: p.former_upn),
    ("Address", _full_address),
    ("Ethnicity", lambda p: p.ethnicity),
    ("Ethnic Source", lambda _: "P"),
    ("First Language", lambda p: p.language),
    ("EAL", lambda p: _yes(p.language != "ENG")),
    ("Religion", lambda p: p.religion),
    ("FSM Eligible", lambda p: _yes(p.fsm)),
    ("FSM Date", lambda p: p.fsm_start if p.fsm else None),
    ("Guardians", lambda p: p.guardian),
    ("Medical Flag", lambda p: _yes(p.medical)),
    ("Mode of Travel", lambda p: p.travel_mode),
    ("Service Family", lambda p: p.service_child),
    ("Traveller Family", lambda p: _yes(p.traveller)),
    ("Enrolment Status", lambda p: p.enrol_status),
    ("SEN Status", lambda p: p.sen_provision),
    ("Home Telephone", lambda p: f"01632 960{p.house:03d}"),
    ("Email", lambda p: f"pupil{p.house}@example.org"),
]
_ALIASED: list[Column] = [
    ("Unique Pupil Number", lambda p: p.upn),
    ("Legal Surname", lambda p: p.surname),
    ("Legal Forename", lambda p: p.forename),
    ("Middle Name(s)", lambda p: p.middle_names),
    ("DOB", lambda p: p.dob),
    ("Sex", lambda p: p.sex),
    ("Year Group", lambda p: p.year),
    ("Reg Group", lambda p: p.registration_group),
    ("Ethnicity Code", lambda p: p.ethnicity),
    ("SEN Provision", lambda p: p.sen_provision),
    ("FSM", lambda p: _yes(p.fsm)),
    ("Home Language", lambda p: p.language),
    ("Post Code", lambda p: p.postcode),
]
_SHORT: list[Column] = [
    ("UPN", lambda p: p.upn),
    ("Forename", lambda p: f"{p.forename} {p.middle_names}"),
    ("Surname", lambda p: p.surname),
    ("DOB", lambda p: p.dob),
    ("Gender", lambda p: p.sex),
    ("SEN", lambda p: p.sen_provision),
    ("FSM", lambda p: _yes(p.fsm)),
    ("Ethnicity", lambda p: p.ethnicity),
    ("Class", lambda p: p.registration_group),
]
_EXAM_OFFICE: list[Column] = [
    ("First name", lambda p: p.forename),
    ("Surname", lambda p: p.surname),
    ("Date Of Birth", lambda p: p.dob),
    ("Sex", lambda p: p.sex),
    ("UPN", lambda p: p.upn),
    ("ULN", lambda p: p.uln),
    ("UCI", lambda p: p.uci),
    ("MisID", lambda p: f"{p.middle_names}{p.candidate}"),
    ("PostCode", lambda p: p.postcode),
    ("Ethnic Origin", lambda p: p.ethnicity),
    ("Year", lambda p: p.year),
]
_SEN: list[Column] = [
    *_NAMED,
    ("NCY", lambda p: p.year),
    ("SEN Status", lambda p: p.sen_provision),
    ("SEN Start Date", lambda p: p.sen_start if p.sen_provision != "N" else None),
    ("SEN Need", lambda p: p.sen_need if p.sen_provision != "N" else None),
]
_HISTORY: list[Column] = [
    ("Enrolment Status", lambda p: p.enrol_status),
    ("Registration Group", lambda p: p.registration_group),
    ("Part Time", lambda p: _yes(p.part_time)),
    ("Boarder", lambda p: p.boarder),
    ("Start Date", lambda p: p.entry_date),
    ("End Date", lambda _: None),
]
