"""The School Census return as XML: `Message` with its header, and pupils on and no longer on roll."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from lxml import etree

from gateway.samples.drawing import Cohort, Element, branch, leaf, thursday
from gateway.samples.people import Pupil

_ATTENDANCE = {"AUT": "SummerHalfTerm2Attendance", "SPR": "TermlyAttendance", "SUM": "TermlyAttendance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """One of the three returns of a year. `leavers` puts every tenth pupil off roll."""

    term: Literal["AUT", "SPR", "SUM"]
    sex_tag: Literal["Sex", "Gender"] = "Sex"
    software: str = "SIMS"
    leavers: bool = True

    def day(self, year: int) -> date:
        """Return the census day of the academic year beginning in `year`."""
        match self.term:
            case "AUT":
                return thursday(year, 10, 1)
            case "SPR":
                return thursday(year + 1, 1, 3)
            case _:
                return thursday(year + 1, 5, 3)


def draw_census(cohort: Cohort, *, of: Return) -> Element:
    """Return the return of `cohort`'s school: every pupil on roll, or no longer on roll."""
    day = of.day(cohort.year)
    root = etree.Element("Message")
    _header(root, cohort, of, day)
    school = etree.SubElement(root, "School")
    branch(school, "SchoolCharacteristics", Phase="PS" if cohort.school.phase == "primary" else "SS")
    branch(etree.SubElement(school, "Classes"), "Class", ClassName="1A", PupilNumber=len(cohort.pupils))
    body = etree.SubElement(root, "Pupils")
    on_roll = etree.SubElement(body, "PupilsOnRoll")
    gone = etree.SubElement(body, "PupilsNoLongerOnRoll") if of.leavers else None
    for number, pupil in enumerate(cohort.pupils):
        if gone is not None and number % 10 == 9:
            _pupil(
                etree.SubElement(gone, "PupilNoLongerOnRoll"),
                pupil,
                cohort,
                of,
                left=day - timedelta(days=20),
            )
        else:
            _pupil(etree.SubElement(on_roll, "PupilOnRoll"), pupil, cohort, of, left=None)
    return root


def _header(root: Element, cohort: Cohort, of: Return, day: date) -> None:
    header = etree.SubElement(root, "Header")
    details = branch(header, "CollectionDetails", Collection="SC", Term=of.term)
    leaf(details, "Year", day.year)
    leaf(details, "ReferenceDate", day.isoformat())
    branch(
        header,
        "Source",
        SourceLevel="L",
        LEA=cohort.school.la,
        Estab=cohort.school.establishment,
        SoftwareCode=of.software,
        Release="7.214",
        SerialNo=1,
        DateTime=cohort.made_at,
    )
    branch(etree.SubElement(header, "Content"), "CBDSLevels", CBDSLevel="Child")


def _pupil(node: Element, pupil: Pupil, cohort: Cohort, of: Return, *, left: date | None) -> None:
    _identifiers(node, pupil, of)
    _characteristics(node, pupil)
    _status(node, pupil, left)
    _needs(node, pupil)
    if cohort.rng.random() < 0.05:
        _exclusion(node, cohort)
    _attendance(node, cohort, of)


def _identifiers(node: Element, pupil: Pupil, of: Return) -> None:
    identifiers = branch(
        node,
        "PupilIdentifiers",
        UPN=pupil.upn,
        FormerUPN=pupil.former_upn or None,
        ULN=pupil.uln if pupil.year.isdigit() and int(pupil.year) >= 9 else None,
        Surname=pupil.surname,
        Forename=pupil.forename,
        MiddleNames=pupil.middle_names,
        DOB=pupil.dob.isoformat(),
    )
    leaf(identifiers, of.sex_tag, pupil.sex)


def _characteristics(node: Element, pupil: Pupil) -> None:
    branch(
        node,
        "PupilCharacteristics",
        Ethnicity=pupil.ethnicity,
        Language=pupil.language,
        ServiceChild=pupil.service_child,
        FundedHours=15 if pupil.year == "R" else None,
        HoursAtSetting=25 if pupil.year == "R" else None,
    )
    address = etree.SubElement(node, "Address")
    leaf(address, "AddressLine1", f"{pupil.house} {pupil.street}")
    leaf(address, "PostCode", pupil.postcode)


def _status(node: Element, pupil: Pupil, left: date | None) -> None:
    branch(
        node,
        "PupilStatus",
        EnrolStatus=pupil.enrol_status,
        EntryDate=pupil.entry_date.isoformat(),
        LeavingDate=left.isoformat() if left else None,
        PartTime="true" if pupil.part_time else "false",
        Boarder=pupil.boarder,
        NCyearActual=pupil.year,
    )


def _needs(node: Element, pupil: Pupil) -> None:
    special = branch(node, "SpecialEducationalNeeds", SENprovision=pupil.sen_provision)
    if pupil.sen_provision != "N":
        branch(special, "SENneeds", SENneed=pupil.sen_need)
    leaf(special, "SENunitIndicator", "false")
    leaf(special, "ResourcedProvisionIndicator", "false")


def _exclusion(node: Element, cohort: Cohort) -> None:
    branch(
        etree.SubElement(node, "Exclusions"),
        "TermlyExclusion",
        Category=cohort.rng.choice(("SUSP", "PERM")),
        Reason=cohort.rng.choice(("PP", "DB", "VA")),
        StartDate=f"{cohort.year}-11-10",
    )


def _attendance(node: Element, cohort: Cohort, of: Return) -> None:
    totals = branch(etree.SubElement(node, "Attendance"), _ATTENDANCE[of.term], SessionsPossible=120)
    details = etree.SubElement(totals, "SessionDetails")
    for reason in cohort.rng.sample(("I", "M", "O", "U"), 2):
        sessions = cohort.rng.randrange(1, 9)
        branch(details, "SessionDetail", AttendanceReason=reason, AbsenceSessions=sessions)
