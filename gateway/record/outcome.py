"""Turn a decision into three forms committed together: log entries, receipt facts, receipt rows."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gateway.log.leaf import Kind, rfc3339
from gateway.model import Classified, Facts, Provider, Transfer, Upload
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.publish.projection import Issued
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.text import Statement, stated
from gateway.record.registrar import Registrar
from gateway.registry import log, places, providers, receipts, transfers, work_queue
from gateway.registry.log import Entry
from gateway.registry.receipts import Unsigned
from gateway.registry.tables import ReceiptRow
from gateway.registry.vouched_rows import digest_changes, insert_rows, stated_digest, vouch_as
from gateway.zones.failpoints import passing


def landed_facts(
    upload: Upload, provider: Provider, organisation: str, salt: str, wording: Wording = UNNAMED
) -> ReceiptFacts:
    """Return the facts of an upload's first receipt, given once the upload is stored durably inside."""
    landed = Transfer(sequence=0, upload=upload, state="landed")
    return receipt_facts(landed, provider, organisation, salt=salt, wording=wording)


def landed_entry(upload: Upload, statement: Statement | None) -> Entry:
    """Return the log entry for a durable upload, with the receipt's `statement`, if any."""
    return Entry(
        kind="landed",
        subject=upload.reference,
        fields={
            "provider": upload.provider,
            "folder": upload.folder,
            **({} if upload.withheld else {"sha256": upload.sha256}),  # Else a digest of the content.
            "size": upload.size,
            "key": upload.ssh_key,
            **(statement.digests if statement else {}),
        },
        name=upload.name,
        content=upload.sha256 if upload.withheld else None,
    )


def receipt_facts(
    transfer: Transfer,
    provider: Provider,
    organisation: str,
    notices: tuple[str, ...] = (),
    *,
    salt: str = "",
    wording: Wording = UNNAMED,
    schools: tuple[tuple[str, str, str], ...] = (),
) -> ReceiptFacts:
    """Return the facts of a transfer's current receipt. Every receipt issued has a `salt`.

    `schools` are those of a sender's several schools that the file names: number, provider, name.
    """
    content = transfer.content
    recognised = content if isinstance(content, Classified) else None
    return ReceiptFacts(
        reference=transfer.upload.reference,
        provider=provider.id,
        provider_name=provider.name,
        organisation=organisation,
        name=transfer.upload.name,
        folder=transfer.upload.folder,
        stage="landed" if transfer.state == "landed" else "decided",
        state=transfer.state,
        sealed_size=transfer.upload.size,
        sealed_sha256=transfer.upload.sha256,
        landed_at=transfer.upload.landed_at,
        decided_at=transfer.decided_at,
        content_size=transfer.content_size,
        content_sha256=transfer.content_sha256,
        signature=transfer.signature,
        data_type=transfer.data_type,
        # A person's statement of the type has no measure of certainty.
        level=recognised.level if recognised and transfer.data_type == recognised.data_type else None,
        evidence=content.evidence if content else (),
        runner_up=content.runner_up if content else None,
        pupils=recognised.pupils if recognised else None,
        facts=recognised.facts if recognised else Facts(),
        findings=recognised.findings if recognised else (),
        items=recognised.items if recognised else (),
        other_items=recognised.other_items if recognised else (),
        flow=transfer.flow,
        teams=transfer.teams,
        reasons=transfer.reasons,
        notices=notices,
        schools=schools,
        withheld=transfer.upload.withheld,
        salt=salt,
        wording=wording,
    )


