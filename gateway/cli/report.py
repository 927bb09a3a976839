"""report: accounts for people, as text or as one HTML page that prints well."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    err,
    fails_clearly,
    now,
    out,
    print_exactly,
    print_json,
    registrar_of,
)
from gateway.cli.options import ReferenceArgument
from gateway.errors import GatewayError
from gateway.registry import log, providers
from gateway.reports.document import Document, as_html, as_object, as_text
from gateway.reports.report import provider_report, transfer_report

app = typer.Typer(no_args_is_help=True, help="Reports for people.")
HtmlOption = Annotated[
    Path | None, typer.Option("--html", help="Write a self-contained page here instead; print it for a PDF.")
]


@app.command("transfer")
@fails_clearly
def one_transfer(
    reference: ReferenceArgument,
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """What was sent, when, with which keys, what was decided on which clause, who collected it."""
    from gateway.record.accounts import account  # noqa: PLC0415 - loads the OpenPGP libraries

    with registrar_of(home) as registrar, registrar.registry.write() as session:
        found = account(session, reference, registrar.settings.organisation)
        head = log.sign_head(session, registrar.signing.log_key, registrar.signing.origin, now())
    deliver(transfer_report(found, now(), head=head), html, as_json=as_json)


@app.command("provider")
@fails_clearly
def one_provider(
    provider: Annotated[str, typer.Argument(metavar="ID")],
    first: Annotated[
        datetime, typer.Option("--from", parser=dates.day, metavar="DAY", help="The first day.")
    ],
    last: Annotated[datetime, typer.Option("--to", parser=dates.day, metavar="DAY", help="The last day.")],
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Everything a provider sent from one day to another (UTC), and what came of it."""
    from gateway.record.accounts import accounts_of  # noqa: PLC0415 - loads the OpenPGP libraries

    since, until = first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + timedelta(days=1)
    if until <= since:
        raise GatewayError("--to is before --from")
    with registrar_of(home) as registrar, registrar.registry.read() as session:
        organisation = registrar.settings.organisation
        document = provider_report(
            accounts_of(session, provider, since, until, organisation),
            now(),
            organisation=organisation,
            provider=provider,
            provider_name=providers.get_provider(session, provider).name,
            first=first.date(),
            last=last.date(),
        )
    deliver(document, html, as_json=as_json)


def deliver(document: Document, html: Path | None, *, as_json: bool) -> None:
    """Print a report, or write it as a page that only its owner can read."""
    if as_json:
        print_json(as_object(document))
    if html is None and not as_json:
        print_exactly(as_text(document))
    if html is None:
        return
    try:
        descriptor = os.open(html, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(as_html(document))
    except OSError as error:
        raise GatewayError(f"{html} cannot be written: {error.strerror}") from None
    (err if as_json else out).print(f"wrote {html}", soft_wrap=True, markup=False)
