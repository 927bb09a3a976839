"""Judge a file of several parts: the files of an archive, or the tables of a workbook.

Parts of one type make one file. Otherwise each part is reported by itself, because the decisions on them may
differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from gateway.classify.content import Told, Unreadable, beside
from gateway.classify.tally import Tally
from gateway.model import Classified, ContentRefused, Facts, Level

Part = Callable[[Tally], Classified]

_WEAKEST_FIRST: tuple[Level, ...] = ("moderate", "strong", "certain")
_SCHOOL = ("la", "establishment", "urn")
EXTENSIONS = {
    **dict.fromkeys(("XML", "CTF XML", "DfE Message XML"), "xml"),
    "CSV": "csv",
    "JSON": "json",
    "text": "txt",
    "JCQ results": "txt",
    "JCQ file": "txt",
    **{name: name.casefold() for name in ("XLSX", "XLSB", "XLS", "ODS", "ZIP")},
}
"""Extension of the files of each format."""


def together(parts: Sequence[Part], tally: Tally, what: str, format: str) -> Classified:  # noqa: A002
    """Judge all parts and return their common verdict. Raises Unreadable if the parts have no type in common.
    A table with figures about nobody, such as a summary by subject, may accompany parts of another type.
    `what`: "tables" or "files", for the evidence.
    """
    if len(parts) == 1:
        return parts[0](tally)
    each = [_alone(part, tally) for part in parts]
    found = tuple(told for told, _ in each)
    records = tuple(told for told, of_nobody in each if not of_nobody)
    types = tally.rules.data_types.types
    kinds = {one.data_type if isinstance(one, Classified) else None for one in records}
    if len(kinds) != 1 or None in kinds:
        raise _different(found, what, format)
    if len(records) < len(found) and any(types[one.data_type].must for one in records):  # type: ignore[union-attr]
        raise _different(found, what, format)
    verdicts = []
    for part, (_, of_nobody) in zip(parts, each, strict=True):
        try:
            verdict = part(tally)
            tally.schools.end_part()
            verdicts.append(verdict)
        except Unreadable:
            if not of_nobody:
                raise
    # Merge verdicts, at the weakest level. A school is named where no two parts name different ones.
    first = verdicts[0]
    said = {
        key.name: [v for each in verdicts if (v := getattr(each.facts, key.name)) is not None]
        for key in fields(Facts)
    }
    several = any(len(set(said[key])) > 1 for key in _SCHOOL)
    facts = {
        key: None if several and key in _SCHOOL else next(iter(values), None) for key, values in said.items()
    }
    return replace(
        first,
        level=min((each.level for each in verdicts), key=_WEAKEST_FIRST.index),
        evidence=(f"{len(verdicts)} {what} of one kind", *first.evidence),
        mixed_with=next((each.mixed_with for each in verdicts if each.mixed_with), None),
        results=tuple(sorted({kind for each in verdicts for kind in each.results})),
        facts=Facts(**facts),
    )


def _alone(part: Part, tally: Tally) -> tuple[Told, bool]:
    """Judge one part by itself; also return True for a part of no known type without personal data."""
    own = Tally(tally.all_rules, tally.today, on_persons=tally.on_persons, declared=tally.declared)
    try:
        return told(part(own), own), False
    except Unreadable as reason:
        own.settle()
        of_nobody = reason.code == "classify:unknown" and own.records and not own.says_of_anybody()
        return refused(reason), bool(of_nobody)


def _different(found: tuple[Told, ...], what: str, format: str) -> Unreadable:  # noqa: A002
    why = {(each.code, each.about) for each in found if isinstance(each, ContentRefused)}
    first, classified = found[0], any(isinstance(each, Classified) for each in found)
    if isinstance(first, ContentRefused) and not classified and len(why) == 1 and not first.parts:
        return Unreadable(first.code, *first.evidence, format=format, about=first.about)
    kinds = sorted({each.data_type if isinstance(each, Classified) else each.code for each in found})
    said = f"{len(found)} {what}: {', '.join(kinds)}"
    return Unreadable("classify:several-kinds", said, format=format, parts=found)


def told(verdict: Classified, tally: Tally) -> Classified:
    """Complete a verdict with the tally's results. Raises Unreadable if content beside the records was found.
    The extension "formulas.csv" warns each person collecting the file of cells a spreadsheet would run.
    """
    if tally.beside:
        raise beside(tally.beside, format=verdict.format)
    kind = tally.rules.data_types.types[verdict.data_type]
    facts, packed = verdict.facts, verdict.format.endswith(" in ZIP")
    extension = EXTENSIONS["ZIP" if packed else verdict.format]
    return replace(
        verdict,
        extension=f"formulas.{extension}" if tally.formulas.count else extension,
        pupils=tally.pupils(),
        facts=replace(
            facts,
            key_stage=facts.key_stage or kind.key_stage,
            upn_authorities=tally.upn_authorities() or None,
            upper_years=tally.upper_years(),
        ),
        findings=tally.findings(verdict.data_type),
        items=tally.items(verdict.data_type),
        other_items=tally.other_items(verdict.data_type),
        unlisted=tally.account.unlisted(verdict.data_type),
        schools=tally.schools.named(),
    )


def refused(reason: Unreadable) -> ContentRefused:
    """Convert an Unreadable error to the `ContentRefused` that `classify` returns."""
    return ContentRefused(
        code=reason.code,
        evidence=reason.evidence,
        runner_up=reason.about if reason.code == "classify:outside-agreement" else None,
        format=reason.format,
        extension=EXTENSIONS.get(reason.format or "", "bin"),
        about=reason.about,
        parts=reason.parts,
    )
