"""Write into published/, from the registry: receipts, login keys of providers, and files for all providers.

Everything in published/ may be deleted, and is made again from the registry. Files are renamed into place, so
a provider never reads half a file.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.errors import as_fault
from gateway.home import Published, shown_name
from gateway.registry import keys, log, providers
from gateway.registry.database import Registry
from gateway.registry.receipts import UNSIGNED, Unsigned
from gateway.registry.tables import ReceiptRow
from gateway.zones.failpoints import passing

# Published files are not fsynced: after a power cut the last hour is written again at the start.
_REDONE = timedelta(hours=1)
_PAGE = 100
UP_TO, TAKEN_BACK = ".receipts", ".receipts-taken-back"
EVENTS_TOLD = ".receipts-told"
_STILL_LOCKED = text("SELECT 1")
SET_ASIDE = ".removed-"
"""Begins the name of a folder in published/ with all that a provider had, while the provider is removed."""
MARKS = (UP_TO, TAKEN_BACK, EVENTS_TOLD)
"""Files in published/ with the number of a receipt: the last published, removed, and told in event files."""


class Issued(NamedTuple):
    """The results of a transaction: the log's signed head, the receipts signed, and the receipts still to be
    signed.
    """

    head: str
    receipts: Sequence[ReceiptRow] = ()
    unsigned: Iterable[Unsigned] = ()


def publish_receipts(
    registry: Registry, published: Published, *, redo: bool = False, unproved: Collection[int] = ()
) -> bool:
    """Write the receipts not published yet, in order; return True if all receipts are written.
    Return False after stopping at a receipt not signed yet. `unproved`: numbers of receipts to leave out.
    `redo`: True to compare the receipts of the last hour before the newest published one, too, and write them
    again where the files differ. Raises Fault where published/ cannot be written: the next call goes on from
    there.
    """
    with published_is_written(), registry.read() as session:
        up_to, gone = (number_in(published.root / mark) for mark in (UP_TO, TAKEN_BACK))
        if up_to < gone:  # A power cut took the number, and what was taken back stays away.
            replace_published(published.root / UP_TO, str(gone))
        for page in pages_after(session, redo_from(session, published) if redo else max(up_to, gone)):
            signed = list(takewhile(lambda one: one.seal != UNSIGNED or one.sequence in unproved, page))
            if signed:
                _write_receipts(published, signed, look_first=redo)
            if len(signed) < len(page):
                return False
    return True


def publish_given(published: Published, issued: Issued) -> bool:
    """Write the receipts of a transaction just committed, and the log's head; return True.
    Returns False, with nothing written, if published/ lacks an older receipt. Raises Fault if writing fails.
    """
    given, head = issued.receipts, published.log / "checkpoint"
    if not given or number_in(published.root / UP_TO) + 1 != given[0].sequence:
        return False
    with published_is_written():
        _write_receipts(published, given, look_first=False)
        if size_of_head(_text(head)) < size_of_head(issued.head):
            replace_published(head, issued.head)
    return True


def _write_receipts(published: Published, page: Sequence[ReceiptRow], *, look_first: bool) -> None:
    put = put_published if look_first else replace_published
    for receipt in page:
        for path, content in receipt_files(published, receipt) if receipt.seal != UNSIGNED else ():
            if path.parent.is_dir() or publishes_receipts_in(published, path.parent):
                put(path, content)
                passing("publish.half")
    passing("publish.written")
    replace_published(published.root / UP_TO, str(page[-1].sequence))
    passing("publish.marked")


def publishes_receipts_in(published: Published, folder: Path) -> bool:
    """Return True if this host publishes a provider's receipts in `folder`, and make the folder if missing.
    Return False if the folder is missing and this host publishes receipts on request only.
    """
    if not folder.is_dir():
        if published.on_request.exists():
            return False
        folder.mkdir(parents=True)
    return True


def is_published(published: Published, receipt: int, head: str | None) -> bool:
    """Return True if published/ has all receipts up to a number, and has `head` as the log's newest head."""
    is_head_out = head is None or _text(published.log / "checkpoint") == head
    return is_head_out and number_in(published.root / UP_TO) >= receipt


