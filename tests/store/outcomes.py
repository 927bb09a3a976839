"""What a gateway came to, spelled the same wherever it is: without times, numbers and chance."""

from __future__ import annotations

import calendar
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlmodel import Session, col, select

from gateway.home import REFERENCE
from gateway.publish.projection import receipt_files
from gateway.receipts.text import statement_in
from gateway.registry import copies, log, transfers
from gateway.registry.tables import DeletionRow, DeliveryRow, EventRow, ReceiptRow
from tests.store.ways import Way
from tests.waiting import until

Outcome = dict[str, Any]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_DAY, _WEEK = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-W\d\d")
_HEX = re.compile(r"\b(?:[0-9a-f]{8,}|(?:[0-9A-F]{4} +)+[0-9A-F]{4})\b")
_NUMBER = re.compile(r"\b\d[\d,]*\b")
_MONTH = re.compile(rf"\b(?:{'|'.join(calendar.month_name[1:])})\b")
# Of these, none is twice the same: they are of chance, of the moment, or made of what is.
_CHANCE = frozenset({"salt", "receipt", "text", "record", "rows", "sequence", "number"})
# By a byte or two, what is sealed to a key that one gateway alone has differs from what another one got.
_OF_SEALED = frozenset({"size"})
# Of how many transactions, heads and tasks work was made is nobody's outcome; nor is it whether a file was
# put on record before its decision, as where several hosts work or a decision takes long.
_OF_TRANSACTIONS, _OF_LANDING = frozenset({"recorded", "landed"}), frozenset({"folder", "key"})


def masked(way: Way, value: Any) -> Any:
    """JSON without what differs from one gateway to the next."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if name not in _CHANCE | _OF_SEALED}
        return {name: masked(way, one) for name, one in kept.items()}
    if isinstance(value, list | tuple):
        # That a file landed is an event of its own only where its decision took longer than a moment.
        lasting = [one for one in value if not (isinstance(one, dict) and one.get("kind") == "landed")]
        return [masked(way, one) for one in lasting]
    return _masked(way, value) if isinstance(value, str) else value


def _masked(way: Way, text: str) -> str:
    text = REFERENCE.sub(lambda found: way.labels.get(found[0], "<another>"), text)
    for pattern, word in ((_MOMENT, "<time>"), (_WEEK, "<week>"), (_DAY, "<day>")):
        text = pattern.sub(word, text)
    return _HEX.sub(lambda found: found[0] if found[0] in way.origin.known else "<digest>", text)


def said(way: Way, text: str) -> str:
    """A text for people, its lines joined; numbers of any kind are one."""
    return " ".join(_NUMBER.sub("0", _MONTH.sub("<month>", _masked(way, text))).split())


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """What differs between two outcomes, each with its place."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(name, one.get(name), other.get(name)) for name in one.keys() | other.keys()]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(place), *pair) for place, pair in enumerate(zip(one, other, strict=True))]
    else:
        return [] if one == other else [f"{where}: {one!r} is not {other!r}"]
    return [found for name, *pair in pairs for found in differences(*pair, f"{where}/{name}")]


def settled(way: Way) -> None:
    """Wait until all that is on record is brought out."""
    home = way.desk.home

    def shown() -> bool:
        with way.desk.registry.read() as session:
            if copies.owed(session):
                return False
            given = session.exec(select(ReceiptRow).order_by(col(ReceiptRow.sequence))).all()
        if home.published.on_request.exists():
            for provider in {one.provider for one in given}:
                way.desk.look(provider)
        expected = {path: content for one in given for path, content in receipt_files(home.published, one)}
        with suppress(FileNotFoundError):
            return all(path.read_text() == content for path, content in expected.items())
        return False

    until(shown, "what is to be shown at the door")


def outcome(way: Way, reference: str) -> Outcome:
    """All that became of a file."""
    return outcomes(way, reference)[0]


def outcomes(way: Way, *references: str) -> list[Outcome]:
    """All that became of some files."""
    settled(way)
    with way.desk.registry.read() as session:
        return [_outcome(way, session, one) for one in references]


def standing(way: Way, references: Sequence[str]) -> list[Any]:
    """The same as it is, with all its times and numbers: of one gateway, before something and after it."""
    settled(way)
    with way.desk.registry.read() as session:
        return [
            [
                transfers.get(session, one),
                _deliveries(session, transfers.get(session, one).sequence),
                log.events(session, one),
                stored(way, one),
            ]
            for one in references
        ]


