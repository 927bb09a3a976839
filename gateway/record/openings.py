"""The whole original of a file is opened for one person, outside the mailboxes; on record first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.model import Transfer
from gateway.record.dual_control import name_of
from gateway.record.registrar import Registrar
from gateway.registry import log, markers, recalls, transfers
from gateway.registry.log import Entry


@dataclass(frozen=True, slots=True)
class Whole:
    """The content of a file as a descriptor of anonymous memory; `extension` is the usual file extension."""

    content: int
    size: int
    extension: str


@contextmanager
def opened_whole(registrar: Registrar, reference: str, *, by: str, why: str) -> Iterator[Whole]:
    """Open a whole file as sent, for data protection or a legal hold, until the block ends.

    Person and reason are recorded before anything is given out. GatewayError where there is nothing to open,
    Fault where opening or recording fails for now.
    """
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
        gone = recalls.deleted_on(session, reference)
        # GatewayError where a child in the file is marked for other named people. Restriction (Article 18)
        # leaves data protection the use for legal claims, and is no bar here.
        on = markers.on_transfer(session, transfer.sequence)
        if any(marker.kind == "named" and name_of(by) not in marker.people for marker in on):
            raise GatewayError(
                f"only named people may see {transfer.upload.reference}: gateway pupils markers"
            )
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    if transfer.content_sha256 is None:
        raise GatewayError(f"{reference} was never opened: there is nothing in it that could be shown")
    content, size = _reopened(registrar, transfer, transfer.content_sha256)
    try:
        _record(registrar, transfer, by=by, why=why)
        yield Whole(content, size, transfer.extension)
    finally:
        os.close(content)


def _reopened(registrar: Registrar, transfer: Transfer, sha256: str) -> tuple[int, int]:
    examiner = Examiner(registrar.home)
    try:
        return examiner.reopen(Reopen(reference=transfer.upload.reference, sha256=sha256))
    except Fault as fault:
        raise Fault(f"{transfer.upload.reference} cannot be opened now: {fault}") from None
    finally:
        examiner.close()


def _record(registrar: Registrar, transfer: Transfer, *, by: str, why: str) -> None:
    now = registrar.clock()
    entry = Entry(
        kind="opened",
        subject=transfer.upload.reference,
        fields={"provider": transfer.upload.provider},
        actor=by,
        content=transfer.content_sha256,
        note=why,
    )
    with registrar.registry.write() as session:
        log.append(session, [entry], now)
        registrar.sign_head(session, now)
