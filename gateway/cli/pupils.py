"""pupils index: open stored files, and index the children inside."""

import logging
from contextlib import closing

import typer

from gateway.cli.commands import HomeOption, command_in
from gateway.cli.console import out, progress, registrar_of
from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner, persons_of
from gateway.examiner.protocol import Read, Reading, Reopen
from gateway.model import Transfer, counted
from gateway.policy.dates import local_day
from gateway.publish.everything import take_back_copies
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, log, markers, persons, transfers
from gateway.zones.memory import closing_descriptor

app = typer.Typer()
_log = logging.getLogger(__name__)


@command_in(app)
def index(home: HomeOption) -> None:
    """Index the stored files missing from the index. May be interrupted and repeated."""
    with (
        registrar_of(home) as registrar,
        progress("indexing") as report,
        closing(Examiner(registrar.home)) as examiner,
    ):
        with registrar.registry.read() as session:
            waiting, left = persons.unindexed(session), 0
        for number, reference in enumerate(waiting, 1):
            try:
                with registrar.registry.read() as session:
                    transfer = transfers.get(session, reference)
                found = _persons(registrar, examiner, transfer)
                with registrar.registry.write() as session:
                    log.check_key(session, registrar.signing.vkey)  # The digests are of its key set.
                    persons.note(session, {transfer.sequence: found})
                    if markers.on_transfer(session, transfer.sequence):
                        hand_ons.make_anew(session, [transfer.sequence])
            except Fault as fault:
                _log.error("%s: cannot be put into the index: %s", reference, fault)
                left += 1
            report(number, len(waiting))
        take_back_copies(registrar.home, registrar.registry)  # Of files about a child marked before.
    out.print(f"put into the index: {counted(len(waiting) - left, 'file')}")
    if left:
        raise GatewayError(f"{counted(left, 'file')} could not be opened; the log above says why")


def _persons(registrar: Registrar, examiner: Examiner, transfer: Transfer) -> bytes:
    """Return the digests of the children in a file, as the index stores them. Fault if the file cannot be
    read.
    """
    request = Reopen(reference=transfer.upload.reference, sha256=transfer.content_sha256 or "")
    content, _ = examiner.reopen(request)
    with closing_descriptor(content):
        today = local_day(registrar.clock(), registrar.catalogue.calendar.timezone)
        reading = Reading(reference=transfer.upload.reference, name=transfer.upload.name, today=today)
        read: Read = examiner.classify(content, reading)
    return persons_of(read, registrar.home) or b""
