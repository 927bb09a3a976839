"""The DfE's `<Message>` files: the school census, and other collections that are none of ours.

They share one envelope, so only the text of `Collection` says which one it is.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.classify import markup
from gateway.classify.checks import read_date
from gateway.classify.content import Source, Unreadable, unknown
from gateway.classify.facts import academic_year_of, school, software, term
from gateway.classify.gather import Gatherer
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict
from gateway.model import Facts

FORMAT = "DfE Message XML"
CENSUS = "school-census"


def recognise(source: Source, tally: Tally) -> Verdict:
    """The school census, or Unreadable that names another collection."""
    wanted = ("Header", "PupilOnRoll", "PupilNoLongerOnRoll")
    gatherer, facts, on_roll = Gatherer(tally, source.limits), None, 0
    for element in markup.records(source, wanted, gatherer.aside):
        name = markup.local_name(element.tag)
        if name == "Header":
            facts = _read_header(element, tally.rules)
            gatherer.header(element)
        else:
            gatherer.gather(element, left=name != "PupilOnRoll")
            on_roll += name == "PupilOnRoll"
    if facts is None:
        raise unknown("a DfE message that names no collection", format=FORMAT)
    if not tally.records:
        raise unknown("a school census without pupils", format=FORMAT)
    why = ["a DfE message of the school census", f"on roll: {on_roll}"]
    return Verdict(CENSUS, "certain", why, FORMAT, facts=facts)


def _read_header(header: markup.Element, rules: Rules) -> Facts:
    text = {(parent, name): value.strip() for parent, name, value in markup.leaves(header)}
    _refuse_other_collections(text.get(("CollectionDetails", "Collection"), ""), rules)
    day = read_date(text.get(("CollectionDetails", "ReferenceDate"), ""))
    release = f"{text.get(('Source', 'SoftwareCode'), '')} {text.get(('Source', 'Release'), '')}"
    return replace(
        school(text.get(("Source", "LEA"), ""), text.get(("Source", "Estab"), "")),
        academic_year=academic_year_of(day),
        term=term(text.get(("CollectionDetails", "Term"), "")),
        reference_date=day,
        software=software(release),
    )


def _refuse_other_collections(collection: str, rules: Rules) -> None:
    said = collection.casefold()
    message = rules.data_types.message
    if said in {name.casefold() for name in message.census}:
        return
    if not said:
        raise unknown("a DfE message that names no collection", format=FORMAT)
    kind = next(
        (k for name, k in message.outside.items() if name.casefold() == said), "another DfE collection"
    )
    raise Unreadable("classify:outside-agreement", kind, format=FORMAT)
