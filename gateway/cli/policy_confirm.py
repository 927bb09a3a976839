"""policy confirm: a person reads a clause and confirms the settings citing the clause."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gateway.cli.console import DEFAULT_HOME, HomeOption, existing, fails_clearly, out, plain
from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.model import counted
from gateway.policy.catalogue import Catalogue, load_unchecked
from gateway.policy.citations import ClauseTexts, cited_now, confirmed, due
from gateway.policy.schema import ClauseId
from gateway.zones.spool import write_durably

ClausesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[CLAUSE]...", help="All that wait for it if not given.")
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--policies", file_okay=False, help="A policies folder; that of the home if not given."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="You have read them: do not ask.")]


@fails_clearly
def confirm(
    clauses: ClausesArgument = None,
    folder: FolderOption = None,
    yes: YesOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show each new or changed clause with the settings citing the clause, and ask for confirmation."""
    policies = folder or existing(home).policies
    file = policies / "confirmed.toml"
    if policies.is_dir() and not file.exists():
        write_durably(file, b"", mode=0o644)
    catalogue = load_unchecked(policies)
    read = [clause for clause in _wanted(catalogue, clauses) if _is_confirmed(catalogue, clause, yes=yes)]
    write_durably(file, confirmed(catalogue, read).encode(), mode=0o644)
    left = due(load_unchecked(policies))
    out.print(f"{counted(len(read), 'clause')} confirmed, {len(left)} left", soft_wrap=True)
    if left and not clauses:
        raise typer.Exit(1)


def _wanted(catalogue: Catalogue, named: list[str] | None) -> list[ClauseId]:
    """Return the clauses to ask about. GatewayError for a clause without citation."""
    waiting = due(catalogue)
    if not named:
        return list(waiting)
    known = {*cited_now(catalogue), *waiting}
    for clause in named:
        if clause not in known:
            raise GatewayError(f"nothing cites a clause {clause}{nearest(clause, known)}")
    return list(dict.fromkeys(named))


def _is_confirmed(catalogue: Catalogue, clause: ClauseId, *, yes: bool) -> bool:
    text = ClauseTexts(catalogue.agreement, catalogue.agreement_text).of(clause)
    users = cited_now(catalogue).get(clause, ())
    out.print(Text(f"\nclause {clause}: {plain(catalogue.agreement.clauses.get(clause, ''))}", style="bold"))
    out.print(Text(plain(text or "It is no longer in the text.")), soft_wrap=True)
    out.print(Text(f"rests on it: {plain(', '.join(users) or 'nothing any more')}"), soft_wrap=True)
    return yes or typer.confirm("Does the clause say this?", default=False, err=True)
