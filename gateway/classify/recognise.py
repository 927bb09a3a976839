"""Classify the content of a file: exactly one data type with evidence, or the reason for none."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import BinaryIO, cast
from zipfile import ZipFile

from gateway.classify import (
    archive,
    containers,
    ctf,
    dfe_message,
    jcq,
    json_records,
    markup,
    parts,
    registers,
)
from gateway.classify.content import (
    LOCKED_DOCUMENT,
    OFFICE_PARTS,
    Source,
    TimedContent,
    Unreadable,
    encoding_of,
    head_of,
    malformed,
    other_document,
    packed_away,
    refuse_other_documents,
    size_of,
    told_encoding,
    unknown,
)
from gateway.classify.delimited import read_table, tables_in
from gateway.classify.parts import refused, told
from gateway.classify.rules import Rules
from gateway.classify.sensitive import topics_in
from gateway.classify.tables import judge
from gateway.classify.tally import OnPersons, OnPupils, Tally
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused

_APPLE_PARTS = ".iwa"
_XML_WITHIN = 1024
_XML_SIGNS = ("<?xml", "<ctfile", "<message")


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
    """Classify a content: return its data type with evidence, or the reason for none.
    `content`: seekable, read as a stream several times, left open. `clock`: seconds, for the time limit.
    `name`: file name, to decide between types that fit equally. Without `today`, no date is a future one.
    `on_pupils` gets for each record with a UPN: UPN, birth date, former UPN, on roll (sole or main
    registration without an end), number of the record from 1, number of the school named.
    `on_persons` gets the UPN, or "", of every record, and the columns of the fields that name a person.
    Both get many records at once, with the set of valid permanent UPNs. No data of a pupil is kept.
    """
    tally = Tally(rules, today, on_pupils, on_persons, rules.name_suggests(name))
    try:
        timed = cast(BinaryIO, TimedContent(content, limits.seconds, clock))
        found = told(_recognise(timed, tally, limits), tally)
    except Unreadable as reason:
        tally.settle()  # Persons read before the obstacle are told of too.
        return _with_topics(refused(reason), content, rules)
    return replace(found, name_suggests=tally.declared)


def classify_ahead(
    content: BinaryIO,
    name: str,
    limits: ClassifyLimits,
    rules: Rules,
    *,
    today: date | None = None,
    on_pupils: OnPupils | None = None,
    on_persons: OnPersons | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Classified | None:
    """Classify a content while it is still being written, through a reader that waits for more.
    Assumes at first, and checks at the end, that the content is one text in the encoding suggested by its
    start. Returns None where not, or where the content would be refused: then `classify` decides on the
    whole content, and everything passed to the callbacks is void.
    """
    tally = Tally(rules, today, on_pupils, on_persons, rules.name_suggests(name))
    try:
        timed = cast(BinaryIO, TimedContent(content, limits.seconds, clock))
        if containers.is_packed(timed):
            return None
        encoding = told_encoding(timed) or "utf-8"
        verdict = _recognise_text(Source(timed, encoding, limits), tally)
        refuse_other_documents(timed)
        if encoding_of(timed) != encoding:
            return None
        return replace(told(verdict, tally), name_suggests=tally.declared)
    except Unreadable:
        return None


def _with_topics(found: ContentRefused, content: BinaryIO, rules: Rules) -> ContentRefused:
    """Return the refusal with the sensitive topics the content seems to have.
    Malformed or encrypted content gets none: the first is refused for good, the second cannot be searched.
    """
    if found.code == "classify:malformed" or found.about == LOCKED_DOCUMENT:
        return found
    topics = (rules.sensitive.of_name(found.about or ""), *topics_in(content, rules.sensitive))
    return replace(found, sensitive=tuple(dict.fromkeys(filter(None, topics))))


def _recognise(
    content: BinaryIO, tally: Tally, limits: ClassifyLimits, *, inside: bool = False
) -> Classified:
    if not size_of(content):
        raise unknown("the file is empty")
    with containers.opened(content, limits) as found:
        if isinstance(found, containers.Workbook):
            for place, text in found.beside:
                tally.account.beside_cells(place, text)
            for sheet in found.sheets:
                tally.account.title(sheet.name)
            tables = tables_in(found.sheets, tally.rules, limits, found.format)
            each = [partial(judge, table, format=found.format) for table in tables]
            return parts.together(each, tally, "tables", found.format)
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
            tally.account.title(name.rpartition(".")[0])
        files = [partial(_recognise_file, found, limits, name) for name in names]
        verdict = parts.together(files, tally, "files", archive.FORMAT)
        return replace(verdict, format=f"{verdict.format} in ZIP")


def _recognise_file(packed: ZipFile, limits: ClassifyLimits, name: str, tally: Tally) -> Classified:
    with containers.file_in(packed, name) as content:
        return _recognise(content, tally, limits, inside=True)


def _recognise_text(source: Source, tally: Tally) -> Classified:
    start = head_of(source.content).decode(source.encoding, "replace").lstrip("\ufeff")
    if start.lstrip().startswith("<"):
        root = markup.root_of(source)
        name = markup.local_name(root).casefold()
        missing = tally.rules.data_types.ctf.is_of_missing_child(name)
        if name == "ctfile" or missing:
            return ctf.recognise(source, tally, missing=missing)
        if name == "message":
            return dfe_message.recognise(source, tally)
        kind = tally.rules.data_types.outside_roots.get(name)
        if kind is not None:
            raise Unreadable("classify:outside-agreement", kind, format="XML", about=kind)
        return registers.recognise(source, root, tally)
    if any(sign in start[:_XML_WITHIN].casefold() for sign in _XML_SIGNS):
        raise malformed("other content stands before the XML", format="XML")
    if jcq.looks_like(start, tally.rules.data_types.jcq):
        return jcq.recognise(source, tally)
    if json_records.looks_like(start):
        read = partial(json_records.read_table, source, tally.rules)
        return judge(read, tally, format=json_records.FORMAT)
    return judge(partial(read_table, source, tally.rules), tally, format="CSV")
