"""List and carry out acts for the console, after the required confirmation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache

from pydantic import JsonValue, ValidationError

from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Answer, Area
from gateway.acts.fields import answer_of, area_of, every_act, fields_of
from gateway.acts.listing import GroupedListing, ListingAct
from gateway.acts.mailboxes import DealWithFiles
from gateway.acts.openapi import openapi_document
from gateway.errors import ChoiceError, GatewayError, NotFoundError, Refusal
from gateway.log.leaf import rfc3339
from gateway.mailboxes.console_api.boxes import OwnMailboxes, RecallFile
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, WrongFieldsError
from gateway.mailboxes.console_api.logins import check_signed
from gateway.mailboxes.console_api.policies import ApproveProposal, ProposeEdit, WithdrawProposal
from gateway.mailboxes.console_api.showing_files import Shown, type_named
from gateway.mailboxes.console_api.today import judged_on
from gateway.mailboxes.console_api.words import for_pages, told_wrong
from gateway.reasons import told as told_by_code
from gateway.registry import programs, providers, saved_filters, staff
from gateway.registry.programs import Program
from gateway.registry.sight import sees
from gateway.reports.document import (
    Block,
    Chart,
    Details,
    Document,
    Paragraph,
    Points,
    ReportTable,
    as_object,
)
from gateway.zones.console_api.act_parts import ActField
from gateway.zones.console_api.act_questions import (
    ActAnswered,
    ActsTold,
    ActTold,
    AskAct,
    AskActs,
    AskApi,
    BesideTold,
    CarryOutAct,
    Cell,
    TableTold,
)
from gateway.zones.console_api.answers import Named, SavedTold
from gateway.zones.console_api.questions import Given

OF_BUTTONS: dict[str, type[Act]] = {
    one.command: one for one in (DealWithFiles, RecallFile, ProposeEdit, ApproveProposal, WithdrawProposal)
}
"""Acts that pages have buttons for; no list of tasks offers them."""
_MARKS = ".@/-"
_WORDS = re.compile(rf"[\w{_MARKS}]+")


def seen(document: Document) -> JsonValue:
    """Convert a report to JSON values for pages; charts and matrices become tables."""
    sections: dict[str, JsonValue] = {
        name: [{"title": one.title, "blocks": [*map(_block, one.blocks)]} for one in some]
        for name, some in (("sections", document.sections), ("annex", document.annex))
    }
    return {"title": document.title, "subtitle": document.subtitle, **sections}


def _block(block: Block) -> JsonValue:
    """Convert a block of a report to JSON: a text, a list of points, or a table with its caption."""
    told: dict[str, JsonValue] = {"text": "", "important": False, "points": [], "headings": [], "rows": []}
    match block:
        case Paragraph(text, important):
            return told | {"text": text, "important": important}
        case Points(texts):
            return told | {"points": [*texts]}
        case Details(pairs):
            return told | {"rows": [[label, value] for label, value in pairs if value is not None]}
        case Chart():
            told["text"] = block.caption
    table = block if isinstance(block, ReportTable) else block.table
    return told | {"headings": [*table.headings], "rows": [[*row] for row in table.rows]}


def learn_acts() -> None:
    """Describe every act in advance, so that the first question need not wait."""
    for command in every_act():
        _told(command)


def ask_acts(console: ConsoleContext, caller: Caller, question: AskActs) -> ActsTold:
    """Return descriptions of the acts that the caller may carry out in the console."""
    may = caller.may
    commands = [command for command, act in every_act().items() if act.in_console and act.right in may]
    if about := every_act().get(question.about):
        beside = {one.partition(":")[0] for one in about.beside} | {"providers show", "staff show"}
        together = about.together if issubclass(about, ListingAct) else ()
        noun = about.command.rpartition(" ")[0]
        commands = [
            one for one in commands if one.rpartition(" ")[0] == noun or one in beside or one in together
        ]
    told = sorted(map(_told, commands), key=lambda act: [*Area].index(Area(act.area)))
    return ActsTold(
        acts=tuple(
            _knowing(console, caller, act) if act.command == question.about
            else _in_short(act.command) if about else act
            for act in told
        )
    )  # fmt: skip


@cache
def _in_short(command: str) -> ActTold:
    """Return title and required fields of an act, to offer it on another act's page."""
    act = _told(command)
    fields = tuple(one for one in act.fields if one.required)
    return act.model_copy(update={"about": "", "fields": fields, "field_groups": ()})


