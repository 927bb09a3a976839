"""hosts: the hosts sharing the work, and the joining of another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, out, show
from gateway.cli.console import registry as open_registry
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.registry import hosts

app = typer.Typer(no_args_is_help=True, help="Hosts that share the work on one registry (docs/cluster.md).")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What a host hands to another, sealed.")]


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the hosts at work:

    since when, with the host doing the rounds, and hosts with different secrets.
    """
    with open_registry(home) as registry, registry.read() as session:
        found = hosts.live(session)
    usual = max((one.keys for one in found), key=[one.keys for one in found].count, default="")
    rows = [
        {
            "name": one.name,
            "since": one.since,
            "rounds": "here" if one.leads else "",
            "keys": "as the others" if one.keys == usual else "differ: see gateway hosts add",
        }
        for one in found
    ]
    show(
        rows, ["name", "since", "rounds", "keys"], as_json=as_json, empty="no host is at work that shares it"
    )


@app.command()
@fails_clearly
def add(
    name: Annotated[str, typer.Argument(help="What the host is to be called, such as two.")],
    file: FileArgument,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write everything another host needs, sealed under a code shown once: settings, policies, secrets.

    For an existing host: the missing parts, such as a new key of the gateway.
    """
    from gateway.homes.new_host import new_code, packed  # noqa: PLC0415 - loads the OpenPGP libraries

    code = new_code()
    sealed = packed(Home(home), name, code)
    try:
        with file.open("xb") as target:
            file.chmod(0o600)
            target.write(sealed)
    except FileExistsError:
        raise GatewayError(f"{file} is there already") from None
    out.print(f"written: {file}. There: gateway hosts join {file.name}, with this code, by another way:")
    out.print(code, soft_wrap=True)


@app.command()
@fails_clearly
def join(file: FileArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Make a home from another host's file, or add the missing parts. Never overwrites.

    Asks for the code shown by gateway hosts add, or reads the code as a line of standard input.
    """
    from gateway.homes.new_host import unpacked  # noqa: PLC0415 - loads the OpenPGP libraries

    # Never an argument, visible to other users.
    code = typer.prompt("Code", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    name, files = unpacked(file.read_bytes(), Home(home), code.strip().lower())
    out.print(f"this is host {name}: {files} files were written. Remove {file}, there and here.")
