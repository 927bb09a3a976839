"""Indexing the children in files landed before the index existed, or after a loss of the index."""

import base64
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Fault
from gateway.examiner.parent import MALWARE, Examiner
from gateway.examiner.protocol import Read, Reading, Reopen
from gateway.examiner.pupil_index import persons_of
from gateway.model import ContentRefused, Transfer
from gateway.record.registrar import Registrar
from gateway.registry import log, persons, transfers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reindexed:
    """The number of files indexed, and the references of files impossible to open."""

    done: int
    left: tuple[str, ...]


def reindex(registrar: Registrar, progress: Callable[[int, int], object] = lambda *_: None) -> Reindexed:
    """Open each stored file missing from the index, in memory, and index the children.

    `progress` is called with the files done and the total. An interrupted run can be started again.
    """
    with registrar.registry.read() as session:
        waiting = persons.unindexed(session)
    examiner, left = Examiner(registrar.home), []
    try:
        for number, reference in enumerate(waiting, 1):
            try:
                _index(registrar, examiner, reference)
            except Fault as fault:
                _log.error("%s: cannot be put into the index: %s", reference, fault)
                left.append(reference)
            progress(number, len(waiting))
    finally:
        examiner.close()
    return Reindexed(done=len(waiting) - len(left), left=tuple(left))


def _index(registrar: Registrar, examiner: Examiner, reference: str) -> None:
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
    found = b"" if _is_malware(transfer) else _persons(registrar, examiner, transfer)
    with registrar.registry.write() as session:
        log.check_key(session, registrar.signing.vkey)  # The digests are of its key set.
        persons.note(session, transfer.sequence, found)


def _is_malware(transfer: Transfer) -> bool:
    return isinstance(transfer.content, ContentRefused) and transfer.content.code == MALWARE


def _persons(registrar: Registrar, examiner: Examiner, transfer: Transfer) -> bytes:
    request = Reopen(reference=transfer.upload.reference, sha256=transfer.content_sha256 or "")
    content, _ = examiner.reopen(request)
    try:
        reading = Reading(
            reference=transfer.upload.reference,
            name=transfer.upload.name,
            today=registrar.clock().date(),
        )
        read: Read = examiner.classify(content, reading)
    finally:
        os.close(content)
    return base64.b64decode(persons_of(read, registrar.home))
