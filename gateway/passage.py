"""The stages that a file passes through, from the claim to the published receipt.

claimed      taken from the spool into the sealed store, with all facts needed for the examination
opened       decrypted, with exactly one valid signature of the provider over the whole content
classified   recognised, by content, as exactly one data type
decided      by the agreement's rules, the provider's keys, and earlier files
recorded     with deliveries, log entries and the receipt's facts, in one transaction
published    the receipt made visible to the provider

Isolated child processes open and classify the content, many files at once (`examine`). One process decides,
records and publishes, many files in one transaction (`conclude`). A dry run ends with the decision
(`decide_file`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.examiner.protocol import DropRead, Examined, FileOpened, FileRefused, Job, KeyDrop, Looked
from gateway.model import Decision, Folder, Held, Refused, Transfer, Upload
from gateway.policy.dates import reference_period
from gateway.reasons import UNKNOWN_LOGIN
from gateway.record.conclude import (
    Assignment,
    File,
    Signers,
    came_by_login,
    decision_on,
    held_for_login,
    signers_of,
)
from gateway.record.consequences import Ruling
from gateway.record.drops import Drop, settle, withheld
from gateway.record.registrar import Registrar, Rulebook
from gateway.record.rulings import Batch, put_in_force, subjects
from gateway.registry import transfers
from gateway.registry.transfers import act_of
from gateway.zones.failpoints import passing


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of examining one claimed file (`examined`), with facts for the decision on the file.
    - `judged_by`: digests of the sender's certificates, the rules and the gateway's keys used.
    - `decided_before`: the time of an earlier decision on the file; None without an earlier decision.
    - `beside_others`: True for a file of pupils' data: other transactions may write while the decision is
      recorded. False for a drop or a secret key: the decision is recorded alone.
    - `upload`: the file as landed, if not on record yet; else None.
    """

    examined: Examined
    judged_by: str = ""
    decided_before: datetime | None = None
    beside_others: bool = False
    upload: Upload | None = None


def examine(claimed: Assignment, look: Callable[[Job], Looked], now: datetime) -> Examination:
    """Return the result of opening and classifying a claimed file; raise Fault where the gateway failed.

    `look` opens and classifies a file in an isolated child. A withheld upload is refused unopened.
    """
    if claimed.upload.withheld:
        return Examination(withheld(claimed.upload), claimed.judged_by, claimed.decided_before)
    found = look(replace(claimed.job, now=now.astimezone(claimed.job.now.tzinfo)))
    passing("examine.answered")
    is_secret = isinstance(found, FileRefused) and found.is_secret
    is_data = claimed.upload.folder == "in" and not is_secret
    return Examination(found, claimed.judged_by, claimed.decided_before, beside_others=is_data)


def conclude(registrar: Registrar, examinations: Sequence[Examination]) -> dict[str, Folder]:
    """Decide examined files, record the decisions in one transaction, and publish the receipts.

    Returns for each decided file, by reference, the folder of the upload, or "keys" for a secret key. After
    "keys" the caller publishes the providers' keys again, and removes secret keys. A file whose keys or rules
    changed since the examination stays landed, undecided. If a Fault is raised, nothing is recorded.
    """
    now = registrar.clock()
    if registrar.registry.is_shared and all(one.beside_others for one in examinations):
        found = [one.examined for one in examinations]
        contents = [one.content if isinstance(one, FileOpened) else None for one in found]
        named = zip((one.reference for one in found), contents, strict=True)
        writing = registrar.registry.write_on({subject for one in named for subject in subjects(*one)})
    else:
        writing = registrar.registry.write()
    with writing as session:
        batch = Batch(session)
        # Each file is decided once, in the order of landing.
        by_reference = {one.examined.reference: one for one in examinations}
        fresh = [one.upload for one in by_reference.values() if one.upload is not None]
        transfers.arrive(session, (upload for upload in fresh if upload.folder == "in"))
        known = {one.reference: Transfer(sequence=0, upload=one, state="landed") for one in fresh}
        if on_record := [one for one in by_reference if one not in known]:
            known |= transfers.work_on(session, on_record)
        pairs = [(one, known[reference]) for reference, one in by_reference.items() if reference in known]
        pairs.sort(key=lambda pair: (pair[0].upload is not None, pair[1].sequence, pair[1].upload.landed_at))
        opened = (
            (transfer.upload, one.examined.opened)
            for one, transfer in pairs
            if isinstance(one.examined, FileOpened)
        )
        batch.before = transfers.signed_before(session, opened)
        rulings = [ruling for pair in pairs if (ruling := _ruling(registrar, batch, *pair, now))]
        head = put_in_force(registrar, batch, rulings, now)
        passing("commit.written")
    passing("commit.committed")
    registrar.bring_out(head)
    return {ruling.reference: ruling.folder for ruling in rulings}