def _knowing(console: ConsoleContext, caller: Caller, act: ActTold) -> ActTold:
    """Return an act with the choices of each field, and a list also with the caller's saved filters."""
    if act.lists:
        with console.mailboxes.registry.read() as session:
            saved = saved_filters.of_person(session, caller.name, act.command)
        told = tuple(SavedTold(name=one.name, query=one.query) for one in saved)
        act = act.model_copy(update={"saved": told})
    known = _known(console, {field.names for field in act.fields})
    own = {
        name: tuple(Named(id=one, name=called) for one, called in names.items())
        for name, names in every_act()[act.command].known(console.catalogue()).items()
    }
    revealed = every_act()[act.command].revealed(console.catalogue())
    fields = (
        replace(
            one,
            known=known.get(one.names or "", own.get(one.name, ())),
            reveals=revealed.get(one.name, {}),
        )
        for one in act.fields
    )
    return act.model_copy(update={"fields": tuple(fields)})


def _known(console: ConsoleContext, wanted: Collection[str | None]) -> Mapping[str, tuple[Named, ...]]:
    """Return ids and names for choices in forms: all teams, and the `wanted` kinds, schools and people."""
    catalogue = console.catalogue()
    known = {"team": tuple(Named(id=one.id, name=one.name) for one in catalogue.teams.team)}
    if "kind" in wanted:
        kinds = (type_named(catalogue, one) for one in catalogue.data_types())
        known["kind"] = tuple(filter(None, kinds))
    with console.mailboxes.registry.read() as session:
        if "school" in wanted:
            names = providers.names(session)
            known["school"] = tuple(Named(id=key, name=name) for key, name in names.items())
        if "person" in wanted:
            known["person"] = tuple(Named(id=one.name, name=one.name) for one in staff.list_staff(session))
    return known


_CALLED = {"school": "school", "team": "team", "kind": "kind of data"}


def _by_id(console: ConsoleContext, act: type[Act], given: Mapping[str, Given]) -> dict[str, Given]:
    """Return an act's fields with ids for names of schools, teams, kinds. WrongFieldsError if unknown."""
    fields = {one.name: one.names for one in fields_of(act) if one.names in _CALLED and one.name in given}
    known, told = _known(console, {*fields.values()}) if fields else {}, dict(given)
    for name, names in fields.items():
        ids = {called.casefold(): one.id for one in known[names or ""] for called in (one.name, one.id)}
        value = given[name]
        values = value if isinstance(value, tuple) else (str(value),)
        unknown = next((one for one in values if one.casefold() not in ids), None)
        if unknown is not None:
            said = f"there is no {_CALLED[names or '']} called {unknown}: choose one that is offered"
            raise WrongFieldsError({name: said})
        found = tuple(ids[one.casefold()] for one in values)
        told[name] = found if isinstance(value, tuple) else found[0]
    return told


def ask(console: ConsoleContext, caller: Caller, question: AskAct) -> ActAnswered:
    """Answer a read-only act; the answer of a slow one may be a minute old."""
    asked, context = _checked(console, caller, question, reads=True), context_of(console, caller)

    def answered() -> Answer:
        if isinstance(asked, ListingAct) and question.limit:
            return asked.page(context, question.limit, question.after, counted=not question.whole)
        return asked.carry_out(context)

    if question.whole:
        return _in_whole(answered())
    known = asked.known_by(context)
    if known is None:
        return _answered(console, answered())
    page = f"{question.limit} {question.after}"
    key = (asked.command, asked.model_dump_json(), console.catalogue().digest, known, str(caller.sight), page)
    return console.judged.acts.of(key, lambda: _answered(console, answered()))


def carry_out(console: ConsoleContext, caller: Caller, question: CarryOutAct) -> ActAnswered:
    """Carry out one act. PasskeyAskedError asks for the passkey first, where confirmation is needed."""
    asked, context = _checked(console, caller, question, reads=False), context_of(console, caller)
    if caller.program is not None:
        return _carried_out_once(console, caller.program, asked, context, question.key)
    if asked.confirms():
        if question.assertion is None and asked.tried:
            _try(console, caller, asked)
        check_signed(console, caller, question, asked.effect(context))
    else:
        asked.check(context)
    return _answered(console, _carried_out(asked, context))


def _try(console: ConsoleContext, caller: Caller, asked: Act) -> None:
    """Carry out an act in a transaction that is rolled back. GatewayError as in earnest.

    Mistakes found only in the carrying out are so reported before the passkey is asked for.
    """
    with console.mailboxes.registry.on_trial() as registry:
        tried = replace(console, mailboxes=replace(console.mailboxes, registry=registry))
        context = context_of(tried, caller)
        try:
            asked.check(context)
            _carried_out(asked, context)
        except GatewayError as error:
            if field := _field_of(asked, error):  # The option that says which is not repeated at its field.
                raise WrongFieldsError({field: str(error).removesuffix(f": {_option(field)}")}) from None
            raise


