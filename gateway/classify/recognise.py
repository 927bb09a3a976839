"""Classify the content of a file: exactly one data type with evidence, or the reason for none."""

import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import partial
from typing import BinaryIO, cast
from zipfile import ZipFile

from gateway.classify import archive, jcq, json_records, markup, pupil_xml, workbook
from gateway.classify.content import (
    EXTENSIONS,
    LOCKED_DOCUMENT,
    OFFICE_PARTS,
    Source,
    TimedContent,
    Unreadable,
    Verdict,
    encoding_of,
    malformed,
    other_document,
    packed_away,
    refuse_other_documents,
    unknown,
)
from gateway.classify.delimited import read_table, tables_in
from gateway.classify.rules import Rules
from gateway.classify.tables import WITH_RESULTS, judge
from gateway.classify.tally import OnPersons, OnPupils, Tally
from gateway.classify.topics import topics_in
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused, Facts, Level

_APPLE_PARTS = ".iwa"
_XML_WITHIN = 1024
_XML_SIGNS = ("<?xml", "<ctfile", "<message")
_WEAKEST_FIRST: tuple[Level, ...] = ("moderate", "strong", "certain")
_SCHOOL = ("la", "establishment", "urn")
_OF_A_YEAR = ("academic_year", "reference_date")
_Part = Callable[[Tally], Classified]


