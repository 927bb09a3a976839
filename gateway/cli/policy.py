"""policy: whether the policies hold together, what they decide and why, and what an edit would change."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.cli import dates, harmless, policy_edits
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    out,
    print_json,
    registry,
    show,
)
from gateway.cli.options import ReferenceArgument
from gateway.cli.transfers import event_object, reason_object
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.model import Decision, Held, Provider, ProviderKind, Reason, Refused, Released, Transfer
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.explain import render
from gateway.registry import declarations, log, providers, transfers

if TYPE_CHECKING:
    from gateway.processor.dry_run import Trial

app = typer.Typer(no_args_is_help=True, help="The policies: checked, explained, tried and compared.")
app.add_typer(harmless.app, name="harmless")
policy_edits.add_to(app)


@app.command()
@fails_clearly
def explain(
    reference: ReferenceArgument,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say why a transfer, or a declared one, was decided so: each reason with its clause, as of that day."""
    with registry(home) as opened, opened.read() as session:
        decision = _decision_on(session, reference)
        digest = _decided_by(session, reference)
        said = [
            step
            for step in map(event_object, log.events(session, reference))
            if step["reasons"] or step["why"]
        ]
    catalogue = _catalogue_of(Home(home), digest)
    if as_json:
        print_json(decision_object(decision) | {"reference": reference, "policies": digest, "history": said})
        return
    out.print(Text(f"{reference}: {render(decision, catalogue)}"), soft_wrap=True)
    if digest is not None:
        out.print(Text(f"\nby the policies {digest}"), soft_wrap=True)
    out.print()
    # What it was first held for, and what each person said, whatever it is by now.
    show(said, ("at", "kind", "reasons", "by", "why"), as_json=False, empty="nothing else is on record")


@app.command("test")
@fails_clearly
def try_out(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A plain file, or one sealed to this gateway.")
    ],
    sender: Annotated[
        str,
        typer.Option("--as", metavar="PROVIDER", help="A provider, or a kind of provider such as school."),
    ],
    on: Annotated[
        datetime | None,
        typer.Option(
            parser=dates.local_time,
            metavar="DAY|TIME",
            help="A day (at noon) or a local time; now if not given.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--policies", help="Other policies than those of the home.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a file that a provider sends on a day. Nothing is sent, kept or logged."""
    from gateway.cli.classify import described  # noqa: PLC0415
    from gateway.examiner.parent import Examiner  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.processor.dry_run import try_file  # noqa: PLC0415 - the same
    from gateway.record.policies_in_force import load_policies  # noqa: PLC0415

    place = Home(home)
    policies = load_policies(folder or place.policies)
    trial = _trial(file, sender, dates.moment(on, policies.catalogue))
    with registry(place.root) as opened, closing(Examiner(place, policies.folder)) as examiner:
        try:
            tried = try_file(trial, policies.catalogue, examiner, place, opened)
        except OSError as error:
            raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if as_json:
        found = None if tried.found is None else described(file, tried.found)
        print_json(decision_object(tried.decision) | {"file": str(file), "found": found})
        return
    out.print(Text(render(tried.decision, policies.catalogue)), soft_wrap=True)


def _trial(file: Path, sender: str, at: datetime) -> Trial:
    from gateway.processor.dry_run import Trial  # noqa: PLC0415

    if sender not in providers.KINDS:
        return Trial(file=file, provider=sender, at=at)
    anyone = Provider(id=sender, name=sender, kind=_kind(sender), ratified=True)
    return Trial(file=file, provider=sender, at=at, anyone=anyone)


def _kind(sender: str) -> ProviderKind:
    return next(kind for kind in providers.KINDS if kind == sender)


def _decided_by(session: Session, reference: str) -> str | None:
    """The digest of the policies by which a transfer was decided last."""
    for event in reversed(log.events(session, reference)):
        fields = json.loads(event.leaf)["fields"]
        if "policies" in fields:
            return str(fields["policies"])
    return None


def _catalogue_of(place: Home, digest: str | None) -> Catalogue:
    if digest is not None and place.version(digest).is_dir():
        return load_catalogue(place.version(digest))
    return load_catalogue(place.policies_in_force)


def _decision_on(session: Session, reference: str) -> Decision:
    """The decision on an upload or on a declaration of that reference."""
    try:
        transfer = transfers.get(session, reference)
    except NotFoundError as unknown:
        try:
            declared = declarations.get(session, reference)
        except NotFoundError:
            raise unknown from None
        return _decision(declared.state, declared.reasons, declared.flow)
    if transfer.state == "landed":
        raise GatewayError(f"{reference} has landed and is not decided yet")
    return _decision(transfer.state, transfer.reasons, transfer.flow, transfer)


def _decision(
    state: str, reasons: tuple[Reason, ...], flow: str | None, transfer: Transfer | None = None
) -> Decision:
    if state == "accepted":
        return Released(flow=flow or "none", teams=transfer.teams if transfer else (), reasons=reasons)
    if state == "held":
        return Held(reasons=reasons, flow=flow, until=transfer.held_until if transfer else None)
    return Refused(reasons=reasons, flow=flow)


def decision_object(decision: Decision) -> dict[str, Any]:
    """A decision as JSON has it."""
    return {
        "state": decision.state,
        "flow": decision.flow,
        "teams": list(decision.teams),
        "held_until": decision.until if isinstance(decision, Held) else None,
        "reasons": [reason_object(each) for each in decision.reasons],
    }
