"""Derive a noun's commands from acts: fields become arguments and options, answers are printed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.text import Text

from gateway.acts import fields
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Answer
from gateway.acts.listing import ListingAct
from gateway.cli import console
from gateway.cli.commands import HomeOption, JsonOption, fails_clearly
from gateway.cli.identity import real_account, sight_here
from gateway.cli.options import LimitOption
from gateway.errors import GatewayError, as_fault
from gateway.home import DEFAULT_HOME, Home
from gateway.reports.document import ReportTable, as_csv, as_object, as_text
from gateway.zones.console_api import PAGE
from gateway.zones.spool import write_durably

_DAY = "a day like 2026-11-24"


def commands_of(noun: str, module: str, does: str = "") -> typer.Typer:
    """Make a noun's commands from the acts of a module, in order of declaration; `does` is the help."""
    app = typer.Typer(no_args_is_help=True, help=does)
    for act in fields.acts_in(module):
        group, _, verb = act.command.rpartition(" ")
        if group == noun:
            app.command(verb)(command_of(act))
    return app


def command_of(act: type[Act]) -> Callable[..., None]:
    """Make the command of one act for typer: a function with a parameter for each field."""

    def command(home: Path = DEFAULT_HOME, **given: Any) -> None:  # noqa: ANN401 - of each field's type
        shown = {name: given.pop(name) for name in _SHOWN if name in given}
        asked = _validated(act, {name: _converted(act, name, value) for name, value in given.items()})
        context = ActContext(
            home=Home(home),
            person=console.who(),
            clock=console.now,
            open_registry=partial(console.registry, home, whole=True),
            open_registrar=partial(console.registrar_of, home),
            sight=partial(sight_here, home=home),
            account=real_account,
        )
        if not act.reads and context.home.settings.exists():
            with context.open_registry():
                pass  # Its tables are of this version.
        asked.check(context)
        if isinstance(asked, ListingAct):
            _print_list(asked, context, **shown)
        else:
            answer = asked.carry_out(context)
            _print(answer, **shown)
            if isinstance(answer, ActDetails) and answer.refused:
                raise GatewayError(answer.refused)

    parameters = [
        _parameter(name, act.model_fields[name], heading) for name, heading in fields.headings_of(act).items()
    ]
    parameters.sort(key=lambda one: not isinstance(get_args(one.annotation)[1], typer.models.ArgumentInfo))
    parameters.append(_keyword("home", HomeOption, DEFAULT_HOME))
    answers = fields.answer_of(act)
    wanted = {
        "as_json": answers != "ActDone",
        "limit": answers == "ActListing",
        "csv": answers == "ActListing" or act.tabled,
        "html": answers == "Document",
        "annex": act.annexed,
    }
    parameters += [_keyword(name, *_SHOWN[name]) for name, is_wanted in wanted.items() if is_wanted]
    command.__doc__ = inspect.getdoc(act)
    command.__name__ = act.__name__
    command.__module__ = act.__module__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.act = act  # type: ignore[attr-defined]
    return fails_clearly(command)


_SHOWN: Mapping[str, tuple[object, object]] = {
    "as_json": (JsonOption, False),
    "limit": (LimitOption, None),
    "csv": (Annotated[Path | None, "--csv", "Write it as one table here, for a spreadsheet."], None),
    "html": (
        Annotated[Path | None, "--html", "Write a self-contained page here instead; print it for a PDF."],
        None,
    ),
    "annex": (
        Annotated[bool, "--annex", "Also print the annex: each opening, log entry and transfer."],
        False,
    ),
}
"""The options for showing an answer, each with its default. Whatever is written is for its owner alone."""


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameter(name: str, field: FieldInfo, heading: str) -> inspect.Parameter:
    """Make a command's parameter for an act's field. `heading`: the heading in the help; "" for none."""
    kind, several = fields.type_of(field.annotation)
    words: dict[str, Any] = {"help": field.description, "rich_help_panel": heading or None}
    if metavar := fields.given_to_option(field, "metavar"):
        words["metavar"] = metavar
    if kind in _METAVARS:
        words.setdefault("metavar", _METAVARS[kind])
        kind = Path if kind is fields.GivenFile else str
    for one in field.metadata if kind is int else ():
        limits = {"min": getattr(one, "ge", None), "max": getattr(one, "le", None)}
        words |= {name: value for name, value in limits.items() if value is not None}
    if several and not isinstance(kind, type):  # Typer takes no list of literals.
        words["metavar"], kind = f"<{'|'.join(fields.choices_of(kind))}>", str
    spelled = [fields.spelled(name), *filter(None, [fields.given_to_option(field, "also")])]
    made = (
        typer.Argument(**words) if fields.given_to_option(field, "place") else typer.Option(*spelled, **words)
    )
    annotation: Any = list[kind] if several else kind  # type: ignore[valid-type]
    required = field.is_required()
    if not required and (field.default is None or several):
        annotation |= None
    # A required value to be asked for is asked for unless given.
    needed: object = "-" if fields.given_to_option(field, "asked") else inspect.Parameter.empty
    default = needed if required else (None if several else field.default)
    return _keyword(name, Annotated[annotation, made], default)