def decision_entry(
    transfer: Transfer,
    statement: Statement,
    policies: str,
    *,
    kind: Kind,
    actor: str | None,
    note: str | None,
    replaces: str | None = None,
    arrives: bool = False,
) -> Entry:
    """Return the log entry for a decision and its recipients, with the receipt's `statement`.

    `replaces`: the superseded file. `arrives`: the log has no entry of the file so far, so that this one
    tells of the landing, too.
    """
    came = {"folder": transfer.upload.folder, "key": transfer.upload.ssh_key} if arrives else {}
    fields: dict[str, str | int | None] = {
        "provider": transfer.upload.provider,
        "state": transfer.state,
        **statement.digests,
        "sha256": None if transfer.upload.withheld else transfer.upload.sha256,  # Else one of the content.
        "size": transfer.upload.size,
        "reasons": ",".join(reason.code for reason in transfer.reasons),
        "policies": policies,
        "flow": transfer.flow,
        "teams": ",".join(transfer.teams),
        "until": rfc3339(transfer.held_until) if transfer.held_until else None,
        "engine": transfer.engine.replace(":", "-") if transfer.engine else None,
        "content_size": transfer.content_size,
        "signer": transfer.signature.certificate if transfer.signature else None,
        "signing_key": transfer.signature.signing_key if transfer.signature else None,
        "signed_at": rfc3339(transfer.signature.created_at) if transfer.signature else None,
        "replaces": replaces,
        **came,
    }
    if isinstance(content := transfer.content, Classified):
        fields |= {"data_type": content.data_type, "level": content.level, "pupils": content.pupils}
    said = {name: value for name, value in fields.items() if value is not None}
    return Entry(
        kind=kind,
        subject=transfer.upload.reference,
        fields=said,
        actor=actor,
        name=transfer.upload.name,
        content=transfer.upload.sha256 if transfer.upload.withheld else transfer.content_sha256,
        note=note,
    )


ReceiptsAt = Sequence[tuple[ReceiptFacts, Statement, int]]
"""Receipts by their facts and statement, each with the place of its entry."""


def put_on_record(
    registrar: Registrar, session: Session, entries: Sequence[Entry], given: ReceiptsAt, now: datetime
) -> Issued:
    """Append the transaction's entries, sign the log's head, and store receipts.

    `given` holds the receipts by the index of their entry. A receipt holds a proof, so the log vouches for
    the statements. In a `write_on` transaction, where other writers wait for the log, only the head is
    signed: the caller signs the receipts.
    """
    signing, beside = registrar.signing, places.BESIDE_OTHERS in session.info
    rows: list[dict[str, Any]] = [
        {
            "reference": facts.reference,
            "provider": facts.provider,
            "name": facts.name,
            "stage": facts.stage,
            "created_at": now,
        }
        for facts, _, _ in given
    ]
    statements = [statement for _, statement, _ in given]
    stated = [stated_digest(row, one.text, one.canonical) for row, one in zip(rows, statements, strict=True)]
    if beside:
        digest_changes(session)
    numbers = []
    if given:
        numbers = (
            receipts.put_unsigned(session, rows, statements)
            if beside
            else receipts.next_receipts(session, len(given))
        )
    for number, row, digest in zip(numbers, rows, stated, strict=True):
        vouch_as(session, ("receipt", f"[{number}]"), digest, row)
        row["sequence"] = number
    leaves = log.append(session, log.vouching(session, entries), now, before_head=bool(given))
    head = log.sign_head(session, signing.log_key, signing.origin, now, carried=bool(given))
    proved = receipts.proofs(session, [leaves[place] for *_, place in given], head=head, signing=signing)
    unsigned = map(Unsigned, rows, statements, proved)
    if beside and given:  # Proved only when they are signed.
        return Issued(head, unsigned=unsigned)
    whole = receipts.signed(signing, list(unsigned))
    insert_rows(session, ReceiptRow, whole)
    return Issued(head, [ReceiptRow(**row) for row in whole])


_log = logging.getLogger(__name__)


def land(registrar: Registrar, uploads: Sequence[Upload]) -> set[str]:
    """Record uploads in the sealed store in one transaction; return the references now on record.

    Uploads of unknown providers are left out. Receipts signed in the transaction are published later, by
    `Registrar.publish`. On a Fault nothing was recorded.
    """
    issued = None
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
            now = registrar.clock()
            transfers.land(session, *(upload for upload, _ in fresh))
            if registrar.settings.host.shares:
                work_queue.queue(session, [upload.reference for upload, _ in fresh])
            entries, receipts = [], []
            for place, (upload, provider) in enumerate(fresh):
                statement = None
                if not upload.withheld:  # No content of a withheld file is stored.
                    facts = landed_facts(
                        upload,
                        provider,
                        registrar.settings.organisation,
                        secrets.token_hex(16),
                        registrar.catalogue.wording,
                    )
                    statement = stated(facts)
                    receipts.append((facts, statement, place))
                entries.append(landed_entry(upload, statement))
            issued = put_on_record(registrar, session, entries, receipts, now)
        passing("land.written")
    passing("land.committed")
    if issued is not None and issued.unsigned:
        registrar.bring_out(issued)
    return known
