"""Exclusions (suspensions and permanent exclusions): XML with one or three reasons, and spreadsheets."""

from collections.abc import Iterator
from datetime import date, timedelta

from lxml import etree

from gateway.samples.drawing import (
    Cohort,
    Element,
    Given,
    SampleTable,
    data,
    given,
    grow,
    register,
    registered,
    rows_of,
)
from gateway.samples.people import Pupil

_REASONS = ("PP", "PA", "VP", "VA", "BU", "RA", "DA", "DM", "TH", "DB", "MT", "OW", "PH", "LG")
_UNKNOWN_REASON = "QX"
_RECORDS = data("records")


def _exclusions(pupil: Pupil, cohort: Cohort, *, legacy: bool = False) -> Iterator[Given]:
    """Yield one or two exclusions of a pupil."""
    count = 2 if cohort.rng.random() < 0.2 else 1
    return (_exclusion(pupil, cohort, first=n == 0, legacy=legacy) for n in range(count))


def _exclusion(pupil: Pupil, cohort: Cohort, *, first: bool = True, legacy: bool = False) -> Given:
    """Return the values of one exclusion of a pupil; a permanent one has no end."""
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
    told = {"category": category, "reasons": tuple(reasons), "start": start, "end": end, "ended": end or ""}
    return {"p": pupil, **told, "days": days, "sessions": 2 * days}


def xml(cohort: Cohort, *, shape: str, legacy: bool = False) -> Element:
    """Return XML in a `shape` of records.toml: with one Reason, or since release 3.72 up to three Reasons."""
    root, holder = register(cohort, "ExclusionData")
    for pupil in cohort.pupils:
        node = etree.SubElement(registered(holder, pupil), "Exclusions")
        for exclusion in _exclusions(pupil, cohort, legacy=legacy):
            grow(node, _RECORDS["exclusions"][shape], given(cohort, **exclusion))
    return root


def csv(cohort: Cohort, *, legacy: bool = False) -> SampleTable:
    """Return one row for each exclusion; `legacy` with the category FIXD, used before 2022."""
    events = (exclusion for pupil in cohort.pupils for exclusion in _exclusions(pupil, cohort, legacy=legacy))
    return rows_of(cohort, _RECORDS["columns"]["exclusions"]["csv"], events)


def csv_national(cohort: Cohort) -> SampleTable:
    """Return one row for each pupil with numbered columns, as in the national dictionary."""
    events = (_exclusion(pupil, cohort) for pupil in cohort.pupils)
    return rows_of(cohort, _RECORDS["columns"]["exclusions"]["national"], events)
