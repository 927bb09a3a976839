"""classify(): exactly one data type with its evidence, or the reason why there is none."""

from __future__ import annotations

from datetime import date
from typing import BinaryIO

from gateway.classify import ctf, markup, message, sheets, tables
from gateway.classify.content import (
    Unreadable,
    encoding_of,
    head_of,
    malformed,
    refuse_other_documents,
    size_of,
    unknown,
)
from gateway.classify.rules import Rules
from gateway.classify.tally import OnPupil, Tally
from gateway.classify.verdict import Verdict
from gateway.model import Classified, ContentRefused
from gateway.settings import ClassifyLimits

_XML_WITHIN = 1024
_XML_SIGNS = ("<?xml", "<ctfile", "<message")


def classify(
    content: BinaryIO,
    name: str,
    limits: ClassifyLimits,
    rules: Rules,
    *,
    today: date | None = None,
    on_pupil: OnPupil | None = None,
) -> Classified | ContentRefused:
    """What a content is. Total: whatever the bytes are, the answer is one of the two values.

    `content` is seekable and is read as a stream, several times; it stays open. `name` is reported
    on and decides nothing. Without `today` no date is called a future one. `on_pupil`, where given,
    is called with (UPN, date of birth, former UPN, on roll) for each record that has a UPN, in file
    order and before the outcome is known; "on roll" means a sole or main registration that has not
    ended. Nothing of what it is told stays here.
    """
    tally = Tally(rules, today, on_pupil)
    try:
        verdict = _recognise(content, tally, rules, limits)
    except Unreadable as reason:
        return ContentRefused(code=reason.code, evidence=reason.evidence, format=reason.format)
    kind = rules.data_types.types[verdict.data_type]
    pupils = tally.pupils(one_record_a_pupil=kind.one_record_a_pupil)
    return Classified(
        data_type=verdict.data_type,
        level=verdict.level,
        evidence=tuple(verdict.evidence),
        format=verdict.format,
        extension=verdict.extension,
        runner_up=verdict.runner_up,
        mixed_with=verdict.mixed_with,
        pupils=pupils if verdict.pupils is None else verdict.pupils,
        facts=verdict.facts,
        findings=tally.findings(kind),
        items=tally.items(verdict.data_type),
        other_items=tally.other_items(verdict.data_type),
        name_suggests=rules.name_suggests(name),
    )


def _recognise(content: BinaryIO, tally: Tally, rules: Rules, limits: ClassifyLimits) -> Verdict:
    if not size_of(content):
        raise unknown("the file is empty")
    if head_of(content, 4) == b"PK\x03\x04":
        return sheets.recognise(content, tally, rules, limits)
    refuse_other_documents(content)
    encoding = encoding_of(content)
    start = head_of(content).decode(encoding, "replace").lstrip("\ufeff")
    if start.lstrip().startswith("<"):
        return _recognise_xml(content, encoding, tally, rules, limits)
    if any(sign in start[:_XML_WITHIN].casefold() for sign in _XML_SIGNS):
        raise malformed("other content stands before the XML", format="XML")
    return tables.recognise(content, encoding, tally, rules, limits)


def _recognise_xml(
    content: BinaryIO, encoding: str, tally: Tally, rules: Rules, limits: ClassifyLimits
) -> Verdict:
    root = markup.root_of(content, encoding).casefold()
    if root == "ctfile":
        return ctf.recognise(content, encoding, tally, rules, limits)
    if root == "message":
        return message.recognise(content, encoding, tally, rules, limits)
    kind = rules.data_types.outside_roots.get(root)
    if kind is not None:
        raise Unreadable("classify:outside-agreement", kind, format="XML")
    raise unknown("an XML document of no known kind", format="XML")
