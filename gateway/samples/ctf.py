"""Common Transfer Files (and the admissions variant): an envelope, and modules for each pupil."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from lxml import etree

from gateway.samples.attendance import session_marks
from gateway.samples.drawing import Cohort, Element, branch, leaf
from gateway.samples.people import LA, Pupil, School

Module = Callable[[Element, Pupil, Cohort], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CtfHeader:
    """The header of one kind of CTF.

    `version` defaults to the academic year's, one each September. `known_source` False writes LEA XXX and
    Estab XXXX. `bare` files lack the module with the middle name, so the forename carries both.
    """

    version: str | None = None
    qualifier: Literal["full", "partial"] = "full"
    descriptor: str | None = None
    supplier: str = "SIMS"
    known_source: bool = True
    sex_tag: Literal["Sex", "Gender"] = "Sex"
    document: str = "Common Transfer File"
    body: str = "CTFpupilData"
    bare: bool = False


def draw_ctf(cohort: Cohort, *, envelope: CtfHeader, modules: Sequence[Module]) -> Element:
    """Return a CTF of every pupil of `cohort`, each with `modules` after the identifying fields."""
    root = etree.Element("CTfile")
    _header(root, cohort, envelope)
    body = etree.SubElement(root, envelope.body)
    for pupil in cohort.pupils:
        node = _identity(body, pupil, envelope)
        for module in modules:
            module(node, pupil, cohort)
    return root


def _header(root: Element, cohort: Cohort, envelope: CtfHeader) -> None:
    header = branch(
        root,
        "Header",
        DocumentName=envelope.document,
        CTFversion=envelope.version or f"{cohort.year - 2000}.0",
        DateTime=cohort.made_at,
        DocumentQualifier=envelope.qualifier,
        DataDescriptor=envelope.descriptor,
        SupplierID=envelope.supplier,
    )
    if envelope.known_source:
        _source(header, cohort)
    else:
        branch(header, "SourceSchool", LEA="XXX", Estab="XXXX", AcademicYear=cohort.year)
    branch(header, "DestSchool", LEA=LA, Estab="LLLL")


def _source(header: Element, cohort: Cohort) -> None:
    of = cohort.school
    branch(
        header,
        "SourceSchool",
        LEA=of.la,
        Estab=of.establishment,
        URN=of.urn,
        SchoolName=of.name,
        AcademicYear=cohort.year,
    )


def _identity(body: Element, pupil: Pupil, envelope: CtfHeader) -> Element:
    forename = f"{pupil.forename} {pupil.middle_names}" if envelope.bare else pupil.forename
    node = branch(body, "Pupil", UPN=pupil.upn, Surname=pupil.surname, Forename=forename)
    leaf(node, "DOB", pupil.dob.isoformat())
    leaf(node, envelope.sex_tag, pupil.sex)
    return node


def basic_details(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write BasicDetails as a school system does in full."""
    basic = branch(
        node,
        "BasicDetails",
        FormerUPN=pupil.former_upn or None,
        PreferredSurname=pupil.surname,
        PreferredForename=pupil.forename,
        MiddleNames=pupil.middle_names,
        NCyearActual=pupil.year,
        Ethnicity=pupil.ethnicity,
        EthnicitySource="P",
    )
    language = branch(etree.SubElement(basic, "Languages"), "Type", LanguageType="F")
    leaf(language, "Language", pupil.language)
    leaf(basic, "ServiceChild", pupil.service_child)
    leaf(basic, "MedicalFlag", "true" if pupil.medical else "false")
    leaf(basic, "EnrolStatus", pupil.enrol_status)


