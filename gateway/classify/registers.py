"""XML of other roots: attendance and exclusions as systems write them, outside the DfE's envelopes.

No public schema covers them, so their records are judged by the fields they fill, as tables are.
"""

from __future__ import annotations

from collections import Counter

from gateway.classify import markup
from gateway.classify.column_signatures import Evidence, decide
from gateway.classify.content import Source, Unreadable, unknown
from gateway.classify.gather import Gatherer
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict

FORMAT = "XML"


def recognise(source: Source, root: str, tally: Tally) -> Verdict:
    """Which type the records of the document are. Raises Unreadable where they are none."""
    rule = tally.rules.data_types.registers
    # Systems write these without a namespace; what has one is a document of another kind.
    if "}" in root or root.casefold() in rule.never:
        raise unknown("an XML document of no known kind", format=FORMAT)
    names = tuple(name for name in rule.records if name != root)
    gatherer = Gatherer(tally, source.limits)
    try:
        for record in markup.records(source, names, gatherer.aside):
            gatherer.gather(record)
    except Unreadable as reason:
        if tally.records:
            raise
        raise unknown(*reason.evidence, format=FORMAT) from None
    if not tally.records:
        raise unknown("an XML document of no known kind", format=FORMAT)
    filled = {key: 1 for key, field in tally.fields.items() if field.filled}
    return decide(Evidence(filled, tally, "", Counter()), FORMAT)