def size_of_head(head: str) -> int:
    """Return the number of entries under a signed head, from its second line; -1 if malformed."""
    lines = head.split("\n", 2)
    return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else -1


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def publish_access(registry: Registry, published: Published, now: datetime) -> None:
    """Write the SSH keys in force of each provider, for intake; none for a suspended or removed provider.
    A write transaction keeps two calls apart, so none writes older keys over newer ones: a revoked key could
    let somebody in again. It also keeps out the removal of a provider. Keys that an interrupted removal has
    set aside are deleted. Raises Fault, and writes no further folder, if the database has ended the
    transaction of a call that stood still.
    """
    with registry.write(dated=False) as session:
        for aside in published.root.glob(f"{SET_ASIDE}*"):
            shutil.rmtree(aside, ignore_errors=True)
        known = {provider.id: provider for provider in providers.list_providers(session)}
        in_force = defaultdict[str, str](str)
        for key in keys.keys_in_force(session, "provider", None, "ssh", now):
            in_force[key.owner] += f"{key.material}\n"
        for provider in known.values():
            session.execute(_STILL_LOCKED)
            folder = published.provider(provider.id)
            (folder / "out").mkdir(parents=True, exist_ok=True)
            publishes_receipts_in(published, folder / "receipts")
            put_published(folder / "authorized_keys", "" if provider.suspended else in_force[provider.id])
        # The command that removes a provider deletes the folder at its own host alone.
        for file in published.root.glob("providers/*/authorized_keys"):
            if file.parent.name not in known:
                put_published(file, "")


def publish_checkpoint(registry: Registry, published: Published) -> None:
    """Publish the newest signed head of the log. Raises Fault where published/ cannot be written."""
    with registry.read() as session:
        newest = log.newest_head(session)
    if newest is not None and _text(published.log / "checkpoint") != newest.text:
        with published_is_written():
            published.log.mkdir(parents=True, exist_ok=True)
            replace_published(published.log / "checkpoint", newest.text)


def receipt_files(published: Published, receipt: ReceiptRow) -> list[tuple[Path, str]]:
    """Return paths and texts of a receipt's files: for its provider, and for each school in a trust's file.
    The receipt for a landing is NAME.REF.landed; NAME.REF.txt is kept for the receipt on the decision.
    """
    stem = f"{shown_name(receipt.name)}.{receipt.reference}"
    files = {f"{stem}.landed": receipt.text} if receipt.stage == "landed" else {f"{stem}.txt": receipt.text}
    if receipt.stage != "landed" and receipt.json_text:  # A notice has none, being for people alone.
        files[f"{stem}.json"] = receipt.json_text
    named = json.loads(receipt.json_text)["receipt"] if '"schools":' in receipt.json_text else {}
    schools = {one["provider"] for one in named.get("schools", ()) if one["provider"]} - {receipt.provider}
    folders = [published.provider(one) / "receipts" for one in (receipt.provider, *sorted(schools))]
    return [(folder / name, content) for folder in folders for name, content in files.items()]


def pages_after(
    session: Session, sequence: int, query: SelectOfScalar[ReceiptRow] | None = None
) -> Iterator[Sequence[ReceiptRow]]:
    """Yield the receipts numbered above `sequence`, in order, in pages of a hundred.
    With a `query`, only the receipts that the query selects.
    """
    query = (select(ReceiptRow) if query is None else query).order_by(col(ReceiptRow.sequence)).limit(_PAGE)
    while page := session.exec(query.where(col(ReceiptRow.sequence) > sequence)).all():
        yield page
        if len(page) < _PAGE:
            break
        sequence = page[-1].sequence or sequence


