"""pupils index: the one command on pupils to read the files themselves."""

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, command_in, out, registrar_of
from gateway.cli.progress import progress
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.record.children import reindex

app = typer.Typer()


@command_in(app)
def index(home: HomeOption = DEFAULT_HOME) -> None:
    """Index the stored files missing from the index. May be interrupted and repeated."""
    with registrar_of(home) as registrar, progress("indexing") as report:
        done, left = reindex(registrar, report)
    out.print(f"put into the index: {counted(done, 'file')}")
    if left:
        raise GatewayError(f"{counted(len(left), 'file')} could not be opened; the log above says why")
