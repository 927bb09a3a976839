"""log: the append-only record of everything that happened."""

from __future__ import annotations

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, fails_clearly, now
from gateway.home import Home
from gateway.processing.service import open_registrar
from gateway.registry import log

app = typer.Typer(no_args_is_help=True, help="The append-only log.")


@app.command()
@fails_clearly
def head(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the signed head of the log, for keeping elsewhere."""
    with open_registrar(Home(home), now) as registrar, registrar.registry.write() as session:
        signing = registrar.signing
        typer.echo(log.sign_head(session, signing.log_key, signing.origin, now()), nl=False)
