"""log: the append-only record of everything that happened."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.audit.misfit import Misfit
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    print_json,
    registrar_of,
)
from gateway.errors import GatewayError, NotFoundError
from gateway.registry import keys, log

if TYPE_CHECKING:
    from gateway.processing.registrar import Registrar

app = typer.Typer(no_args_is_help=True, help="The append-only log.")
_SHOWN = 50


@app.command()
@fails_clearly
def head(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the signed head of the log, for keeping elsewhere."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        signing = registrar.signing
        typer.echo(log.sign_head(session, signing.log_key, signing.origin, now()), nl=False)


@app.command()
@fails_clearly
def verify(
    home: HomeOption = DEFAULT_HOME,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A signed head kept elsewhere: is it part of this log?")
    ] = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="Read every sealed file as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Recompute the whole log and compare the registry with it; name what does not fit."""
    from gateway.audit.audit import Anchors, audit, check_sealed, summary  # noqa: PLC0415 - loads OpenPGP

    with registrar_of(home) as registrar, registrar.registry.read() as session:
        certificates = tuple(
            key.material.encode() for key in keys.list_keys(session, "gateway") if key.kind == "openpgp"
        )
        anchors = Anchors((registrar.signing.vkey,), certificates)
        found = list(islice(_kept_elsewhere(registrar, session, checkpoint or []), _SHOWN))
        found += islice(audit(session, anchors), _SHOWN)
        if sealed:
            found += islice(check_sealed(session, registrar.home), _SHOWN)
        leaves = log.size(session)
    if as_json:
        print_json({"fits": not found, "leaves": leaves, "misfits": [dataclasses.asdict(m) for m in found]})
    for misfit in () if as_json else found:
        out.print(Text(f"{misfit.where}: {misfit.what}"), soft_wrap=True)
    if found:
        raise GatewayError(f"the log does not hold; first: {summary(found, leaves)}")
    if not as_json:
        out.print(summary(found, leaves))


@app.command()
@fails_clearly
def prove(reference: Annotated[str, typer.Argument(metavar="REF")], home: HomeOption = DEFAULT_HOME) -> None:
    """Print, as JSON, every event on one transfer with its proof against the current head."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        signing = registrar.signing
        signed = log.sign_head(session, signing.log_key, signing.origin, now())
        size = log.size(session)
        proved = [
            {
                "index": event.number,
                "leaf": event.leaf.decode(),
                "proof": [_base64(node) for node in log.inclusion_proof(session, event.number, size)],
            }
            for event in log.events(session, reference)
        ]
    if not proved:
        raise NotFoundError(f"the log holds nothing on {reference}")
    print_json({"log_key": signing.vkey, "checkpoint": signed, "events": proved})


@app.command()
@fails_clearly
def consistency(
    first: Annotated[int, typer.Argument(help="The size of the older head.")],
    second: Annotated[int, typer.Argument(help="The size of the newer head.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print, as JSON, the proof that the log of SECOND entries begins with that of FIRST."""
    with registrar_of(home) as registrar, registrar.registry.read() as session:
        if not 0 < first < second <= log.size(session):
            raise GatewayError(f"give two sizes, the smaller one first, of at most {log.size(session)}")
        proof = log.consistency_proof(session, first, second)
    print_json({"first": first, "second": second, "proof": [_base64(node) for node in proof]})


@app.command()
@fails_clearly
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the whole log as JSON lines with its signed heads, to be verified elsewhere."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        signing = registrar.signing
        log.sign_head(session, signing.log_key, signing.origin, now())
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise GatewayError(f"{folder} exists already") from None
        with (folder / "leaves.jsonl").open("wb") as leaves:
            for leaf in log.leaves(session):
                leaves.write(leaf + b"\n")
        for row in log.checkpoints(session):
            (folder / f"checkpoint-{row.size}").write_text(row.text, "utf-8")
        (folder / "log-key.vkey").write_text(f"{signing.vkey}\n", "ascii")
        (folder / "log-key.asc").write_text(signing.log_statement, "utf-8")
        written = log.size(session)
    out.print(f"wrote {written} entries into {folder}", soft_wrap=True)


def _kept_elsewhere(registrar: Registrar, session: Session, files: list[Path]) -> Iterator[Misfit]:
    from gateway.receipts.checkpoint import read_checkpoint  # noqa: PLC0415

    for file in files:
        try:
            kept = read_checkpoint(file.read_text("utf-8"), [registrar.signing.vkey])
        except OSError as error:
            raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
        size = log.size(session)
        if kept.size > size:
            yield Misfit(file.name, f"it is of {kept.size} entries, but the log has only {size}: it was cut")
        elif log.root(session, kept.size) != kept.root:
            yield Misfit(file.name, "the log's first entries are not the ones that were signed then")


def _base64(node: bytes) -> str:
    return base64.b64encode(node).decode()
