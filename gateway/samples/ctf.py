"""Common Transfer Files (also for admissions): an envelope, and modules for each pupil."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from lxml import etree

from gateway.samples.drawing import (
    UNKNOWN_RESULT,
    Cell,
    Cohort,
    Element,
    Given,
    at,
    branch,
    cell,
    given,
    grow,
    leaf,
)
from gateway.samples.events import session_marks
from gateway.samples.people import LA, data

_RECORDS = data("records")
_OFTEN_RETAKEN = 0.33


_HEADER: Mapping[str, Any] = {
    "version": None,
    "qualifier": "full",
    "descriptor": None,
    "supplier": "SIMS",
    "known_source": True,
    "sex_tag": "Sex",
    "document": "Common Transfer File",
    "body": "CTFpupilData",
    "bare": False,
}
"""The header of a CTF, where the kind says nothing else.

`version` is by default the academic year's, one each September. `known_source` False writes LEA XXX and Estab
XXXX. `bare` files lack the module with the middle name, so the forename carries both.
"""


def draw_ctf(
    cohort: Cohort,
    *,
    modules: Sequence[str],
    header: Mapping[str, Any] | None = None,
    results: Sequence[str] = (),
    retaken: Sequence[str] = (),
) -> Element:
    """Return a CTF of every pupil of `cohort`: identifying fields, then the sections named in `modules`.

    The section "results" has the key stages `results`, and for about every third pupil `retaken` as well.
    """
    envelope = {**_HEADER, **(header or {})}
    root = etree.Element("CTfile")
    _header(root, cohort, envelope)
    body = etree.SubElement(root, envelope["body"])
    for pupil in cohort.pupils:
        forename = f"{pupil.forename} {pupil.middle_names}" if envelope["bare"] else pupil.forename
        node = branch(body, "Pupil", UPN=pupil.upn, Surname=pupil.surname, Forename=forename)
        leaf(node, "DOB", pupil.dob.isoformat())
        leaf(node, envelope["sex_tag"], pupil.sex)
        moved, left = pupil.entry_date + timedelta(days=300), cohort.today - timedelta(days=3)
        days = {"moved": moved, "since": moved + timedelta(days=3), "left": left}
        of = given(cohort, p=pupil, guardian=pupil.guardian.split(" ", 1), **days)
        for module in modules:
            match module:
                case "results":
                    _stage_assessments(node, of, results, retaken)
                case "attendance_year":
                    grow(node, _RECORDS["ctf"]["attendance"], of | _attendance(cohort))
                case "attendance_marks":
                    week = cohort.school_days(2)
                    marks = session_marks(cohort.rng, len(week), faulty=pupil.fault == "code:unknown")
                    told = _attendance(cohort) | {"start": week[0], "marks": "".join(marks)}
                    grow(node, _RECORDS["ctf"]["attendance"], of | told)
                case _:
                    tree = dict(_RECORDS["ctf"][module])
                    if at(tree.pop("where", "p"), of):
                        grow(node, tree, of)
    return root


def _header(root: Element, cohort: Cohort, envelope: Mapping[str, Any]) -> None:
    header = branch(
        root,
        "Header",
        DocumentName=envelope["document"],
        CTFversion=envelope["version"] or f"{cohort.year - 2000}.0",
        DateTime=cohort.made_at,
        DocumentQualifier=envelope["qualifier"],
        DataDescriptor=envelope["descriptor"],
        SupplierID=envelope["supplier"],
    )
    of = cohort.school
    if envelope["known_source"]:
        source = {"LEA": of.la, "Estab": of.establishment, "URN": of.urn, "SchoolName": of.name}
    else:
        source = {"LEA": "XXX", "Estab": "XXXX"}
    branch(header, "SourceSchool", **source, AcademicYear=cohort.year)
    branch(header, "DestSchool", LEA=LA, Estab="LLLL")


def _attendance(cohort: Cohort) -> dict[str, Any]:
    """Return the counts of a pupil's sessions this year, without marks."""
    absent, truant = cohort.rng.randrange(12), cohort.rng.randrange(4)
    counts = {"absent": absent, "truant": truant, "attended": 310 - absent - truant}
    return {**counts, "start": None, "marks": None}


def _stage_assessments(node: Element, of: Given, stages: Sequence[str], retaken: Sequence[str]) -> None:
    """Add StageAssessments to `node`: a KeyStage for each of `stages` and, by chance, each of `retaken`."""
    rows = [row for stage in stages for row in _results(stage, of)]
    if retaken and of["cohort"].rng.random() < _OFTEN_RETAKEN:
        again = (row for stage in retaken for row in _results(stage, of))
        rows += [row for row in again if row[-1] != UNKNOWN_RESULT]  # The code is planted once a pupil.
    holder = etree.SubElement(node, "StageAssessments")
    for stage, group in groupby(rows, key=lambda row: row[0]):
        key_stage = branch(holder, "KeyStage", Stage=stage)
        for _, subject, component, method, qualifier, result in group:
            branch(
                key_stage,
                "StageAssessment",
                Locale="ENG",
                Year=of["next_year"],
                Subject=subject,
                Method=method,
                Component=component,
                ResultStatus="R",
                ResultQualifier=qualifier,
                Result=result,
                ResultDate=f"{of['next_year']}-06-10",
            )


def _results(stage: str, of: Given) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a stage: stage, subject, component, method, qualifier and result."""
    before: list[Cell] = []
    for *named, way in _RECORDS["results"][stage]:
        before.append(cell(way, of, before))
        yield (*named, before[-1])