def short_details(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write BasicDetails of an assessment file: the middle name and the year group only."""
    branch(node, "BasicDetails", MiddleNames=pupil.middle_names, NCyearActual=pupil.year)


def sen_history(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write SENhistory for a pupil with SEN, with the need by rank and type."""
    if pupil.sen_provision == "N":
        return
    history = etree.SubElement(node, "SENhistory")
    branch(history, "SEN", StartDate=pupil.sen_start.isoformat(), SENprovision=pupil.sen_provision)
    needs = etree.SubElement(history, "SENneeds")
    branch(needs, "SENneed", SENtypeRank=1, SENtype=pupil.sen_need)


def sen_history_plain(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write SENhistory with the need as the text of SENneed."""
    if pupil.sen_provision == "N":
        return
    history = etree.SubElement(node, "SENhistory")
    branch(history, "SEN", StartDate=pupil.sen_start.isoformat(), SENprovision=pupil.sen_provision)
    branch(history, "SENneeds", SENneed=pupil.sen_need)


def fsm_history(node: Element, pupil: Pupil, cohort: Cohort) -> None:
    """Write FSMhistory for an eligible pupil."""
    if not pupil.fsm:
        return
    history = branch(node, "FSMhistory", FSMreviewDate=cohort.today.isoformat())
    branch(history, "FSMinstance", FSMstartDate=pupil.fsm_start.isoformat(), UKcountry="ENG")


def address_lines(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write the address in AddressLines form."""
    address = etree.SubElement(node, "Address")
    branch(
        address,
        "AddressLines",
        AddressLine1=f"{pupil.house} {pupil.street}",
        AddressLine2=pupil.middle_names,
        AddressLine3=pupil.town,
    )
    leaf(address, "PostCode", pupil.postcode)


def address_parts(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write the address in SAON/PAON form."""
    branch(
        node,
        "Address",
        SAON=pupil.middle_names,
        PAON=pupil.house,
        Street=pupil.street,
        Town=pupil.town,
        PostCode=pupil.postcode,
    )


def contacts(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write a telephone number, an e-mail address and one contact, none of them real."""
    phones = etree.SubElement(node, "Phones")
    branch(phones, "Phone", TelephoneType="H", PhoneNo=f"01632 960{pupil.house:03d}")
    leaf(node, "Email", f"pupil{pupil.house}@example.org")
    holder = etree.SubElement(node, "Contacts")
    forename, surname = pupil.guardian.split(" ", 1)
    branch(holder, "Contact", Order=1, Surname=surname, Forename=forename, Relationship="PAM")


def school_history(node: Element, pupil: Pupil, cohort: Cohort) -> None:
    """Write SchoolHistory with the present school only."""
    history = etree.SubElement(node, "SchoolHistory")
    _school(history, cohort.school, EntryDate=pupil.entry_date.isoformat(), LastSchool="true")


def leaver_history(node: Element, pupil: Pupil, cohort: Cohort) -> None:
    """Write SchoolHistory for a leaver: an earlier school and the present one, with leaving dates."""
    history = etree.SubElement(node, "SchoolHistory")
    earlier = replace(cohort.school, establishment="2998", name="Earlier Primary School")
    moved = pupil.entry_date + timedelta(days=300)
    entry = pupil.entry_date.isoformat()
    _school(history, earlier, EntryDate=entry, LeavingDate=moved.isoformat(), LastSchool="false")
    left = (cohort.today - timedelta(days=3)).isoformat()
    since = (moved + timedelta(days=3)).isoformat()
    _school(history, cohort.school, EntryDate=since, LeavingDate=left, LeavingReason="TR", LastSchool="true")


def _school(history: Element, of: School, **dates: str) -> None:
    branch(history, "School", LEA=of.la, Estab=of.establishment, SchoolName=of.name, **dates)


def attendance_year(node: Element, _pupil: Pupil, cohort: Cohort) -> None:
    """Write this year's attendance: the counts of sessions, without marks."""
    _year_data(node, cohort)


def attendance_marks(node: Element, pupil: Pupil, cohort: Cohort) -> None:
    """Write this year's attendance: the counts of sessions, and two weeks of marks in one string."""
    days = cohort.school_days(2)
    marks = session_marks(cohort.rng, len(days), faulty=pupil.fault == "code:unknown")
    data = _year_data(node, cohort)
    leaf(data, "AttendanceStartDate", days[0].isoformat())
    leaf(data, "AttendanceMarks", "".join(marks))


def _year_data(node: Element, cohort: Cohort) -> Element:
    absent, truant = cohort.rng.randrange(12), cohort.rng.randrange(4)
    return branch(
        etree.SubElement(node, "Attendance"),
        "YearData",
        Year=cohort.year,
        LEA=cohort.school.la,
        Estab=cohort.school.establishment,
        SchoolName=cohort.school.name,
        SessionsPossible=310,
        SessionsAuthorised=absent,
        SessionsAttended=310 - absent - truant,
        SessionsUnauthorised=truant,
    )


def application(node: Element, pupil: Pupil, _cohort: Cohort) -> None:
    """Write the additions of an admissions file: the references of application and offer."""
    leaf(node, "ApplicationReference", f"999-2026-{pupil.candidate}")
    branch(etree.SubElement(node, "Admissions"), "Accept", Accepted="true")
