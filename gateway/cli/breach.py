"""report breach: the record of a breach of personal data, put on record as it is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, now, registrar_of, who
from gateway.cli.documents import HtmlOption, deliver
from gateway.errors import GatewayError
from gateway.registry import breaches, log
from gateway.registry.log import Entry
from gateway.reports.breach import Breach, Nature, breach_report
from gateway.reports.document import Document, as_text

if TYPE_CHECKING:
    from gateway.record.accounts import Scope


def begins(text: str) -> datetime:
    """A moment, or the beginning of a day, in UTC unless the text says otherwise."""
    try:
        if len(text) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(text), time.min, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give a day, 2026-11-24, or a moment, 2026-11-24T14:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def ends(text: str) -> datetime:
    """A moment, or the end of a day, in UTC unless the text says otherwise."""
    return begins(text) + timedelta(days=1 if len(text) == len("2026-11-24") else 0)


def nature(text: str) -> str:
    """One of the kinds of breach that Article 4(12) knows."""
    if text not in get_args(Nature):
        raise typer.BadParameter(f"give one of: {', '.join(get_args(Nature))}")
    return text


@fails_clearly
def one_breach(
    aware_at: Annotated[
        datetime, typer.Option(parser=begins, help="When you became aware (UTC): the 72 hours run from then.")
    ],
    transfer: Annotated[list[str] | None, typer.Option(help="A transfer concerned.")] = None,
    staff: Annotated[list[str] | None, typer.Option(help="A person concerned: all that they opened.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A key concerned, by fingerprint: all that went over it.")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--from", parser=begins, help="From when (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--to", parser=ends, help="Until when (UTC).")] = None,
    natures: Annotated[
        list[str] | None,
        typer.Option("--nature", parser=nature, help="confidentiality, integrity, availability"),
    ] = None,
    what: Annotated[str, typer.Option(help="What happened. No pupil's data.")] = "",
    measure: Annotated[list[str] | None, typer.Option(help="A measure taken. No pupil's data.")] = None,
    contact: Annotated[str, typer.Option(help="Whom the ICO may ask.")] = "",
    governance: Annotated[str, typer.Option(help="How to reach LA Information Governance.")] = "",
    notified_at: Annotated[
        datetime | None, typer.Option(parser=begins, help="When the ICO was notified (UTC).")
    ] = None,
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """The record of a breach for the ICO (UK GDPR Article 33), prefilled, and put on record."""
    from gateway.record.accounts import Scope  # noqa: PLC0415 - loads the OpenPGP libraries

    if not (transfer or staff or key or since or until):
        raise GatewayError("say what is concerned: --transfer, --staff, --key, or a time by --from and --to")
    scope = Scope(
        references=tuple(transfer or ()),
        staff=tuple(staff or ()),
        keys=tuple(key or ()),
        since=since,
        until=until,
    )
    told = Breach(
        number=0,
        organisation="",
        became_aware_at=aware_at,
        happened_from=since,
        happened_until=until,
        nature=cast("tuple[Nature, ...]", tuple(natures or ())),
        what_happened=what,
        staff=scope.staff,
        measures=tuple(measure or ()),
        contact=contact,
        governance=governance,
        ico_notified_at=notified_at,
    )
    deliver(_put_on_record(home, scope, told), html, as_json=as_json)


def _put_on_record(home: Path, scope: Scope, told: Breach) -> Document:
    """The record, completed from the registry; a copy of it is kept beside the log, which vouches for it."""
    from gateway.record.accounts import keys_involved, touched  # noqa: PLC0415 - loads OpenPGP

    with registrar_of(home) as registrar, registrar.registry.write() as session:
        organisation, at = registrar.settings.organisation, now()
        breach = replace(
            told,
            number=breaches.next_number(session),
            organisation=organisation,
            accounts=tuple(touched(session, scope, organisation)),
            keys=keys_involved(session, scope.keys),
        )
        document = breach_report(breach, registrar.catalogue.breach, at)
        fields: dict[str, str | int] = {"number": breach.number}
        entry = Entry(
            kind="breach-recorded", subject="breach", fields=fields, actor=who(), note=as_text(document)
        )
        log.append(session, [entry], at)
        log.sign_head(session, registrar.signing.log_key, registrar.signing.origin, at)
    return document
