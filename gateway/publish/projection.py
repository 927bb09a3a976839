"""What must appear outside: an idempotent projection of the registry into published/.

Everything here may be deleted and is made again from the registry. Files are renamed into place, so
a provider never reads half of one.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session, col, select

from gateway.errors import Fault
from gateway.home import Home, Published, shown_name
from gateway.home.settings import IntakeSettings
from gateway.policy.catalogue import load_catalogue
from gateway.registry import keys, log, providers
from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptRow
from gateway.zones.failpoints import passing

# A projection is not fsynced; what a power cut took of the last minutes is written again at the start.
_REDONE = timedelta(hours=1)
_PAGE = 100


class Issued(NamedTuple):
    """What a transaction signed: the head of the log, and the receipts that were made with it, by number."""

    head: str
    receipts: Sequence[ReceiptRow] = ()


def publish_receipts(registry: Registry, published: Published, *, redo: bool = False) -> int:
    """Write every receipt that is not out yet, whoever recorded it; how many those were.

    With `redo`, those of the last hour before the last one are looked at, and written once more where they
    are not as they were. Fault where published/ cannot be written: the next call begins where this one
    stopped.
    """
    done = 0
    with registry.read() as session:
        for page in _after(session, _redo_from(session, published) if redo else published_up_to(published)):
            _put_out(published, page, look_first=redo)
            done += len(page)
    return done


def publish_given(published: Published, issued: Issued) -> bool:
    """Write receipts that were just committed and the head that they prove, where nothing is to go first.

    False, and nothing written, where others recorded receipts that are not out. Fault as above.
    """
    given = issued.receipts
    if not given or published_up_to(published) + 1 != given[0].sequence:
        return False
    _put_out(published, given, look_first=False)
    if _size(_text(published.log / "checkpoint")) < _size(issued.head):
        _put_head(published, issued.head)
    return True


def _put_out(published: Published, page: Sequence[ReceiptRow], *, look_first: bool) -> None:
    try:
        for receipt in page:
            folder = published.provider(receipt.provider) / "receipts"
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in receipt_files(receipt).items():
                put = put_published if look_first else replace_published
                put(folder / name, content)
                passing("publish.half")
        passing("publish.written")
        replace_published(_watermark_file(published), str(page[-1].sequence))
        passing("publish.marked")
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None


def _put_head(published: Published, head: str) -> None:
    try:
        published.log.mkdir(parents=True, exist_ok=True)
        replace_published(published.log / "checkpoint", head)
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None


def is_published(published: Published, receipt: int, head: str | None) -> bool:
    """Are all receipts out up to this number, and this signed head, if there is one?"""
    is_head_out = head is None or _text(published.log / "checkpoint") == head
    return is_head_out and published_up_to(published) >= receipt


def _size(head: str) -> int:
    """The number of entries that a head tells of, which is its second line; -1 where it is none."""
    lines = head.split("\n", 2)
    return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else -1


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def publish_access(registry: Registry, published: Published, now: datetime) -> None:
    """Write each provider's SSH keys; a suspended one has none. Removes what is no longer true.

    It is done in the one writer's place: of two who do so at once, nobody who read before a change writes
    after it. A key that was revoked meanwhile would let somebody in again, or a new one nobody yet.
    """
    with registry.write() as session:
        in_force = keys.all_in_force(session, "provider", "ssh", now)
        for provider in providers.list_providers(session):
            folder = published.provider(provider.id)
            for name in ("receipts", "out"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            allowed = () if provider.suspended else in_force.get(provider.id, ())
            lines = "".join(f"{key.material}\n" for key in allowed)
            put_published(folder / "authorized_keys", lines)


def publish_common(
    home: Home, certificate: str, log_vkey: str, settings: IntakeSettings, contact: str | None
) -> None:
    """Write what every provider sees and what intake may know. `contact` is whom to tell of a flaw."""
    published = home.published
    for folder in (published.common / "keys", published.common / "agreement", published.log):
        folder.mkdir(parents=True, exist_ok=True)
    replace_published(published.common / "keys" / "gateway.asc", certificate)
    replace_published(published.common / "keys" / "gateway-log.vkey", f"{log_vkey}\n")
    if contact is None:
        (published.common / "keys" / "security.txt").unlink(missing_ok=True)
    else:
        replace_published(published.common / "keys" / "security.txt", f"Contact: {contact}\n")
    agreement = load_catalogue(home.policies_in_force).agreement_text
    replace_published(published.common / "agreement" / "agreement.txt", agreement)
    replace_published(published.intake_settings, json.dumps(settings.model_dump(), indent=1))


def publish_checkpoint(registry: Registry, published: Published) -> None:
    """Write the newest signed head of the log, where it is not out yet. Fault as for receipts."""
    with registry.read() as session:
        newest = log.newest_head(session)
    if newest is not None and _text(published.log / "checkpoint") != newest.text:
        _put_head(published, newest.text)


def receipt_files(receipt: ReceiptRow) -> dict[str, str]:
    """The files of a receipt in its provider's folder, by name.

    That a file landed is told in a file of another kind, so that whoever waits for the outcome, a
    person or a program, waits for NAME.REF.txt or NAME.REF.json.
    """
    stem = f"{shown_name(receipt.name)}.{receipt.reference}"
    if receipt.stage == "landed":
        return {f"{stem}.landed": receipt.text}
    # A notice is for people alone.
    return {f"{stem}.txt": receipt.text} | ({f"{stem}.json": receipt.json_text} if receipt.json_text else {})


def _holds(path: Path, content: str) -> bool:
    try:
        return path.read_bytes() == content.encode()
    except OSError:
        return False


def _after(session: Session, sequence: int) -> Iterator[Sequence[ReceiptRow]]:
    query = select(ReceiptRow).order_by(col(ReceiptRow.sequence)).limit(_PAGE)
    while page := session.exec(query.where(col(ReceiptRow.sequence) > sequence)).all():
        yield page
        if len(page) < _PAGE:
            break
        sequence = page[-1].sequence or sequence


def _redo_from(session: Session, published: Published) -> int:
    """The place an hour before the last receipt that was written; 0 where that is not known."""
    last = session.get(ReceiptRow, published_up_to(published))
    if last is None:
        return 0
    # From the newest back, so that those of the years before are not gone through. A clock that was wrong for
    # a few receipts does not end it: a whole page has to be older.
    early, first = last.created_at - _REDONE, (last.sequence or 0) + 1
    query = select(ReceiptRow.sequence, ReceiptRow.created_at).order_by(col(ReceiptRow.sequence).desc())
    before = first
    while page := session.exec(query.where(col(ReceiptRow.sequence) < before).limit(_PAGE)).all():
        recent = [sequence for sequence, created_at in page if sequence and created_at > early]
        if not recent:
            break
        first, before = recent[-1], page[-1][0] or 0
    return max(first - 1, taken_back_up_to(published))


def _watermark_file(published: Published) -> Path:
    return published.root / ".receipts"


def published_up_to(published: Published) -> int:
    """The sequence of the last receipt that is out; 0 where none is."""
    return _number_in(_watermark_file(published))


def _number_in(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def take_back(registry: Registry, published: Published, before: datetime, *, most: int) -> int:
    """Remove receipts of files that were given out before that moment; how many were looked at.

    That is some `most` at most. They stay in the registry, and their providers have had the time to fetch
    them. Where a transfer got another receipt since, all of its own go with that one. Notices to a provider
    stay. Fault where published/ cannot be written.
    """
    looked = 0
    with registry.read() as session:
        for page in _after(session, taken_back_up_to(published)):
            old = list(takewhile(lambda receipt: receipt.created_at < before, page))
            later = _receipted_since(session, {receipt.reference for receipt in old}, before)
            try:
                for receipt in old:
                    if receipt.json_text and receipt.reference not in later:
                        _remove_receipts(session, published, receipt)
                if old:
                    replace_published(_taken_back_file(published), str(old[-1].sequence))
            except OSError as error:
                raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None
            looked += len(old)
            if len(old) < len(page) or looked >= most:
                break
    return looked


def give_back(registry: Registry, published: Published, before: datetime) -> None:
    """Publish receipts again that were taken back too early, as by a clock that was fast.

    Those are the ones given out at that moment or later. Fault where published/ cannot be written.
    """
    with registry.read() as session:
        last = session.get(ReceiptRow, taken_back_up_to(published))
        if last is None or last.created_at < before:
            return
        too_early = select(ReceiptRow.sequence).where(ReceiptRow.created_at >= before)
        first = session.exec(too_early.order_by(col(ReceiptRow.sequence)).limit(1)).one() or 1
    try:
        # In this order: killed in between, it is all done again.
        replace_published(_watermark_file(published), str(min(first - 1, published_up_to(published))))
        replace_published(_taken_back_file(published), str(first - 1))
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None
    publish_receipts(registry, published)


def _receipted_since(session: Session, references: Collection[str], moment: datetime) -> set[str]:
    query = select(ReceiptRow.reference).where(
        col(ReceiptRow.reference).in_(references), ReceiptRow.created_at >= moment
    )
    return set(session.exec(query).all())


def _remove_receipts(session: Session, published: Published, one: ReceiptRow) -> None:
    folder = published.provider(one.provider) / "receipts"
    for receipt in session.exec(select(ReceiptRow).where(ReceiptRow.reference == one.reference)).all():
        for name in receipt_files(receipt):
            (folder / name).unlink(missing_ok=True)


def _taken_back_file(published: Published) -> Path:
    return published.root / ".receipts-taken-back"


def taken_back_up_to(published: Published) -> int:
    """The sequence of the last receipt that was taken back, as old ones are; 0 where none was."""
    return _number_in(_taken_back_file(published))


def put_published(path: Path, content: str) -> bool:
    """Have a file that providers see hold this; whether it had to be written. OSError as below.

    To look first costs a tenth of writing, which of 300 providers is most of a command that changes one.
    """
    if _holds(path, content):
        return False
    replace_published(path, content)
    return True


def replace_published(path: Path, content: str) -> None:
    """Write a file that providers see, whole or not at all. OSError where it cannot be written."""
    aside = path.with_name(f".{secrets.token_hex(6)}")
    try:
        aside.write_text(content, "utf-8")
        aside.rename(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