def decide_file(
    rulebook: Rulebook, batch: Batch, upload: Upload, file: File, now: datetime, *, signers: Signers
) -> Decision:
    """Return the decision on an examined file of pupils' data, without recording the decision.

    Unless the file is refused, the signature is noted in `batch`: a further file of the batch with the same
    signature is a replay.
    """
    opened = file.opened if isinstance(file, FileOpened) else None
    decision = decision_on(
        file,
        rulebook.catalogue,
        rulebook.provider(batch.session, upload.provider, now, sent_at=upload.landed_at),
        now,
        earlier=batch.earlier(upload, opened) if opened is not None else None,
        signers=signers,
        landed_at=upload.landed_at,
    )
    if opened is not None and not isinstance(decision, Refused):
        batch.taken.setdefault(act_of(upload, opened), upload.reference)
    return decision


def _ruling(
    registrar: Registrar, batch: Batch, examination: Examination, transfer: Transfer, now: datetime
) -> Ruling | None:
    examined, upload = examination.examined, transfer.upload
    if transfer.state != "landed":
        return None
    signers = signers_of(batch.session, upload.provider, now)
    judged_by = f"{signers.digest} {registrar.catalogue.rules} {registrar.signing.key_set}"
    if examination.judged_by and examination.judged_by != judged_by:
        return None  # A key or the rules changed meanwhile: the file stays landed for another examination.
    if examination.judged_by and examination.decided_before != transfer.decided_at:
        return None  # Decided by another process meanwhile, and landed again.
    is_secret = isinstance(examined, FileRefused) and examined.is_secret
    is_drop = is_secret or upload.folder != "in"
    if examination.upload is not None and is_drop:
        # Settling needs a transfer on record; a new one is not there yet.
        transfers.land(batch.session, upload)
        transfers.work_on(batch.session, [upload.reference])
    decision = _decision(registrar, batch, upload, examined, now, signers=signers, is_drop=is_drop)
    roll = signature = None
    if isinstance(examined, FileOpened):
        catalogue, found, roll = registrar.catalogue, examined.content, examined.roll
        period, signature = reference_period(found, catalogue, upload.landed_at), examined.opened.signature
        transfers.record_content(
            batch.session, upload.reference, examined.opened, found, period, rules=catalogue.rules
        )
        if examined.persons is not None:
            batch.persons[upload.reference] = examined.persons
    elif isinstance(examined, DropRead):
        signature = examined.signature
        if signature is not None:
            transfers.record_signature(batch.session, upload.reference, signature)
    batch.uses.append((upload.provider, upload.ssh_key, upload.landed_at))
    if signature is not None:
        batch.uses.append((upload.provider, signature.certificate, now))
    return Ruling(
        reference=upload.reference,
        decision=decision,
        folder="keys" if is_secret else upload.folder,
        roll=roll,
        arrives=examination.upload is not None,
    )


def _decision(
    registrar: Registrar, batch: Batch, upload: Upload, examined: Examined, now: datetime, *,
    signers: Signers, is_drop: bool,
) -> Decision:  # fmt: skip
    known_login = came_by_login(batch.session, upload)
    if isinstance(examined, DropRead):
        if not known_login:
            return Held(reasons=(registrar.catalogue.reason(UNKNOWN_LOGIN),))
        if not _vouched_for(examined, signers):
            return Held(reasons=(registrar.catalogue.reason("internal:held"),))
    elif isinstance(examined, FileOpened) or not is_drop:
        decision = decide_file(registrar, batch, upload, examined, now, signers=signers)
        return decision if known_login else held_for_login(decision, registrar.catalogue)
    provider = registrar.provider(batch.session, upload.provider, now)
    drop = Drop(
        registrar=registrar, session=batch.session, reference=upload.reference, provider=provider,
        landed_at=upload.landed_at, now=now,
    )  # fmt: skip
    return settle(examined, drop)


def _vouched_for(drop: DropRead, signers: Signers) -> bool:
    """Return True if the signature on a drop is by a certificate in force of the drop's provider.

    Return True also for the renewal or revocation of a certificate, made with the certificate's own key.
    The examiner has verified the signatures; only the keys in force may have changed since.
    """
    if isinstance(drop, KeyDrop) and drop.change != "new" and drop.key.kind == "openpgp":
        return True
    made = drop.signature
    return made is not None and any(key.fingerprint == made.certificate for key in signers.in_force)
