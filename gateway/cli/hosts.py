"""hosts add and join: pass on everything needed by another host, in a sealed file."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands import HomeOption, command_in
from gateway.cli.console import now, out, registrar_of, who
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.homes.new_host import new_code, packed, unpacked
from gateway.registry import hosts, log

app = typer.Typer()

FileArgument = Annotated[Path, "FILE", "The sealed file that one host hands to another."]


@command_in(app)
def add(
    home: HomeOption,
    name: Annotated[str, "NAME", "What the host is to be called, such as two."],
    file: FileArgument,
) -> None:
    """Write everything another host needs, sealed under a code shown once: settings, policies, secrets.

    An existing host takes only what it lacks from the file, such as a new key of the gateway.
    """
    code = new_code()
    sealed = packed(Home(home), name, code)
    with ExitStack() as unless_recorded:
        try:
            with file.open("xb") as target:
                unless_recorded.callback(file.unlink, missing_ok=True)  # The code of the file was not shown.
                file.chmod(0o600)
                target.write(sealed)
        except FileExistsError:
            raise GatewayError(f"{file} is there already") from None
        with registrar_of(home) as registrar, registrar.registry.write() as session:
            if hosts.was_removed(session, name):
                raise GatewayError(
                    f"{name} is the name of a host that was removed, or leaves: choose another name, since "
                    "that machine may be started again"
                )
            if name not in {one.name for one in hosts.known(session)}:
                hosts.expect(session, name)
                log.append(session, [log.Entry(kind="host-added", subject=name, actor=who())], now())
                registrar.sign_head(session, now())
        unless_recorded.pop_all()
    out.print(f"written: {file}. There: gateway hosts join {file.name}, with this code, by another way:")
    out.print(code)


@command_in(app)
def join(home: HomeOption, file: FileArgument) -> None:
    """Make a home from another host's file, or add the missing parts. Overwrites the list of host keys alone.

    Asks for the code shown by gateway hosts add, or reads the code as a line of standard input.
    """
    # Never an argument, visible to other users.
    code = typer.prompt("Code", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    name, files = unpacked(file.read_bytes(), Home(home), code.strip().lower())
    out.print(f"this is host {name}: {files} files were written. Remove {file}, there and here.")
