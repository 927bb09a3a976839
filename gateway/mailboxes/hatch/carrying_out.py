"""List and carry out acts for the console, after the required confirmation."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from functools import cache

from pydantic import ValidationError

from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Answer, Confirmation
from gateway.acts.fields import answer_of, every_act, fields_of
from gateway.errors import GatewayError, NotFoundError, Refusal
from gateway.log.leaf import rfc3339
from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.mailboxes.hatch.logins import check_signed
from gateway.reasons import told as told_by_code
from gateway.registry.sight import sees
from gateway.reports.document import (
    Block,
    Chart,
    Details,
    Document,
    Matrix,
    Paragraph,
    Points,
    ReportTable,
    Section,
)
from gateway.zones.hatch.act_questions import (
    ActAnswered,
    ActsTold,
    ActTold,
    AskAct,
    AskActs,
    CarryOutAct,
    Cell,
    FieldTold,
    TableTold,
)
from gateway.zones.hatch.evidence_answers import BlockSeen, DocumentSeen, SectionSeen


def seen(document: Document) -> DocumentSeen:
    """Return a document as an answer. Charts and matrices appear as tables."""
    return DocumentSeen(
        title=document.title,
        subtitle=document.subtitle,
        sections=tuple(map(_section, document.sections)),
        annex=tuple(map(_section, document.annex)),
    )


def _section(section: Section) -> SectionSeen:
    return SectionSeen(title=section.title, blocks=tuple(map(_block, section.blocks)))


def _block(block: Block) -> BlockSeen:
    match block:
        case Paragraph(text, important):
            return BlockSeen(text=text, important=important)
        case Points(texts):
            return BlockSeen(points=texts)
        case Details(pairs):
            rows = tuple((label, value) for label, value in pairs if value is not None)
            return BlockSeen(rows=rows)
        case ReportTable(headings, rows):
            return BlockSeen(headings=headings, rows=rows)
        case Chart():
            return BlockSeen(text=block.caption, headings=block.table.headings, rows=block.table.rows)
        case Matrix():
            return BlockSeen(headings=block.table.headings, rows=block.table.rows)


def ask_acts(_counter: Counter, caller: Caller, _question: AskActs) -> ActsTold:
    """Return the acts that the caller may carry out here."""
    return ActsTold(
        acts=tuple(
            _told(command)
            for command, act in every_act().items()
            if act.in_console and act.right in caller.may
        )
    )


def ask(counter: Counter, caller: Caller, question: AskAct) -> ActAnswered:
    """Answer a read-only act; slow answers are at most a minute old."""
    asked, context = _checked(counter, caller, question, reads=True), _context(counter, caller)
    known = asked.known_by(context)
    if known is None:
        return _answered(asked.carry_out(context))
    key = (asked.command, asked.model_dump_json(), counter.catalogue().digest, known, str(caller.sight))
    return counter.judged.acts.of(key, lambda: _answered(asked.carry_out(context)))


def carry_out(counter: Counter, caller: Caller, question: CarryOutAct) -> ActAnswered:
    """Carry out one act. PasskeyAskedError asks for the passkey first, if the act needs confirmation."""
    asked, context = _checked(counter, caller, question, reads=False), _context(counter, caller)
    asked.check(context)
    if asked.confirms() is Confirmation.PASSKEY:
        check_signed(counter, caller, question)
    try:
        return _answered(asked.carry_out(context))
    except Refusal as refused:
        raise GatewayError(" ".join(told_by_code(refused.code, **refused.detail))) from None


def _checked(counter: Counter, caller: Caller, question: AskAct | CarryOutAct, *, reads: bool) -> Act:
    """Return the validated act for an entitled caller. NotFoundError for an act unavailable here."""
    act = every_act().get(question.act)
    if act is None or not act.in_console or act.reads != reads:
        raise NotFoundError(question.act)
    caller.check(act.right)
    try:
        asked = act.model_validate(question.fields)
    except ValidationError as error:
        raise GatewayError(_first(error)) from None
    _check_seen(counter, caller, asked)
    return asked


def _context(counter: Counter, caller: Caller) -> ActContext:
    return ActContext(
        home=counter.home,
        person=caller.name,
        clock=counter.clock,
        open_registry=lambda: nullcontext(counter.desk.registry),
        open_registrar=counter.registrar,
        sight=lambda _: caller.sight,
    )


def _check_seen(counter: Counter, caller: Caller, asked: Act) -> None:
    """Raise NotFoundError for an act on a file outside the caller's sight."""
    reference = getattr(asked, "reference", None)
    if isinstance(reference, str) and not asked.of_any_file:
        with counter.desk.registry.read() as session:
            if not sees(session, caller.sight, reference):
                raise NotFoundError(reference)


@cache
def _told(command: str) -> ActTold:
    act = every_act()[command]
    title, _, about = " ".join((act.__doc__ or "").replace("`", "").split()).partition(". ")
    return ActTold(
        command=command,
        title=title.rstrip("."),
        about=about,
        reads=act.reads,
        lists=answer_of(act) == "ActListing",
        fields=tuple(map(FieldTold.model_validate, fields_of(act))),
    )


def _first(error: ValidationError) -> str:
    told = error.errors()[0]
    field = " ".join(str(each) for each in told["loc"])
    return f"{field}: {told['msg'].removeprefix('Value error, ')}"


def _answered(answer: Answer) -> ActAnswered:
    match answer:
        case ActDone():
            return ActAnswered(sentence=answer.sentence, document=answer.document)
        case ActListing():
            return ActAnswered(tables=(_table(answer),), closing=(answer.closing,))
        case ActDetails():
            return ActAnswered(
                sentence=answer.heading,
                lines=tuple((label, _cell(value)) for label, value in answer.shown_lines().items()),
                tables=tuple(map(_table, answer.parts)),
                closing=(*answer.paragraphs, *answer.closing),
            )
        case _:
            return ActAnswered(report=seen(answer))


def _table(listing: ActListing) -> TableTold:
    rows = tuple(tuple(_cell(row.get(column)) for column in listing.columns) for row in listing.rows)
    moments = frozenset(
        column for row in listing.rows for column in listing.columns if isinstance(row.get(column), datetime)
    )
    return TableTold(columns=listing.columns, moments=moments, rows=rows, empty=listing.empty)


def _cell(value: object) -> Cell:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, datetime):
        return rfc3339(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
