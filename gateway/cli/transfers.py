"""transfers: what landed and what became of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from gateway.cli.classify import school_in_words, unlisted_in_words
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    out,
    plain,
    print_json,
    registry,
    rfc3339,
    show,
)
from gateway.home import shown_name
from gateway.model import Classified, Reason, Transfer
from gateway.registry import log, providers, transfers
from gateway.registry.tables import EventRow

app = typer.Typer(no_args_is_help=True, help="What landed and what became of it.")
COLUMNS = ("reference", "provider", "name", "state", "data_type", "reasons", "landed_at")


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
    limit: Annotated[int | None, typer.Option(min=1, help="Only the latest so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Transfers in the order they landed."""
    with registry(home) as opened, opened.read() as session:
        if provider is not None:
            providers.provider_row(session, provider)
        rows = [summary(t) for t in transfers.find(session, state=state, provider=provider, limit=limit)]
    show(
        [_at_a_glance(row) for row in rows] if not as_json else rows,
        COLUMNS,
        as_json=as_json,
        empty="no transfers",
    )


@app.command("show")
@fails_clearly
def show_one(
    reference: Annotated[str, typer.Argument(metavar="REF")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Everything known of one transfer, with its events."""
    with registry(home) as opened, opened.read() as session:
        transfer = transfers.get(session, reference)
        events = [_event(each) for each in log.events(session, reference)]
    row = summary(transfer) | _details(transfer) | {"events": events}
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


def _event(event: EventRow) -> dict[str, Any]:
    """What the log says of one step; `reasons` are codes, `why` is what the person said."""
    fields = json.loads(event.leaf).get("fields", {})
    return {
        "number": event.number,
        "at": rfc3339(event.at),
        "kind": event.kind,
        "team": fields.get("team"),
        "reasons": fields.get("reasons"),
        "by": event.actor,
        "why": event.note,
    }


def _at_a_glance(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"reasons": [one for one in row["reasons"] if one["code"] != "policy:allowed"]}


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
