"""Recognise XML with records of pupils: Common Transfer Files, DfE messages, other systems' registers.

One Common Transfer File (CTF; its admissions variant is ATF) can hold core records, a year's assessments or a
leaver's whole history. A file that declares itself full is core data. A partial file has the type of the
assessments most of its pupils have: a Key Stage 1 file may also hold repeated phonics checks.

DfE messages (the school census, other returns, and collections not accepted here) share one envelope; only
the text of the element `Collection` distinguishes them.

No public schema covers registers of attendance and exclusions, so their records are judged by the fields
filled, as in tables.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, beside, classified_as, unknown
from gateway.classify.format_rules import CtfRule, SchoolsRule
from gateway.classify.gather import Gatherer
from gateway.classify.identifiers import is_establishment, is_la, is_urn
from gateway.classify.latest_day import latest_day
from gateway.classify.markup import element_at, text_of
from gateway.classify.rules import Rules
from gateway.classify.schools import Slot, school_named
from gateway.classify.tables import academic_year, best_fit, term
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.model import Classified, Facts, Level

_CTF, _MESSAGE, _OTHER = "CTF XML", "DfE Message XML", "XML"
_CORE, _ATTENDANCE, CENSUS = "student-core", "attendance", "school-census"
_ON_ROLL, _LEFT = "PupilOnRoll", "PupilNoLongerOnRoll"
CTF_RECORDS = ("Header", "Pupil")
MESSAGE_RECORDS = ("Header", _ON_ROLL, _LEFT, "Pupil", "Child", "Learner")
_MISSING_CHILD = "a message about children missing education"
_ANOTHER = "another DfE collection"
_ASSESSMENT = frozenset((
    "Locale", "Year", "Stage", "Subject", "Method", "Component", "ResultStatus", "ResultQualifier", "Result",
    "ResultDate",
))  # fmt: skip
_REMEMBERED = 1_000
_LONG = 2_000
_CODE_LENGTH = 20
_SLOTS = 100
_AUGUST = 8  # An academic year starts.
_SOFTWARE_LENGTH = 40
_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?", re.ASCII)
_EXAMINATIONS = {"KS4": "gcse-results", "KS5": "a-level-results"}
_ATTENDANCE_ELEMENTS = frozenset({"AttendanceMarks", "SessionsPossible", "SessionsAuthorised"})


class _Assessments:
    """Counts of the assessments in a file. `rows`: all assessments; `stages`: the key stages met;
    `pupils`: the number of pupils by data type of their assessments.
    """

    def __init__(self, tally: Tally, gatherer: Gatherer) -> None:
        self.rows = 0
        self._gatherer = gatherer
        self.pupils: Counter[str] = Counter()
        self.stages: set[str] = set()
        self._rule: CtfRule = tally.rules.data_types.ctf
        self._tally = tally
        self._ordinary: dict[tuple[str, str], tuple[str, bool]] = {}

    def gather(self, record: markup.Element, *, left: bool | None = None) -> None:
        """Count a pupil's record and assessments; `left`: True if the pupil has left, None if unknown."""
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
            # Add unknown parts of assessments to the inventory.
            for assessment in [element_at(record, place) for _, _, place in assessments]:
                for parent, name, text in markup.leaves(assessment):
                    if parent != "StageAssessment" or name not in _ASSESSMENT:
                        self._gatherer.aside(parent, name, text)
        if assessments:
            # The gatherer counts none of their elements, and a key stage around them may be missing.
            self._tally.field("assessments").filled += 1
        self.rows += len(assessments)
        types -= {light for heavy, light in self._rule.outweighs.items() if heavy in types}
        self.pupils.update(types)

    def _read(self, assessment: markup.Element, stage_around: str) -> tuple[str, bool, bool, bool]:
        """Read an assessment. Return its data type ("" for none) and three facts, each True or False: the
        assessment has a result; the type is known and nothing is faulty or unknown; no element is unknown.
        `stage_around`: the key stage stated by the elements around the assessment.
        """
        tally, strip = self._tally, assessment.tag.rfind("}") + 1
        said = {child.tag[strip:]: child.text or "" for child in assessment}
        stage = (said.get("Stage") or stage_around).strip().upper()
        self.stages.add(stage)
        kind = type_of_assessment(self._rule, stage, said.get("Subject", "").strip().upper())
        result = said.get("Result", "")
        good = is_result(tally.rules, said.get("ResultQualifier", ""), result)
        if not good:
            tally.wrong_results.add(tally.records)
        # Add texts other than codes, marks or dates, which are one short word, to the inventory.
        others = {n: t for n, t in said.items() if len(t.strip()) > _CODE_LENGTH or len(t.split()) > 1}
        for name, text in others.items():
            self._gatherer.aside(f"StageAssessment {name}", "text", text)
        good = good and not others
        for name, text in said.items() if not others else ():
            key = tally.rules.element_field("StageAssessment", name)
            check = tally.rules.check(key) if key is not None else None
            if key is not None and check is not None and text.strip() and (fault := check(text)) is not None:
                tally.field(key).note(fault, tally.records)
                good = False
        if not kind:
            self._gatherer.aside(f"StageAssessment {stage}", "Result", result or "?")
        plain = _ASSESSMENT.issuperset(said) and not any(map(len, assessment))
        return kind, bool(result.strip()), bool(kind) and good and plain, plain