def _field_of(asked: Act, error: GatewayError) -> str:
    """Return the field at fault, found by a value or name in the error's text; "" if none is named.

    Only for fields with a choice in forms is an unknown name attributed to the field.
    """
    if type(error) not in {GatewayError, ChoiceError, NotFoundError}:
        return ""
    by_option = [one.name for one in fields_of(type(asked)) if f"{_option(one.name)} " in f"{error} "]
    if len(by_option) == 1:
        return by_option[0]
    described = [one for one in fields_of(type(asked)) if one.name in asked.model_fields_set]
    if isinstance(error, NotFoundError):
        described = [one for one in described if one.names is not None]
    said = {word.rstrip(_MARKS) for word in _WORDS.findall(str(error).casefold())}
    by_value = [one.name for one in described if str(getattr(asked, one.name)).casefold() in said]
    by_name = [one.name for one in described if one.name.rstrip("_") in said]
    return next((found[0] for found in (by_value, by_name) if len(found) == 1), "")


def _option(name: str) -> str:
    return f"--{name.rstrip('_').replace('_', '-')}"


def describe(_console: ConsoleContext, _question: AskApi) -> Shown:
    """Return the description of the API, derived from the acts; it contains no secret."""
    return {"document": openapi_document()}


def _carried_out(asked: Act, context: ActContext) -> Answer:
    try:
        return asked.carry_out(context)
    except Refusal as refused:
        raise GatewayError(" ".join(told_by_code(refused.code, **refused.detail))) from None


def _carried_out_once(
    console: ConsoleContext, program: Program, asked: Act, context: ActContext, key: str
) -> ActAnswered:
    """Carry out an act for a program; return the earlier answer to a repeated request.

    A refused request is forgotten, and can be sent again with the same key.
    """
    if not key:
        raise WrongFieldsError({"": "a request that changes something needs the header Idempotency-Key"})
    digest = hashlib.sha256(f"{asked.command} {asked.model_dump_json()}".encode()).hexdigest()
    registry = console.mailboxes.registry
    with registry.write() as session:
        before = programs.begin_request(session, program.digest, key, digest, console.clock())
    if before is not None:
        return ActAnswered.model_validate_json(before)
    answer: ActAnswered | None = None
    try:
        asked.check(context)
        answer = _in_whole(_carried_out(asked, context))
    except GatewayError:
        with registry.write() as session:
            programs.end_request(session, program.digest, key, None)
        raise
    with registry.write() as session:
        programs.end_request(session, program.digest, key, answer.model_dump_json())
    return answer


def _in_whole(answer: Answer) -> ActAnswered:
    """Convert an act's answer to the JSON that the command prints with --json."""
    match answer:
        case ActDone():
            told: object = {"sentence": answer.sentence, "document": answer.document}
        case ActListing():
            groups = {"groups": [asdict(one) for one in answer.groups]} if answer.groups else {}
            told = {"rows": [*answer.rows], "next": answer.following or None, **groups}
        case ActDetails():
            told = answer.values
        case _:
            told = as_object(answer)
    return ActAnswered(whole=json.dumps(told, default=_json_value))


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _checked(console: ConsoleContext, caller: Caller, question: AskAct | CarryOutAct, *, reads: bool) -> Act:
    """Return the act asked for, its fields validated. MayNotError for a caller without the right.

    NotFoundError for an act not offered here, or on a file outside the caller's sight.
    """
    act = OF_BUTTONS.get(question.act) or every_act().get(question.act)
    of_program = caller.program is not None
    offered = of_program or question.act in OF_BUTTONS or (act is not None and act.in_console)
    if act is None or act.streams or act.reads != reads or not offered:
        raise NotFoundError(question.act)
    caller.check_act(act.command, act.right, by_program=act.by_program)
    several = {one.name for one in fields_of(act) if one.several}
    given = {
        name: (value,) if name in several and isinstance(value, str) else value
        for name, value in question.fields.items()
    }
    if not of_program:
        given = _by_id(console, act, given)
    try:
        asked = act.model_validate(given)
    except ValidationError as error:
        chosen = act.known(console.catalogue())
        raise WrongFieldsError(told_wrong(_fields_told(act), chosen, error)) from None
    named = getattr(asked, "reference", None)
    if named is not None and not asked.of_any_file:
        with console.mailboxes.registry.read() as session:
            for reference in (named,) if isinstance(named, str) else named:
                if not sees(session, caller.sight, reference):
                    raise NotFoundError(reference)
    return asked


