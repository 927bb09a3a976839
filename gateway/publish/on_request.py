"""Publish receipts on request, and event files of receipts for programs.

Of several hosts each publishes a provider's receipts only while the provider looks for receipts there.
Listing or opening receipts leaves a mark in the spool. The folder of receipts then appears whole, is kept up
to date, and is removed a day after the provider last looked.

/receipts/events.jsonl has a line for each receipt, made from the registry. Each month has a file, such as
`events-2026-11.jsonl`, and lines are only ever added; `events.jsonl` is the file of the newest month.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby, takewhile
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, col, or_, select

from gateway.errors import GatewayError
from gateway.home import Home, Published, checked_provider
from gateway.log.leaf import rfc3339
from gateway.publish import projection
from gateway.registry.database import Registry
from gateway.registry.receipts import UNSIGNED
from gateway.registry.tables import ReceiptRow

_TAIL_BYTES = 64 * 1024
_MONTHS = 3
_NAME = re.compile(r"events(-[0-9]{4}-[0-9]{2})?\.jsonl")


def publish_events(
    registry: Registry, published: Published, seconds: float = math.inf, *, redo: bool = False
) -> bool:
    """Append new receipts to the providers' event files; return True if no new receipt is left.
    Stops after about `seconds`, and then returns False. `redo`: True to append again lines of the last hour
    that a power cut has removed. Raises Fault where published/ cannot be written.
    """
    ends = time.monotonic() + seconds
    mark = published.root / projection.EVENTS_TOLD
    up_to = projection.number_in(published.root / projection.UP_TO)
    with projection.published_is_written(), registry.read() as session:
        told_up_to = projection.number_in(mark)
        start = min(told_up_to, projection.redo_from(session, published)) if redo else told_up_to
        for found in projection.pages_after(session, start):
            page = [one for one in found if (one.sequence or 0) <= up_to]
            if not page:
                break
            told: defaultdict[Path, list[ReceiptRow]] = defaultdict(list)
            for one in page:
                told[published.provider(one.provider) / "receipts"].append(one)
            for folder, rows in told.items():
                if projection.publishes_receipts_in(published, folder):
                    add_events(folder, rows)
            projection.replace_published(mark, str(page[-1].sequence))
            if time.monotonic() >= ends:
                return False
    return True


def add_events(folder: Path, rows: Sequence[ReceiptRow]) -> None:
    """Append `rows`, in the order of the receipts' numbers, to the event files in a provider's `folder`.
    Receipts that are there already are left out. A line cut short by a crash is removed and written again.
    """
    for month, some in groupby(rows, lambda one: f"{one.created_at:%Y-%m}"):
        path, newest = folder / f"events-{month}.jsonl", folder / "events.jsonl"
        with path.open("ab+") as file:
            start = max(0, file.tell() - _TAIL_BYTES)
            file.seek(start)
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            file.truncate(start + whole)
            lines = tail[:whole].splitlines()
            last = json.loads(lines[-1])["number"] if lines else 0
            file.write("".join(event_of(one) for one in some if (one.sequence or 0) > last).encode())
        # A crash may have come between a new file and its link.
        if not (newest.exists() and newest.samefile(path)) and path == max(folder.glob("events-*.jsonl")):
            aside = path.with_name(f".{secrets.token_hex(6)}")
            aside.hardlink_to(path)
            aside.rename(newest)
            for old in sorted(folder.glob("events-*.jsonl"))[:-_MONTHS]:
                old.unlink()


def is_events(name: str) -> bool:
    """Return True if `name` is that of an event file, not of a receipt, in /receipts."""
    return _NAME.fullmatch(name) is not None


def event_of(row: ReceiptRow) -> str:
    """Return the line of an event file for a receipt, as JSON.
    The line is kept for longer than the receipt, and therefore leaves out the upload's file name, as a
    file name may name a child.
    """
    said = json.loads(row.json_text).get("receipt", {}) if row.json_text else {}
    state = said.get("state", "notice")
    event = {
        "number": row.sequence,
        "at": rfc3339(row.created_at),
        "reference": row.reference,
        "state": "landed" if row.stage == "landed" else state,
        "data_type": said.get("data_type"),
        "codes": [one["code"] for one in said.get("reasons", ())],
    }
    return json.dumps(event, ensure_ascii=False) + "\n"


KEPT_SECONDS = 86_400
_MARK, _MOST = ".asked", 5_000  # Files, so that the hour's work stays short.
# Spelled as in the index of these: a bound parameter would miss the index.
_NAMES_SCHOOLS = text("""receipt.json_text LIKE '%"schools":%'""")


def choose(published: Published, *, on_request: bool) -> None:
    """Set this host to publish a provider's receipts only while the provider looks (`on_request`), or always.
    On a change to always, the receipts published so far are removed, so all receipts are written anew. Raises
    Fault if published/ cannot be written.
    """
    with projection.published_is_written():
        if on_request:
            published.on_request.touch()
        elif published.on_request.exists():
            _remove_all(published)
            published.on_request.unlink()


def start_again(home: Home, registry: Registry) -> None:
    """Publish all receipts anew, after the registry was restored: receipts made since may have the numbers of
    others, published before. Raises Fault if published/ cannot be written.
    """
    with projection.published_is_written():
        _remove_all(home.published)
    projection.publish_receipts(registry, home.published)
    publish_on_request(home, registry, 0)


def _remove_all(published: Published) -> None:
    """Remove all published receipts, and the numbers of those published."""
    for folder in _folders(published):
        shutil.rmtree(folder)
    for mark in projection.MARKS:
        (published.root / mark).unlink(missing_ok=True)


def publish_on_request(home: Home, registry: Registry, since: int) -> int:
    """Publish the receipts of providers that have begun to look for receipts at this host.
    Returns the time of the newest mark of a provider, in nanoseconds. `since`: the result of the last call;
    without a newer mark nothing is done. Raises Fault if published/ cannot be written.
    """
    with projection.published_is_written():
        try:
            newest = home.spool.asked.stat().st_mtime_ns
        except FileNotFoundError:
            return since
        for provider in _asked(home) if newest != since else ():
            folder = home.published.provider(provider) / "receipts"
            if not folder.is_dir():
                aside = _aside(folder)
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                with registry.read() as session:
                    last = _fill(aside, session, home.published, provider, 0)
                aside.rename(folder)
                # Whoever published meanwhile found no folder, and left these receipts out.
                with registry.read() as session:
                    _fill(folder, session, home.published, provider, last)
    return newest


def let_go(home: Home) -> None:
    """Remove from published/ the receipts of providers that have opened no folder of receipts for a day.
    Raises Fault where a file cannot be removed.
    """
    wanted, removed = _asked(home), 0
    with projection.published_is_written():
        for folder in _folders(home.published):
            if folder.parent.name not in wanted and removed < _MOST:
                removed += sum(1 for _ in folder.iterdir())
                shutil.rmtree(_aside(folder), ignore_errors=True)
                folder.rename(_aside(folder))  # The folder goes at once: for who looks now it is made anew.
                shutil.rmtree(_aside(folder))


def _asked(home: Home) -> set[str]:
    """Return the enrolled providers that looked for receipts within a day, as marks in the spool show."""
    found, since = set(), time.time() - KEPT_SECONDS
    for mark in home.spool.asked.glob(f"*{_MARK}"):
        try:
            provider = checked_provider(mark.name.removesuffix(_MARK))
            if mark.lstat().st_mtime > since and home.published.provider(provider).is_dir():
                found.add(provider)
        except (GatewayError, ValueError, FileNotFoundError):
            continue
    return found


def _folders(published: Published) -> list[Path]:
    return list((published.root / "providers").glob("*/receipts"))


def _aside(folder: Path) -> Path:
    return folder.with_name(".receipts")


def _fill(there: Path, session: Session, published: Published, provider: str, last: int) -> int:
    """Write a provider's receipts and events numbered above `last` to a folder; return the last number.
    Stops before the first receipt that is still to be signed. A receipt that the log does not prove is left
    out, because it will never be signed.
    """
    folder = published.provider(provider) / "receipts"
    gone = projection.number_in(published.root / projection.TAKEN_BACK)
    up_to = projection.number_in(published.root / projection.UP_TO)
    query = select(ReceiptRow).where(or_(ReceiptRow.provider == provider, _NAMES_SCHOOLS))
    for found in projection.pages_after(session, last, query):
        ready = takewhile(lambda one: one.seal != UNSIGNED or (one.sequence or 0) <= up_to, found)
        if not (page := list(ready)):
            break
        query_kept = select(ReceiptRow.reference).where(
            col(ReceiptRow.reference).in_({one.reference for one in page}), col(ReceiptRow.sequence) > gone
        )
        kept = set(session.exec(query_kept))
        for one in page:
            if one.seal != UNSIGNED and (one.reference in kept or not one.json_text):
                for path, content in projection.receipt_files(published, one):
                    if path.parent == folder:
                        projection.put_published(there / path.name, content)
        add_events(there, [one for one in page if one.provider == provider])
        last = page[-1].sequence or last
        if len(page) < len(found):
            break
    return last