def is_result(rules: Rules, qualifier: str, result: str) -> bool:
    """Return True if `result` is allowed for its qualifier: blank, or in the qualifier's code list, if the
    qualifier has a list.
    """
    codes = rules.data_types.ctf.results.get(qualifier.strip().upper())
    return codes is None or not result.strip() or result.strip().upper() in rules.code_sets[codes]


def type_of_assessment(rule: CtfRule, stage: str, subject: str) -> str:
    """Return the data type the rules give to a key stage and subject (in upper case); "" for none."""
    of_stage = (each for each in rule.stages if each.stage == stage)
    return next((one.type for one in of_stage if not one.subjects or subject in one.subjects), "")


def record_names(root: str, rules: Rules) -> tuple[str, ...]:
    """Return the names of elements to read as records (header included) in a document with this root."""
    name, types = markup.local_name(root).casefold(), rules.data_types
    if name == "ctfile" or types.ctf.is_of_missing_child(name):
        return CTF_RECORDS
    return MESSAGE_RECORDS if name == "message" else tuple(n for n in types.registers.records if n != root)


def recognise(source: Source, root: str, tally: Tally) -> Classified:
    """Count an XML document into the tally and return its type. Raises Unreadable for an unknown kind."""
    name, rule = markup.local_name(root).casefold(), tally.rules.data_types
    missing = rule.ctf.is_of_missing_child(name)
    if name == "ctfile" or missing:
        return _recognise_ctf(source, tally, missing=missing)
    if name == "message":
        return _recognise_message(source, tally)
    kind = rule.outside_roots.get(name)
    if kind is not None:
        raise Unreadable("classify:outside-agreement", kind, format=_OTHER, about=kind)
    return _recognise_register(source, root, tally)


def _texts_of(header: markup.Element) -> dict[tuple[str, str], str]:
    """Return the text of each element in a header; a key is the parent's name and the element's name."""
    return {(parent, name): value.strip() for parent, name, value in markup.leaves(header)}


def _academic_year_from(start: str) -> str | None:
    """Return the academic year, such as 2025/26, from the year of its start; None if `start` is no year."""
    return academic_year(f"{start}/{(int(start) + 1) % 100:02}") if re.fullmatch(r"20\d\d", start) else None


def _software(name: str) -> str | None:
    """Return a program's name as safe text, in ASCII and of up to 40 characters; None if nothing is left."""
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c in " .-_/"))
    return kept[:_SOFTWARE_LENGTH].strip() or None


def _version(text: str) -> str | None:
    """Return a version number such as "26.0"; None for a blank text, "" for a text of another form."""
    found = _VERSION.fullmatch(text.strip())
    return f"{int(found[1])}.{int(found[2] or 0)}" if found else "" if text.strip() else None


def _school(la: str, establishment: str, urn: str = "") -> Facts:
    """Return facts with a school's LA, establishment and reference number, leaving out malformed numbers."""
    return Facts(
        la=la.strip() if is_la(la) else None,
        establishment=establishment.strip() if is_establishment(establishment) else None,
        urn=urn.strip() if is_urn(urn) else None,
    )


