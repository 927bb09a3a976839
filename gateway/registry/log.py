"""Append to the log in the registry, read its entries, sign its heads, and prove that entries are in it."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, func, select

from gateway.errors import ConfigurationError, Fault, NotFoundError
from gateway.log import tree
from gateway.log.checkpoint import (
    LogKey,
    VerifierKey,
    add_cosignatures,
    checkpoint,
    names_signer,
    read_checkpoint,
)
from gateway.log.leaf import FIELDS, Event, Kind, canonical, commitment, leaf_around_number
from gateway.model import LogStep
from gateway.registry import locks, vouched_rows
from gateway.registry.locks import WriterLock
from gateway.registry.sight import named_in
from gateway.registry.tables import CheckpointRow, EventRow, NodeRow
from gateway.registry.tables.files import fields_in
from gateway.registry.tables.row import first, only, portions, rows, store, values

if TYPE_CHECKING:
    from gateway.verify.verify_receipts import KeyInTime

TILE = 256
"""Hashes in a full tile of the log."""
_NODES = "gateway log nodes"
"""Nodes of the tree that the transaction has read or made: they never change."""
_LEAVES, _SIZE, _SIGNED = "gateway log leaves", "gateway log size", "gateway log head"
PENDING = "gateway log pending"
"""Marks events that are written together with the head signed next."""
_CHANGED = "gateway log key changed"
_KEY_CHANGED: Kind = "log-key-changed"
_SILENT, _RECENT = timedelta(days=180), timedelta(days=7)
# For each set bit of its size, a tree ends in a complete subtree of 2^level leaves.
_SIZE_AND_ROOT = text("""
    SELECT tree.size, node.level, node.position, node.hash, tree.changed
    FROM (
        SELECT coalesce((SELECT max(number) FROM event) + 1, 0) AS size,
        (SELECT leaf FROM event WHERE kind = 'log-key-changed' ORDER BY number DESC LIMIT 1) AS changed
    ) tree
    LEFT JOIN (
        WITH RECURSIVE up(level) AS (SELECT 0 UNION ALL SELECT level + 1 FROM up WHERE level < 30)
        SELECT level FROM up
    ) bit ON (tree.size >> bit.level) & 1 = 1
    LEFT JOIN log_node node ON node.level = bit.level AND node.position = (tree.size >> bit.level) - 1
""")


R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event to append to the log.
    `actor` is a person's name, `name` the name of a file, `content` the SHA-256 of a file's content, `note` a
    person's own words. The log's leaf holds only a commitment to each of the four; "" is the same as None.
    Of `fields`, those that are None are left out. `rows`: a record, made by `record_of`, of the registry's
    rows for which the leaf vouches.
    """

    kind: Kind
    subject: str
    fields: Mapping[str, str | int | None] = field(default_factory=dict)
    actor: str | None = None
    name: str | None = None
    content: str | None = None
    note: str | None = None
    rows: str | None = None


