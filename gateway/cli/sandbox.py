"""demo and sandbox: show a gateway at work, or run one for suppliers to try programs with."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.cli.commands import fails_clearly
from gateway.cli.console import now, say
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.homes import sandbox as made
from gateway.homes.demo.parties import Party, Stage
from gateway.homes.demo.story import demonstrate
from gateway.homes.sandbox import CODES
from gateway.observe.signals import until_told
from gateway.send.ceremonies import hand_over, read_invitation, take_keys
from gateway.send.kit import Kit

_PASSPHRASE = "seven lamps beside no river"  # noqa: S105 - of keys for the sandbox alone
_PROVIDER = "sandbox"


@fails_clearly
def demo() -> None:
    """Show the gateway at work: real services and files in a temporary home, which is cleaned up."""
    demonstrate(Console(highlight=False, markup=False, emoji=False))  # Of tables and panels, which wrap.


@fails_clearly
def sandbox(
    folder: Annotated[
        Path | None, "Keep everything in this empty folder; one that is thrown away if not given."
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free port.")] = 0,
    ssh_key: Annotated[Path | None, "Your public SSH key; keys and a kit are made if not given."] = None,
    openpgp_key: Annotated[Path | None, "Your OpenPGP certificate, with --ssh-key."] = None,
    codes: Annotated[bool, "List the codes that a name can ask for."] = False,
) -> None:
    """Run a whole gateway on loopback with a throw-away home, until Ctrl-C. Give it no real pupil data.

    A file's name picks its outcome: held.classify-unknown.xml, refused.open-damaged.xml. A file of any other
    name is judged by content.
    """
    if codes:
        for code in CODES:
            typer.echo(code)
        return
    if (ssh_key is None) != (openpgp_key is None):
        raise GatewayError("give both of your keys, or none")
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise GatewayError(f"{folder} is not empty")
    with ExitStack() as stack:
        root = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-sandbox-")))
        stage = Stage(root / "home")
        stage.done("init", "--organisation", "Sandbox", "--log-origin", "sandbox.invalid/log")
        stage.done("providers", "add", _PROVIDER, "--name", "A school in the sandbox", "--kind", "school")
        with until_told() as ended, made.sandbox(Home(root / "home"), now, port=port) as place:
            given = [file for file in (ssh_key, openpgp_key) if file is not None]
            for file in given or [_kit(root, stage, place), *_keys(root / "keys", stage)]:
                stage.done("keys", "add", _PROVIDER, str(file))
            stage.confirm(_PROVIDER)
            stage.done("agreement", "ratify", _PROVIDER, "--signatory", "nobody")
            typer.echo(f"ready intake {place[0]}:{place[1]}")
            hosts = {one["service"]: one["fingerprint"] for one in stage.json("keys", "host", "list")}
            typer.echo(f"the provider is {_PROVIDER}; gateway.asc is in /keys; host key {hosts['intake']}")
            if not given:
                say(f"try: gateway send --kit {root / 'kit'} --passphrase-file {root / 'passphrase'} FILE")
            ended.wait()


def _keys(folder: Path, stage: Stage) -> tuple[Path, Path]:
    """Make the provider's keys for other clients in `folder`; return the files with the public halves."""
    party = Party(_PROVIDER, folder)
    (folder / "openpgp.key").write_text(str(party.openpgp), "utf-8")
    (folder / "gateway.asc").write_text(stage.done("keys", "gateway", "export"), "utf-8")
    return party.ssh_public, party.certificate


def _kit(root: Path, stage: Stage, place: tuple[str, int]) -> Path:
    """Set up the provider's kit in `root`, for intake at `place`; return the file with its public keys."""
    (root / "passphrase").write_text(f"{_PASSPHRASE}\n", "utf-8")
    invitation = root / f"{_PROVIDER}.invitation"
    invitation.write_text(
        stage.done("providers", "invite", _PROVIDER, "--address", f"{place[0]}:{place[1]}"), "utf-8"
    )
    take_keys(
        Kit(root / "kit"), *read_invitation(invitation), owner="Sandbox School <office@sandbox.invalid>",
        ssh_key=None, openpgp_key=None, passphrases=(_PASSPHRASE, _PASSPHRASE), now=now(),
    )  # fmt: skip
    return hand_over(Kit(root / "kit"), root)[0]
