"""declarations add: declare a transfer by another method, asking for what is not given."""

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.acts.declarations import Declare
from gateway.cli.commands import HomeOption, JsonOption, command_in
from gateway.cli.console import err, plain, registrar_of
from gateway.cli.derived import command_of
from gateway.model import Refused
from gateway.policy.decide import Declaration, Question, circumstance_questions, possible, questions

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

app = typer.Typer()
_declared = command_of(Declare)


@command_in(app, "add")  # Instead of the derived command, which asks nothing.
def declare(
    home: HomeOption,
    method: Annotated[
        str | None, typer.Option(help="How it travels: email, egress, s2s, b2b, post, …")
    ] = None,
    provider: Annotated[str | None, "--provider ID", "Whose transfer it is."] = None,
    data: Annotated[str | None, "A data type, a flow, or a material of methods.toml."] = None,
    safeguard: Annotated[list[str] | None, "A safeguard that is in place."] = None,
    circumstance: Annotated[list[str] | None, "Something that is true of the data."] = None,
    # Read by the act, which takes a time with its zone as well.
    on: Annotated[
        str | None, typer.Option(metavar="DAY|TIME", help="When it goes; now if not given.")
    ] = None,
    ask: Annotated[
        bool | None, "--ask/--no-ask", "Ask for what is not given; if neither is given, only on a terminal."
    ] = None,
    dry_run: Annotated[bool, "Say what would be decided; record nothing."] = False,
    as_json: JsonOption = False,
) -> None:
    """Declare a transfer by another method.

    Exit 1 for a transfer not allowed, or not yet; recorded as such.
    """
    given: Mapping[str, Any] = {
        "method": method, "provider": provider, "data": data, "safeguard": safeguard,
        "circumstance": circumstance,
    }  # fmt: skip
    if sys.stdin.isatty() if ask is None else ask:
        with registrar_of(home) as registrar:
            given = _asked(given, registrar)
    _declared(home=home, as_json=as_json, on=on, dry_run=dry_run, **given)


def _asked(given: Mapping[str, Any], registrar: "Registrar") -> dict[str, Any]:
    """Ask the person for the values not given, in the agreement's order; return all values."""
    catalogue = registrar.catalogue
    method = _chosen("method", given["method"], Declare.known(catalogue)["method"])
    sender = given["provider"] or typer.prompt("Provider", err=True)
    data = _chosen("data", given["data"], Declare.known(catalogue)["data"])
    with registrar.registry.read() as session:
        known = registrar.provider(session, sender, registrar.clock())
    circumstances, safeguards = (frozenset(given[name] or ()) for name in ("circumstance", "safeguard"))
    declaration = Declaration(provider=known, method=method, data=data, at=datetime.now(UTC))
    if not isinstance(possible(declaration, catalogue), Refused):
        circumstances = _answered(circumstance_questions(method, data, catalogue), circumstances)
        safeguards = _answered(questions(method, data, catalogue, circumstances), safeguards)
    return {
        "method": method, "provider": sender, "data": data,
        "safeguard": [*safeguards], "circumstance": [*circumstances],
    }  # fmt: skip


def _chosen(what: str, value: str | None, known: Collection[str]) -> str:
    """Return `value`, asking for `what` as long as the answer is neither in `known` nor "sftp"."""
    if value is None:
        err.print(f"{what}: one of {', '.join(known)}", soft_wrap=True)
    chosen = value or str(typer.prompt(what[:1].upper() + what[1:], err=True))
    while chosen not in known and chosen != "sftp":
        err.print(f"there is no {what} {plain(chosen)}", soft_wrap=True)
        chosen = str(typer.prompt(what[:1].upper() + what[1:], err=True))
    return chosen


def _answered(asked: Sequence[Question], given: frozenset[str]) -> frozenset[str]:
    """Ask the person each question without a given answer; return all choices given or confirmed."""
    known = set(given)
    for question in asked:
        if not known.isdisjoint(choice.id for choice in question):
            continue
        for choice in question:
            if typer.confirm(f"{choice.question} (clause {choice.clause})", default=False, err=True):
                known.add(choice.id)
                break
    return frozenset(known)
