"""pupils index: the one command on pupils to read the files themselves."""

import base64
import logging
import os
from collections.abc import Callable

import typer

from gateway.cli.console import HomeOption, command_in, out, registrar_of
from gateway.cli.progress import progress
from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import MALWARE, Examiner, persons_of
from gateway.examiner.protocol import Read, Reading, Reopen
from gateway.model import ContentRefused, Transfer, counted
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, log, markers, persons, transfers

app = typer.Typer()
_log = logging.getLogger(__name__)


@command_in(app)
def index(home: HomeOption) -> None:
    """Index the stored files missing from the index. May be interrupted and repeated."""
    with registrar_of(home) as registrar, progress("indexing") as report:
        done, left = _reindex(registrar, report)
    out.print(f"put into the index: {counted(done, 'file')}")
    if left:
        raise GatewayError(f"{counted(left, 'file')} could not be opened; the log above says why")


def _reindex(registrar: Registrar, progress: Callable[[int, int], object]) -> tuple[int, int]:
    """Index the children in stored files missing from the index, by opening each in memory.

    Returns the numbers of files indexed, and of files impossible to open. `progress` is called with the files
    done and the total.
    """
    with registrar.registry.read() as session:
        waiting = persons.unindexed(session)
    examiner, left = Examiner(registrar.home), 0
    try:
        for number, reference in enumerate(waiting, 1):
            try:
                with registrar.registry.read() as session:
                    transfer = transfers.get(session, reference)
                content = transfer.content
                is_malware = isinstance(content, ContentRefused) and content.code == MALWARE
                found = b"" if is_malware else _persons(registrar, examiner, transfer)
                with registrar.registry.write() as session:
                    log.check_key(session, registrar.signing.vkey)  # The digests are of its key set.
                    persons.note(session, transfer.sequence, found)
                    if markers.on_transfer(session, transfer.sequence):
                        hand_ons.make_anew(session, [transfer.sequence])
            except Fault as fault:
                _log.error("%s: cannot be put into the index: %s", reference, fault)
                left += 1
            progress(number, len(waiting))
    finally:
        examiner.close()
    return len(waiting) - left, left


def _persons(registrar: Registrar, examiner: Examiner, transfer: Transfer) -> bytes:
    request = Reopen(reference=transfer.upload.reference, sha256=transfer.content_sha256 or "")
    content, _ = examiner.reopen(request)
    try:
        reading = Reading(
            reference=transfer.upload.reference, name=transfer.upload.name, today=registrar.clock().date()
        )
        read: Read = examiner.classify(content, reading)
    finally:
        os.close(content)
    return base64.b64decode(persons_of(read, registrar.home))
