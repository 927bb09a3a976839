"""log: print, verify, prove, cosign and export the append-only record of all events."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, closing
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.commands import HomeOption, JsonOption, ReferenceArgument, command_in
from gateway.cli.console import now, out, print_exactly, print_json, progress, registrar_of, say
from gateway.cli.identity import sight_here
from gateway.errors import GatewayError, NotFoundError
from gateway.homes.audit.audit import audit, rows_to_look_at, summary
from gateway.homes.audit.files import check_published, check_sealed, fault_of_head, found_twice
from gateway.homes.audit.tree import AuditPortions, Inconsistency, watch
from gateway.log.checkpoint import read_checkpoint
from gateway.model import counted
from gateway.observe.logs import entry_as_json
from gateway.processor.checkpoints import keep_cosigned
from gateway.publish.projection import number_in, replace_published, size_of_head
from gateway.registry import log
from gateway.registry.sight import check_all_seen, unseen
from gateway.verify.verify_receipts import Unproved, read_head

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

app = typer.Typer()
_SHOWN = 50
_LINES_OF_A_HEAD = 4  # Origin, size, root, and a signature after an empty line.


@command_in(app)
def head(home: HomeOption, as_json: JsonOption = False) -> None:
    """Print the signed head of the log, for keeping elsewhere; on one line with --json, for a journal.

    Without new events the last head is printed again.
    """
    with registrar_of(home) as registrar:
        signed = registrar.newest_head()
    print_exactly(json.dumps({"checkpoint": signed}) + "\n" if as_json else signed)


@command_in(app)
def verify(
    home: HomeOption,
    checkpoint: Annotated[
        list[Path] | None, "A signed head or a JSON receipt kept elsewhere, which must be part of this log."
    ] = None,
    sealed: Annotated[bool, "Read every sealed file as well."] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes check signatures.")] = 1,
    state: Annotated[
        Path | None, "A file that keeps what was checked without a fault: an interrupted run resumes there."
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute the whole log, compare the registry and published files with it, and name contradictions.

    Exit 1 for a contradiction, 2 for a --checkpoint file with neither a head nor a receipt.
    """
    try:
        heads = [(file.name, _head_in(file)) for file in checkpoint or []]
    except GatewayError as error:  # A typing mistake: exit 2.
        raise typer.BadParameter(str(error), param_hint="--checkpoint") from None
    with registrar_of(home) as registrar, progress("recomputing the log") as told, ExitStack() as ends:
        signing = registrar.signing
        portions = ends.enter_context(closing(AuditPortions(workers, state, signing.log_key)))
        found, leaves = inconsistencies(registrar, heads, sealed=sealed, tell=told, portions=portions)
    if as_json:
        print_json(
            {"fits": not found, "leaves": leaves, "inconsistencies": [dataclasses.asdict(m) for m in found]}
        )
    for inconsistency in () if as_json else found:
        say(f"{inconsistency.where}: {inconsistency.what}")
    if found:
        raise GatewayError(f"the log does not hold; first: {summary(found, leaves)}")
    if not as_json:
        out.print(summary(found, leaves))


def inconsistencies(
    registrar: Registrar,
    heads: list[tuple[str, str]],
    *,
    sealed: bool,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
    portions: AuditPortions | None = None,
) -> tuple[list[Inconsistency], int]:
    """Return the contradictions in log and registry, at most 50 of each kind, and the number of log entries.
    `heads`: pairs of a file's name and the signed head in that file, kept elsewhere. `sealed`: read every
    sealed file, too. `tell` is called with the number of rows checked so far, and of all rows. `portions`:
    how `audit` divides the check among processes; None for one process.
    """
    home, vkey, registry, done = registrar.home, registrar.signing.vkey, registrar.registry, 0
    with registry.read() as session:
        every, found = rows_to_look_at(session), list[Inconsistency]()

        def looked_at(more: int) -> None:
            nonlocal done
            done += more
            tell(done, every)

        looked_at(0)
        watch(session, looked_at)
        log_keys = log.keys_in_time(session, vkey)
        for name, text in heads:
            kept = read_checkpoint(text, {one.key for one in log_keys})
            try:
                read_head(text, log_keys)
                fault = fault_of_head(session, kept)
            except Unproved as error:
                fault = str(error)
            if fault:
                found.append(Inconsistency(name, fault))
        found += islice(audit(session, vkey, portions), _SHOWN)
        leaves = log.size(session)
    found += found_twice(registry, lambda session: check_published(session, home, vkey))[:_SHOWN]
    if sealed:
        found += found_twice(registry, lambda session: check_sealed(session, home))[:_SHOWN]
    return found, leaves