def append(
    session: Session, entries: Sequence[Entry], at: datetime, *, before_head: bool = False
) -> list[int]:
    """Append events in order; return the numbers of the entries. ValueError for an invalid event.
    `before_head`: True to write the entries together with the signed head, which the caller has to make later
    in the transaction, by `sign_head(carried=True)`; this saves a query. The transaction fails without the
    head.
    """
    if not entries:
        return []
    if any(entry.kind.startswith("policy-") for entry in entries):
        session.info[vouched_rows.REGISTER_CHANGED] = {}
    spelled: list[tuple[dict[str, Any], bytes, bytes]] = []  # Encoded before the lock is taken.
    for entry in entries:
        said = {
            "commitment": entry.actor,
            "name_commitment": entry.name,
            "content_commitment": entry.content,
            "record": entry.note,
        }
        salt = secrets.token_bytes(16) if any(said.values()) else None
        fields = {name: value for name, value in entry.fields.items() if value is not None}
        if salt is not None:
            fields |= {name: commitment(text, salt) for name, text in said.items() if text}
        if entry.rows is not None:
            fields["rows"] = hashlib.sha256(entry.rows.encode()).hexdigest()
        event = Event(sequence=0, at=at, kind=entry.kind, subject=entry.subject, fields=fields)
        columns: dict[str, Any] = {"at": at, "kind": entry.kind, "subject": entry.subject, "rows": entry.rows}
        columns |= {"actor": entry.actor or None, "salt": salt, "note": entry.note or None}
        spelled.append((columns, *leaf_around_number(event)))
    locks.take_lock(session, WriterLock.LOG)
    nodes: dict[tuple[int, int], bytes] = session.info.setdefault(_NODES, {})
    begin: int | None = session.info.get(_SIZE)
    if begin is None:  # With the size come the nodes that appending needs.
        found = session.execute(_SIZE_AND_ROOT).all()
        nodes |= {(level, index): node for _, level, index, node, _ in found if node is not None}
        begin, session.info[_CHANGED] = found[0].size, found[0].changed
    new = [
        {"number": number, **columns, "leaf": b"%b%d%b" % (before, number, after)}
        for number, (columns, before, after) in enumerate(spelled, start=begin)
    ]
    known = len(nodes)
    for row in new:
        tree.append(nodes, row["number"], row["leaf"])
    session.info[_SIZE] = begin + len(entries)
    session.info.setdefault(_LEAVES, {}).update({row["number"]: row["leaf"] for row in new})
    events, made = session.info.setdefault(PENDING, ([], []))
    events += new
    made += [
        {"level": level, "position": index, "hash": node}
        for (level, index), node in islice(nodes.items(), known, None)
    ]
    if not before_head:
        del session.info[PENDING]
        vouched_rows.insert_together(session, (EventRow, events), (NodeRow, made))
    return [row["number"] for row in new]


