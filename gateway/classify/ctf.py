"""Recognise Common Transfer Files (CTF) and their admissions variant (ATF) by the records of pupils.

One CTF can hold core records, a year's assessments or a leaver's whole history. A file that declares itself
full is core data. A partial file has the type of the assessments most of its pupils have: a Key Stage 1
file may also hold repeated phonics checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, recognised, unknown
from gateway.classify.facts import academic_year_from, of_facts, school, software, version
from gateway.classify.format_rules import CtfRule
from gateway.classify.gather import Gatherer
from gateway.classify.markup import element_at, text_of
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.model import Classified, Facts, Level

FORMAT = "CTF XML"
MISSING_CHILD = "a message about children missing education"
CORE = "student-core"
ATTENDANCE = "attendance"
RECORDS = ("Header", "Pupil")
_ASSESSMENT = frozenset((
    "Locale", "Year", "Stage", "Subject", "Method", "Component", "ResultStatus", "ResultQualifier", "Result",
    "ResultDate",
))  # fmt: skip
_REMEMBERED = 1_000
_LONG = 2_000
_CODE_LENGTH = 20
_EXAMINATIONS = {"KS4": "gcse-results", "KS5": "a-level-results"}
_ATTENDANCE_ELEMENTS = ("AttendanceMarks", "SessionsPossible", "SessionsAuthorised")


class Assessments:
    """Counts of the assessments in a CTF: key stages, and number of pupils by data type of assessment."""

    def __init__(self, tally: Tally, gatherer: Gatherer) -> None:
        self.rows = 0
        self._gatherer = gatherer
        self.pupils: Counter[str] = Counter()
        self.stages: set[str] = set()
        self._rule: CtfRule = tally.rules.data_types.ctf
        self._tally = tally
        self._ordinary: dict[tuple[str, str], tuple[str, bool]] = {}

    def judge_by(self, facts: Facts, data_type: str, form: str) -> None:
        """Judge later records by the header's `facts`: the school, and the law in force on that date."""
        self._tally.schools.around = of_facts(facts)
        self._tally.judge_by(facts.reference_date, data_type, form, facts.term)

    def gather(self, record: markup.Element, *, left: bool | None = None) -> None:
        """Count a pupil's record and the assessments in the record; `left`: see `Tally.record`."""
        types, odd = set(), False
        assessments = self._gatherer.gather(record, apart="StageAssessment", beside="Stage", left=left)
        for written, stage, place in assessments:
            # The same assessments occur again and again.
            known = self._ordinary.get((written, stage))
            if known is None:
                kind, filled, ordinary, plain = self._read(element_at(record, place), text_of(stage))
                known, odd = (kind, filled), odd or not plain
                if ordinary and len(self._ordinary) < _REMEMBERED and len(written) < _LONG:
                    self._ordinary[written, stage] = known
            types.add(known[0])
            self._tally.results[known[0]] += known[1]
        self._tally.assessed.update(types)
        if odd:
            # Add unknown parts of assessments to the account.
            for assessment in [element_at(record, place) for _, _, place in assessments]:
                for parent, name, text in markup.leaves(assessment):
                    if parent != "StageAssessment" or name not in _ASSESSMENT:
                        self._gatherer.aside(parent, name, text)
        if assessments:
            self._tally.field("assessments").filled += 1
        self.rows += len(assessments)
        types -= {light for heavy, light in self._rule.outweighs.items() if heavy in types}
        self.pupils.update(types)

    def _read(self, assessment: markup.Element, stage_around: str) -> tuple[str, bool, bool, bool]:
        """Return an assessment's data type, and three flags: filled, without fault, known elements only."""
        strip = markup.namespace_length(assessment.tag)
        said = {child.tag[strip:]: child.text or "" for child in assessment}
        stage = said.get("Stage") or stage_around
        stage = stage.strip().upper()
        self.stages.add(stage)
        kind = type_of_assessment(self._rule, stage, said.get("Subject", "").strip().upper())
        good = is_result(self._tally.rules, said.get("ResultQualifier", ""), said.get("Result", ""))
        if not good:
            self._tally.wrong_results.add(self._tally.records)
        # Add texts other than codes, marks or dates to the account.
        others = {name: text for name, text in said.items() if not _is_code(text)}
        for name, text in others.items():
            self._gatherer.aside(f"StageAssessment {name}", "text", text)
        coded = not others and self._judge(said)
        if not kind:
            self._gatherer.aside(f"StageAssessment {stage}", "Result", said.get("Result") or "?")
        plain = _ASSESSMENT.issuperset(said) and not any(map(len, assessment))
        filled = bool(said.get("Result", "").strip())
        return kind, filled, bool(kind) and good and coded and plain, plain

    def _judge(self, said: Mapping[str, str]) -> bool:
        """Count faulty values of an assessment; return True if there are none."""
        good = True
        for name, text in said.items():
            key = self._tally.rules.element_field("StageAssessment", name)
            check = self._tally.rules.check(key) if key is not None else None
            if key is not None and check is not None and text.strip() and (fault := check(text)) is not None:
                self._tally.field(key).note(fault, self._tally.records)
                good = False
        return good

    def examinations(self) -> tuple[str, ...]:
        """Return the types of examination results in the file, by the key stages found in assessments."""
        return tuple(sorted(kind for stage, kind in _EXAMINATIONS.items() if stage in self.stages))


def _is_code(text: str) -> bool:
    """Return True for a code, mark or date: one word of up to 20 characters."""
    return len(text.strip()) <= _CODE_LENGTH and len(text.split()) <= 1


