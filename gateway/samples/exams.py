"""Examination results, and the fixed-width result files of the awarding bodies.

The fixed-width layout is inferred: records of 192 characters with the fields of the published entry
record, each option code followed by the grade where an entry has its status.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from gateway.samples.drawing import Cohort, Lines
from gateway.samples.people import Pupil, data

_RECORD = 192
_FIRST_OPTION = 108
_UNKNOWN_GRADE = "?"


_KINDS: Mapping[str, Mapping[str, Any]] = {each["code"]: each for each in data("records")["examinations"]}


def entries(pupil: Pupil, rng: Random, code: str, count: int) -> list[dict[str, Any]]:
    """Return `count` examination results of a candidate, as values by name; `code`: the examination."""
    kind = _KINDS[code]
    entries = [
        {
            "p": pupil, "code": code, "series": kind["series"], "subject": subject, "option": option,
            "variant": option[4:] or "A", "accreditation": accreditation, "grade": rng.choice(kind["grades"]),
        }
        for subject, option, accreditation in rng.sample(kind["subjects"], count)
    ]  # fmt: skip
    if pupil.fault == "code:unknown":
        entries[0]["grade"] = _UNKNOWN_GRADE
    return entries


def result_file(cohort: Cohort, *, kinds: Sequence[tuple[str, int]], body: str = "70") -> Lines:
    """Return a result file of awarding body `body`; `kinds`: examination, and results per candidate."""
    of = cohort.school
    series, year = _KINDS[kinds[0][0]]["series"], f"{(cohort.year + 1) % 100:02d}"
    made = cohort.today.strftime("%d%m%y")
    records = [
        f"R1{body}{series}{year}{of.centre}{made}",
        f"R3{of.centre}{of.name.upper():<40}{series}{year}",
    ]
    for pupil in cohort.pupils:
        results = [e for kind, count in kinds for e in entries(pupil, cohort.rng, kind, count)]
        records.append(_candidate(pupil, of.centre, results))
    count = f"{len(cohort.pupils):07d}"
    records += [f"R7{of.centre}{count}", f"R9{body}{count}"]
    return [record.ljust(_RECORD)[:_RECORD] for record in records]


def _candidate(pupil: Pupil, centre: str, results: Sequence[Mapping[str, Any]]) -> str:
    name = f"{pupil.surname}:{pupil.forename} {pupil.middle_names}".upper()[:40]
    born = pupil.dob.strftime("%d%m%y")
    who = f"R5C{centre}{pupil.candidate:>4}{name:<40}{pupil.sex}{born}{pupil.uci}{pupil.upn}{pupil.uln}"
    # A grade has one character.
    options = "".join(f"{entry['option']:<6}{entry['grade'].replace('A*', '*')}" for entry in results)
    return who.ljust(_FIRST_OPTION) + options
