"""Audit the home's files against the registry: sealed files and published files.

Services may be at work meanwhile, and files follow the registry a moment later. So a finding counts only
after a second check against the registry's newer state.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.home import Home, Published
from gateway.home.settings import Settings
from gateway.homes.audit.audit import certificates_of, events_of
from gateway.homes.audit.tree import Inconsistency, paged
from gateway.keys.reseal import unopened_sessions
from gateway.log.checkpoint import Checkpoint
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.publish.everything import copy_path
from gateway.publish.on_request import event_of, is_events
from gateway.publish.projection import TAKEN_BACK, UP_TO, number_in, receipt_files
from gateway.registry import copies, keys, log, providers, retention
from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptRow, TransferRow
from gateway.store.of_home import store_of
from gateway.verify.verify_receipts import Head, Unproved, read_head
from gateway.zones.spool import is_waiting

_FILE_OF_RECEIPT = re.compile(r".*\.(\d{6}-[a-z0-9-]{1,32}-[0-9A-Z]{5})\.(?:txt|json|landed)", re.DOTALL)
_TOGETHER = 400
_ENOUGH = 1000


def found_twice(
    registry: Registry, check: Callable[[Session], Iterator[Inconsistency]]
) -> list[Inconsistency]:
    """Return the inconsistencies that `check` finds in two runs, one after the other; at most a thousand."""
    with registry.read() as session:
        before = set(islice(check(session), _ENOUGH))
    if not before:
        return []
    with registry.read() as session:
        return [inconsistency for inconsistency in islice(check(session), _ENOUGH) if inconsistency in before]


def check_sealed(session: Session, home: Home, settings: Settings | None = None) -> Iterator[Inconsistency]:
    """Yield every sealed file that is missing, altered, unknown, or on record as deleted but still there.
    Yield also each file whose session key, resealed to a later key, opens with no key of the gateway on this
    machine. The check reads all sealed files.
    """
    store, deleted = store_of(home, settings), retention.deleted(session, "sealed")
    leaving = {reference for reference, what in retention.files_to_remove(session) if what == "sealed"}
    known = set()
    for row in paged(session, TransferRow, [col(TransferRow.sequence)]):
        known.add(row.reference)
        where = f"sealed {row.reference}"
        if row.reference in deleted:
            if row.reference not in leaving and store.has(row.reference):
                yield Inconsistency(where, "it is on record as deleted, but the file is there")
        elif not row.withheld and (fault := _fault_of(partial(store.digest, row.reference), row.sha256)):
            yield Inconsistency(where, fault)
    for reference in store.references():
        # A file being claimed lies in both places for a moment.
        if reference not in known and not is_waiting(home.spool, reference):
            yield Inconsistency(f"sealed {reference}", "no transfer has this file")
    for reference, lacking in unopened_sessions(home, session, settings):
        what = (
            "its session key is damaged: gateway keys gateway reseal, or else it cannot be opened"
            if lacking is None
            else f"it needs the gateway's key {lacking}, which is not in keys/openpgp: bring the key back"
        )
        yield Inconsistency(f"sealed {reference}", what)


def check_published(session: Session, home: Home, vkey: str) -> Iterator[Inconsistency]:
    """Yield every file in published/ that differs from the registry and the log."""
    yield from _check_heads(session, home.published, vkey)
    ours = certificates_of(session)
    yield from _check_keys(session, home.published, vkey, ours)
    yield from _check_agreement(session, home.published, ours)
    # Compare every published receipt word for word, the latest one where replaced.
    published, removed = number_in(home.published.root / UP_TO), number_in(home.published.root / TAKEN_BACK)
    expected: dict[Path, tuple[str, int]] = {}
    reference = ""
    for row in paged(session, ReceiptRow, [col(ReceiptRow.reference), col(ReceiptRow.sequence)]):
        if row.reference != reference:
            yield from _compare(expected, published, removed)
            expected, reference = {}, row.reference
        for path, content in receipt_files(home.published, row):
            if path.parent.is_dir() or not home.published.on_request.exists():
                expected[path] = (content, row.sequence or 0)
    yield from _compare(expected, published, removed)
    # Check that each file in an /out is the file sealed for that provider.
    known = {copy_path(home, copy): copy for copy in copies.owed(session, made_too=True, shown=True)}
    for path in sorted((home.published.root / "providers").glob("*/out/[!.]*")):
        where, copy = f"published {path.parent.parent.name}/out/{path.name}", known.get(path)
        if copy is None:
            yield Inconsistency(where, "nothing of this name was sealed for the provider")
        elif copy.made and (fault := _fault_of(partial(_sha256, path), copy.sha256)):
            yield Inconsistency(where, fault)
    for provider in providers.list_providers(session):
        yield from _check_strangers(session, home.published, provider.id)


def _fault_of(digest: Callable[[], str], sha256: str | None) -> str | None:
    """Return why a file is not the one with the `sha256` on record; None if it is.
    `digest` reads the file and returns its SHA-256.
    """
    try:
        return None if digest() == sha256 else "the file is not the one on record"
    except FileNotFoundError:
        return "the file is missing"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_heads(session: Session, published: Published, vkey: str) -> Iterator[Inconsistency]:
    """Yield each published head that contradicts the log, has a wrong name, or has no good signature."""
    log_keys = log.keys_in_time(session, vkey)
    for path in sorted(published.log.glob("[!.]*")) if published.log.is_dir() else []:
        where = f"published log/{path.name}"
        try:
            head, _ = read_head(path.read_text("utf-8"), log_keys)
        except (Unproved, UnicodeDecodeError):
            yield Inconsistency(where, "it is no head that was signed with the log's key")
            continue
        if path.name not in {"checkpoint", str(head.size)}:
            yield Inconsistency(where, f"it is the head of {head.size} entries")
        elif fault := fault_of_head(session, head):
            yield Inconsistency(where, fault)


def fault_of_head(session: Session, head: Head | Checkpoint) -> str | None:
    """Return how the log contradicts a signed head; None if it does not."""
    if head.size > (size := log.size(session)):
        return f"it is of {head.size} entries, but the log has only {size}: it was cut"
    if log.root(session, head.size) != head.root:
        return "the log's first entries are not the ones that were signed then"
    return None


def _check_keys(
    session: Session, published: Published, vkey: str, ours: Sequence[str]
) -> Iterator[Inconsistency]:
    """Yield each published key, and each signed list of keys, that should not be there.
    An `authorized_keys` may have only keys in use of an enrolled provider; common/keys/ may have only
    certificates of this gateway (`ours`), what it signed, and the verifier key of this log.
    """
    may_enter = {one.id for one in providers.list_providers(session) if not one.suspended}
    for access in sorted(published.root.glob("providers/*/authorized_keys")):
        provider = access.parent.name
        in_use = {
            key.material
            for key in keys.list_keys(session, "provider", provider)
            if key.kind == "ssh" and key.state in {"active", "retiring"} and provider in may_enter
        }
        if not in_use.issuperset(_text(access).splitlines()):
            yield Inconsistency(
                f"published {provider}/authorized_keys", "it lets in a key that is not in use"
            )
    folder = published.common / "keys"
    certificates = {folder / "gateway.asc", *folder.glob("gateway-*[0-9a-f].asc")}
    for path in sorted(folder.glob("[!.]*.asc")):
        if path in certificates and _text(path) not in ours:
            yield Inconsistency(f"published keys/{path.name}", "it is no certificate of this gateway")
        elif path not in certificates and not _is_signed(path, ours):
            yield Inconsistency(f"published keys/{path.name}", "it is not what this gateway signed")
    path = folder / "gateway-log.vkey"
    if path.exists() and _text(path) != f"{vkey}\n":
        yield Inconsistency(f"published keys/{path.name}", "it is not the key of this log")


def _check_agreement(session: Session, published: Published, ours: Sequence[str]) -> Iterator[Inconsistency]:
    """Yield each file in common/agreement/ that is neither signed by this gateway nor a text of the
    agreement, present or former. A former text is accepted, because a host replaces it only a moment after
    the new text comes into force.
    """
    events = events_of(session, ["agreement-published"])
    texts = {fields["sha256"] for *_, fields in events if "sha256" in fields}
    for path in sorted((published.common / "agreement").glob("[!.]*")):
        where = f"published agreement/{path.name}"
        if path.name != "agreement.txt":
            if not _is_signed(path, ours):
                yield Inconsistency(where, "it is not what this gateway signed")
        elif texts and _sha256(path) not in texts:
            yield Inconsistency(where, "no such text of the agreement was ever in force")


def _is_signed(path: Path, certificates: Sequence[str]) -> bool:
    try:
        verify_clearsigned(_text(path), [one.encode() for one in certificates])
    except SignatureInvalid:
        return False
    return True


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _compare(expected: dict[Path, tuple[str, int]], published: int, removed: int) -> Iterator[Inconsistency]:
    """Yield each published receipt that is missing or differs from its `expected` text.
    `expected`: text and number of each receipt by path. Receipts up to the number `published` were published.
    Receipts up to the number `removed` may have been removed later, so a missing one is no fault.
    """
    for path, (content, sequence) in expected.items():
        if sequence > published:
            continue  # Published later.
        where = f"published {path.parent.parent.name}/{path.name}"
        try:
            shown = path.read_bytes()
        except FileNotFoundError:
            if sequence > removed:
                yield Inconsistency(where, "the receipt is missing")
            continue
        if shown != content.encode():
            yield Inconsistency(where, "it is not the receipt that was signed last")


def _check_strangers(session: Session, published: Published, provider: str) -> Iterator[Inconsistency]:
    """Yield a provider's published receipts that are not in the registry."""
    folder = published.provider(provider) / "receipts"
    names = sorted(path.name for path in folder.glob("[!.]*")) if folder.is_dir() else []
    for start in range(0, len(names), _TOGETHER):
        some = names[start : start + _TOGETHER]
        references = {found[1] for name in some if (found := _FILE_OF_RECEIPT.fullmatch(name))}
        rows = session.exec(select(ReceiptRow).where(col(ReceiptRow.reference).in_(references)))
        known = {path for row in rows for path, _ in receipt_files(published, row)}
        for name in some:
            if is_events(name):
                yield from _check_events(session, provider, folder / name)
            elif folder / name not in known:
                yield Inconsistency(f"published {provider}/{name}", "there is no such receipt")


def _check_events(session: Session, provider: str, path: Path) -> Iterator[Inconsistency]:
    """Yield each line in a provider's file of events that contradicts the receipt of the line's number.
    A line whose receipt is no longer in the registry is accepted.
    """
    where = f"published {provider}/{path.name}"
    with path.open(encoding="utf-8", errors="replace") as lines:
        while some := list(islice(lines, _TOGETHER)):
            try:
                told = {int(json.loads(line)["number"]): line for line in some}
            except (ValueError, KeyError, TypeError):
                yield Inconsistency(where, "a line is no event of a receipt")
                return
            for row in session.exec(select(ReceiptRow).where(col(ReceiptRow.sequence).in_(told))):
                if row.provider != provider or told[row.sequence or 0] != event_of(row):
                    yield Inconsistency(where, f"the line of receipt {row.reference} is another one")
