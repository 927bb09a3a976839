"""Exclusions (suspensions and permanent exclusions): XML in both shapes of reasons, and spreadsheets."""

from dataclasses import dataclass
from datetime import date, timedelta

from lxml import etree

from gateway.samples.drawing import Cell, Cohort, Element, SampleTable, branch, leaf
from gateway.samples.people import Pupil

_REASONS = ("PP", "PA", "VP", "VA", "BU", "RA", "DA", "DM", "TH", "DB", "MT", "OW", "PH", "LG")
_UNKNOWN_REASON = "QX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """One exclusion of one pupil; a permanent one has no end."""

    category: str
    reasons: tuple[str, ...]
    start: date
    end: date | None
    sessions: int


def _exclusions(pupil: Pupil, cohort: Cohort, *, legacy: bool = False) -> list[Exclusion]:
    """Return one exclusion of `pupil`, sometimes two."""
    count = 2 if cohort.rng.random() < 0.2 else 1
    return [_exclusion(pupil, cohort, first=n == 0, legacy=legacy) for n in range(count)]


def _exclusion(pupil: Pupil, cohort: Cohort, *, first: bool, legacy: bool) -> Exclusion:
    rng = cohort.rng
    category = rng.choices(("FIXD" if legacy else "SUSP", "PERM", "LNCH"), weights=(85, 5, 10))[0]
    reasons = rng.sample(_REASONS, 1 if legacy else rng.choice((1, 2, 3)))
    if first and pupil.fault == "code:unknown":
        reasons[0] = _UNKNOWN_REASON
    start = cohort.today - timedelta(days=rng.randrange(10, 200))
    days = rng.randrange(1, 6)
    end = None if category == "PERM" else start + timedelta(days=days)
    if first and pupil.fault == "date:future":
        start = date(cohort.today.year + 20, 1, 16)
    return Exclusion(category=category, reasons=tuple(reasons), start=start, end=end, sessions=2 * days)


def xml_one_reason(cohort: Cohort) -> Element:
    """Return the shape before release 3.72: one Reason, in the Exclusion itself."""
    root, holder = _root(cohort)
    for pupil in cohort.pupils:
        node = _pupil(holder, pupil)
        for exclusion in _exclusions(pupil, cohort, legacy=True):
            branch(
                node,
                "Exclusion",
                Category=exclusion.category,
                Reason=exclusion.reasons[0],
                StartDate=exclusion.start.isoformat(),
                EndDate=exclusion.end.isoformat() if exclusion.end else "",
                SchoolDays=f"{exclusion.sessions / 2:.6f}",
                StartTime="PM",
            )
    return root


def xml_many_reasons(cohort: Cohort) -> Element:
    """Return the shape since release 3.72: Reasons with up to three."""
    root, holder = _root(cohort)
    for pupil in cohort.pupils:
        node = _pupil(holder, pupil)
        for exclusion in _exclusions(pupil, cohort):
            _many_reasons(node, exclusion)
    return root


def _many_reasons(node: Element, exclusion: Exclusion) -> None:
    record = branch(node, "Exclusion", Category=exclusion.category)
    holder = etree.SubElement(record, "Reasons")
    for reason in exclusion.reasons:
        leaf(holder, "Reason", reason)
    leaf(record, "StartDate", exclusion.start.isoformat())
    leaf(record, "EndDate", exclusion.end.isoformat() if exclusion.end else "")
    leaf(record, "SchoolDays", f"{exclusion.sessions / 2:.6f}")
    leaf(record, "StartTime", "AM")


def _root(cohort: Cohort) -> tuple[Element, Element]:
    root = etree.Element("ExclusionData")
    of = cohort.school
    branch(root, "Header", LEA=of.la, Estab=of.establishment, SchoolName=of.name, DateTime=cohort.made_at)
    return root, etree.SubElement(root, "Pupils")


def _pupil(holder: Element, pupil: Pupil) -> Element:
    node = branch(holder, "Pupil", UPN=pupil.upn, Surname=pupil.surname, Forename=pupil.forename)
    leaf(node, "MiddleNames", pupil.middle_names)
    return etree.SubElement(node, "Exclusions")


def csv(cohort: Cohort, *, legacy: bool = False) -> SampleTable:
    """Return one row for each exclusion; `legacy` with the category FIXD, used before 2022."""
    header = ["UPN", "Surname", "Forename", "Category", "Reason", "Start Date", "End Date", "Sessions"]
    rows: list[list[Cell]] = [
        [
            pupil.upn,
            pupil.surname,
            f"{pupil.forename} {pupil.middle_names}",
            exclusion.category,
            exclusion.reasons[0],
            exclusion.start,
            exclusion.end,
            exclusion.sessions,
        ]
        for pupil in cohort.pupils
        for exclusion in _exclusions(pupil, cohort, legacy=legacy)
    ]
    return SampleTable(header=header, rows=rows)


def csv_national(cohort: Cohort) -> SampleTable:
    """Return one row for each pupil with numbered columns, as in the national dictionary."""
    header = ["UPN_ex", "Surname_ex", "Forename_ex"]
    header += ["Category_1_ex", "Reason_1_ex", "StartDate_1_ex", "Sessions_1_ex", "SENprovision_1_ex"]
    rows: list[list[Cell]] = []
    for pupil in cohort.pupils:
        first = _exclusion(pupil, cohort, first=True, legacy=False)
        who: list[Cell] = [pupil.upn, pupil.surname, f"{pupil.forename} {pupil.middle_names}"]
        what: list[Cell] = [first.category, first.reasons[0], first.start, first.sessions]
        rows.append([*who, *what, pupil.sen_provision])
    return SampleTable(header=header, rows=rows)
