"""Recognise DfE `<Message>` files: the school census, other returns, and collections not accepted here.

All share one envelope; only the text of the element `Collection` distinguishes them.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, beside, recognised, unknown
from gateway.classify.ctf import Assessments
from gateway.classify.facts import academic_year_of, school, software, term
from gateway.classify.gather import Gatherer
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.model import Classified, Facts

FORMAT = "DfE Message XML"
CENSUS = "school-census"
_ON_ROLL, _LEFT = ("PupilOnRoll",), ("PupilNoLongerOnRoll",)
_ANOTHER = "another DfE collection"
_ASSESSED = ("Pupil", "Child", "Learner")
RECORDS = ("Header", *_ON_ROLL, *_LEFT, *_ASSESSED)


def recognise(source: Source, tally: Tally) -> Classified:
    """Count a census or another return into the tally and return its type.
    Raises Unreadable for a message without pupils, or about a collection unknown to the rules.
    """
    gatherer = Gatherer(tally, source.limits)
    assessments = Assessments(tally, gatherer)
    facts, data_type, on_roll = None, "", 0
    for element in markup.pupil_records(source, RECORDS, gatherer.aside):
        name = markup.local_name(element.tag)
        if name == "Header":
            if gatherer.header(element):
                data_type, facts = _read_header(element, tally.rules)
                assessments.judge_by(facts, data_type, FORMAT)
        elif data_type == CENSUS and name in (*_ON_ROLL, *_LEFT):
            gatherer.gather(element, left=name in _LEFT)
            on_roll += name in _ON_ROLL
        elif data_type != CENSUS:
            assessments.gather(element)
        else:
            raise beside("pupils of another kind than a census has", format=FORMAT)
    gatherer.settle()
    if facts is None:
        raise unknown("a DfE message that names no collection", format=FORMAT)
    if not tally.records:
        raise unknown("a DfE message without pupils", format=FORMAT)
    if data_type == CENSUS:
        why = ["a DfE message of the school census", f"on roll: {on_roll}"]
        return recognised(CENSUS, "certain", why, FORMAT, facts=facts)
    return _of_return(data_type, facts, assessments, tally)


def _of_return(data_type: str, facts: Facts, found: Assessments, tally: Tally) -> Classified:
    """Return the type of a return. Raises Unreadable for missing assessments, or most of another type."""
    if not found.rows:
        if data_type in {stage.type for stage in tally.rules.data_types.ctf.stages}:
            raise unknown("a DfE return without assessments", format=FORMAT)
        why = ["a DfE return whose collection is this", f"records: {tally.records}"]
        return recognised(data_type, "certain", why, FORMAT, facts=facts)
    said = f"a DfE return whose collection is this, with {found.rows} assessments"
    if found.pupils.most_common(1)[0][0] != data_type:
        differs = "assessments of another kind than the collection of the return"
        raise Unreadable("classify:ambiguous", said, differs, format=FORMAT)
    return recognised(data_type, "certain", [said], FORMAT, facts=facts)


def _read_header(header: markup.Element, rules: Rules) -> tuple[str, Facts]:
    """Return the data type of the collection that a header names, and the facts in it."""
    text = {(parent, name): value.strip() for parent, name, value in markup.leaves(header)}
    data_type = _type_of(text.get(("CollectionDetails", "Collection"), ""), rules)
    day = read_date(text.get(("CollectionDetails", "ReferenceDate"), ""))
    release = f"{text.get(('Source', 'SoftwareCode'), '')} {text.get(('Source', 'Release'), '')}"
    return data_type, replace(
        school(text.get(("Source", "LEA"), ""), text.get(("Source", "Estab"), "")),
        academic_year=academic_year_of(day),
        term=term(text.get(("CollectionDetails", "Term"), "")),
        reference_date=day,
        software=software(release),
    )


def _type_of(collection: str, rules: Rules) -> str:
    """Return the data type of a collection by name. Raises Unreadable if the rules have none."""
    said, message = collection.strip().casefold(), rules.data_types.message
    if said in {name.casefold() for name in message.census}:
        return CENSUS
    for name, data_type in message.returns.items():
        if name.casefold() == said:
            return data_type
    if not said:
        raise unknown("a DfE message that names no collection", format=FORMAT)
    kind = next((k for name, k in message.outside.items() if name.casefold() == said), _ANOTHER)
    raise Unreadable("classify:outside-agreement", kind, format=FORMAT, about=kind)
