"""Exclusions (suspensions and permanent exclusions): XML in both shapes of reasons, and spreadsheets."""

from dataclasses import dataclass
from datetime import date, timedelta

from lxml import etree

from gateway.samples.drawing import (
    Cohort,
    Element,
    SampleTable,
    branch,
    data,
    leaf,
    register,
    registered,
    rows_of,
)
from gateway.samples.people import Pupil

_REASONS = ("PP", "PA", "VP", "VA", "BU", "RA", "DA", "DM", "TH", "DB", "MT", "OW", "PH", "LG")
_UNKNOWN_REASON = "QX"
_COLUMNS = data("records")["columns"]["exclusions"]


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
    root, holder = register(cohort, "ExclusionData")
    for pupil in cohort.pupils:
        node = etree.SubElement(registered(holder, pupil), "Exclusions")
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
    """Return XML as since release 3.72: up to three Reasons each."""
    root, holder = register(cohort, "ExclusionData")
    for pupil in cohort.pupils:
        node = etree.SubElement(registered(holder, pupil), "Exclusions")
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


def csv(cohort: Cohort, *, legacy: bool = False) -> SampleTable:
    """Return one row for each exclusion; `legacy` with the category FIXD, used before 2022."""
    events = (
        {"p": pupil, "exclusion": exclusion}
        for pupil in cohort.pupils
        for exclusion in _exclusions(pupil, cohort, legacy=legacy)
    )
    return rows_of(cohort, _COLUMNS["csv"], events)


def csv_national(cohort: Cohort) -> SampleTable:
    """Return one row for each pupil with numbered columns, as in the national dictionary."""
    events = (
        {"p": pupil, "exclusion": _exclusion(pupil, cohort, first=True, legacy=False)}
        for pupil in cohort.pupils
    )
    return rows_of(cohort, _COLUMNS["national"], events)