def _outcome(way: Way, session: Session, reference: str) -> Outcome:
    transfer = transfers.get(session, reference)
    return {
        "state": transfer.state,
        "reasons": [masked(way, [why.code, why.clause, why.sentence]) for why in transfer.reasons],
        "waits for": transfer.waits_for,
        "what": [transfer.data_type, transfer.flow, masked(way, transfer.period)],
        "deliveries": _deliveries(session, transfer.sequence),
        "receipts": _receipts(way, session, reference),
        "events": _events(way, session, reference),
        "store": stored(way, reference),
        "door": at_the_door(way, reference),
    }


def stored(way: Way, reference: str) -> str:
    """What lies in the store of a file."""
    if not way.store.has(reference):
        return "nothing"
    found = way.store.digest(reference)
    if found == hashlib.sha256(b"").hexdigest():
        return "an empty file"
    assert found == way.desk.transfer(reference).upload.sha256
    with way.store.reading_session(reference) as session:
        return "as it was sent" + ("" if session is None else " and a session key")


def at_the_door(way: Way, reference: str) -> list[str]:
    """The names of what providers find of a file."""
    root = way.desk.home.published.root / "providers"
    found = (path for path in root.glob(f"*/*/*{reference}*") if path.suffix != ".landed")
    return sorted(masked(way, str(path.relative_to(root))) for path in found)


def notices(way: Way, provider: str) -> list[str]:
    """What a provider was told besides receipts, in order."""
    settled(way)
    query = select(ReceiptRow).where(ReceiptRow.provider == provider, ReceiptRow.json_text == "")
    with way.desk.registry.read() as session:
        given = session.exec(query.order_by(col(ReceiptRow.sequence))).all()
    return [said(way, one.text.partition("-----BEGIN PGP SIGNATURE")[0]) for one in given]


def listed(way: Way, *command: str) -> list[Any]:
    """What a command lists, in an order of its own: that of references is chance."""
    rows = masked(way, json.loads(way.asked(*command, "--json")))
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def entries(way: Way, subject: str) -> list[Any]:
    """The log's word on a subject, in order."""
    with way.desk.registry.read() as session:
        return _events(way, session, subject)


def kinds(way: Way) -> Counter[tuple[str, str]]:
    """How often the log has each kind of entry, on each subject."""
    with way.desk.registry.read() as session:
        rows = session.exec(select(EventRow.kind, EventRow.subject)).all()
    return Counter((kind, masked(way, subject)) for kind, subject in rows if kind not in _OF_TRANSACTIONS)


def deletions(way: Way) -> Counter[tuple[str, str, str | None, str]]:
    """What retention has deleted."""
    with way.desk.registry.read() as session:
        rows = session.exec(select(DeletionRow)).all()
    return Counter((masked(way, one.reference), one.what, one.data_type, one.rule) for one in rows)


def _deliveries(session: Session, transfer: int) -> list[Any]:
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer).order_by(col(DeliveryRow.team))
    return [
        [one.team, one.dealt_with_by, one.collected_at is not None, one.whole, one.counts]
        for one in session.exec(query).all()
    ]


def _receipts(way: Way, session: Session, reference: str) -> list[Any]:
    query = select(ReceiptRow).where(ReceiptRow.reference == reference, ReceiptRow.stage != "landed")
    query = query.order_by(col(ReceiptRow.sequence))
    found = []
    for one in session.exec(query).all():
        stated = json.loads(one.json_text)["receipt"]
        found.append([one.stage, one.name, said(way, statement_in(one.text)), masked(way, stated)])
    return found


def _events(way: Way, session: Session, subject: str) -> list[Any]:
    query = select(EventRow).where(EventRow.subject == subject).order_by(col(EventRow.number))
    return [
        [one.kind, one.actor, masked(way, one.note), masked(way, _fields(one))]
        for one in session.exec(query).all()
        if one.kind not in _OF_TRANSACTIONS
    ]


def _fields(event: EventRow) -> dict[str, Any]:
    left_out = _OF_LANDING if event.kind == "decided" else frozenset()
    return {name: value for name, value in json.loads(event.leaf)["fields"].items() if name not in left_out}