def _recognise_ctf(source: Source, tally: Tally, *, missing: bool) -> Classified:
    """Count a CTF into the tally and return its type. Raises Unreadable without pupils, or for malformed XML.
    `missing`: True if the root's name is that of a message about children missing education.
    """
    descriptor = qualifier = ""
    facts, gatherer, rule = Facts(), Gatherer(tally, source.limits), tally.rules.data_types.ctf
    found = _Assessments(tally, gatherer)
    for element in markup.pupil_records(source, CTF_RECORDS, gatherer.aside):
        if markup.local_name(element.tag) == "Header":
            if not gatherer.header(element):
                continue
            text = _texts_of(element)
            document, descriptor, qualifier = (
                text.get(("Header", name), "").casefold()
                for name in ("DocumentName", "DataDescriptor", "DocumentQualifier")
            )
            facts = replace(
                _school(*(text.get(("SourceSchool", name), "") for name in ("LEA", "Estab", "URN"))),
                academic_year=_academic_year_from(text.get(("SourceSchool", "AcademicYear"), "")),
                reference_date=read_date(text.get(("Header", "DateTime"), "")),
                software=_software(text.get(("Header", "SupplierID"), "")),
                version=_version(text.get(("Header", "CTFversion"), "")),
            )
            missing = missing or rule.is_of_missing_child(f"{document} {descriptor}")
            if missing and rule.missing_type is None:
                raise Unreadable("classify:law-return", _MISSING_CHILD, format=_CTF, about=_MISSING_CHILD)
            tally.judge_by(facts, (rule.missing_type if missing else None) or _CORE, _CTF)
        else:
            found.gather(element, left=_has_left(element, facts) if tally.reports_pupils else None)
    gatherer.settle()
    if not tally.records:
        raise unknown("a Common Transfer File without pupils", format=_CTF)
    if missing and rule.missing_type is not None:
        verdict = classified_as(rule.missing_type, "certain", [_MISSING_CHILD], _CTF)
    elif qualifier == "full":
        verdict = _core("certain", "a Common Transfer File that declares itself full")
    else:
        verdict = _of_partial(descriptor, gatherer, found, rule)
    results = tuple(sorted(kind for stage, kind in _EXAMINATIONS.items() if stage in found.stages))
    return replace(verdict, facts=facts, results=results)


def _has_left(pupil: markup.Element, source: Facts) -> bool:
    """Return True if a pupil's school history states a leaving date for the school that sends the file
    (`source`), or for the school marked as the last one.
    """
    for school_attended in pupil.iter("{*}School"):
        said = {markup.local_name(c.tag): (c.text or "").strip() for c in school_attended}
        here = (said.get("LEA"), said.get("Estab")) == (source.la, source.establishment)
        if said.get("LeavingDate") and (here or said.get("LastSchool", "").lower() in ("true", "1")):
            return True
    return False


def _of_partial(descriptor: str, gatherer: Gatherer, found: _Assessments, rule: CtfRule) -> Classified:
    """Return the type of a partial CTF that was counted: core data, attendance, or the type of its
    assessments. `descriptor`: the data descriptor in the header, in lower case.
    """
    core = {name for name in rule.core_sections if gatherer.met.get(name)}
    described = next((t for phrase, t in rule.descriptors.items() if phrase in descriptor), None)
    if not found.rows:
        if core:
            sections = f"{len(core)} sections of core data"
            return _core("certain", f"a Common Transfer File with {sections} and no assessments")
        if not _ATTENDANCE_ELEMENTS.isdisjoint(gatherer.met.get("YearData", ())):
            return classified_as(
                _ATTENDANCE, "strong", ["a Common Transfer File with attendance alone"], _CTF
            )
        return _core("moderate", "a Common Transfer File with names alone")
    if described is None and len(found.stages) > 1:
        return _core("strong", "a Common Transfer File with assessments of several stages, as a leaver's has")
    if described is None and "School" in core:
        return _core("strong", "a Common Transfer File with assessments and a school history")
    counts = ((count, name == described, name) for name, count in found.pupils.items() if name)
    ranked = sorted(counts, reverse=True)
    if not ranked:
        raise unknown("a Common Transfer File whose assessments are of no known kind", format=_CTF)
    count, agreed, winner = ranked[0]
    others = [name for _, _, name in ranked[1:]]
    why = [f"{found.rows} assessments in a Common Transfer File, of this kind for {count} pupils"]
    if described is not None:
        why.append("its data descriptor agrees" if agreed else "its data descriptor says otherwise")
    level: Level = "certain" if agreed else "strong" if described is None else "moderate"
    runner_up = next(iter(others), described if not agreed else None)
    return classified_as(winner, level, why, _CTF, runner_up=runner_up)


def _core(level: Level, why: str) -> Classified:
    return classified_as(_CORE, level, [why], _CTF)


def _recognise_message(source: Source, tally: Tally) -> Classified:
    """Count a census or another return into the tally and return its type.
    Raises Unreadable for a message without pupils, or about a collection unknown to the rules.
    """
    gatherer = Gatherer(tally, source.limits)
    found = _Assessments(tally, gatherer)
    facts, data_type, on_roll = None, "", 0
    for element in markup.pupil_records(source, MESSAGE_RECORDS, gatherer.aside):
        name = markup.local_name(element.tag)
        if name == "Header":
            if gatherer.header(element):
                data_type, facts = _read_header(element, tally.rules)
                tally.judge_by(facts, data_type, _MESSAGE)
        elif data_type == CENSUS and name in (_ON_ROLL, _LEFT):
            gatherer.gather(element, left=name == _LEFT)
            on_roll += name == _ON_ROLL
        elif data_type != CENSUS:
            found.gather(element)
        else:
            raise beside("pupils of another kind than a census has", format=_MESSAGE)
    gatherer.settle()
    if facts is None:
        raise unknown("a DfE message that names no collection", format=_MESSAGE)
    if not tally.records:
        raise unknown("a DfE message without pupils", format=_MESSAGE)
    why = _evidence_of_message(data_type, found, tally, on_roll)
    return classified_as(data_type, "certain", why, _MESSAGE, facts=facts)


