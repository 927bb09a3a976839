"""letters: what is written to whom: a preview of any days, what was sent, and what came back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    registry,
    show,
    who,
)
from gateway.cli.options import LISTED, LimitOption, WhyOption
from gateway.home.settings import load_settings
from gateway.registry import letters

app = typer.Typer(no_args_is_help=True, help="Letters to schools and staff: who is written to, and when.")


@app.command()
@fails_clearly
def preview(
    home: HomeOption = DEFAULT_HOME,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="As if it were that day; today if not given."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=400, help="So many days from then on, each letter once.")
    ] = 1,
    limit: LimitOption = LISTED,
    as_json: JsonOption = False,
) -> None:
    """What the calendar would have written to whom, by what is on record now. Nothing is owed or sent.

    Letters about single files are not foreseen: they are owed when a file is decided.
    """
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - only this verb reads the policies
    from gateway.record.letters import Letterhead, by_calendar  # noqa: PLC0415 - loads the OpenPGP libraries

    place = existing(home)
    letterhead = Letterhead(load_catalogue(place.policies_in_force), load_settings(place).organisation)
    first = now() if on is None else on.replace(hour=12, tzinfo=UTC)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    with registry(home) as opened, opened.read() as session:
        for number in range(days):
            at = first + timedelta(days=number)
            for letter in by_calendar(letterhead, session, at):
                row: dict[str, str | None] = {
                    "day": at.date().isoformat(),
                    "kind": letter.kind,
                    "to": letter.recipient,
                }
                row |= {"provider": letter.provider, "subject": letter.subject, "text": letter.text}
                rows.setdefault((letter.event, letter.recipient), row)
    columns = ("day", "kind", "to", "subject")
    show(list(rows.values()), columns, as_json=as_json, empty="nobody is written to", limit=limit)


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """Every letter that was owed: when it was, when the relay had it, and whether it came back."""
    with registry(home) as opened, opened.read() as session:
        rows = [row.model_dump(exclude={"text"}) for row in letters.listed(session)]
    columns = ("number", "kind", "recipient", "subject", "owed_at", "sent_at", "refused", "bounced_at")
    narrow = ("number", "kind", "recipient", "sent_at")
    show(rows, columns, as_json=as_json, empty="no letter was owed", narrow=narrow, limit=limit, latest=True)


@app.command()
@fails_clearly
def bounced(
    number: Annotated[int, typer.Argument(help="As letters list has it.")],
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Note that a letter came back, and why: then mend the address (gateway providers set ID --contact)."""
    with registry(home) as opened, opened.write() as session:
        letters.bounced(session, number, at=now(), by=who(), why=why)
    out.print(f"noted: letter {number} came back")
