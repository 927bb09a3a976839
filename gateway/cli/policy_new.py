"""policy new flow: a flow of your own, written into the policies from the headings of a sample file."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, counted, existing, fails_clearly, out
from gateway.errors import GatewayError
from gateway.policy.catalogue import load_unchecked
from gateway.policy.new_flow import NewFlow, check_new, columns_of, write_flow

app = typer.Typer(no_args_is_help=True, help="Something new in the policies, written for you.")
_MANY = 64 * 1024
_ROWS = 50


@app.command("flow")
@fails_clearly
def flow(
    sample: Annotated[Path, typer.Argument(dir_okay=False, exists=True, help="CSV or a workbook.")],
    identifier: Annotated[str, typer.Option("--id", help="Of a-z, 0-9 and hyphens.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    clause: Annotated[str, typer.Option(help="The clause of the agreement that lists it.")],
    words: Annotated[str, typer.Option(help="What that clause says, in short.")],
    senders: Annotated[str, typer.Option(help="Kinds of provider, by commas.")],
    recipients: Annotated[str, typer.Option(help="Recipients, by commas.")],
    teams: Annotated[str, typer.Option(help="Teams, by commas.")],
    timescale: Annotated[str, typer.Option(help="Such as weekly, or one of calendar.toml.")] = "on-event",
    due: Annotated[str | None, typer.Option(metavar="MM-DD..MM-DD", help="When, if it is annual.")] = None,
    basis: Annotated[str, typer.Option(help="One of the bases in agreement.toml.")] = "supporting",
    about: Annotated[
        str, typer.Option(help="Whose data it is: one of the persons in agreement.toml.")
    ] = "pupils",
    optional: Annotated[str, typer.Option(help="Headings that a file may lack, by commas.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--policies", file_okay=False, help="That of the home if not given."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write a flow, with data type, items, rights, clause and dates, and list the remaining work."""
    from gateway.classify.load import load_rules  # noqa: PLC0415 - loads the classifier
    from gateway.classify.value_kinds import read_date  # noqa: PLC0415 - the same
    from gateway.record.policy_check import check  # noqa: PLC0415 - the same

    policies = folder or existing(home).policies
    catalogue, rules = load_unchecked(policies), load_rules(policies)
    columns = _columns(sample)
    headings = tuple(columns)
    fields = {heading: rules.column_field(heading) for heading in headings}
    new = NewFlow(
        id=identifier,
        title=title,
        clause=clause,
        words=words,
        senders=_several(senders),
        recipients=_several(recipients),
        teams=_several(teams),
        basis=basis,
        timescale=timescale,
        about=about,
        headings=headings,
        known={heading: field for heading, field in fields.items() if field is not None},
        due=_span(due),
        optional=_several(optional),
        dates=tuple(name for name, found in columns.items() if found and all(map(read_date, found))),
    )
    check_new(new, catalogue)
    write_flow(policies, new, catalogue)
    out.print(f"{identifier} is written: {counted(len(new.new), 'item')} of its own", soft_wrap=True)
    faults = check(policies)
    for fault in faults:
        out.print(str(fault), soft_wrap=True)
    out.print(
        "read what was written, then: gateway policy confirm, and gateway policy propose", soft_wrap=True
    )


def _several(given: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in given.split(",") if one.strip())


def _span(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    first, dots, last = given.partition("..")
    if not dots:
        raise GatewayError("write --due as 06-01..06-30")
    return first, last


def _columns(sample: Path) -> dict[str, list[str]]:
    """Return the columns of a CSV file or of the first sheet of a workbook, by their headings."""
    try:
        if sample.suffix.lower() in {".xlsx", ".xls", ".xlsb", ".ods"}:
            from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - loaded where it is needed

            try:
                sheet = CalamineWorkbook.from_path(sample).get_sheet_by_index(0)
            except CalamineError as error:
                raise GatewayError(f"{sample} cannot be read: {error}") from None
            return columns_of(sheet.to_python())
        with sample.open(encoding="utf-8-sig", newline="") as text:
            start = text.read(_MANY)
    except UnicodeDecodeError:
        raise GatewayError(f"{sample} is no UTF-8 text: save it as CSV UTF-8, or as a workbook") from None
    except OSError as error:
        raise GatewayError(f"{sample} cannot be read: {error.strerror}") from None
    delimiter = max(",;\t", key=start.partition("\n")[0].count)
    return columns_of(list(csv.reader(start.splitlines()[:_ROWS], delimiter=delimiter)))