def classify(
    content: BinaryIO,
    name: str,
    limits: ClassifyLimits,
    rules: Rules,
    *,
    today: date | None = None,
    on_pupils: OnPupils | None = None,
    on_persons: OnPersons | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Classified | ContentRefused:
    """Classify the content of a file: return its data type with evidence, or the reason for none.
    `content`: seekable, read several times, left open. `name`: the file's name, which decides between types
    that fit equally. `today`: dates after it count as future; None to count no date as future. `clock`:
    seconds, for the time limit. `on_pupils` gets a `Pupil` for each record with a UPN; on roll means a sole
    or main registration without an end. `on_persons` gets the UPN of each record ("" for none), and, by
    field, the values naming the person. Both get many records in a call, and the set of valid permanent UPNs.
    No data of a pupil is kept.
    """
    tally = Tally(rules, today, on_pupils, on_persons, rules.name_suggests(name))
    try:
        timed = cast(BinaryIO, TimedContent(content, limits.seconds, clock))
        found = tally.completed(_recognise(timed, tally, limits))
    except Unreadable as reason:
        tally.settle()  # Persons read before the obstacle are told of too.
        refused = _refused(reason)
        if refused.code == "classify:malformed":
            return refused  # For good: it does not wait for anybody.
        sensitive = rules.sensitive  # The name of a file is often all that tells of a scan or a picture.
        flags, inventory = (rules.flag_elements, rules.flag_columns), tally.inventory
        locked, of_people = refused.about == LOCKED_DOCUMENT, inventory.names_people()
        topics = (
            sensitive.of_name(refused.about or ""),
            sensitive.of_text(name),
            *(() if locked else topics_in(content, sensitive, *flags, of_people=of_people)),
            *inventory.topics(),
        )
        return replace(refused, sensitive=tuple(dict.fromkeys(filter(None, topics))))
    return replace(found, name_suggests=tally.declared)


def _recognise(
    content: BinaryIO, tally: Tally, limits: ClassifyLimits, *, inside: bool = False
) -> Classified:
    if not content.seek(0, 2):
        raise unknown("the file is empty")
    with workbook.opened(content, limits) as found:
        if isinstance(found, workbook.Workbook):
            for place, text in found.beside:
                tally.inventory.add_beside_cells(place, text)
            for sheet in found.sheets:
                tally.inventory.add_title(sheet.name)
            tables = tables_in(found.sheets, tally.rules, limits, found.format)
            each = [partial(judge, table, format=found.format) for table in tables]
            return _together(each, tally, "tables", found.format)
        if found is None:
            refuse_other_documents(content)
            return _recognise_text(Source(content, encoding_of(content), limits), tally)
        members, documents = archive.names(found), OFFICE_PARTS["documents"]
        is_apples = any(name.endswith(_APPLE_PARTS) for name in members)
        kinds = (kind for part, kind in documents.items() if part in members)
        if (kind := documents["Index.zip"] if is_apples else next(kinds, None)) is not None:
            raise other_document(kind, format=archive.FORMAT)
        if inside:
            raise packed_away("an archive inside an archive", format=archive.FORMAT)
        names = archive.files(found, tally.rules.sensitive)
        if not names:
            raise unknown("an archive of no files", format=archive.FORMAT)
        for name in names:
            tally.inventory.add_title(name.rpartition(".")[0])
        files = [partial(_recognise_file, found, limits, name) for name in names]
        verdict = _together(files, tally, "files", archive.FORMAT)
        return replace(verdict, format=f"{verdict.format} in ZIP")


def _recognise_file(packed: ZipFile, limits: ClassifyLimits, name: str, tally: Tally) -> Classified:
    with workbook.file_in(packed, name) as content:
        return _recognise(content, tally, limits, inside=True)


def _recognise_text(source: Source, tally: Tally) -> Classified:
    start = source.start()
    if start.lstrip().startswith("<"):
        return pupil_xml.recognise(source, markup.root_of(source), tally)
    if any(sign in start[:_XML_WITHIN].casefold() for sign in _XML_SIGNS):
        raise malformed("other content stands before the XML", format="XML")
    if jcq.looks_like(start, tally.rules.data_types.jcq):
        return jcq.recognise(source, tally)
    if json_records.looks_like(start):
        read = partial(json_records.read_table, source, tally.rules)
        return judge(read, tally, format=json_records.FORMAT)
    return judge(partial(read_table, source, tally.rules), tally, format="CSV")


def _together(parts: Sequence[_Part], tally: Tally, what: str, format: str) -> Classified:  # noqa: A002
    """Judge the parts (the files of an archive, or the tables of a workbook), and return their common result.
    Raises Unreadable, with the result of each part, if the parts have no type in common or are censuses of
    several terms. A table of figures about nobody, such as a summary by subject, may accompany other parts.
    `what`: "tables" or "files", for the evidence.
    """
    if len(parts) == 1:
        return parts[0](tally)
    each = [_alone(part, tally) for part in parts]
    found = tuple(told for told, _ in each)
    alone = [told for told in found if isinstance(told, Classified)]
    of_nobodies = sum(of_nobody for _, of_nobody in each)
    kinds, types = {one.data_type for one in alone}, tally.rules.data_types.types
    # Censuses of two terms are two returns: as one file, both would count for one of the terms.
    terms = [one.facts for one in alone if one.data_type == pupil_xml.CENSUS and one.facts.term]
    have_several = (
        len({one.term for one in terms}) > 1 or len({one.academic_year for one in terms} - {None}) > 1
    )
    if have_several or len(kinds) != 1 or len(alone) + of_nobodies < len(found):
        raise _different(found, what, format)
    if of_nobodies and any(types[kind].must for kind in kinds):
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
    # The tally counts all parts together: the facts are those of each part alone.
    first = verdicts[0]
    said = {
        key.name: [v for one in alone if (v := getattr(one.facts, key.name)) is not None]
        for key in fields(Facts)
    }
    several = any(len(set(said[key])) > 1 for key in _SCHOOL)
    facts = {
        key: None if several and key in _SCHOOL else next(iter(values), None) for key, values in said.items()
    }
    facts["latest_day"] = max(said["latest_day"], default=None)
    results = tuple(sorted({kind for each in verdicts for kind in each.results}))
    if results or first.data_type in WITH_RESULTS:
        # Together they wait as long as the latest would alone, and one of no year as those of this summer.
        for key in _OF_A_YEAR:
            facts[key] = max(said[key]) if len(said[key]) == len(alone) else None
    return replace(
        first,
        level=min((each.level for each in verdicts), key=_WEAKEST_FIRST.index),
        evidence=(f"{len(verdicts)} {what} of one kind", *first.evidence),
        mixed_with=next((each.mixed_with for each in verdicts if each.mixed_with), None),
        results=results,
        facts=Facts(**facts),
    )


def _alone(part: _Part, tally: Tally) -> tuple[Verdict, bool]:
    """Judge one part of a file. Return the result, and True if the part has no known type and no personal
    data.
    """
    own = Tally(tally.all_rules, tally.today, on_persons=tally.on_persons, declared=tally.declared)
    try:
        return own.completed(part(own)), False
    except Unreadable as reason:
        own.settle()
        of_nobody = reason.code == "classify:unknown" and own.records and not own.says_of_anybody()
        if not of_nobody:  # The file waits, and its headings say what is sensitive in it.
            tally.inventory.parts.extend(own.inventory.parts)
        return _refused(reason), bool(of_nobody)


def _different(found: tuple[Verdict, ...], what: str, format: str) -> Unreadable:  # noqa: A002
    why = {(each.code, each.about) for each in found if isinstance(each, ContentRefused)}
    first, classified = found[0], any(isinstance(each, Classified) for each in found)
    if isinstance(first, ContentRefused) and not classified and len(why) == 1 and not first.parts:
        return Unreadable(first.code, *first.evidence, format=format, about=first.about)
    kinds = sorted({each.data_type if isinstance(each, Classified) else each.code for each in found})
    said = f"{len(found)} {what}: {', '.join(kinds)}"
    return Unreadable("classify:several-kinds", said, format=format, parts=found)


def _refused(reason: Unreadable) -> ContentRefused:
    """Convert an Unreadable error to a `ContentRefused`, the result of `classify`."""
    return ContentRefused(
        code=reason.code,
        evidence=reason.evidence,
        runner_up=reason.about if reason.code == "classify:outside-agreement" else None,
        format=reason.format,
        extension=EXTENSIONS.get(reason.format or "", "bin"),
        about=reason.about,
        parts=reason.parts,
    )
