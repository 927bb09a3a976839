"""serve and process: run the services, each of which imports only the modules of its own zone."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Annotated

import typer

from gateway.cli.commands import HomeOption, command_in, fails_clearly
from gateway.cli.console import now
from gateway.errors import GatewayError
from gateway.home import DEFAULT_HOME, Home
from gateway.model import counted
from gateway.observe import logs
from gateway.observe.signals import until_told

app = typer.Typer()
HostOption = Annotated[str | None, "--host", "The address to listen on."]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="The port to listen on; 0 is any free one.")
]
_SERVED = {
    "intake": "Serve the drop box for providers. Needs only spool/ and published/ of the home.",
    "mailboxes": "Serve the mailboxes, in which staff collect files routed to their teams.",
    "console": "Serve the web pages of the staff. Needs only console/ of the home, and running mailboxes.",
    "web": "Serve the pages on which schools send. Needs only web/ of the home, and running intake.",
}
"""The services that listen, each with its help; `run_NAME` of the module `gateway.NAME.server` runs one."""


def _serving(service: str, does: str) -> Callable[..., None]:
    """Make the command that runs a service; `does` is the command's help."""

    def command(home: HomeOption = DEFAULT_HOME, host: HostOption = None, port: PortOption = None) -> None:
        run = resolve_name(f"gateway.{service}.server:run_{service}")
        logs.tell_on_signal()
        raise typer.Exit(run(Home(home), host=host, port=port))

    command.__doc__, command.__name__ = does, f"serve_{service}"
    return command


for _service, _does in _SERVED.items():
    command_in(app, _service)(_serving(_service, _does))


@command_in(app, "courier")
def serve_courier(home: HomeOption) -> None:
    """Give letters to the SMTP relay, and files and messages to other systems, until SIGTERM.

    Needs only letters/, hand-on/ and hooks/ of the home.
    """
    run = resolve_name("gateway.courier.server:run_courier")
    logs.tell_on_signal()
    with until_told() as stop:
        run(Home(home), stop, ready=lambda: typer.echo("ready courier"))


@fails_clearly
def process(home: HomeOption, once: Annotated[bool, "Process what waits now, then exit."] = False) -> None:
    """Open, classify, decide and route what landed, until SIGTERM."""
    service = resolve_name("gateway.processor.service")
    logs.tell_on_signal()
    if not once:
        service.run_processor(Home(home), now, ready=lambda: typer.echo("ready processor"))
        return
    left = service.process_once(Home(home), now)
    if left:
        raise GatewayError(
            f"{counted(left, 'file')} could not be processed because of a fault here: landed still"
        )
