"""report: accounts for people, as text or as one HTML page that prints well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway.cli import dates
from gateway.cli.breach import one_breach
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    formerly,
    now,
    registrar_of,
)
from gateway.cli.documents import HtmlOption, deliver
from gateway.cli.identity import sight_here
from gateway.cli.options import ReferenceArgument
from gateway.cli.review import one_review
from gateway.errors import GatewayError
from gateway.registry import providers
from gateway.reports.report import provider_report, transfer_report

app = typer.Typer(no_args_is_help=True, help="Reports for people.")


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
        head = registrar.sign_head(session, now())
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
            accounts_of(session, provider, since, until, organisation, sight=sight_here(session, home)),
            now(),
            organisation=organisation,
            provider=provider,
            provider_name=providers.get_provider(session, provider).name,
            first=first.date(),
            last=last.date(),
        )
    deliver(document, html, as_json=as_json)


app.command("review")(one_review)
app.command("breach", hidden=True)(formerly("report breach", "breach record", one_breach))
