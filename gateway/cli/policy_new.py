"""policy new: an agreement of your own, and flows of your own from the headings of sample files."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, existing, fails_clearly, out
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.policy.catalogue import load_unchecked
from gateway.policy.new_flow import NewFlow, begin, check_new, write_flow

app = typer.Typer(no_args_is_help=True, help="Something new in the policies, written for you.")


@app.command("agreement")
@fails_clearly
def agreement(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, for the policies.")],
    text: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, exists=True, help="The agreement, as plain text.")
    ],
    title: Annotated[str, typer.Option(help="What it is called.")],
    like: Annotated[
        str | None, typer.Option(metavar="NAME", help="The agreement to begin from, such as cwm-alarch.")
    ] = None,
) -> None:
    """Begin the policies of an agreement of your own from those of one that ships."""
    begin(folder, text, title, like)
    out.print(f"{folder} is written; go on with docs/your-own-agreement.md, and see what is left:")
    out.print(f"gateway policy check --mend {folder}", soft_wrap=True)


@app.command("flow")
@fails_clearly
def flow(
    sample: Annotated[Path, typer.Argument(dir_okay=False, exists=True, help="CSV, a workbook or XML.")],
    identifier: Annotated[str, typer.Option("--id", help="Of a-z, 0-9 and hyphens.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    clause: Annotated[str, typer.Option(help="The clause of the agreement that lists it.")],
    words: Annotated[str, typer.Option(help="What that clause says, in short.")],
    senders: Annotated[str, typer.Option(help="Kinds of provider, by id or name, by commas.")],
    recipients: Annotated[str, typer.Option(help="Recipients, by id or name, by commas.")],
    teams: Annotated[str, typer.Option(help="Teams, by id or name, by commas.")],
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
    from gateway.cli.policy_sample import doubts, kind_of, read_sample  # noqa: PLC0415 - the same
    from gateway.record.policy_check import check  # noqa: PLC0415 - the same

    policies = folder or existing(home).policies
    catalogue, rules = load_unchecked(policies), load_rules(policies)
    found = read_sample(sample, rules)
    new = NewFlow(
        id=identifier,
        title=title,
        clause=clause,
        words=words,
        senders=_ids(senders, {one.name: one.id for one in catalogue.bodies.kind}),
        recipients=_ids(recipients, {one.name: one.id for one in catalogue.bodies.recipient}),
        teams=_ids(teams, {one.name: one.id for one in catalogue.teams.team}),
        basis=basis,
        timescale=timescale,
        about=about,
        headings=tuple(found.values),
        known=found.known,
        due=_span(due),
        optional=_several(optional),
        values={name: kind for name, texts in found.values.items() if (kind := kind_of(texts, rules))},
        elements=found.elements,
        collection=found.collection,
    )
    check_new(new, catalogue)
    write_flow(policies, new, catalogue)
    out.print(f"{identifier} is written: {counted(len(new.new), 'item')} of its own", soft_wrap=True)
    doubted = (line for heading in new.new for line in doubts(heading, found.values[heading], rules))
    for line in (*doubted, *map(str, check(policies))):
        out.print(line, soft_wrap=True)
    out.print(
        "read what was written, then: gateway policy confirm, and gateway policy propose", soft_wrap=True
    )


def _several(given: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in given.split(",") if one.strip())


def _ids(given: str, named: dict[str, str]) -> tuple[str, ...]:
    """Return the ids of what is given by id or by name; `named` are the ids by name."""
    by_name = {name.casefold(): one for name, one in named.items()}
    return tuple(by_name.get(one.casefold(), one) for one in _several(given))


def _span(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    first, dots, last = given.partition("..")
    if not dots:
        raise GatewayError("write --due as 06-01..06-30")
    return first, last