def redo_from(session: Session, published: Published) -> int:
    """Return the number of the last receipt made over an hour before the newest published receipt.
    If the newest published receipt is unknown, return the number of the last receipt removed because of age,
    or 0.
    """
    gone = number_in(published.root / TAKEN_BACK)
    last = session.get(ReceiptRow, number_in(published.root / UP_TO))
    if last is None:
        return gone
    # Search from the newest back, to skip earlier years. A wrong clock for a few receipts does not end the
    # search: a whole page has to be older.
    early, first = last.created_at - _REDONE, (last.sequence or 0) + 1
    query = select(ReceiptRow.sequence, ReceiptRow.created_at).order_by(col(ReceiptRow.sequence).desc())
    before = first
    while page := session.exec(query.where(col(ReceiptRow.sequence) < before).limit(_PAGE)).all():
        recent = [sequence for sequence, created_at in page if sequence and created_at > early]
        if not recent:
            break
        first, before = recent[-1], page[-1][0] or 0
    return max(first - 1, gone)


def number_in(path: Path) -> int:
    """Return the number in a file; 0 if the file is missing or holds no number."""
    try:
        return int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def take_back(registry: Registry, published: Published, before: datetime, *, most: int) -> int:
    """Remove from published/ the receipts made before the moment `before`; return the number examined.
    About `most` receipts are examined in a call. The receipts of a transfer go together, when the last is
    due. The registry keeps all receipts, and notices to a provider stay in published/. Raises Fault where
    published/ cannot be written.
    """
    looked = 0
    with registry.read() as session:
        for page in pages_after(session, number_in(published.root / TAKEN_BACK)):
            old = list(takewhile(lambda receipt: receipt.created_at < before, page))
            query = select(ReceiptRow.reference).where(
                col(ReceiptRow.reference).in_({receipt.reference for receipt in old}),
                ReceiptRow.created_at >= before,
            )
            later = set(session.exec(query).all())
            with published_is_written():
                for receipt in old:
                    if receipt.json_text and receipt.reference not in later:
                        its = select(ReceiptRow).where(ReceiptRow.reference == receipt.reference)
                        for one in session.exec(its).all():
                            for path, _ in receipt_files(published, one):
                                path.unlink(missing_ok=True)
                if old:
                    replace_published(published.root / TAKEN_BACK, str(old[-1].sequence))
            looked += len(old)
            if len(old) < len(page) or looked >= most:
                break
    return looked


def give_back(registry: Registry, published: Published, since: datetime) -> None:
    """Publish again the receipts made at `since` or later that were removed because a clock was fast.
    Raises Fault where published/ cannot be written.
    """
    with registry.read() as session:
        last = session.get(ReceiptRow, number_in(published.root / TAKEN_BACK))
        if last is None or last.created_at < since:
            return
        too_early = select(ReceiptRow.sequence).where(ReceiptRow.created_at >= since)
        first = session.exec(too_early.order_by(col(ReceiptRow.sequence)).limit(1)).one() or 1
    with published_is_written():
        # In this order, a crash in between only repeats the work.
        replace_published(published.root / UP_TO, str(min(first - 1, number_in(published.root / UP_TO))))
        replace_published(published.root / TAKEN_BACK, str(first - 1))
    publish_receipts(registry, published)


def put_published(path: Path, content: str) -> bool:
    """Write a published file if the content differs; return True if written, else False.
    Raises OSError if writing fails. A comparison costs a tenth of writing, and a command about one provider
    visits the files of all providers.
    """
    with suppress(OSError):
        if path.read_bytes() == content.encode():
            return False
    replace_published(path, content)
    return True


def is_whole(path: Path, text: str, end: str = "-----END PGP SIGNATURE-----") -> bool:
    """Return True if a published file holds `text` and ends in `end`: then no power cut has cut the file
    short. Lines end in LF in both `text` and `end`.
    """
    try:
        found = path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    return text in found and found.rstrip().endswith(end)


def published_is_written(folder: str = "published/") -> AbstractContextManager[None]:
    """Raise a Fault, naming `folder` and the system's message, in place of an OSError in the context."""
    return as_fault(f"{folder} cannot be written")


def replace_published(path: Path, content: str) -> None:
    """Write a file whole or not at all, by renaming. Raises OSError if writing fails."""
    aside = path.with_name(f".{secrets.token_hex(6)}")
    try:
        aside.write_text(content, "utf-8")
        aside.rename(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        error.filename = str(path)
        raise
