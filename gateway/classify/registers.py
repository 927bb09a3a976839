"""Recognise XML outside the DfE's formats: registers of attendance and exclusions, as systems write them.

No public schema covers these files, so their records are judged by the fields filled, as in tables.
"""

from collections import Counter
from collections.abc import Iterator

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, unknown
from gateway.classify.format_rules import SchoolsRule
from gateway.classify.gather import Gatherer
from gateway.classify.schools import Slot, said
from gateway.classify.tables import best_fit
from gateway.classify.tally import Tally
from gateway.model import Classified

FORMAT = "XML"
_SLOTS = 100


def recognise(source: Source, root: str, tally: Tally) -> Classified:
    """Count a register's records into the tally; return their type. Raises Unreadable without records."""
    rule = tally.rules.data_types.registers
    # Systems write such files without a namespace; a document with one is of another kind.
    if "}" in root or root.casefold() in rule.never:
        raise unknown("an XML document of no known kind", format=FORMAT)
    names = tuple(name for name in rule.records if name != root)
    gatherer = Gatherer(tally, source.limits)
    schools = tally.rules.data_types.schools
    around: list[tuple[Slot, str]] = []  # texts around the records that name a school

    def aside(parent: str, name: str, text: str) -> None:
        slot = schools.elements.get(name or parent.rpartition("@")[2])
        if slot is not None and len(around) < _SLOTS and not schools.is_history(parent):
            around.append((slot, text))
        gatherer.aside(parent, name, text)

    try:
        for record in markup.pupil_records(source, names, aside):
            gatherer.gather(record, school=lambda record: said(_slots(record, schools)))
    except Unreadable as reason:
        if tally.records:
            raise
        raise unknown(*reason.evidence, format=FORMAT) from None
    gatherer.settle()
    if not tally.records:
        raise unknown("an XML document of no known kind", format=FORMAT)
    tally.schools.around = said(around)
    filled = {key: 1 for key, field in tally.fields.items() if field.filled}
    return best_fit(filled, tally, Counter(), FORMAT)


def _slots(record: markup.Element, rule: SchoolsRule) -> Iterator[tuple[Slot, str]]:
    """Yield kind and text of each element of a record that names its school, without the pupil's history."""
    for element in record.iter(*rule.elements):
        around = (markup.local_name(one.tag) for one in element.iterancestors())
        if element.text and not any(map(rule.is_history, around)):
            yield rule.elements[element.tag], element.text
