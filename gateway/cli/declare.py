"""declarations add: declare a transfer by another method, asking for anything not given."""

import inspect
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.acts.declarations import Declare
from gateway.cli.commands import command_in
from gateway.cli.console import err, plain, registrar_of
from gateway.cli.derived import command_of
from gateway.model import Refused
from gateway.policy.decide import (
    Declaration,
    Question,
    circumstance_questions,
    decide_with_safeguards,
    questions,
)

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

app = typer.Typer()
_declared = command_of(Declare)


def _declare(home: Path, *, ask: bool | None = None, **given: object) -> None:
    """Declare a transfer by another method.
    Exit 1 if the agreement does not allow the transfer, or not yet; the declaration is recorded all the same.
    """
    if sys.stdin.isatty() if ask is None else ask:
        with registrar_of(home) as registrar:
            given |= _asked(given, registrar)
    _declared(home=home, **given)


# The act's own parameters, none of them required, since each can be asked for.
_parameters = [
    one.replace(default=None if one.default is one.empty else one.default)
    for one in inspect.signature(_declared).parameters.values()
]
_ask = Annotated[bool | None, "--ask/--no-ask", "Ask for what is not given; by default only on a terminal."]
_parameters.append(inspect.Parameter("ask", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_ask))
_declare.__signature__ = inspect.Signature(_parameters)  # type: ignore[attr-defined]
_declare.__name__ = "declare"
declare = command_in(app, "add")(_declare)  # Instead of the derived command, which asks nothing.


def _asked(given: Mapping[str, Any], registrar: "Registrar") -> dict[str, Any]:
    """Ask the person for each value missing from `given`, in the agreement's order; return all values."""
    catalogue = registrar.catalogue
    method = _chosen("method", given["method"], Declare.known(catalogue)["method"])
    sender = given["provider"] or typer.prompt("Provider", err=True)
    data = _chosen("data", given["data"], Declare.known(catalogue)["data"])
    with registrar.registry.read() as session:
        known = registrar.provider(session, sender, registrar.clock())
    circumstances, safeguards = (frozenset(given[name] or ()) for name in ("circumstance", "safeguard"))
    declaration = Declaration(provider=known, method=method, data=data, at=datetime.now(UTC))
    if not isinstance(decide_with_safeguards(declaration, catalogue), Refused):
        circumstances = _answered(circumstance_questions(method, data, catalogue), circumstances)
        safeguards = _answered(questions(method, data, catalogue, circumstances), safeguards)
    return {
        "method": method, "provider": sender, "data": data,
        "safeguard": [*safeguards], "circumstance": [*circumstances],
    }  # fmt: skip


def _chosen(what: str, value: str | None, known: Collection[str]) -> str:
    """Return `value` or, if None, what the person types for `what`; ask again until it is in `known`, or
    "sftp".
    """
    if value is None:
        err.print(f"{what}: one of {', '.join(known)}", soft_wrap=True)
    chosen = value or str(typer.prompt(what[:1].upper() + what[1:], err=True))
    while chosen not in known and chosen != "sftp":
        err.print(f"there is no {what} {plain(chosen)}", soft_wrap=True)
        chosen = str(typer.prompt(what[:1].upper() + what[1:], err=True))
    return chosen


def _answered(asked: Sequence[Question], given: frozenset[str]) -> frozenset[str]:
    """Ask the person each question of which no choice is in `given`. Return the ids of all choices made."""
    known = set(given)
    for question in asked:
        if not known.isdisjoint(choice.id for choice in question):
            continue
        for choice in question:
            if typer.confirm(f"{choice.question} (clause {choice.clause})", default=False, err=True):
                known.add(choice.id)
                break
    return frozenset(known)
