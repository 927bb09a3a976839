"""legal-holds: kept from deletion are a transfer, all of a provider, or every file that holds a child."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.child import NamedChild, names_child
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    note_new_name,
    now,
    out,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.options import LISTED, LimitOption, WhyOption, as_reference
from gateway.errors import GatewayError
from gateway.registry import holds, log, persons
from gateway.registry.holds import HoldSubject
from gateway.registry.log import Entry

if TYPE_CHECKING:
    from gateway.home import Home

app = typer.Typer(no_args_is_help=True, help="Legal holds: nothing on hold is ever deleted.")
ReferenceArgument = Annotated[
    str | None,
    typer.Argument(metavar="[REF]", callback=as_reference, help="A transfer, a notice or a declaration."),
]
ProviderOption = Annotated[str | None, typer.Option(help="All that this provider sent, sends, or is told.")]


def by_former_name() -> None:
    """Legal holds under the name that they had."""
    note_new_name("hold", "legal-holds")


@app.command("list")
@fails_clearly
def list_holds(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """The legal holds that are on. They name no child."""
    with registry(home) as opened, opened.read() as session:
        rows = [
            {
                "number": hold.number,
                "reference": hold.reference or None,
                "provider": hold.provider,
                "child": hold.child,
                "placed_at": hold.placed_at,
                "placed_by": hold.placed_by,
                "why": hold.why,
            }
            for hold in holds.list_holds(session)
        ]
    columns = ("number", "reference", "provider", "child", "placed_at", "placed_by", "why")
    show(rows, columns, as_json=as_json, empty="nothing is on hold", limit=limit)


@app.command()
@fails_clearly
@names_child
def place(
    child: NamedChild,
    why: WhyOption,
    reference: ReferenceArgument = None,
    provider: ProviderOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Keep a transfer and all that belongs to it from deletion, or all of a provider, or of a child."""
    on = _change(home, reference, provider, child, why, placed=True)
    out.print(f"{on} is on hold: nothing of it is deleted")
    if not (reference or provider):
        _tell_unindexed(home)


@app.command()
@fails_clearly
@names_child
def lift(
    child: NamedChild,
    why: WhyOption,
    reference: ReferenceArgument = None,
    provider: ProviderOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End a legal hold, in your name: what is due is deleted with the next run."""
    on = _change(home, reference, provider, child, why, placed=False)
    out.print(f"the hold on {on} is lifted")


def _change(
    home: Path,
    reference: str | None,
    provider: str | None,
    child: NamedChild,
    why: str,
    *,
    placed: bool,
) -> str:
    at = now()
    with registrar_of(home) as registrar:
        subject = _subject(registrar.home, reference, provider, child)
        with registrar.registry.write() as session:
            change = holds.place if placed else holds.lift
            number = change(session, subject, by=who(), why=why, at=at)
            entry = Entry(
                kind="hold-placed" if placed else "hold-lifted",
                subject=reference or provider or "pupils",
                fields={"number": number},
                actor=who(),
                note=why,
            )
            log.append(session, [entry], at)
            registrar.sign_head(session, at)
    return holds.named(subject)


def _subject(
    home: Home,
    reference: str | None,
    provider: str | None,
    child: NamedChild,
) -> HoldSubject:
    from gateway.record.children import digests_of  # noqa: PLC0415 - loads what opens

    if sum((reference is not None, provider is not None, child.is_named)) != 1:
        raise GatewayError("say one thing: a reference, --provider, or a child by --upn or name and --born")
    if reference is not None:
        return HoldSubject(reference=reference)
    if provider is not None:
        return HoldSubject(provider=provider)
    return HoldSubject(persons=digests_of(home, child.asked()))


def _tell_unindexed(home: Path) -> None:
    with registry(home) as opened, opened.read() as session:
        missing = len(persons.unindexed(session))
    if missing:
        said = f"kept files that are not in the index yet, and may hold the child: {missing}"
        out.print(f"{said}; gateway pupils index", soft_wrap=True)


former = typer.Typer(no_args_is_help=True, help="Legal holds, by their former name.", callback=by_former_name)
former.registered_commands += app.registered_commands
