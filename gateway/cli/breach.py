"""breach: the records of breaches of personal data, made, amended and shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, get_args
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    err,
    fails_clearly,
    note_new_name,
    now,
    registrar_of,
    registry,
    rfc3339,
    show,
    who,
)
from gateway.cli.documents import HtmlOption, deliver
from gateway.errors import GatewayError
from gateway.reports.breach import NOTIFY_WITHIN, Nature

if TYPE_CHECKING:
    from gateway.record.breach_records import Told

app = typer.Typer(no_args_is_help=True, help="Records of breaches of personal data (agreement, section 10).")


def nature(text: str) -> str:
    """One of the kinds of breach that Article 4(12) knows."""
    if text not in get_args(Nature):
        raise typer.BadParameter(f"give one of: {', '.join(get_args(Nature))}")
    return text


def by_former_name(given: list[str] | None) -> list[str] | None:
    """People concerned, by an option that is called --person now."""
    if given:
        note_new_name("--staff", "--person")
    return given


AwareOption = Annotated[
    datetime | None,
    typer.Option("--aware-at", parser=dates.any_time, help="When you became aware: the 72 hours begin."),
]
AmendOption = Annotated[
    int | None,
    typer.Option(
        "--amend", metavar="N", min=1,
        help="Record this one once more: what is given anew counts; lists grow.",
    ),
]  # fmt: skip
TransferOption = Annotated[list[str] | None, typer.Option("--transfer", help="A transfer concerned.")]
PersonOption = Annotated[
    list[str] | None,
    typer.Option("--person", help="A member of staff concerned: all that they opened."),
]
FormerStaffOption = Annotated[
    list[str] | None,
    typer.Option("--staff", callback=by_former_name, hidden=True, help="The former name of --person."),
]
KeyOption = Annotated[
    list[str] | None, typer.Option("--key", help="A key concerned, by fingerprint: all that went over it.")
]
SinceOption = Annotated[datetime | None, typer.Option("--from", parser=dates.any_time, help="From when.")]
UntilOption = Annotated[datetime | None, typer.Option("--to", parser=dates.any_end, help="Until when.")]
NatureOption = Annotated[
    list[str] | None,
    typer.Option("--nature", parser=nature, help="confidentiality, integrity, availability"),
]
WhatOption = Annotated[str | None, typer.Option("--what", help="What happened. No pupil's data.")]
MeasureOption = Annotated[
    list[str] | None, typer.Option("--measure", help="A measure taken. No pupil's data.")
]
ContactOption = Annotated[str | None, typer.Option("--contact", help="Whom the ICO may ask.")]
GovernanceOption = Annotated[
    str | None, typer.Option("--governance", help="How to reach LA Information Governance.")
]
NotifiedOption = Annotated[
    datetime | None,
    typer.Option("--notified-at", parser=dates.any_time, help="When the ICO was notified."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show it; nothing is put on record.")]
AnnexOption = Annotated[
    bool, typer.Option("--annex", help="Print the annex, too: each opening, log entry and transfer.")
]


@app.command("record")
@fails_clearly
def one_breach(
    aware_at: AwareOption = None,
    amend: AmendOption = None,
    transfer: TransferOption = None,
    person: PersonOption = None,
    former_staff: FormerStaffOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    natures: NatureOption = None,
    what: WhatOption = None,
    measure: MeasureOption = None,
    contact: ContactOption = None,
    governance: GovernanceOption = None,
    notified_at: NotifiedOption = None,
    dry_run: DryRunOption = False,
    annex: AnnexOption = False,
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """The record of a breach for the ICO (UK GDPR Article 33), prefilled, and put on record.

    Times are local unless they name a zone; a day counts from its beginning, or with --to until its end.
    """
    from gateway.record import breach_records  # noqa: PLC0415 - loads the OpenPGP libraries

    with registrar_of(home) as registrar:
        zone = ZoneInfo(registrar.catalogue.calendar.timezone)
        said = {
            "aware_at": aware_at, "since": since, "until": until, "notified_at": notified_at,
            "transfers": transfer, "staff": [*(person or []), *(former_staff or [])], "keys": key,
            "natures": natures, "what": what,
            "measures": measure, "contact": contact, "governance": governance,
        }  # fmt: skip
        given = {name: _placed(value, zone) for name, value in said.items() if value}
        with registrar.registry.write() as session:
            number, told = _told(session, amend, given)
            document = breach_records.drafted(
                session, told, registrar.catalogue,
                number=number, organisation=registrar.settings.organisation, now=now(),
            )  # fmt: skip
            if not dry_run:
                breach_records.keep(session, number, told, document, by=who(), at=now())
                registrar.sign_head(session, now())
    deliver(document, html, as_json=as_json, annex=annex)
    if dry_run:
        err.print("nothing is put on record")


def _told(session: Session, amend: int | None, given: dict[str, Any]) -> tuple[int, Told]:
    """The number of a record, and what is said of the breach now."""
    from gateway.record import breach_records  # noqa: PLC0415 - loads the OpenPGP libraries

    if amend is None:
        if "aware_at" not in given:
            raise GatewayError("say when you became aware of it: --aware-at")
        return breach_records.next_number(session), breach_records.Told(**given)
    return amend, breach_records.amended(breach_records.record(session, amend), given)


def _placed(value: Any, zone: ZoneInfo) -> Any:  # noqa: ANN401 - whatever an option holds
    """A time that was given without a zone, in the authority's; several values as they are kept."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    return tuple(value) if isinstance(value, list) else value


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Every record: when it was made last and by whom, by when the ICO is to be told, whether it was."""
    from gateway.record import breach_records  # noqa: PLC0415 - loads the OpenPGP libraries

    with registry(home) as opened, opened.read() as session:
        rows = [
            {
                "number": one.number,
                "versions": one.versions,
                "recorded_at": rfc3339(one.at),
                "by": one.by,
                "aware_at": rfc3339(one.told.aware_at) if one.told else None,
                "notify_by": rfc3339(one.told.aware_at + NOTIFY_WITHIN) if one.told else None,
                "notified_at": rfc3339(one.told.notified_at) if one.told else None,
                "nature": list(one.told.natures) if one.told else [],
            }
            for one in breach_records.records(session)
        ]
    columns = ("number", "versions", "recorded_at", "by", "aware_at", "notify_by", "notified_at", "nature")
    narrow = ("number", "aware_at", "notify_by", "notified_at")
    show(rows, columns, as_json=as_json, empty="no breach is on record", narrow=narrow)


@app.command("show")
@fails_clearly
def show_one(
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="As `breach list` numbers it.")],
    annex: AnnexOption = False,
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """One record as it was put on record last: in short, or with its annex."""
    from gateway.record import breach_records  # noqa: PLC0415 - loads the OpenPGP libraries

    with registry(home) as opened, opened.read() as session:
        document = breach_records.record(session, number).document
    deliver(document, html, as_json=as_json, annex=annex)
