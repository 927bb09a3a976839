"""List acts for the console, carry out acts once confirmed, and word the answers for pages."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from typing import Annotated
from urllib.parse import parse_qs

from pydantic import Field, ValidationError

from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Answer, Area
from gateway.acts.fields import answer_of, area_of, every_act, fields_of, personal_given, spelled
from gateway.acts.listing import MOST, ListingAct, NoPageError, columns_of
from gateway.acts.mailboxes import DealWithFiles
from gateway.acts.openapi import openapi_document
from gateway.acts.transfers import ListTransfers
from gateway.errors import ChoiceError, GatewayError, NotFoundError, Refusal
from gateway.log.leaf import rfc3339
from gateway.mailboxes.console_api.context import NOT_HERE, Caller, ConsoleContext, DecliningError, type_named
from gateway.mailboxes.console_api.files import OwnMailboxes, RecallFile
from gateway.mailboxes.console_api.logins import check_signed
from gateway.mailboxes.console_api.policies import ApproveProposal, ProposeEdit, WithdrawProposal
from gateway.reasons import sentence_and_step
from gateway.record.dual_control import SHARED_ACCOUNT
from gateway.registry import programs, providers, staff, transfer_lists
from gateway.registry.sight import sees
from gateway.registry.tables import ProgramRow
from gateway.reports.document import as_object
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.zones.console_api import Cell, ConsoleQuestion, Given, Named, Shown

OF_BUTTONS: dict[str, type[Act]] = {
    one.command: one for one in (DealWithFiles, RecallFile, ProposeEdit, ApproveProposal, WithdrawProposal)
}
"""Acts that pages have buttons for; no list of tasks offers them."""
_BLANK: Shown = {
    "sentence": "", "document": "", "lines": (), "moments": (), "tables": (), "report": None,
    "paragraphs": (), "closing": (), "proof": None, "unfit": (),
}  # fmt: skip
"""The parts of an act's answer for a page, all empty.

