"""Recording uploads in the sealed store as landed, with a first receipt."""

import logging
from collections.abc import Sequence

from sqlmodel import Session

from gateway.model import Provider, Upload
from gateway.record import outcome
from gateway.record.issuing import put_on_record
from gateway.record.registrar import Registrar
from gateway.registry import providers, transfers, work_queue
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)


def land(registrar: Registrar, uploads: Sequence[Upload]) -> set[str]:
    """Record uploads in the sealed store in one transaction; return the references now on record.

    Uploads of unknown providers are left out. `Registrar.publish` publishes the receipts; opening need not
    wait. On a Fault nothing was recorded.
    """
    with registrar.registry.write_on([upload.reference for upload in uploads]) as session:
        enrolled = {p.id: p for p in providers.list_providers(session)}
        known = transfers.known(session, [upload.reference for upload in uploads])
        fresh = []
        for upload in uploads:
            if upload.provider not in enrolled:
                _log.error("%s: no such provider is enrolled", upload.reference)
            elif upload.reference not in known:
                fresh.append((upload, enrolled[upload.provider]))
                known.add(upload.reference)
        if fresh:
            _receive(registrar, session, fresh)
        passing("land.written")
    passing("land.committed")
    return known


def _receive(registrar: Registrar, session: Session, uploads: Sequence[tuple[Upload, Provider]]) -> None:
    now = registrar.clock()
    transfers.land(session, *(upload for upload, _ in uploads))
    if registrar.settings.host.shares:
        work_queue.queue(session, [upload.reference for upload, _ in uploads])
    entries, receipts = [], []
    for place, (upload, provider) in enumerate(uploads):
        facts = None
        if not upload.withheld:  # No content of a withheld file is stored.
            facts = outcome.landed_facts(
                upload,
                provider,
                registrar.settings.organisation,
                outcome.fresh_salt(),
                registrar.catalogue.wording,
            )
            receipts.append((facts, place))
        entries.append(outcome.landed_entry(upload, facts))
    put_on_record(registrar, session, entries, receipts, now)
