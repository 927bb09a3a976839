"""transfers: what landed and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.cli import dates, recalls
from gateway.cli.classify import school_in_words, unlisted_in_words
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    local_times,
    out,
    plain,
    print_json,
    print_json_list,
    print_table,
    registry,
    rfc3339,
    show,
    tell_rest,
)
from gateway.cli.identity import sight_here
from gateway.cli.options import LISTED, FromOption, ReferenceArgument, ToOption
from gateway.home import Home, shown_name
from gateway.model import Classified, Reason, Transfer
from gateway.registry import log, providers, transfer_lists, transfers
from gateway.registry.transfer_lists import TransfersWanted

app = typer.Typer(no_args_is_help=True, help="What landed and what became of it.")
recalls.add_to(app)
COLUMNS = ("reference", "provider", "name", "state", "data_type", "reasons", "landed_at")
_NARROW = ("reference", "state", "reasons", "landed_at")


class TransferState(StrEnum):
    """What may have become of a transfer."""

    LANDED = "landed"
    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME,
    state: Annotated[TransferState | None, typer.Option(help="Only those in this state.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    data_type: Annotated[str | None, typer.Option(help="Only files that are this.")] = None,
    team: Annotated[str | None, typer.Option(help="Only what goes to this team.")] = None,
    code: Annotated[
        str | None, typer.Option("--why", help="Only with this reason: policy:embargo, or policy for any.")
    ] = None,
    first: FromOption = None,
    last: ToOption = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="The latest so many; 0: all. 50 if not given, JSON: all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The latest transfers, in the order they landed."""
    wanted = TransfersWanted(
        state=state,
        provider=provider,
        data_type=data_type,
        team=team,
        code=code,
        since=None if first is None else dates.beginning_of(first, Home(home).policies_in_force),
        until=None if last is None else dates.end_of(last, Home(home).policies_in_force),
    )
    most = (0 if as_json else LISTED) if limit is None else limit
    with registry(home) as opened, opened.read() as session:
        wanted = replace(wanted, sight=sight_here(session, home))
        if provider is not None:
            providers.provider_row(session, provider)
        if as_json:
            print_json_list(summary(one) for page in _pages(session, wanted, most) for one in page)
            return
        _print(session, wanted, most)


def _pages(session: Session, wanted: TransfersWanted, most: int) -> Iterator[list[Transfer]]:
    if most:
        yield transfer_lists.latest(session, wanted, most)
    else:
        yield from transfer_lists.pages(session, wanted)


def _print(session: Session, wanted: TransfersWanted, most: int) -> None:
    """Page by page, so that any number of transfers can be listed."""
    shown = 0
    for page in _pages(session, wanted, most):
        if page:
            rows = [summary(one) for one in page]
            print_table(rows, COLUMNS, _NARROW, headed=not shown)
        shown += len(page)
    if not shown:
        out.print("no transfers")
        return
    out.print(f"\n{local_times()}", highlight=False)
    tell_rest(shown, transfer_lists.count(session, wanted) if most else shown)


@app.command("show")
@fails_clearly
def show_one(
    reference: ReferenceArgument,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Everything known of one transfer, with its events."""
    with registry(home) as opened, opened.read() as session:
        transfer = transfers.get(session, reference)
        events = event_objects(session, reference)
        found = _standing(home, session, transfer)
    row = summary(transfer) | _details(transfer) | found | {"events": events}
    if as_json:
        print_json(row)
        return
    for label, value in row.items():
        if label not in {"reasons", "events"} and value not in (None, [], ()):
            out.print(Text(f"{label.replace('_', ' '):>16}  {plain(_said(value))}"), soft_wrap=True)
    for reason in transfer.reasons:
        out.print(Text(f"\n[{reason.code}, clause {reason.clause}]\n{reason.sentence}\n{reason.next_step}"))
    out.print()
    show(events, ("at", "kind", "team", "by"), as_json=False, empty="no events")
    for event in events:  # Whatever it was held or decided for, and whatever a person said of it.
        if event["reasons"] or event["why"]:
            said = "; ".join(part for part in (event["reasons"], event["why"]) if part)
            out.print(Text(plain(f"{event['kind']}: {said}")), soft_wrap=True)


def _standing(home: Path, session: Session, transfer: Transfer) -> dict[str, str | None]:
    """Which file it replaces and which one replaces it, by reference."""
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - a listing needs none
    from gateway.record.batch import Batch  # noqa: PLC0415
    from gateway.record.superseded import standing_of  # noqa: PLC0415 - takes a while

    provider = providers.get_provider(session, transfer.upload.provider)
    found = standing_of(Batch(session), transfer, provider, load_catalogue(Home(home).policies_in_force))
    return {"replaces": found.replaces, "superseded_by": found.superseded_by}


def event_objects(session: Session, reference: str) -> list[dict[str, Any]]:
    """What the log says of each step of a file; `reasons` are codes, `why` is what the person said."""
    return [
        {
            "number": step.event.number,
            "at": rfc3339(step.event.at),
            "kind": step.kind,
            "team": step.fields.get("team"),
            "reasons": step.fields.get("reasons"),
            "by": step.event.actor,
            "why": step.event.note,
        }
        for step in log.steps(log.events(session, reference))
    ]


def summary(transfer: Transfer) -> dict[str, Any]:
    """A transfer as listings have it."""
    upload = transfer.upload
    return {
        "reference": upload.reference,
        "provider": upload.provider,
        "name": shown_name(upload.name),
        "folder": upload.folder,
        "state": transfer.state,
        "flow": transfer.flow,
        "data_type": transfer.data_type,
        "period": transfer.period,
        "teams": list(transfer.teams),
        "sha256": upload.sha256,
        "size": upload.size,
        "landed_at": rfc3339(upload.landed_at),
        "decided_at": rfc3339(transfer.decided_at),
        "held_until": rfc3339(transfer.held_until),
        "reasons": [reason_object(reason) for reason in transfer.reasons],
    }


def reason_object(reason: Reason) -> dict[str, str]:
    """A reason as listings have it."""
    return {
        "code": reason.code,
        "clause": reason.clause,
        "sentence": reason.sentence,
        "next_step": reason.next_step,
    }


def _details(transfer: Transfer) -> dict[str, Any]:
    content, signature = transfer.content, transfer.signature
    recognised = content if isinstance(content, Classified) else None
    return {
        "content_sha256": transfer.content_sha256,
        "content_size": transfer.content_size,
        "signer": signature.certificate if signature else None,
        "signing_key": signature.signing_key if signature else None,
        "signed_at": rfc3339(signature.created_at) if signature else None,
        "sealed_to": transfer.opened_by,
        "engine": transfer.engine,
        "evidence": list(content.evidence) if content else [],
        "pupils": recognised.pupils if recognised else None,
        "findings": [f"{f.code} ({f.count})" for f in recognised.findings] if recognised else [],
        "items": list(recognised.items) if recognised else [],
        "other_items": list(recognised.other_items) if recognised else [],
        "schools": [school_in_words(asdict(one)) for one in recognised.schools] if recognised else [],
        "unlisted": [unlisted_in_words(asdict(one)) for one in recognised.unlisted] if recognised else [],
    }


def _said(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