`moments` are the labels of those `lines` whose value is a moment; `proof` is what only experts read.
"""
_MOST_IN_FILE = 20_000
"""The most rows of a list in one file: both services have all of them in memory."""
_FIRST_PAGE = "The page that was asked for is not there any more: this is the first one."
_ELSEWHERE = frozenset({"backup", "doctor", "hosts", "keys", "log", "policy", "pupils", "receipts", "year"})
"""First words of commands that exist on the machine only, not in the console."""
_COMMAND = re.compile(r"`?\bgateway (?P<words>[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*){0,2})`?")
_OF_THE_MACHINE = re.compile(rf"\. {re.escape(SHARED_ACCOUNT)}| \(docs/[a-z-]+\.md\)")
"""Parts of sentences left out on pages: how people at one account give their names, and files of docs/."""
_VALUES = re.compile(r"(?: [^\s,;.:()`]+){0,3}?(?: (?:--[a-z-]+|[A-Z]{2,}[A-Z|_.]*(?![\w:])|…))+`?")
_NO_ARTICLE = re.compile(
    r"(an?|all|as|by|for|from|her|his|how|in|its|of|on|one|only|or|that|the|their|to|what|when|where|whether"
    r"|which|who|whom|whose|why|your)\b",
    re.IGNORECASE,
)
"""The beginning of a label that takes no article in a sentence."""
_WRONG = (
    ("date", "Enter a day, such as 2026-11-24, for “{label}”."),
    ("int_", "Enter a whole number for “{label}”."),
    ("greater_than_equal", "Enter {ge} or more for “{label}”."),
    ("less_than_equal", "Enter {le} or less for “{label}”."),
    ("string_too_long", "Enter at most {max_length} characters for “{label}”."),
    ("too_long", "Enter at most {max_length} lines for “{label}”."),
    (("enum", "literal"), "Choose what is offered for “{label}”."),
    ("", "Enter “{label}” in the form that is asked for."),
)
"""Advice on a wrong value, by the beginning of the type of the error."""
_MARKS = ".@/-"
_WORDS = re.compile(rf"[\w{_MARKS}]+")
_NAMING = frozenset(
    {"reference", "references", "team", "provider", "identifier", "id", "number", "hand_on", "data_type"}
)
"""The fields by which acts for programs name what they are about."""
_CALLED = {"school": "school", "team": "team", "kind": "kind of data"}
_NAMED = {"team": "team", "teams": "team", "provider": "school", "providers": "school", "data_type": "kind"}
"""Kind of thing that the ids in a column stand for, where people are told its name."""


def learn_acts() -> None:
    """Compute the description of every act in advance, so the first question need not wait."""
    for command in every_act():
        act_shown(command)


def ask_acts(console: ConsoleContext, caller: Caller, *, about: str = "") -> Shown:
    """Return descriptions of the acts open to the caller in the console, by area.
    `about`: the command of an act; if given, return instead this act with the values allowed in its fields,
    and related acts in short.
    """
    may = caller.may
    commands = [command for command, act in every_act().items() if act.in_console and act.right in may]
    if named := every_act().get(about):
        caller.check(named.right)  # Whoever has lost a role since is told which one it takes.
        beside = {one.partition(":")[0] for one in named.beside} | {"providers show", "staff show"}
        together = named.together if issubclass(named, ListingAct) else ()
        noun = named.command.rpartition(" ")[0]
        commands = [
            one for one in commands if one.rpartition(" ")[0] == noun or one in beside or one in together
        ]
    shown = []
    for act in sorted(map(act_shown, commands), key=lambda act: [*Area].index(act["area"])):
        if act["command"] == about:
            shown.append(_with_choices(console, caller, act))
        elif named:  # To offer it on another act's page.
            required = [one for one in act["fields"] if one["required"]]
            shown.append(act | {"about": "", "fields": required, "field_groups": ()})
        else:
            shown.append(act)
    return {"acts": shown}


def _with_choices(console: ConsoleContext, caller: Caller, told: Shown) -> Shown:
    """Return an act's description, `told`, with the choices for each field and the caller's saved filters."""
    act, catalogue = every_act()[told["command"]], console.catalogue()
    if told["lists"]:
        with console.mailboxes.registry.read() as session:
            found = staff.saved_filters(session, caller.name, act.command)
        # What was saved before a column counted as personal, no page takes in an address.
        saved = [one for one in found if not personal_given(act, parse_qs(one.query))]
        told = told | {"saved": columns_of(saved, "name", "query")}
    known, own = _known(console, {field["names"] for field in told["fields"]}), act.known(catalogue)
    revealed, fields = act.revealed(catalogue), []
    for one in told["fields"]:
        names = known.get(one["names"] or "", own.get(one["name"], {}))
        choices = [Named(id=key, name=name) for key, name in names.items()]
        fields.append(one | {"known": choices, "reveals": revealed.get(one["name"], {})})
    return told | {"fields": fields}


def _known(console: ConsoleContext, wanted: Collection[str | None]) -> Mapping[str, Mapping[str, str]]:
    """Return what people can choose in forms: for each sort of thing, such as "team", the names by id.
    `wanted`: the sorts to add, of "kind" (of data), "school" and "person".
    """
    catalogue = console.catalogue()
    known = {"team": {one.id: one.name for one in catalogue.teams.team}}
    if "kind" in wanted:
        known["kind"] = {one: type_named(catalogue, one).name for one in catalogue.data_types()}
    with console.mailboxes.registry.read() as session:
        if "school" in wanted:
            known["school"] = providers.names(session)
        if "person" in wanted:
            known["person"] = {name: name for name in staff.list_staff(session)}
    return known


def _by_id(
    console: ConsoleContext, caller: Caller, act: type[Act], given: Mapping[str, Given]
) -> dict[str, Given]:
    """Return the values `given` for an act's fields, with ids in place of the names of schools, teams and
    kinds of data. DecliningError if a name belongs to nothing, or to several things. For a list of transfers,
    an id that only earlier policies knew is allowed, too, if a file within the caller's sight has it.
    """
    fields = {one.name: one.names for one in fields_of(act) if one.names in _CALLED and one.name in given}
    known, told = _known(console, {*fields.values()}) if fields else {}, dict(given)
    for name, names in fields.items():
        meant: dict[str, list[str]] = {}
        for one, called in known[names or ""].items():
            meant.setdefault(called.casefold(), []).append(one)
        meant |= {one.casefold(): [one] for one in known[names or ""]}  # An id means one alone.
        value = given[name]
        values = value if isinstance(value, tuple) else (str(value),)
        for one in values:
            ids = meant.get(one.casefold(), [])
            if not ids and act is ListTransfers and names in {"team", "kind"}:
                with console.within(caller.sight).mailboxes.registry.read() as session:
                    ids = [one] if transfer_lists.on_record(session, name, one) else []
                meant[one.casefold()] = ids
            if len(ids) != 1:
                said = f"there is no {_CALLED[names or '']} called {one}: choose one that is offered"
                said = f"several are called {one}: enter one of {', '.join(sorted(ids))}" if ids else said
                raise wrong_fields({name: said})
        found = tuple(meant[one.casefold()][0] for one in values)
        told[name] = found if isinstance(value, tuple) else found[0]
    return told


def ask(
    console: ConsoleContext,
    caller: Caller,
    *,
    act: str,
    fields: dict[str, Given],
    limit: Annotated[int, Field(ge=0, le=MOST)] = 0,
    after: str = "",
    whole: bool = False,
) -> Shown:
    """Carry out an act that changes nothing, and return the answer, which may be minutes old for a slow act.
    `act`: the words of the command. Of a list, return `limit` rows after the cursor `after`; all rows if
    `limit` is 0, as for a download: GatewayError if there are too many. `whole`: True to return everything,
    as JSON, for programs. With an invalid cursor, a program is refused, and a person sees the first page with
    a sentence.
    """
    asked, context = _checked(console, caller, act, fields, reads=True), context_of(console, caller)

    def answered(after: str) -> Answer:
        if not isinstance(asked, ListingAct):
            return asked.carry_out(context)
        if limit:
            return asked.page(context, limit, after, counted=not whole)
        if (page := asked.page(context, _MOST_IN_FILE)).following:
            said = f"the list has more than {_MOST_IN_FILE:,} rows, too many for one file: narrow it"
            raise GatewayError(said)
        return page

    def shown() -> Shown:
        try:
            return _answered(console, answered(after))
        except NoPageError:
            return _answered(console, answered("")) | {"sentence": _FIRST_PAGE}

    if whole:
        return _in_whole(answered(after))
    if (known := asked.known_by(context)) is None:
        return shown()
    digest, page = console.catalogue().digest, f"{limit} {after}"
    key = (asked.command, asked.model_dump_json(), digest, known, str(caller.sight), page)
    return console.acts.of(key, shown)


def carry_out(
    console: ConsoleContext,
    caller: Caller,
    *,
    act: str,
    fields: dict[str, Given],
    key: Annotated[str, Field(max_length=255)] = "",
    assertion: str | None = None,
) -> Shown:
    """Carry out one act, and return the answer; `act`: the words of the command.
    If the act needs confirmation, `assertion` is the passkey's signature for exactly this act and effect;
    with None, DecliningError asks for the signature. A program sends a repeated request with the same `key`,
    and then gets the earlier answer.
    """
    asked, context = _checked(console, caller, act, fields, reads=False), context_of(console, caller)
    if caller.program is not None:
        return _carried_out_once(console, caller.program, asked, context, key)
    if asked.confirms():
        if assertion is None and asked.tried:
            _try(console, caller, asked)
        effect = asked.effect(context)  # Signed for, too: it may be another by the second request.
        told = json.dumps([act, fields, key, effect], sort_keys=True).encode()
        purpose = f"carry-out {hashlib.sha256(told).hexdigest()}"
        check_signed(console, caller, purpose, assertion, effect)
    asked.check(context)
    return _answered(console, _carried_out(asked, context))


def _try(console: ConsoleContext, caller: Caller, asked: Act) -> None:
    """Carry out an act in a transaction that is rolled back. GatewayError if carrying out would fail.
    So the person learns of mistakes before the passkey is asked for.
    """
    with console.mailboxes.registry.on_trial() as registry:
        tried = replace(console, mailboxes=replace(console.mailboxes, registry=registry))
        context = context_of(tried, caller)
        try:
            asked.check(context)
            _carried_out(asked, context)
        except GatewayError as error:
            # Shown beside the field, the error need not name the option.
            if field := _field_of(asked, error):
                raise wrong_fields({field: str(error).removesuffix(f": {spelled(field)}")}) from None
            raise


def _field_of(asked: Act, error: GatewayError) -> str:
    """Return the one field named in the error's text by option, value or name; "" for none or several.
    A NotFoundError is attributed only to fields with choices in forms.
    """
    if type(error) not in {GatewayError, ChoiceError, NotFoundError}:
        return ""
    by_option = [one.name for one in fields_of(type(asked)) if f"{spelled(one.name)} " in f"{error} "]
    if len(by_option) == 1:
        return by_option[0]
    described = [one for one in fields_of(type(asked)) if one.name in asked.model_fields_set]
    if isinstance(error, NotFoundError):
        described = [one for one in described if one.names is not None]
    said = {word.rstrip(_MARKS) for word in _WORDS.findall(str(error).casefold())}
    by_value = [one.name for one in described if str(getattr(asked, one.name)).casefold() in said]
    by_name = [one.name for one in described if one.name.rstrip("_") in said]
    return next((found[0] for found in (by_value, by_name) if len(found) == 1), "")


@contextmanager
def telling_what(caller: Caller, command: str, fields: Mapping[str, object]) -> Iterator[None]:
    """Refuse, naming the fields by which a program asked, if the block finds nothing that the program may
    see.

    The sentence is made of the request alone, so it does not tell whether a thing exists.
    """
    try:
        yield
    except (NotFoundError, Declined) as error:
        if caller.program is None or (isinstance(error, Declined) and error.answer is not NO_SUCH_FILE):
            raise
        if (act := every_act().get(command)) is None:
            raise DecliningError("There is no such act: /openapi.json lists all.", 404) from None
        named = [one.name for one in fields_of(act) if one.name in _NAMING and fields.get(one.name)]
        if act.model_fields.get("team") and act.model_fields["team"].is_required():
            own = fields.get("team") in caller.teams
            named = [name for name in named if (name == "team") != own]
        said = f"{', '.join(named)}: nothing that you may see is called so"
        raise DecliningError(said if named else NOT_HERE, 404) from None


def describe(_console: ConsoleContext, _question: ConsoleQuestion) -> Shown:
    """Return the OpenAPI document of the API, made from the acts, for anybody: the document has no secret."""
    return {"document": openapi_document()}


def _carried_out(asked: Act, context: ActContext) -> Answer:
    try:
        return asked.carry_out(context)
    except Refusal as refused:
        raise GatewayError(" ".join(sentence_and_step(refused.code, **refused.detail))) from None


def _carried_out_once(
    console: ConsoleContext, program: ProgramRow, asked: Act, context: ActContext, key: str
) -> Shown:
    """Carry out an act for a program; return the earlier answer to a repeated request, known by `key`.
    A refused request is forgotten, and can be sent again with the same key.
    """
    if not key:
        raise wrong_fields({"": "a request that changes something needs the header Idempotency-Key"})
    digest = hashlib.sha256(f"{asked.command} {asked.model_dump_json()}".encode()).hexdigest()
    registry = console.mailboxes.registry
    with registry.write() as session:
        before = programs.begin_request(session, program.digest, key, digest, console.clock())
    if before is not None:
        answered: Shown = json.loads(before)
        return answered
    try:
        asked.check(context)
        answer = _in_whole(_carried_out(asked, context))
    except GatewayError:
        with registry.write() as session:
            programs.end_request(session, program.digest, key, None)
        raise
    with registry.write() as session:
        programs.end_request(session, program.digest, key, json.dumps(answer))
    return answer


def _in_whole(answer: Answer) -> Shown:
    """Convert an act's answer to the JSON that the command prints with --json."""
    match answer:
        case ActDone():
            told: object = {"sentence": answer.sentence, "document": answer.document}
        case ActListing():
            groups = {"groups": answer.groups} if answer.groups else {}
            told = {"rows": [*answer.rows], "next": answer.following or None, **groups}
        case ActDetails():
            told = answer.values
        case _:
            told = as_object(answer)
    return {"whole": json.dumps(told, default=_json_value)}


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _checked(
    console: ConsoleContext, caller: Caller, command: str, fields: Mapping[str, Given], *, reads: bool
) -> Act:
    """Return the act asked for, its fields validated. DecliningError for a caller without the right.
    `reads`: the act must only read; if False, the act must change something. NotFoundError for any other act,
    for an act not offered here, and for a file outside the caller's sight.
    """
    act = OF_BUTTONS.get(command) or every_act().get(command)
    of_program = caller.program is not None
    offered = of_program or command in OF_BUTTONS or (act is not None and act.in_console)
    if act is None or act.streams or not offered:
        raise NotFoundError(command)
    if act.reads != reads:
        asks, changes = "it only asks: send it by GET", "it changes something: send it by POST"
        raise DecliningError(asks if act.reads else changes, 404)
    caller.check_act(act.command, act.right, by_program=act.by_program)
    if of_program and reads and (personal := personal_given(act, fields)):
        raise wrong_fields(dict.fromkeys(personal, "an address takes no value that may be personal"))
    several = {one.name for one in fields_of(act) if one.several}
    given = {
        name: (value,) if name in several and isinstance(value, str) else value
        for name, value in fields.items()
    }
    if not of_program:
        given = _by_id(console, caller, act, given)
    try:
        asked = act.model_validate(given)
    except ValidationError as error:
        chosen = act.known(console.catalogue())
        raise wrong_fields(sentences_on(_fields_told(act), chosen, error)) from None
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
        judged=lambda day: console.judged(day)[1],
    )


