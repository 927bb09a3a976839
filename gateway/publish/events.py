"""/receipts/events.jsonl of each provider: one line a receipt, for programs that poll.

Made from the registry beside the files' own way, a page of receipts at a time. Each month has a file of its
own, `events-2026-11.jsonl`, to which lines are only ever added; `events.jsonl` is that of the newest month.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from gateway.home import Published
from gateway.log.leaf import rfc3339
from gateway.publish.projection import (
    EVENTS_TOLD,
    after,
    is_brought_out,
    number_in,
    published_is_written,
    replace_published,
)
from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptRow

_TAIL_BYTES = 64 * 1024
_MONTHS = 3
_NAME = re.compile(r"events(-[0-9]{4}-[0-9]{2})?\.jsonl")


def publish_events(registry: Registry, published: Published) -> None:
    """Add each receipt not told yet to its provider's events.

    After a crash amid it, what was half written is cut off and written again; no line comes twice. Raises
    Fault where published/ cannot be written.
    """
    mark = published.root / EVENTS_TOLD
    with published_is_written(), registry.read() as session:
        for page in after(session, number_in(mark)):
            told: defaultdict[Path, list[ReceiptRow]] = defaultdict(list)
            for one in page:
                told[published.provider(one.provider) / "receipts"].append(one)
            for folder, rows in told.items():
                if is_brought_out(published, folder):
                    add_events(folder, rows)
            replace_published(mark, str(page[-1].sequence))


def add_events(folder: Path, rows: Sequence[ReceiptRow]) -> None:
    """Add the events of receipts, in their order, to the files of a provider; those told already are not."""
    for month, some in groupby(rows, lambda one: f"{one.created_at:%Y-%m}"):
        _add(folder / f"events-{month}.jsonl", list(some))


def _add(path: Path, rows: Sequence[ReceiptRow]) -> None:
    fresh = not path.exists()
    with path.open("ab+") as file:
        start = max(0, file.tell() - _TAIL_BYTES)
        file.seek(start)
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        file.truncate(start + whole)
        lines = tail[:whole].splitlines()
        last = json.loads(lines[-1])["number"] if lines else 0
        file.write("".join(event_of(one) for one in rows if (one.sequence or 0) > last).encode())
    if fresh:
        aside = path.with_name(f".{secrets.token_hex(6)}")
        aside.hardlink_to(path)
        aside.rename(path.with_name("events.jsonl"))
        for old in sorted(path.parent.glob("events-*.jsonl"))[:-_MONTHS]:
            old.unlink()


def is_events(name: str) -> bool:
    """Is this the name of a file of events among a provider's receipts?"""
    return _NAME.fullmatch(name) is not None


def event_of(row: ReceiptRow) -> str:
    """Return the event of a receipt as a line of JSON.

    The line has no file name: it stays longer than the receipt, and a name may name a child.
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
