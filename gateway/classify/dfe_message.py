"""Recognise DfE `<Message>` files: the school census, other returns, and collections not accepted here.

All share one envelope; only the text of the element `Collection` distinguishes them.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, Verdict, beside, unknown
from gateway.classify.ctf import Assessments
from gateway.classify.facts import academic_year_of, of_facts, school, software, term
from gateway.classify.gather import Gatherer
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.model import Facts

FORMAT = "DfE Message XML"
CENSUS = "school-census"
_ON_ROLL, _LEFT = ("PupilOnRoll",), ("PupilNoLongerOnRoll",)
_ANOTHER = "another DfE collection"
_ASSESSED = ("Pupil", "Child", "Learner")
RECORDS = ("Header", *_ON_ROLL, *_LEFT, *_ASSESSED)


def recognise(source: Source, tally: Tally) -> Verdict:
    """Count a census or another return into the tally and return its type.
    Raises Unreadable naming another collection.
    """
    reader = _MessageReader(source, tally)
    for element in markup.pupil_records(source, RECORDS, reader.gatherer.aside):
        reader.read(element)
    reader.gatherer.settle()
    if reader.facts is None:
        raise unknown("a DfE message that names no collection", format=FORMAT)
    if not tally.records:
        raise unknown("a DfE message without pupils", format=FORMAT)
    return reader.verdict(reader.facts)


class _MessageReader:
    """Reader of a DfE message: first the header, then the records of the collection's pupils."""

    def __init__(self, source: Source, tally: Tally) -> None:
        self.facts: Facts | None = None
        self._tally = tally
        self._type = ""
        self.gatherer = Gatherer(tally, source.limits)
        self._assessments = Assessments(tally, self.gatherer)
        self._on_roll = 0

    def read(self, element: markup.Element) -> None:
        """Count a pupil's record, or read collection, school and period from the message's header."""
        name = markup.local_name(element.tag)
        if name == "Header":
            if not self.gatherer.header(element):
                return
            text = {(parent, name): value.strip() for parent, name, value in markup.leaves(element)}
            collection = _type_of(text.get(("CollectionDetails", "Collection"), ""), self._tally.rules)
            day = read_date(text.get(("CollectionDetails", "ReferenceDate"), ""))
            release = f"{text.get(('Source', 'SoftwareCode'), '')} {text.get(('Source', 'Release'), '')}"
            self._type, self.facts = (
                collection,
                replace(
                    school(text.get(("Source", "LEA"), ""), text.get(("Source", "Estab"), "")),
                    academic_year=academic_year_of(day),
                    term=term(text.get(("CollectionDetails", "Term"), "")),
                    reference_date=day,
                    software=software(release),
                ),
            )
            self._tally.schools.around = of_facts(self.facts)
            self._tally.judge_by(self.facts.reference_date, self._type, FORMAT, self.facts.term)
            self._assessments.judge_by_period()
        elif self._type == CENSUS and name in (*_ON_ROLL, *_LEFT):
            self.gatherer.gather(element, left=name in _LEFT)
            self._on_roll += name in _ON_ROLL
        elif self._type != CENSUS:
            self._assessments.gather(element)
        else:
            raise beside("pupils of another kind than a census has", format=FORMAT)

    def verdict(self, facts: Facts) -> Verdict:
        """Return the verdict. Raises Unreadable if most assessments belong to another collection."""
        if self._type == CENSUS:
            why = ["a DfE message of the school census", f"on roll: {self._on_roll}"]
            return Verdict(CENSUS, "certain", why, FORMAT, facts=facts)
        found = self._assessments
        assessed = {stage.type for stage in self._tally.rules.data_types.ctf.stages}
        if not found.rows:
            if self._type in assessed:
                raise unknown("a DfE return without assessments", format=FORMAT)
            why = ["a DfE return whose collection is this", f"records: {self._tally.records}"]
            return Verdict(self._type, "certain", why, FORMAT, facts=facts)
        said = f"a DfE return whose collection is this, with {found.rows} assessments"
        if found.pupils.most_common(1)[0][0] != self._type:
            differs = "assessments of another kind than the collection of the return"
            raise Unreadable("classify:ambiguous", said, differs, format=FORMAT)
        return Verdict(self._type, "certain", [said], FORMAT, facts=facts)


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