def is_result(rules: Rules, qualifier: str, result: str) -> bool:
    """Return True if `result` is blank or in the code list of its qualifier, or the qualifier has no list."""
    codes = rules.data_types.ctf.results.get(qualifier.strip().upper())
    return codes is None or not result.strip() or result.strip().upper() in rules.code_sets[codes]


def type_of_assessment(rule: CtfRule, stage: str, subject: str) -> str:
    """Return the data type the rules give to a key stage and subject (in upper case); "" for none."""
    of_stage = (each for each in rule.stages if each.stage == stage)
    return next((one.type for one in of_stage if not one.subjects or subject in one.subjects), "")


def recognise(source: Source, tally: Tally, *, missing: bool = False) -> Classified:
    """Count a CTF into the tally and return its type. Raises Unreadable without pupils, or for malformed XML.
    `missing`: the root names a message about children missing education.
    """
    said, facts = dict[str, str](), Facts()
    gatherer, rule = Gatherer(tally, source.limits), tally.rules.data_types.ctf
    assessments = Assessments(tally, gatherer)
    for element in markup.pupil_records(source, RECORDS, gatherer.aside):
        if markup.local_name(element.tag) == "Header":
            if not gatherer.header(element):
                continue
            said, facts = _read_header(element)
            missing = missing or rule.is_of_missing_child(f"{said['document']} {said['descriptor']}")
            if missing and rule.missing_type is None:
                raise Unreadable("classify:law-return", MISSING_CHILD, format=FORMAT, about=MISSING_CHILD)
            assessments.judge_by(facts, (rule.missing_type if missing else None) or CORE, FORMAT)
        else:
            left = _has_left(element, facts) if tally.reports_pupils else None
            assessments.gather(element, left=left)
    gatherer.settle()
    if not tally.records:
        raise unknown("a Common Transfer File without pupils", format=FORMAT)
    if missing and rule.missing_type is not None:
        verdict = recognised(rule.missing_type, "certain", [MISSING_CHILD], FORMAT)
    else:
        verdict = _judge(said, gatherer, assessments, rule)
    return replace(verdict, facts=facts, results=assessments.examinations())


def _read_header(header: markup.Element) -> tuple[dict[str, str], Facts]:
    """Return what a header says of its file, in lower case, and the facts in it."""
    text = {(parent, name): value.strip() for parent, name, value in markup.leaves(header)}
    source = {name: text.get(("SourceSchool", name), "") for name in ("LEA", "Estab", "URN", "AcademicYear")}
    said = {"qualifier": "DocumentQualifier", "descriptor": "DataDescriptor", "document": "DocumentName"}
    return {key: text.get(("Header", name), "").casefold() for key, name in said.items()}, replace(
        school(source["LEA"], source["Estab"], source["URN"]),
        academic_year=academic_year_from(source["AcademicYear"]),
        reference_date=read_date(text.get(("Header", "DateTime"), "")),
        software=software(text.get(("Header", "SupplierID"), "")),
        version=version(text.get(("Header", "CTFversion"), "")),
    )


def _has_left(pupil: markup.Element, source: Facts) -> bool:
    """Return True if the school history states a leaving date for the sending school or the last school."""
    for school_attended in pupil.iter("{*}School"):
        said = {markup.local_name(c.tag): (c.text or "").strip() for c in school_attended}
        here = (said.get("LEA"), said.get("Estab")) == (source.la, source.establishment)
        if said.get("LeavingDate") and (here or said.get("LastSchool", "").lower() in ("true", "1")):
            return True
    return False


def _judge(  # noqa: PLR0911 - one a kind
    said: Mapping[str, str], gatherer: Gatherer, found: Assessments, rule: CtfRule
) -> Classified:
    """Return the type of a counted CTF: core data, attendance, or the assessments of most pupils."""
    core = gatherer.parents() & set(rule.core_sections)
    descriptor = said.get("descriptor", "")
    described = next((t for phrase, t in rule.descriptors.items() if phrase in descriptor), None)
    if said.get("qualifier") == "full":
        return _core("certain", "a Common Transfer File that declares itself full")
    if not found.rows:
        if core:
            sections = f"{len(core)} sections of core data"
            return _core("certain", f"a Common Transfer File with {sections} and no assessments")
        if gatherer.saw("YearData", _ATTENDANCE_ELEMENTS):
            return recognised(ATTENDANCE, "strong", ["a Common Transfer File with attendance alone"], FORMAT)
        return _core("moderate", "a Common Transfer File with names alone")
    if described is None and len(found.stages) > 1:
        return _core("strong", "a Common Transfer File with assessments of several stages, as a leaver's has")
    if described is None and "School" in core:
        return _core("strong", "a Common Transfer File with assessments and a school history")
    counts = ((count, name == described, name) for name, count in found.pupils.items() if name)
    ranked = sorted(counts, reverse=True)
    if not ranked:
        raise unknown("a Common Transfer File whose assessments are of no known kind", format=FORMAT)
    count, agreed, winner = ranked[0]
    others = [name for _, _, name in ranked[1:]]
    why = [f"{found.rows} assessments in a Common Transfer File, of this kind for {count} pupils"]
    if described is not None:
        why.append("its data descriptor agrees" if agreed else "its data descriptor says otherwise")
    level: Level = "certain" if agreed else "strong" if described is None else "moderate"
    runner_up = next(iter(others), described if not agreed else None)
    return recognised(winner, level, why, FORMAT, runner_up=runner_up)


def _core(level: Level, why: str) -> Classified:
    return recognised(CORE, level, [why], FORMAT)