def _evidence_of_message(data_type: str, found: _Assessments, tally: Tally, on_roll: int) -> list[str]:
    """Return sentences that say why a DfE message is of `data_type`. `on_roll`: pupils on roll in a census.
    Raises Unreadable if a return of assessments has no assessment, or most are of another type.
    """
    if data_type == CENSUS:
        return ["a DfE message of the school census", f"on roll: {on_roll}"]
    if not found.rows:
        if data_type in {stage.type for stage in tally.rules.data_types.ctf.stages}:
            raise unknown("a DfE return without assessments", format=_MESSAGE)
        return ["a DfE return whose collection is this", f"records: {tally.records}"]
    said = f"a DfE return whose collection is this, with {found.rows} assessments"
    if found.pupils.most_common(1)[0][0] != data_type:
        differs = "assessments of another kind than the collection of the return"
        raise Unreadable("classify:ambiguous", said, differs, format=_MESSAGE)
    return [said]


def _read_header(header: markup.Element, rules: Rules) -> tuple[str, Facts]:
    """Return the data type of the collection named in a message's header, and the header's facts.
    Raises Unreadable if the header names no collection, or one for which no rule has a data type.
    """
    text, rule = _texts_of(header), rules.data_types.message
    collection = text.get(("CollectionDetails", "Collection"), "").casefold()
    census = dict.fromkeys(rule.census, CENSUS)
    data_type = _by_name(census, collection) or _by_name(rule.returns, collection)
    if data_type is None:
        if not collection:
            raise unknown("a DfE message that names no collection", format=_MESSAGE)
        kind = _by_name(rule.outside, collection) or _ANOTHER
        raise Unreadable("classify:outside-agreement", kind, format=_MESSAGE, about=kind)
    day = read_date(text.get(("CollectionDetails", "ReferenceDate"), ""))
    release = f"{text.get(('Source', 'SoftwareCode'), '')} {text.get(('Source', 'Release'), '')}"
    return data_type, replace(
        _school(text.get(("Source", "LEA"), ""), text.get(("Source", "Estab"), "")),
        academic_year=_academic_year_from(str(day.year - (day.month < _AUGUST)) if day else ""),
        term=term(text.get(("CollectionDetails", "Term"), "")),
        reference_date=day,
        software=_software(release),
    )


def _by_name(table: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in table.items() if key.casefold() == name), None)


def _recognise_register(source: Source, root: str, tally: Tally) -> Classified:
    """Count a register's records into the tally and return their type. Raises Unreadable if none is found."""
    rule = tally.rules.data_types.registers
    # Systems write such files without a namespace; a document with one is of another kind.
    if "}" in root or root.casefold() in rule.never:
        raise unknown("an XML document of no known kind", format=_OTHER)
    gatherer = Gatherer(tally, source.limits)
    schools = tally.rules.data_types.schools
    around: list[tuple[Slot, str]] = []  # texts around the records that name a school

    def aside(parent: str, name: str, text: str) -> None:
        slot = schools.elements.get(name or parent.rpartition("@")[2])
        if slot is not None and len(around) < _SLOTS and not schools.is_history(parent):
            around.append((slot, text))
        gatherer.aside(parent, name, text)

    try:
        for record in markup.pupil_records(source, record_names(root, tally.rules), aside):
            gatherer.gather(record, school=lambda record: school_named(_slots(record, schools)))
    except Unreadable as reason:
        if tally.records:
            raise
        raise unknown(*reason.evidence, format=_OTHER) from None
    gatherer.settle()
    if not tally.records:
        raise unknown("an XML document of no known kind", format=_OTHER)
    tally.schools.around = school_named(around)
    filled = {key: 1 for key, field in tally.fields.items() if field.filled}
    found = best_fit(filled, tally, Counter(), _OTHER)
    return replace(found, facts=Facts(latest_day=latest_day(tally, found.data_type)))


def _slots(record: markup.Element, rule: SchoolsRule) -> Iterator[tuple[Slot, str]]:
    """Yield each text that names a record's school, with a `Slot`. The pupil's former and next schools are
    left out.
    """
    for element in record.iter(*rule.elements):
        around = (markup.local_name(one.tag) for one in element.iterancestors())
        if element.text and not any(map(rule.is_history, around)):
            yield rule.elements[element.tag], element.text