@command_in(app)
def cosign(
    home: HomeOption, file: Annotated[Path, "FILE", "The head with the witness's line, or - ."]
) -> None:
    """Store and publish a head cosigned by a witness of gateway.toml."""
    with registrar_of(home) as registrar:
        _keep_cosigned(registrar, _read(file))


def _keep_cosigned(registrar: Registrar, offered: str) -> None:
    """Store and publish the cosigned head in the text `offered`, and print a line about it."""
    with registrar.registry.write() as session:
        own = (one.key for one in log.keys_in_time(session, registrar.signing.vkey))
        head = log.cosign(session, offered, (*own, *registrar.settings.log.witnesses))
    keep_cosigned(registrar.home.published, head)
    out.print(f"the head of {counted(head.size, 'entry', 'entries')} is kept with its cosignatures")


@command_in(app)
def prove(
    home: HomeOption,
    reference: ReferenceArgument,
    who: Annotated[bool, "--who", "Tell who acted, so that it can be proved, too."] = False,
) -> None:
    """Print, as JSON, every event on one transfer with the proof against the current head."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        signing = registrar.signing
        signed = registrar.sign_head(session, now())
        size = log.size(session)
        events = log.events(session, reference)
        proofs = log.inclusion_proofs(session, [event.number for event in events], size)
        proved = [
            {
                "index": event.number,
                "leaf": leaf.decode(),
                "proof": [b64encode(node).decode() for node in proof],
            }
            | ({"actor": event.actor, "salt": event.salt.hex()} if who and event.actor and event.salt else {})
            for event, (leaf, proof) in zip(events, proofs, strict=True)
        ]
        check_all_seen(session, sight_here(session, home), " ".join(str(one["leaf"]) for one in proved))
    if not proved:
        raise NotFoundError(f"the log holds nothing on {reference}")
    print_json({"log_key": signing.vkey, "checkpoint": signed, "events": proved})


@command_in(app)
def consistency(
    home: HomeOption,
    first: Annotated[int, "FIRST", "The size of the older head."],
    second: Annotated[int, "SECOND", "The size of the newer head."],
) -> None:
    """Print, as JSON, the proof that the log of SECOND entries begins with the log of FIRST."""
    with registrar_of(home) as registrar, registrar.registry.read() as session:
        if not 0 < first < second <= log.size(session):
            raise GatewayError(f"give two sizes, the smaller one first, of at most {log.size(session)}")
        (proof,) = log.consistency_proofs(session, [first], second)
    told = {"origin": registrar.signing.origin, "first": first, "second": second}
    print_json({**told, "proof": [b64encode(node).decode() for node in proof]})


@command_in(app)
def export(home: HomeOption, folder: Annotated[Path, "DIR", "A folder that does not exist yet."]) -> None:
    """Write the whole log as JSON lines with the signed heads, for verification elsewhere.

    To verify it: python -m gateway.verify.verify_log DIR. Of entries on files that you may not know of, only
    the hashes are written.
    """
    with registrar_of(home) as registrar:
        signing, registry = registrar.signing, registrar.registry
        registrar.newest_head()
        try:
            folder.mkdir(parents=True)
            with registry.read() as session:
                hidden = unseen(session, sight_here(session, home))
                written = 0
                for head in log.heads_after(session, -1):
                    (folder / f"checkpoint-{head.size}").write_text(head.text, "utf-8")
                    written = head.size
                with (folder / "leaves.jsonl").open("wb") as leaves:  # What no head covers yet is not proved.
                    for leaf in islice(log.leaves(session, hidden), written):
                        leaves.write(leaf + b"\n")
                later = log.size(session) - written
            (folder / "log-key.vkey").write_text(f"{signing.vkey}\n", "ascii")
            (folder / "log-key.asc").write_text(signing.log_statement, "utf-8")
        except FileExistsError:
            raise GatewayError(f"{folder} exists already") from None
    out.print(f"wrote {counted(written, 'entry', 'entries')} into {folder}")
    if later:  # At least the entry that records the head itself.
        out.print(f"left to the next export and its head: {counted(later, 'entry', 'entries')}")
    if hidden:
        out.print(f"of {counted(len(hidden), 'file')} for others than you, only the hashes of their entries")


@command_in(app)
def events(home: HomeOption, place: Annotated[Path, "FILE", "Keeps the number of the next entry."]) -> None:
    """Print the entries since the last call as JSON lines with ECS names (docs/siem.md), for a SIEM.

    The first call prints nothing, and notes where the log ends. After a failed call, the next one prints the
    same entries again.
    """
    with registrar_of(home) as registrar, registrar.registry.read() as session:
        size = log.size(session)
        first = number_in(place) if place.exists() else size
        hidden = unseen(session, sight_here(session, home))
        for event in log.entries(session, first, size):
            if not log.names_any(event.leaf, event.subject, hidden):
                print_exactly(entry_as_json(event.leaf) + "\n")
    replace_published(place, str(size))


@command_in(app)
def tiles(home: HomeOption, folder: Annotated[Path, "DIR", "The folder that a web server serves."]) -> None:
    """Write the hashes of the log as tiles (C2SP tlog-tiles) beside a signed head, for any monitor.

    The entries themselves are not written. Repeat the command to add the tiles of later entries.
    """
    with registrar_of(home) as registrar:
        head = registrar.newest_head()
        size, known = size_of_head(head), folder / "checkpoint"
        before = size_of_head(_read(known)) if known.exists() else 0
        if before < 0:
            raise GatewayError(f"{known} is no signed head: name another folder")
        if before > size:
            raise GatewayError(f"{folder} holds {before} entries, the log only {size}: it was cut")
        with registrar.registry.read() as session:
            for name, hashes in log.tiles(session, before, size):
                tile = folder / "tile" / name
                tile.parent.mkdir(parents=True, exist_ok=True)
                tile.write_bytes(hashes)
                if not tile.parent.name.endswith(".p"):
                    shutil.rmtree(f"{tile}.p", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        replace_published(known, head)
    out.print(f"{folder} holds the tiles of {counted(size, 'entry', 'entries')}")


@command_in(app)
def witness(home: HomeOption, address: Annotated[str, "URL", "The witness's submission prefix."]) -> None:
    """Ask a witness of gateway.toml over HTTP to cosign the newest head (C2SP tlog-witness); store it."""
    import httpx  # noqa: PLC0415 - slow, and no other command of the log asks anybody

    with registrar_of(home) as registrar:
        head, old = registrar.newest_head(), 0
        size = size_of_head(head)
        for _ in range(2):  # One that knows this log answers 409, with the size of the last head it saw.
            if old > size:
                told = f"the witness has seen {old} entries, the log has only {size}: it was cut"
                raise GatewayError(told)
            with registrar.registry.read() as session:
                (proof,) = log.consistency_proofs(session, [old], size)
            nodes = (b64encode(node).decode() for node in proof)
            lines = "".join(f"{line}\n" for line in (f"old {old}", *nodes, ""))
            try:
                place = f"{address.rstrip('/')}/add-checkpoint"
                answer = httpx.post(place, content=lines + head, timeout=30)
            except httpx.HTTPError as error:
                raise GatewayError(f"the witness does not answer: {type(error).__name__}") from None
            if answer.status_code != HTTPStatus.CONFLICT or not answer.text.strip().isdecimal():
                break
            old = int(answer.text)
        if answer.status_code != HTTPStatus.OK:
            raise GatewayError(f"the witness did not cosign the head: HTTP {answer.status_code}")
        _keep_cosigned(registrar, head + answer.text)


def _head_in(file: Path) -> str:
    """Return the signed head in a file: alone, in a JSON receipt, or printed by `log head --json`."""
    text = _read(file)
    if not text.lstrip().startswith("{") and text.count("\n") >= _LINES_OF_A_HEAD:
        return text
    try:
        return str(json.loads(text)["checkpoint"])
    except (ValueError, KeyError, TypeError):
        raise GatewayError(f"{file} is neither a signed head nor a receipt") from None


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except OSError as error:
        raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GatewayError(f"{file} is not text") from None
