"""classify(): exactly one data type with its evidence, or the reason why there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import BinaryIO, cast
from zipfile import ZipFile

from gateway.classify import archive, ctf, dfe_message, jcq, markup, registers, tables, workbook
from gateway.classify.content import (
    Source,
    TimedContent,
    Unreadable,
    encoding_of,
    head_of,
    malformed,
    refuse_other_documents,
    size_of,
    unknown,
)
from gateway.classify.rules import Rules
from gateway.classify.suspicion import topics_in
from gateway.classify.tally import OnPupil, Tally
from gateway.classify.verdict import Verdict
from gateway.model import Classified, ContentRefused
from gateway.settings import ClassifyLimits

_XML_WITHIN = 1024
_XML_SIGNS = ("<?xml", "<ctfile", "<message")
_EXTENSIONS = {
    "XML": "xml",
    ctf.FORMAT: "xml",
    dfe_message.FORMAT: "xml",
    "CSV": "csv",
    "text": "txt",
    jcq.FORMAT: "txt",
    jcq.OTHER_FORMAT: "txt",
    workbook.FORMAT: "xlsx",
    archive.FORMAT: "zip",
}


def classify(
    content: BinaryIO,
    name: str,
    limits: ClassifyLimits,
    rules: Rules,
    *,
    today: date | None = None,
    on_pupil: OnPupil | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Classified | ContentRefused:
    """What a content is. Total: whatever the bytes are, the answer is one of the two values.

    `content` is seekable and is read as a stream, several times; it stays open. `name` is reported
    on and decides nothing. Without `today` no date is called a future one. `on_pupil`, where given,
    is called with (UPN, date of birth, former UPN, on roll, number of the record) for each record
    that has a UPN, in file order and before the outcome is known; records count from 1, and "on
    roll" means a sole or main registration that has not
    ended. Nothing of what it is told stays here. `clock` gives seconds, for the limit on time.
    """
    tally = Tally(rules, today, on_pupil)
    try:
        timed = cast(BinaryIO, TimedContent(content, limits.seconds, clock))
        verdict = _recognise(timed, tally, limits)
    except Unreadable as reason:
        return _refused(reason, content, rules)
    kind = rules.data_types.types[verdict.data_type]
    facts = verdict.facts
    return Classified(
        data_type=verdict.data_type,
        level=verdict.level,
        evidence=tuple(verdict.evidence),
        format=verdict.format,
        extension=verdict.extension,
        runner_up=verdict.runner_up,
        mixed_with=verdict.mixed_with,
        pupils=tally.pupils(),
        facts=replace(facts, key_stage=facts.key_stage or kind.key_stage),
        findings=tally.findings(verdict),
        items=tally.items(verdict.data_type),
        other_items=tally.other_items(verdict.data_type),
        name_suggests=rules.name_suggests(name),
        unlisted=tally.account.unlisted(verdict.data_type),
        results=verdict.results,
    )


def _refused(reason: Unreadable, content: BinaryIO, rules: Rules) -> ContentRefused:
    kind = reason.evidence[0] if reason.code == "classify:outside-agreement" else None
    topics = (rules.sensitive.of_name(kind or ""), *topics_in(content, rules.sensitive))
    return ContentRefused(
        code=reason.code,
        evidence=reason.evidence,
        runner_up=kind,
        format=reason.format,
        extension=_EXTENSIONS.get(reason.format or "", "bin"),
        # What is malformed is refused, and nobody sees it.
        sensitive=tuple(dict.fromkeys(filter(None, topics))) if reason.code != "classify:malformed" else (),
    )


def _recognise(content: BinaryIO, tally: Tally, limits: ClassifyLimits) -> Verdict:
    if not size_of(content):
        raise unknown("the file is empty")
    if not archive.is_archive(content):
        return _recognise_plain(content, tally, limits)
    with archive.opened(content, limits) as packed:
        if workbook.is_workbook(archive.names(packed)):
            table = workbook.read_workbook(packed, tally.rules, limits)
            return tables.judge(table, tally, format=workbook.FORMAT, extension="xlsx")
        return _recognise_single(packed, tally, limits)


def _recognise_single(packed: ZipFile, tally: Tally, limits: ClassifyLimits) -> Verdict:
    names = archive.names(packed)
    if len(names) != 1:
        raise unknown(f"an archive of {len(names)} files", format=archive.FORMAT)
    with archive.member(packed, names[0]) as content:
        if archive.is_archive(content):
            raise unknown("an archive inside an archive", format=archive.FORMAT)
        verdict = _recognise_plain(content, tally, limits)
    verdict.format, verdict.extension = f"{verdict.format} in ZIP", "zip"
    return verdict


def _recognise_plain(content: BinaryIO, tally: Tally, limits: ClassifyLimits) -> Verdict:
    refuse_other_documents(content)
    source = Source(content, encoding_of(content), limits)
    start = head_of(content).decode(source.encoding, "replace").lstrip("\ufeff")
    if start.lstrip().startswith("<"):
        return _recognise_xml(source, tally)
    if any(sign in start[:_XML_WITHIN].casefold() for sign in _XML_SIGNS):
        raise malformed("other content stands before the XML", format="XML")
    if jcq.looks_like(start, tally.rules.data_types.jcq):
        return jcq.recognise(source, tally)
    return tables.recognise(source, tally)


def _recognise_xml(source: Source, tally: Tally) -> Verdict:
    root = markup.root_of(source)
    name = markup.local_name(root).casefold()
    if name == "ctfile":
        return ctf.recognise(source, tally)
    if name == "message":
        return dfe_message.recognise(source, tally)
    kind = tally.rules.data_types.outside_roots.get(name)
    if kind is not None:
        raise Unreadable("classify:outside-agreement", kind, format="XML")
    return registers.recognise(source, root, tally)