def context_of(console: ConsoleContext, caller: Caller) -> ActContext:
    """Build the context in which a caller carries out acts."""
    return ActContext(
        home=console.home,
        person=caller.name,
        clock=console.clock,
        open_registry=lambda: nullcontext(console.mailboxes.registry),
        open_registrar=console.registrar,
        sight=lambda _: caller.sight,
        mailboxes=OwnMailboxes(console, caller),
        judged=lambda day: judged_on(console, day).of,
    )


@cache
def _fields_told(act: type[Act]) -> tuple[ActField, ...]:
    return tuple(
        replace(one, about=for_pages(one.form or one.about).replace("`", "")) for one in fields_of(act)
    )


@cache
def _told(command: str) -> ActTold:
    act = every_act()[command]
    divided = act.tabs if issubclass(act, ListingAct) else None
    beside = (one.partition(":")[::2] for one in act.beside)
    title, _, about = " ".join((act.__doc__ or "").split()).partition(". ")
    return ActTold(
        command=command,
        area=area_of(act),
        title=title.replace("`", "").rstrip("."),
        short=act.short,
        about=for_pages(about).replace("`", ""),
        reads=act.reads,
        lists=answer_of(act) == "ActListing",
        tabs_of=divided[0] if divided else "",
        tabs=divided[1] if divided else (),
        heading=act.heading if issubclass(act, ListingAct) else "",
        groups=act.groups if issubclass(act, GroupedListing) else (),
        leads=tuple(act.leads.items()) if issubclass(act, ListingAct) else (),
        together=act.together if issubclass(act, ListingAct) else (),
        beside=tuple(
            BesideTold(command=other, field=field.split(",")[0], flags=tuple(field.split(",")[1:]))
            for other, field in beside
        ),
        named_by=act.named_by,
        fields=_fields_told(act),
        field_groups=act.field_groups,
    )


_NAMED = {"team": "team", "teams": "team", "provider": "school", "providers": "school", "data_type": "kind"}
"""What the ids in a column are of, whose names people are told."""


def _names(console: ConsoleContext, columns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """Return names by id for each of `columns` with ids of schools, teams, kinds or people."""
    wanted = {name: _NAMED[name] for name in columns if name in _NAMED}
    known = _known(console, wanted.values()) if wanted else {}
    return {name: {one.id: one.name for one in known[of]} for name, of in wanted.items()}


def _answered(console: ConsoleContext, answer: Answer) -> ActAnswered:
    match answer:
        case ActDone():
            return ActAnswered(sentence=for_pages(answer.sentence), document=answer.document)
        case ActListing():
            return ActAnswered(tables=(_table(console, answer),), closing=(for_pages(answer.closing),))
        case ActDetails():
            lines = {label: (label.replace(" ", "_"), value) for label, value in answer.shown_lines().items()}
            names = _names(console, [name for name, _ in lines.values()])
            return ActAnswered(
                sentence=for_pages(answer.heading),
                lines=tuple(
                    (label, names.get(name, {}).get(str(value)) or _cell(value, names.get(name, {})))
                    for label, (name, value) in lines.items()
                ),
                moments=frozenset(label for label, (_, at) in lines.items() if isinstance(at, datetime)),
                tables=tuple(_table(console, part) for part in answer.parts),
                paragraphs=tuple(map(for_pages, answer.paragraphs)),
                closing=tuple(map(for_pages, answer.closing)),
                proof=None if answer.proof is None else _answered(console, answer.proof),
            )
        case _:
            return ActAnswered(report=seen(answer))


def _table(console: ConsoleContext, listing: ActListing) -> TableTold:
    rows, columns = [*listing.rows], listing.columns
    names = _names(console, columns) if rows else {}
    return TableTold(
        columns=columns,
        moments=frozenset(name for row in rows for name in columns if isinstance(row.get(name), datetime)),
        rows=tuple(tuple(_cell(row.get(name), names.get(name, {})) for name in columns) for row in rows),
        named={
            name: {one: known[one] for row in rows if isinstance(one := row.get(name), str) and one in known}
            for name, known in names.items()
        },
        empty=for_pages(listing.empty),
        total=listing.total,
        following=listing.following,
        first=listing.first,
        groups=listing.groups,
        group_of=listing.group_of,
    )


def _cell(value: object, names: Mapping[str, str]) -> Cell:
    if isinstance(value, list | tuple):
        told = (str(one["code"]) if isinstance(one, Mapping) else names.get(one, str(one)) for one in value)
        return for_pages(", ".join(told))
    if isinstance(value, datetime):
        return rfc3339(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
