"""Declare commands: describe their options, check the person's right, print an error in one line."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar, get_args, get_origin

import typer

from gateway.cli import terminal
from gateway.cli.console import complain
from gateway.cli.identity import acting
from gateway.errors import GatewayError
from gateway.home import DEFAULT_HOME, as_reference
from gateway.reasons import REASONS, sentence_and_step

P = ParamSpec("P")
R = TypeVar("R")

# Intake may cross the home and cannot list it.
HomeOption = Annotated[
    Path,
    typer.Option(
        "--home", envvar="GATEWAY_HOME", help="The gateway's home folder.", show_default=True, readable=False
    ),
]
JsonOption = Annotated[bool, "--json", "Print JSON for programs."]
ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REF", callback=lambda given: given and as_reference(given))
]
_DAY = "%Y-%m-%d"
_YEARS = range(1900, 3000)  # As in the fields of acts; calendars are reckoned a year before and after.


def _reader(kinds: str, *formats: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        for form in formats:
            with suppress(ValueError):
                found = datetime.strptime(text, form)  # noqa: DTZ007 - whose day it is, the command knows
                if found.year in _YEARS:
                    return found
        raise typer.BadParameter(f"write {kinds}")

    return read


day = _reader("a day like 2026-11-24", _DAY)
"""The reader of a day, which gives its first moment. All readers raise BadParameter for other text."""

local_time = _reader("a day like 2026-11-24, or a local time like 2026-11-24T14:30", _DAY, f"{_DAY}T%H:%M")
"""The reader of a day or a local time, which gives a moment without a zone."""

last_day = _reader(
    "a day like 2026-11-24, or a moment with its zone like 2026-11-24T14:30:00+00:00",
    _DAY,
    f"{_DAY}T%H:%M:%S%z",
)
"""The reader of a day, without a zone, or of a moment with its zone."""
_READERS = {"DAY": day, "DAY|TIME": local_time}
"""The readers of options whose help shows this metavar."""
_log = logging.getLogger(__name__)


def fails_clearly(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command: check the person's right first; print a GatewayError or OSError in one line, and exit.
    The exit code is that of the GatewayError, or 1. `_declared` converts the annotations for typer, and
    `home` is by default DEFAULT_HOME, a folder in the working folder.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with acting(command, kwargs.get("home"), kwargs.get("reference")):
                return command(*args, **kwargs)
        except GatewayError as error:
            words, code = str(error), getattr(error, "code", None)
            if code in REASONS:
                sentence, next_step = sentence_and_step(code, **getattr(error, "detail", {}))
                words = f"{sentence} {next_step} [{code}]"
            complain(words)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            raise  # The reader of a pipe has stopped: no error.
        except OSError as error:
            _log.debug("refused by the operating system", exc_info=True)
            complain(terminal.words(error))
            raise typer.Exit(1) from None

    parameters = [
        one.replace(annotation=_declared(one.name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for one in inspect.signature(command, eval_str=True).parameters.values()
    ]
    for place, one in enumerate(parameters):
        if one.name == "home" and one.default is one.empty:
            parameters.append(parameters.pop(place).replace(default=DEFAULT_HOME))
    guarded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    guarded.__annotations__ = {one.name: one.annotation for one in parameters}
    return guarded


def _declared(name: str, hint: object) -> object:
    """Return typer's annotation for the parameter `name`, given its type hint, which may use a short form.
    `Annotated[bool, HELP]` is an option named like the parameter, without a --no- form; `Annotated[Path,
    "--to FILE", HELP]` is an option with the name --to; `Annotated[Path, "FILE", HELP]` is an argument.
    """
    kind, *told = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if not told or not isinstance(told[-1], str):
        return hint
    *usage, does = told
    spelled, _, metavar = usage[0].partition(" ") if usage else (f"--{name.replace('_', '-')}", "", "")
    if not spelled.startswith("--"):
        return Annotated[kind, typer.Argument(metavar=spelled, help=does)]
    reader = _READERS.get(metavar)
    return Annotated[kind, typer.Option(spelled, metavar=metavar or None, parser=reader, help=does)]


def command_in(
    group: typer.Typer, name: str | None = None, *, hidden: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that adds a command to a group, wrapped by `fails_clearly`."""
    return lambda function: group.command(name, hidden=hidden)(fails_clearly(function))