def with_records(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with records of all rows changed in the transaction, so the log vouches for them.
    The rows of a file are recorded in the entry about the file, all other rows in the first entry whose kind
    may have a record. If there is no such entry, one is added.
    """
    changed = vouched_rows.take_changes(session)
    if not changed:
        return list(entries)
    able = {entry.subject: place for place, entry in enumerate(entries) if "rows" in FIELDS[entry.kind]}
    first = min(able.values(), default=len(entries))
    rows: dict[int, list[vouched_rows.Change]] = {}
    for subject, changes in changed.items():
        rows.setdefault(able.get(subject, first), []).extend(changes)
    told = list(entries) if able else [*entries, Entry(kind="recorded", subject="registry")]
    for place, some in rows.items():
        told[place] = replace(told[place], rows=vouched_rows.record_of(some))
    return told


def size(session: Session) -> int:
    """Return the number of leaves in the log."""
    if _SIZE in session.info:  # The transaction has appended and holds the log's lock.
        own: int = session.info[_SIZE]
        return own
    last = session.exec(select(func.max(EventRow.number))).one()
    return 0 if last is None else last + 1


def sign_head(session: Session, key: LogKey, origin: str, at: datetime, *, carried: bool = False) -> str:
    """Sign the current head of the log, once for each size; return the signed text. `origin`: the log's name.
    Changed rows are recorded in the log first, so the head vouches for them. `carried`: True if a receipt
    states the head, and so vouches for the row of the head itself; if False, the next log entry vouches for
    that row.
    """
    record_changes(session, at)
    now = size(session)
    # Over the transaction's own entries no other transaction can have signed a head.
    fresh = _SIZE in session.info and session.info.get(_SIGNED) != now
    if not fresh and (known := session.get(CheckpointRow, now)) is not None:
        return known.text
    if session.info.get(_CHANGED, "") is not None:
        check_key(session, key.vkey(origin), now)
    signed = checkpoint(origin, now, root(session, now), key)
    head = {"size": now, "text": signed, "created_at": at}
    if carried:
        events, nodes = session.info.pop(PENDING, ((), ()))
        vouched_rows.insert_together(session, (EventRow, events), (NodeRow, nodes), (CheckpointRow, [head]))
    else:
        vouched_rows.add_rows(session, CheckpointRow, [head])
    session.info[_SIGNED] = now
    return signed


def check_key(session: Session, vkey: str, at_size: int = sys.maxsize) -> None:
    """Raise Fault unless `vkey` is the key that signs heads of `at_size` entries; by default, new heads.
    ConfigurationError if the entry about the last change of keys was altered.
    """
    if _CHANGED not in session.info:
        event = latest(session, _KEY_CHANGED)
        session.info[_CHANGED] = None if event is None else event.leaf
    leaf = session.info[_CHANGED]
    if leaf is not None:
        fields = fields_in(leaf, "the log's entry about its new key")
        if vkey != fields["log_key" if at_size > fields["size"] else "earlier"]:
            raise Fault("the key of the log has changed, and is not followed here yet")


def check_is_ours(session: Session, vkey: str) -> None:
    """Raise ConfigurationError if the log in the registry is signed, but never by the key `vkey`.
    This keeps a gateway from writing to another authority's database that was named by mistake. If only the
    name of the log differs, the error says so.
    """
    newest = newest_head(session)
    keys = [one.key for one in keys_in_time(session, vkey)]
    if newest is not None and not (vkey in keys and names_signer(newest.text, keys)):
        name, key = newest.text.partition("\n")[0], VerifierKey.read(vkey)
        if names_signer(newest.text, [str(replace(key, name=name))]):
            raise ConfigurationError(
                f'gateway.toml: log_origin: the log began as "{name}", and keeps this name: write it back'
            )
        raise ConfigurationError(
            "the registry is another gateway's: its log is signed by another key than the one in keys/ of "
            "this home. Set database in gateway.toml to this gateway's own, or bring keys/ back from a backup"
        )


def change_key(
    session: Session, old: LogKey, new: LogKey, origin: str, at: datetime, *, by: str | None, lost: bool
) -> str:
    """Put a new key of the log in force; return the signed head that covers the log entry about the change.
    The old key signs that head, as its last one, and so vouches for the new key. If the old key is `lost`,
    the new key signs the head, and the old key counts only for heads without the entry.
    """
    record_changes(session, at)
    fields: dict[str, str | int] = {
        "log_key": new.vkey(origin),
        "earlier": old.vkey(origin),
        "size": size(session) + (not lost),
        "cause": "compromised" if lost else "superseded",
    }
    (number,) = append(session, [Entry(kind=_KEY_CHANGED, subject="log", fields=fields, actor=by)], at)
    session.info[_CHANGED] = session.info[_LEAVES][number]
    return sign_head(session, new if lost else old, origin, at)


def keys_in_time(session: Session, vkey: str) -> tuple[KeyInTime, ...]:
    """Return the log's keys from the first to the present one; only `vkey` if the key never changed."""
    from gateway.verify.verify_receipts import Head, KeyInTime  # noqa: PLC0415 - loads cryptography

    ended, current = [], vkey
    for event in events(session, "log", kind=_KEY_CHANGED):
        # An audit says what is wrong with the leaf, or with a node.
        with suppress(ConfigurationError, ValueError, KeyError):
            fields = event.fields
            key, size = fields["earlier"], fields["size"]
            last = Head(key.split("+")[0], size, root(session, size))
            ended.append(KeyInTime(key, last, fields["cause"] == "compromised"))
            current = fields["log_key"]
    return (*ended, KeyInTime(current))


def record_changes(session: Session, at: datetime) -> None:
    """Append an entry that records the changed rows, if the log does not vouch for all of them yet."""
    append(session, with_records(session, ()), at)


def inclusion_proofs(
    session: Session, numbers: Sequence[int], at_size: int
) -> list[tuple[bytes, list[bytes]]]:
    """Return for each leaf number its bytes, and the proof of inclusion in the log of `at_size` leaves."""
    leaves: dict[int, bytes] = dict(session.info.get(_LEAVES, {}))  # Those appended by the transaction.
    wanted = [number for number in numbers if number not in leaves]
    for some in portions(wanted):
        query = select(EventRow.number, EventRow.leaf).where(col(EventRow.number).in_(some))
        leaves |= dict(session.exec(query).all())
    proofs = _read(session, lambda store: [tree.inclusion_proof(store, one, at_size) for one in numbers])
    return [(leaves[number], proof) for number, proof in zip(numbers, proofs, strict=True)]


def consistency_proofs(session: Session, firsts: Sequence[int], second: int) -> list[list[bytes]]:
    """Return the consistency proof from each size in `firsts` to the log of `second` leaves."""
    return _read(session, lambda store: [tree.consistency_proof(store, one, second) for one in firsts])


def root(session: Session, at_size: int) -> bytes:
    """Return the root hash of the log when the log had `at_size` leaves."""
    return _read(session, lambda store: tree.root(store, at_size))


def names_any(leaf: bytes, subject: str, files: Collection[str]) -> bool:
    """Return True if an entry is about one of `files`, given by reference, or names one of them as the file
    replaced.
    """
    return bool(files) and not {subject, *named_in(leaf.decode(errors="replace"))}.isdisjoint(files)


def leaves(session: Session, withheld: Collection[str] = ()) -> Iterator[bytes]:
    """Yield the bytes of each leaf in order; for a leaf that names a `withheld` file, JSON with the hash.
    The hash is the leaf hash of RFC 9162 section 2.1.1, in base64.
    """
    query = select(EventRow.leaf, EventRow.subject).order_by(col(EventRow.number))
    for number, (leaf, subject) in enumerate(session.exec(query.execution_options(yield_per=1000))):
        if names_any(leaf, subject, withheld):
            yield canonical({"hash": base64.b64encode(tree.leaf_hash(leaf)).decode(), "sequence": number})
        else:
            yield leaf


def newest_head(session: Session) -> CheckpointRow | None:
    """Return the signed head with the most entries; None if none is signed."""
    return first(session, CheckpointRow, "-size")


def is_up_to_date(session: Session, head: CheckpointRow) -> bool:
    """Return True if nothing was logged after a signed head, except an entry that vouches only for heads."""
    later = rows(session, EventRow, "number", where=[EventRow.number >= head.size], limit=2)
    if [each.kind for each in later] != ["recorded"]:
        return not later
    vouched = {table for (table, _), _ in vouched_rows.read_changes(later[0].rows or later[0].note or "[]")}
    return vouched == {str(CheckpointRow.__tablename__)}


def heads_after(session: Session, size: int) -> Sequence[CheckpointRow]:
    """Return the signed heads of more than `size` entries, by size."""
    return rows(session, CheckpointRow, "size", where=[CheckpointRow.size > size])


def cosign(session: Session, offered: str, vkeys: Sequence[str]) -> CheckpointRow:
    """Store the witnesses' signatures in `offered`, a signed head. `vkeys`: public keys of log and witnesses.
    CheckpointError if a signature is invalid or none is new; NotFoundError if the log never signed the head.
    """
    head = read_checkpoint(offered, vkeys)
    row = session.get(CheckpointRow, head.size)
    if row is None:
        raise NotFoundError(f"this log has signed no head of {head.size} entries")
    row.text = add_cosignatures(row.text, offered, vkeys)
    store(session, row)
    return row


def latest(session: Session, kind: Kind | None = None) -> EventRow | None:
    """Return the last entry, or the last of a kind; None if there is no such entry."""
    return first(session, EventRow, "-number", **only(kind=kind))


def is_silent(session: Session, at: datetime) -> bool:
    """Return True if the log is older than half a year, and has no entry of it but of the week before `at`:
    the clock may be ahead.
    """
    since, until = at - _SILENT, at - _RECENT  # Services may have written by a wrong clock already.
    began = values(session, EventRow.at, "number", limit=1)
    then = values(session, EventRow.at, "-number", where=[col(EventRow.at).between(since, until)], limit=1)
    return bool(began) and began[0] < since and not then


def events(session: Session, subject: str, *, kind: Kind | None = None) -> Sequence[EventRow]:
    """Return the entries about one subject in order, all or of one kind only."""
    # An expression, so that SQLite uses the index of subjects, not of kinds.
    of_kind = [] if kind is None else [col(EventRow.kind) + "" == kind]
    return rows(session, EventRow, "number", where=of_kind, subject=subject)


def last_of_each(session: Session, kind: Kind) -> dict[str, datetime]:
    """Return the time of the last entry of a kind about each subject."""
    query = select(EventRow.subject, EventRow.at).where(EventRow.kind == kind).order_by(col(EventRow.number))
    return dict(session.exec(query).all())


def subjects_since(session: Session, number: int, kinds: Collection[Kind]) -> set[str]:
    """Return the subjects of the entries of some kinds, from `number` on."""
    return set(values(session, EventRow.subject, where=[EventRow.number >= number], kind=kinds))


def entries(session: Session, begin: int, until: int) -> Iterator[EventRow]:
    """Yield the entries from number `begin` to before `until`, in order."""
    query = select(EventRow).where(EventRow.number >= begin, EventRow.number < until)
    yield from session.exec(query.order_by(col(EventRow.number)).execution_options(yield_per=1000))


def tiles(session: Session, before: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and hashes of each tile that is new or longer at `size` leaves of the log than at `before`.
    A tile is a file of up to 256 hashes of the log's tree (C2SP tlog-tiles). Its path is LEVEL/NUMBER, with
    `.p/WIDTH` at the end for a tile that is not full.
    """
    level = 0
    while nodes := size >> (8 * level):
        for number in range((before >> (8 * level)) // TILE, -(-nodes // TILE)):
            begin, width = number * TILE, min(TILE, nodes - number * TILE)
            places = col(NodeRow.position).between(begin, begin + width - 1)
            hashes = values(session, NodeRow.hash, "position", where=[places], level=8 * level)
            *above, last = re.findall("...", f"{number:0{-(-len(str(number)) // 3) * 3}}")
            name = "/".join((str(level), *(f"x{part}" for part in above), last))
            yield name if width == TILE else f"{name}.p/{width}", b"".join(hashes)
        level += 1


def steps(events: Iterable[EventRow]) -> Iterator[LogStep]:
    """Yield each log entry as a step of a file; a decision with teams also yields a delivery to each team."""
    for event in events:
        fields = event.fields
        team, reasons = fields.get("team"), fields.get("reasons")
        step = LogStep(event.number, event.at, event.kind, team, reasons, event.actor, event.note)
        yield step
        # Earlier versions, and redeliveries, wrote one entry for each team instead.
        for team in filter(None, fields.get("teams", "").split(",") if "rows" in fields else ()):
            yield step._replace(kind="delivered", team=team, reasons=None)


def _read(session: Session, operation: Callable[[tree.Nodes], R]) -> R:
    """Return the result of an operation on the log's tree. Nodes not in memory are read from the database."""
    nodes: dict[tuple[int, int], bytes] = session.info.setdefault(_NODES, {})
    try:
        return operation(nodes)  # A transaction that appended knows every node on the way to its leaves.
    except KeyError:
        wanted = [place for place in tree.nodes_read(operation) if place not in nodes]
    columns = (col(NodeRow.level), col(NodeRow.position))
    for some in portions(wanted):
        query = select(*columns, NodeRow.hash).where(tuple_(*columns).in_(some))
        nodes |= {(level, index): node for level, index, node in session.exec(query)}
    return operation(nodes)