@cache
def _fields_told(act: type[Act]) -> tuple[Shown, ...]:
    """Return the fields of an act for a form. The label of a field is the first words of its description."""
    told = []
    for one in fields_of(act):
        about = for_pages(one.form or one.about).replace("`", "")
        label = re.split(r"[:;.,(]", about)[0].strip()
        told.append(asdict(one) | {"about": about, "label": label, "known": (), "reveals": {}})
    return tuple(told)


@cache
def act_shown(command: str) -> Shown:
    """Return the description of one act for a page. `title`: the first sentence of the act's docstring.
    `tabs`: the values of the column `tabs_of`, each of which gets a tab. `saved`: the person's filters,
    filled in by `_with_choices`. `beside`: acts offered beside the answer, each with the `field` to fill with
    the id of the thing shown, and the options (`flags`) to set.
    """
    act = every_act()[command]
    divided = act.tabs if issubclass(act, ListingAct) else None
    title, _, about = " ".join((act.__doc__ or "").split()).partition(". ")
    return {
        "command": command,
        "area": area_of(act),
        "title": title.replace("`", "").rstrip("."),
        "about": for_pages(about).replace("`", ""),
        "lists": answer_of(act) == "ActListing",
        "tabs_of": divided[0] if divided else "",
        "tabs": divided[1] if divided else (),
        "heading": getattr(act, "heading", ""),
        "saved": (),
        "beside": [
            {"command": other, "field": field, "flags": flags}
            for other, _, named in (one.partition(":") for one in act.beside)
            for field, *flags in (named.split(","),)
        ],
        "fields": _fields_told(act),
        **{name: getattr(act, name) for name in ("short", "reads", "named_by", "field_groups")},
        **{name: getattr(act, name, ()) for name in ("groups", "leads", "together", "personal_columns")},
    }


