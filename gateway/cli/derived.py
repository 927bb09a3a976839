"""The commands of a noun, derived from its acts: fields become arguments and options, answers are printed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from rich.text import Text

from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Answer
from gateway.acts.fields import acts_in, is_enumeration, type_of
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    plain,
    print_exactly,
    print_json,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.documents import CsvOption, write_listing
from gateway.cli.options import LISTED, LimitOption
from gateway.home import Home

_DAY = "a day like 2026-11-24"


def commands_of(noun: str, help_text: str, module: str) -> typer.Typer:
    """Make the group of a noun, of the acts that its module declares, in the order in which they stand."""
    app = typer.Typer(no_args_is_help=True, help=help_text)
    add_acts(app, noun, module)
    return app


def add_acts(app: typer.Typer, noun: str, module: str) -> None:
    """Add the commands of a noun that a module of acts declares to a group."""
    for act in acts_in(module):
        group, _, verb = act.command.rpartition(" ")
        if group == noun:
            app.command(verb)(command_of(act))


def command_of(act: type[Act]) -> Callable[..., None]:
    """Make the command of one act, as typer takes it: a function with a parameter for each field."""
    listed = _answers(act) is ActListing

    def command(
        home: Path = DEFAULT_HOME,
        as_json: bool = False,
        limit: int = LISTED,
        csv: Path | None = None,
        **given: object,
    ) -> None:
        asked = _validated(act, {name: _prompted(act, name, value) for name, value in given.items()})
        answer = asked.carry_out(
            ActContext(Home(home), who(), now, partial(registry, home), partial(registrar_of, home))
        )
        _print(answer, as_json=as_json, limit=limit, csv=csv)

    parameters = [_parameter(name, field) for name, field in act.model_fields.items()]
    parameters.sort(key=_is_option)
    parameters.append(_shared("home", HomeOption, DEFAULT_HOME))
    if act.reads:
        parameters.append(_shared("as_json", JsonOption, default=False))
    if listed:
        parameters += [_shared("limit", LimitOption, LISTED), _shared("csv", CsvOption, None)]
    command.__doc__ = inspect.getdoc(act)
    command.__name__ = act.__name__
    command.__module__ = act.__module__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.act = act  # type: ignore[attr-defined]
    return fails_clearly(command)


def _shared(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """Make the parameter of a field: its value is read and judged as the field's type says."""
    told = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    by_place = bool(told.get("place"))
    kind, several = type_of(field.annotation)
    words: dict[str, Any] = {"help": field.description}
    if told.get("metavar"):
        words["metavar"] = told["metavar"]
    if kind not in {bool, int} and not is_enumeration(kind):
        words["parser"] = partial(_read, _adapter(kind, field, several=several), kind)
        words.setdefault("metavar", "DAY" if kind is date else "TEXT")
    if kind is int:
        words |= _limits(field)
    spelled = [] if by_place else [f"--{name.rstrip('_').replace('_', '-')}"]
    made = typer.Argument(**words) if by_place else typer.Option(*spelled, **words)
    annotation: Any = list[kind] if several else kind  # type: ignore[valid-type]
    required = field.is_required()
    if not required and (field.default is None or several):
        annotation |= None
    default = inspect.Parameter.empty if required else (None if several else field.default)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, made]
    )


def _is_option(parameter: inspect.Parameter) -> bool:
    return not isinstance(get_args(parameter.annotation)[1], typer.models.ArgumentInfo)


def _adapter(kind: Any, field: FieldInfo, *, several: bool) -> TypeAdapter[Any]:  # noqa: ANN401 - a type
    if several or not field.metadata:
        return TypeAdapter(kind)
    return TypeAdapter(Annotated[(kind, *field.metadata)])


def _read(adapter: TypeAdapter[Any], kind: object, text: object) -> Any:  # noqa: ANN401 - of the field's type
    """Read one value as it is typed. BadParameter where the field does not take it."""
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(f"write {_DAY}" if kind is date else _first(error)) from None


def _limits(field: FieldInfo) -> dict[str, int]:
    words = {"ge": "min", "le": "max"}
    return {
        words[name]: value
        for one in field.metadata
        for name in words
        if (value := getattr(one, name, None)) is not None
    }


def _validated(act: type[Act], given: Mapping[str, object]) -> Act:
    """Make the act of what was typed. BadParameter where its fields do not go together."""
    named = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
    try:
        return act.model_validate(named)
    except ValidationError as error:
        raise typer.BadParameter(_first(error)) from None


def _prompted(act: type[Act], name: str, value: object) -> object:
    """Ask for a value that no history of a shell may keep, where `-` is given for it."""
    told = act.model_fields[name].json_schema_extra
    if value == "-" and isinstance(told, dict) and told.get("asked"):
        return typer.prompt(name.upper(), hide_input=True)
    return value


def _first(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _answers(act: type[Act]) -> object:
    """Tell what kind of answer an act gives, as its declaration says."""
    return inspect.get_annotations(act.carry_out, eval_str=False).get("return") == "ActListing" and ActListing


def _print(answer: Answer, *, as_json: bool, limit: int, csv: Path | None) -> None:
    match answer:
        case ActDone():
            if answer.document:
                print_exactly(answer.document)
            for line in answer.sentence.splitlines():
                out.print(Text(plain(line)), soft_wrap=True)
        case ActDetails() if as_json:
            print_json(answer.values)
        case ActDetails():
            out.print(Text(plain(answer.heading)), soft_wrap=True)
            if answer.parts is not None:
                show(answer.parts.rows, answer.parts.columns, as_json=False, empty=answer.parts.empty)
            for line in answer.closing:
                out.print(Text(plain(line)), soft_wrap=True)
        case ActListing():
            _print_listing(answer, as_json=as_json, limit=limit, csv=csv)


def _print_listing(answer: ActListing, *, as_json: bool, limit: int, csv: Path | None) -> None:
    if csv is not None:
        write_listing(csv, answer.columns, answer.rows, as_json=as_json)
        return
    show(
        answer.rows,
        answer.columns,
        as_json=as_json,
        empty=answer.empty,
        narrow=answer.narrow,
        limit=limit,
        latest=answer.latest,
    )