_METAVARS = {str: "TEXT", date: "DAY", datetime: "DAY|TIME", fields.GivenFile: "FILE"}


def _validated(act: type[Act], given: Mapping[str, object]) -> Act:
    """Make the act from the values on the command line. BadParameter for a value that the act refuses."""
    try:
        return act.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        # What was typed wrongly comes before what was not typed.
        told = min(error.errors(), key=lambda one: one["type"] == "missing")
        wrong = f"write {_DAY}" if told["type"].startswith(("date_", "datetime_")) else told["msg"]
        place = _shown_as(act, str(told["loc"][0])) if told["loc"] else None
        raise typer.BadParameter(wrong.removeprefix("Value error, "), param_hint=place) from None


def _shown_as(act: type[Act], name: str) -> str:
    """Return a field's name as the command's help shows it: the option, or the word for an argument."""
    field = act.model_fields[name]
    told = fields.given_to_option
    return told(field, "metavar") or name.upper() if told(field, "place") else fields.spelled(name)


def _converted(act: type[Act], name: str, value: object) -> object:
    """Convert a value from the command line for an act's field: read a file, or ask for a secret if "-"."""
    if value == "-" and fields.given_to_option(act.model_fields[name], "asked"):
        return typer.prompt(name.upper(), hide_input=True)
    if isinstance(value, list):
        return tuple(_converted(act, name, one) for one in value)
    if isinstance(value, Path):
        return fields.GivenFile.read(value)
    return value


def _print_list(
    asked: ListingAct, context: ActContext, *, as_json: bool, limit: int | None, csv: Path | None
) -> None:
    """Print a list, up to `limit` rows. By default a table has the rows of one page; JSON and CSV have all
    rows.
    """
    most = limit if limit is not None else 0 if as_json or csv is not None else PAGE
    answer = asked.page(context, most, counted=not as_json) if most else asked.carry_out(context)
    rows = answer.rows
    if most and answer.latest:
        rows = list(rows)[::-1]
    if csv is not None:
        headings = tuple(column.replace("_", " ") for column in answer.columns)
        cells = tuple(tuple(console.exact_cell(row.get(one)) for one in answer.columns) for row in rows)
        _write(csv, as_csv(ReportTable(headings, cells)), as_json=as_json)
    if as_json:
        console.print_json_list(rows)
    if as_json or csv is not None:
        return
    shown = console.print_rows(rows, answer.columns, answer.empty, answer.narrow)
    if shown < (every := answer.total or shown):
        console.err.print(Text(f"{shown} of {every} shown; all of them: --limit 0"), soft_wrap=True)
    _say(answer.closing, wraps=True)


def _print(
    answer: Answer,
    *,
    as_json: bool = False,
    csv: Path | None = None,
    html: Path | None = None,
    annex: bool = True,
) -> None:
    match answer:
        case ActDone():
            console.print_exactly(answer.document)
            _say(answer.sentence, console.err if answer.document else console.out)
        case ActDetails() if as_json:
            console.print_json(answer.values)
        case ActDetails():
            _print_details(answer)
        case ActListing():
            raise TypeError("a list is printed in pages")
        case _:
            if as_json:
                console.print_json(as_object(answer))
            elif html is None and csv is None:
                console.print_exactly(as_text(answer, annex=annex))
            if html is not None:
                from gateway.reports.page import as_html  # noqa: PLC0415 - loads the templates

                _write(html, as_html(answer), as_json=as_json)
            if csv is not None:
                if answer.data is None:
                    raise GatewayError("this report is no table")
                _write(csv, as_csv(answer.data), as_json=as_json)


def _say(text: str, where: Console = console.out, *, wraps: bool = False) -> None:
    for line in text.splitlines():
        where.print(Text(console.plain(line)), soft_wrap=not wraps)


def _print_details(answer: ActDetails, *, as_proof: bool = False) -> None:
    _say(answer.heading)
    lines = answer.shown_lines()
    width = max(map(len, lines), default=0)
    for label, value in lines.items():
        said = console.exact_cell(value) if as_proof else console.cell(value)
        console.out.print(Text(f"{label:>{width}}  {console.plain(said)}"))
    for paragraph in answer.paragraphs:
        _say(f" \n{paragraph}")
    for number, part in enumerate(answer.parts):
        if number or lines:
            console.out.print()
        console.print_rows(part.rows, part.columns, part.empty, part.narrow)
    for line in answer.closing:
        _say(line)
    if answer.proof is not None:
        console.out.print()
        _print_details(answer.proof, as_proof=True)


def _write(place: Path, text: str, *, as_json: bool) -> None:
    with as_fault(f"{place} cannot be written", GatewayError):
        write_durably(place, text.encode(), mode=0o600)
    (console.err if as_json else console.out).print(f"wrote {place}", soft_wrap=True)