def _names(console: ConsoleContext, columns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """Return names by id for each of the columns with ids of schools, teams or kinds of data."""
    wanted = {name: _NAMED[name] for name in columns if name in _NAMED}
    known = _known(console, wanted.values()) if wanted else {}
    return {name: known[of] for name, of in wanted.items()}


def _answered(console: ConsoleContext, answer: Answer) -> Shown:
    match answer:
        case ActDone():
            return _BLANK | {"sentence": for_pages(answer.sentence), "document": answer.document}
        case ActListing():
            return _BLANK | {"tables": [_table(console, answer)], "closing": [for_pages(answer.closing)]}
        case ActDetails():
            lines = {label: (label.replace(" ", "_"), value) for label, value in answer.shown_lines().items()}
            names = _names(console, [name for name, _ in lines.values()])
            return _BLANK | {
                "sentence": for_pages(answer.heading),
                "lines": [
                    (label, names.get(name, {}).get(str(value)) or _cell(value, names.get(name, {})))
                    for label, (name, value) in lines.items()
                ],
                "moments": [label for label, (_, at) in lines.items() if isinstance(at, datetime)],
                "tables": [_table(console, part) for part in answer.parts],
                "paragraphs": [*map(for_pages, answer.paragraphs)],
                "closing": [*map(for_pages, answer.closing)],
                "proof": None if answer.proof is None else _answered(console, answer.proof),
                "unfit": sorted(answer.unfit),
            }
        case _:
            return _BLANK | {"report": replace(answer, data=None)}


def _table(console: ConsoleContext, listing: ActListing) -> Shown:
    """Return a list as shown on pages.
    `moments`: the columns that hold moments. `named`: for each column that holds ids, the names by id.
    """
    rows, columns = [*listing.rows], listing.columns
    names = _names(console, columns) if rows else {}
    return columns_of([listing], "columns", "total", "following", "first", "groups", "group_of")[0] | {
        "moments": {name for row in rows for name in columns if isinstance(row.get(name), datetime)},
        "rows": [[_cell(row.get(name), names.get(name, {})) for name in columns] for row in rows],
        "named": {
            name: {one: known[one] for row in rows if isinstance(one := row.get(name), str) and one in known}
            for name, known in names.items()
        },
        "empty": for_pages(listing.empty),
    }


def _cell(value: object, names: Mapping[str, str]) -> Cell:
    if isinstance(value, list | tuple):
        told = (str(one["code"]) if isinstance(one, Mapping) else names.get(one, str(one)) for one in value)
        return for_pages(", ".join(told))
    if isinstance(value, datetime):
        return rfc3339(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def for_pages(sentence: str) -> str:
    """Replace each command line in a sentence by the title of the task in the console.
    What is of use on the machine alone is left out.
    """
    sentence, told, at = _OF_THE_MACHINE.sub("", sentence), "", 0
    for found in _COMMAND.finditer(sentence):
        if found.start() < at:
            continue
        words = found["words"].split()
        known = (" ".join(words[:count]) for count in range(len(words), 0, -1))
        command = next((one for one in known if one in every_act()), None)
        if command is not None and every_act()[command].in_console:
            title = " ".join((every_act()[command].__doc__ or "").split()).partition(". ")[0]
            shown = f"“{re.split('[:;]', title.rstrip('.'))[0]}”"
        elif command is not None or words[0] in _ELSEWHERE:
            command = command or " ".join(words[:2])
            shown = f"“{command}” on the machine itself"
        else:
            continue
        end = found.start("words") + len(command)
        values = _VALUES.match(sentence, end)
        told += sentence[at : found.start()] + shown
        at = values.end() if values else end
        at += sentence[at : at + 1] == "`"
    return told + sentence[at:]


def wrong_fields(fields: Mapping[str, str]) -> DecliningError:
    """Return a refusal of wrong fields: `fields` maps a field, or "" for several together, to a sentence."""
    sentence = "; ".join(f"{name}: {said}" if name else said for name, said in fields.items())
    told = {name: for_pages(said) for name, said in fields.items()}
    return DecliningError(sentence, to_programs=422, fields=told)


def sentences_on(fields: Sequence[Shown], offered: Collection[str], error: ValidationError) -> dict[str, str]:
    """Return a sentence on the value expected for each wrong field; under "" for several fields together.
    `fields`: the fields of the act, as shown. `offered`: the fields whose choices come from the policies.
    """
    known = {one["name"]: one for one in fields}
    told: dict[str, str] = {}
    for one in error.errors():
        name, kind = str(one["loc"][0]) if one["loc"] else "", one["type"]
        field = known.get(name)
        if kind == "value_error" or field is None:
            said = one["msg"].removeprefix("Value error, ") if field or not name else "there is no such field"
        elif kind in {"missing", "too_short"}:
            chosen = field["kind"] in {"choice", "file"} or field["names"] or name in offered
            said = f"{'Choose' if chosen else 'Enter'} {_in_a_sentence(field['label'])}."
        else:
            form = next(form for begins, form in _WRONG if kind.startswith(begins))
            said = form.format(label=field["label"], **one.get("ctx", {}))
        told.setdefault(name, said)
    return {name: told[name] for name in (*known, *told) if name in told}


def _in_a_sentence(label: str) -> str:
    first = label.partition(" ")[0]
    plain = first[1:] == first[1:].lower()
    what = label[:1].lower() + label[1:] if plain else label
    return what if _NO_ARTICLE.match(label) else f"the {what}"
