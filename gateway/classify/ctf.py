"""Common Transfer Files and their admissions variant, told apart by what their pupils' records hold.

The same envelope carries a pupil's core record, a year's assessments or a leaver's whole history.
A file that declares itself full is core data. Of a partial one the assessments decide, by majority:
a Key Stage 1 file may well hold the phonics checks that were taken again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO

from gateway.classify import markup
from gateway.classify.checks import read_date
from gateway.classify.content import unknown
from gateway.classify.gather import Gatherer
from gateway.classify.identifiers import is_establishment, is_la, is_urn
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict
from gateway.model import Facts, Level
from gateway.settings import ClassifyLimits

FORMAT = "CTF XML"
CORE = "student-core"
ATTENDANCE = "attendance"
_ATTENDANCE_ELEMENTS = tuple(
    ("YearData", name) for name in ("AttendanceMarks", "SessionsPossible", "SessionsAuthorised")
)


@dataclass(slots=True)
class _Header:
    qualifier: str = ""
    descriptor: str = ""
    facts: Facts = field(default_factory=Facts)


def recognise(
    content: BinaryIO, encoding: str, tally: Tally, rules: Rules, limits: ClassifyLimits
) -> Verdict:
    """Which type a CTF is. Raises Unreadable where it holds no pupil or is no correct XML."""
    header, gatherer = _Header(), Gatherer(tally)
    votes, stages = Counter[str](), set[str]()
    for element in markup.records(content, encoding, ("Header", "Pupil"), limits):
        if markup.local_name(element.tag) == "Header":
            header = _read_header(element)
        else:
            gatherer.gather(element)
            _vote(element, rules, votes, stages)
    if not tally.records:
        raise unknown("a Common Transfer File without pupils", format=FORMAT)
    verdict = _judge(header, gatherer, votes, stages, rules)
    verdict.facts = header.facts
    return verdict


def _read_header(header: markup.Element) -> _Header:
    text = {(parent, name): value.strip() for parent, name, value in markup.leaves(header)}
    la, establishment = text.get(("SourceSchool", "LEA"), ""), text.get(("SourceSchool", "Estab"), "")
    urn, year = text.get(("SourceSchool", "URN"), ""), text.get(("SourceSchool", "AcademicYear"), "")
    sent = read_date(text.get(("Header", "DateTime"), ""))
    return _Header(
        qualifier=text.get(("Header", "DocumentQualifier"), "").casefold(),
        descriptor=text.get(("Header", "DataDescriptor"), "").casefold(),
        facts=Facts(
            la=la if is_la(la) else None,
            establishment=establishment if is_establishment(establishment) else None,
            urn=urn if is_urn(urn) else None,
            academic_year=academic_year(year),
            reference_date=sent,
            software=software(text.get(("Header", "SupplierID"), "")),
        ),
    )


def academic_year(start: str) -> str | None:
    """The academic year that starts in the year `start`, as 2025/26."""
    if len(start) != len("2025") or not (start.isascii() and start.isdigit()):
        return None
    return f"{start}/{(int(start) + 1) % 100:02}"


def software(name: str) -> str | None:
    """The name of the sending system, where it looks like one: short, and of plain characters."""
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c in " .-_/"))
    return kept[:40].strip() or None


def _vote(pupil: markup.Element, rules: Rules, votes: Counter[str], stages: set[str]) -> None:
    for assessment in pupil.iter("{*}StageAssessment"):
        said = {markup.local_name(child.tag): (child.text or "").strip().upper() for child in assessment}
        stage = said.get("Stage") or (assessment.getparent().findtext("{*}Stage") or "").strip().upper()
        if stage:
            stages.add(stage)
        votes[_type_of(stage, said.get("Subject", ""), said.get("Component", ""), rules)] += 1


def _type_of(stage: str, subject: str, component: str, rules: Rules) -> str:
    for rule in rules.data_types.ctf.stages:
        if (
            rule.stage == stage
            and (not rule.subjects or subject in rule.subjects)
            and (not rule.components or component in rule.components)
        ):
            return rule.type
    return ""


def _judge(
    header: _Header, gatherer: Gatherer, votes: Counter[str], stages: set[str], rules: Rules
) -> Verdict:
    core = sorted(gatherer.parents() & set(rules.data_types.ctf.core_sections))
    described = next(
        (t for phrase, t in rules.data_types.ctf.descriptors.items() if phrase in header.descriptor), None
    )
    if header.qualifier == "full":
        return Verdict(CORE, "certain", ["a Common Transfer File that declares itself full"], FORMAT, "xml")
    if len(stages) > 1 or ("School" in core and votes and described is None):
        why = ["a Common Transfer File with assessments of several stages, as a leaver's has"]
        return Verdict(CORE, "strong", why, FORMAT, "xml")
    if votes:
        return _by_majority(votes, described)
    if core:
        why = [f"a Common Transfer File with {len(core)} sections of core data and no assessments"]
        return Verdict(CORE, "certain", why, FORMAT, "xml")
    if gatherer.saw(*_ATTENDANCE_ELEMENTS):
        why = ["a Common Transfer File that holds attendance alone"]
        return Verdict(ATTENDANCE, "strong", why, FORMAT, "xml")
    return Verdict(CORE, "moderate", ["a Common Transfer File with names alone"], FORMAT, "xml")


def _by_majority(votes: Counter[str], described: str | None) -> Verdict:
    counted = {name: count for name, count in votes.most_common() if name}
    if not counted:
        raise unknown("a Common Transfer File whose assessments are of no known kind", format=FORMAT)
    winner, most = next(iter(counted.items()))
    others = [name for name in counted if name != winner]
    tied = [name for name in others if counted[name] == most]
    if tied and described in (winner, *tied):
        winner, others = described or winner, [n for n in counted if n != described]
    why = [f"{counted[winner]} of {votes.total()} assessments in a Common Transfer File"]
    if described == winner:
        why.append("its data descriptor agrees")
    elif described is not None:
        why.append("its data descriptor says otherwise")
    level: Level = "certain" if described == winner else "strong" if described is None else "moderate"
    return Verdict(winner, level, why, FORMAT, "xml", runner_up=next(iter(others), described))
