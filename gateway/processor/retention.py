"""Delete data due under policies/retention.toml: record, then remove, then certify.

Each batch is one transaction with the log entries; files are removed only after the commit. After a crash the
next start or run finishes the work.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.errors import as_fault
from gateway.home import Home
from gateway.openpgp.sealer import clearsign
from gateway.publish.everything import copy_path
from gateway.publish.on_request import let_go
from gateway.publish.projection import give_back, receipt_files, take_back
from gateway.record.registrar import Registrar
from gateway.registry import copies, letters, log, retention
from gateway.registry.log import Entry
from gateway.registry.tables import DeletionRow
from gateway.registry.tables.row import portions
from gateway.reports.retention import Due, Retention, load_retention, plan
from gateway.store.of_home import store_of
from gateway.zones.spool import fsync_folder

_BATCH = 100
_STORED = "store:"
_WORTH_SENDING = timedelta(days=14)
_TAKEN_BACK = 5_000  # Receipts in an hour, to keep the first hour short.
_LOOKED_BACK = timedelta(days=7)  # Older files are left to the nightly run.


def run(
    registrar: Registrar, moment: datetime, *, by: str, progress: Callable[[int], object] = lambda _: None
) -> str | None:
    """Delete everything due at `moment`; return a signed certificate of deletion, or None if nothing was due.
    `by` is the person or process named in the log. `progress` is called with the number of things deleted in
    each batch. Raises Fault where a file cannot be removed or the registry does not answer: the next run
    goes on from there.
    """
    rules = load_retention(registrar.home)
    with registrar.registry.read() as session:
        due, _ = retention.plan_at(session, rules, moment)
    for batch in portions(due, _BATCH):
        _delete(registrar, rules, batch, moment, by)
        progress(len(batch))
    return finish(registrar)


def run_hourly(registrar: Registrar, *, leads: bool = True) -> None:
    """Delete unopened files and old letters that are due; remove old receipts from published/.
    Give up letters that no relay has taken in 14 days.
    Receipts removed too early, by a fast clock, are published again first. Of several hosts only the
    leader (`leads`) deletes files and letters. Raises Fault where a step fails: the next hour tries again.
    """
    now, rules = registrar.clock(), load_retention(registrar.home)
    if rules.published.receipts != "for ever":
        early = now - timedelta(days=rules.published.receipts)
        give_back(registrar.registry, registrar.home.published, early)
        take_back(registrar.registry, registrar.home.published, early, most=_TAKEN_BACK)
    if registrar.settings.host.shares:
        let_go(registrar.home)
    if leads:
        with registrar.registry.write() as session:
            letters.give_up(session, now - _WORTH_SENDING)
            if rules.letters.owed != "for ever":
                letters.forget(session, now - timedelta(days=rules.letters.owed))
    if leads and rules.sealed.unopened != "for ever":
        early = now - timedelta(days=rules.sealed.unopened)
        with registrar.registry.read() as session:
            rows = retention.unopened_between(session, early - _LOOKED_BACK, early)
        due = [one for one in plan(rules, rows, now)[0] if one.what == "sealed"]
        for batch in portions(due, _BATCH):
            _delete(registrar, rules, batch, now, retention.BY_RETENTION)
        if due:
            finish(registrar)


def finish(registrar: Registrar) -> str | None:
    """Remove the files whose deletion is on record; return a signed certificate, or None.
    The certificate lists all recorded deletions that have none yet; None if there are no such deletions.
    """
    with registrar.registry.read() as session:
        waiting = retention.files_to_remove(session)
        nothing = not waiting and not retention.uncertified(session)
    if nothing:
        return None
    _remove(registrar, [file for files in waiting.values() for file in files])
    now = registrar.clock()
    with registrar.registry.write() as session:
        for part in waiting:
            session.get_one(DeletionRow, part).files = ""
        rows = retention.uncertified(session)
        if not rows:
            return None
        policy = (registrar.home.policies_in_force / "retention.toml").read_bytes()
        certificate = retention.deletion_certificate(
            rows,
            organisation=registrar.settings.organisation,
            policy_sha256=hashlib.sha256(policy).hexdigest(),
            at=now,
        )
        text = clearsign(registrar.signing.openpgp, certificate)
        retention.certify(session, rows, text, now)
        registrar.sign_head(session, now)
    return text


def _delete(registrar: Registrar, rules: Retention, batch: Sequence[Due], moment: datetime, by: str) -> None:
    now = registrar.clock()
    with registrar.registry.write() as session:
        retention.overwrite_deleted_rows(session)
        # Check again inside the transaction: a hold may have been placed after planning.
        kept = retention.kept(session, {due.reference for due in batch})
        still = set(plan(rules, kept, moment)[0]) & set(batch)
        entries, files = list[Entry](), list[str]()
        for due in (one for one in batch if one in still):
            row, _ = retention.rows_of(session, due.reference)
            files += (its := _files(registrar.home, session, due))
            retention.record_deletion(session, due, its, now)
            sha256 = row.sha256 if row and due.what == "sealed" else None
            fields = {"what": due.what, "rule": due.rule, "data_type": due.data_type, "sha256": sha256}
            entries.append(Entry(kind="deleted", subject=due.reference, fields=fields, actor=by))
        log.append(session, entries, now)
        registrar.sign_head(session, now)
    _remove(registrar, files)


def _files(home: Home, session: Session, due: Due) -> list[str]:
    """Return the files to remove for one deletion: paths below the home, or `store:` and the reference
    of a file in the sealed store.
    """
    if due.what == "sealed":
        made = (copy_path(home, copy) for copy in copies.owed(session, made_too=True, of=due.reference))
        return [f"{_STORED}{due.reference}", *(str(path.relative_to(home.root)) for path in made)]
    row, receipts = retention.rows_of(session, due.reference)
    if due.what == "index" and row and row.withheld:  # A withheld file has an empty placeholder.
        return [f"{_STORED}{due.reference}"]
    if due.what not in {"receipts", "notices", "declarations"}:
        return []
    return sorted(
        {
            str(path.relative_to(home.root))
            for receipt in receipts
            for path, _ in receipt_files(home.published, receipt)
        }
    )


def _remove(registrar: Registrar, files: Sequence[str]) -> None:
    """Remove files and fsync their folders. Raises Fault if the disk refuses."""
    stored = [file.removeprefix(_STORED) for file in files if file.startswith(_STORED)]
    paths = [registrar.home.root / file for file in files if not file.startswith(_STORED)]
    with as_fault("what is due could not be removed"):
        if stored:
            store_of(registrar.home, registrar.settings).remove(stored)
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in paths}:
            if folder.exists():
                fsync_folder(folder)
