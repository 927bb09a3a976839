"""declarations: transfers by another method, past and future."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from gateway.acts.policy_explain import decision_object
from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    err,
    fails_clearly,
    formerly,
    out,
    plain,
    print_json,
    registrar_of,
    rfc3339,
    who,
)
from gateway.cli.derived import commands_of
from gateway.errors import GatewayError
from gateway.model import Decision, Refused
from gateway.policy.catalogue import Catalogue
from gateway.policy.explain import render
from gateway.policy.methods import Declaration, Question, circumstance_questions, possible, questions, subject

app = commands_of("declarations", "gateway.acts.declarations")


@app.command("add")
@fails_clearly
def declare(
    method: Annotated[
        str | None, typer.Option(help="How it travels: email, egress, s2s, b2b, post, …")
    ] = None,
    provider: Annotated[str | None, typer.Option(metavar="ID", help="Whose transfer it is.")] = None,
    data: Annotated[
        str | None, typer.Option(help="A data type, a flow, or a material of methods.toml.")
    ] = None,
    safeguard: Annotated[list[str] | None, typer.Option(help="A safeguard that is in place.")] = None,
    circumstance: Annotated[
        list[str] | None, typer.Option(help="Something that is true of the data.")
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(
            "--on", parser=dates.local_time, metavar="DAY|TIME", help="When it goes; now if not given."
        ),
    ] = None,
    ask: Annotated[
        bool | None, typer.Option("--ask/--no-ask", help="Ask for what is not given; as a terminal is there.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be decided; record nothing.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Declare a transfer by another method.

    Exit 1 for a transfer not allowed, or not yet; recorded as such.
    """
    from gateway.record.declared import judge, record  # noqa: PLC0415 - loads the OpenPGP libraries

    asking = sys.stdin.isatty() if ask is None else ask
    with registrar_of(home) as registrar:
        catalogue = registrar.catalogue
        way = _chosen("method", method, _ways(catalogue), asking=asking)
        sender = _given("provider", provider, asking=asking)
        matter = _chosen("data", data, _matters(catalogue), asking=asking)
        with registrar.registry.read() as session:
            known = registrar.provider(session, sender, registrar.clock())
        declaration = Declaration(
            provider=known,
            method=way,
            data=matter,
            at=dates.moment(on, catalogue),
            safeguards=_known("safeguard", safeguard, catalogue.methods.safeguards()),
            circumstances=_known(
                "circumstance", circumstance, [c.id for c in catalogue.methods.circumstance]
            ),
        )
        if asking:
            declaration = _asked(declaration, catalogue)
        if dry_run:
            reference, decision = None, judge(declaration, catalogue)
        else:
            recorded = record(registrar, declaration, by=who())
            reference, decision = recorded.reference, recorded.decision
    _tell(reference, declaration, decision, catalogue, as_json=as_json)


def _ways(catalogue: Catalogue) -> list[str]:
    return [method.id for method in catalogue.methods.method if method.declarable]


def _matters(catalogue: Catalogue) -> list[str]:
    return [*catalogue.data_types(), *(material.id for material in catalogue.methods.material)]


def _given(what: str, value: str | None, *, asking: bool) -> str:
    if value is None and not asking:
        raise typer.BadParameter("is needed", param_hint=f"--{what}")
    return value if value is not None else str(typer.prompt(what[:1].upper() + what[1:], err=True))


def _chosen(what: str, value: str | None, known: Collection[str], *, asking: bool) -> str:
    """Return one of the policy's words; the gateway's own method is judged like any other."""
    if value is None and asking:
        err.print(f"{what}: one of {', '.join(known)}", soft_wrap=True)
    chosen = _given(what, value, asking=asking)
    while chosen not in known and chosen != "sftp":
        if not asking:
            raise _unknown(what, chosen, known)
        err.print(f"there is no {what} {plain(chosen)}", soft_wrap=True)
        chosen = _given(what, None, asking=True)
    return chosen


def _unknown(what: str, given: str, known: Collection[str]) -> typer.BadParameter:
    said = f"there is no {what} {plain(given)}; it is one of {', '.join(known)}"
    return typer.BadParameter(said, param_hint=f"--{what}")


def _known(what: str, given: Sequence[str] | None, known: Collection[str]) -> frozenset[str]:
    for each in given or ():
        if each not in known:
            raise _unknown(what, each, known)
    return frozenset(given or ())


def _asked(declaration: Declaration, catalogue: Catalogue) -> Declaration:
    """Add a person's answers to a declaration, in the order of the agreement."""
    if isinstance(possible(declaration, catalogue), Refused):
        return declaration
    method, data = declaration.method, declaration.data
    circumstances = _answered(circumstance_questions(method, data, catalogue), declaration.circumstances)
    needed = questions(method, data, catalogue, circumstances)
    safeguards = _answered(needed, declaration.safeguards)
    return replace(declaration, circumstances=circumstances, safeguards=safeguards)


def _answered(asked: Sequence[Question], given: frozenset[str]) -> frozenset[str]:
    """Return the given choices and the first true choice of each question. No question is asked twice."""
    known = set(given)
    for question in asked:
        if not known.isdisjoint(choice.id for choice in question.choices):
            continue
        for choice in question.choices:
            if typer.confirm(f"{choice.question} (clause {choice.clause})", default=False, err=True):
                known.add(choice.id)
                break
    return frozenset(known)


def _tell(
    reference: str | None,
    declaration: Declaration,
    decision: Decision,
    catalogue: Catalogue,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            decision_object(decision)
            | {
                "reference": reference,
                "recorded": reference is not None,
                "provider": declaration.provider.id,
                "method": declaration.method,
                "data": declaration.data,
                "goes_at": rfc3339(declaration.at),
                "safeguards": sorted(declaration.safeguards),
                "circumstances": sorted(declaration.circumstances),
            }
        )
    else:
        said = "allowed" if decision.state == "accepted" else render(decision, catalogue).splitlines()[0]
        title = found.title if (found := subject(declaration.data, catalogue)) else declaration.data
        out.print(Text(f"{title} by {declaration.method}: {said}"))
        out.print(Text("\n".join(render(decision, catalogue).splitlines()[1:])))
        recorded = "dry run: nothing is recorded" if reference is None else f"recorded as {reference}"
        out.print(f"\n{recorded}")
    if decision.state != "accepted":
        yet = "does not allow this" if isinstance(decision, Refused) else "does not allow this yet"
        raise GatewayError(f"the agreement {yet}: {decision.reasons[0].sentence}")


former = formerly("declare", "declarations add", declare)
