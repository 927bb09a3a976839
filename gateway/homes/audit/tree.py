"""Audit the log itself: every leaf, every tree node, every signed head, in portions checked once.

A state file keeps, for each portion without a fault, the SHA-256 of everything on which the check relied:
every column of every row, the keys, and the gateway's version. Each run reads all rows again. If a row was
altered, its portion has another SHA-256 and is checked again. Each line of the state file is signed by the
log's key; unsigned lines are ignored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from sqlalchemy import tuple_
from sqlmodel import Session, SQLModel, col, func, select

from gateway.errors import GatewayError, as_fault
from gateway.log import tree
from gateway.log.checkpoint import LogKey, VerifierKey, read_checkpoint
from gateway.log.leaf import commitment, leaf, read_event
from gateway.registry import retention
from gateway.registry.tables import CheckpointRow, EventRow, NodeRow
from gateway.registry.vouched_rows import content_of
from gateway.verify.verify_receipts import KeyInTime

R = TypeVar("R", bound=SQLModel)
_PAGE = 1000
_WATCH = "gateway audit watch"


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A contradiction found by an audit: its place, and a sentence (`what`) without names or contents."""

    where: str
    what: str


def watch(session: Session, looked_at: Callable[[int], None]) -> None:
    """Let an audit in this session call `looked_at`, page by page, with the number of rows just read."""
    session.info[_WATCH] = looked_at


def paged(session: Session, table: type[R], order: Sequence[Any]) -> Iterator[R]:
    """Yield every row of a table in order, with one page of rows in memory at a time."""
    looked_at, number = session.info.get(_WATCH), 0
    for row in session.exec(select(table).order_by(*order).execution_options(yield_per=_PAGE)):
        yield row
        number += 1
        if looked_at is not None and number % _PAGE == 0:
            looked_at(_PAGE)
    if looked_at is not None:
        looked_at(number % _PAGE)


Faults = dict[int, list[str | None]]
"""Faults of rows by number. None stands where the caller has a check of its own."""
Check = Callable[..., Faults]
"""A function of rows, and of further values with a stable `repr`."""
_TOGETHER = 250
_HEADER = b"gateway log verify: portions without a fault\n"


class AuditPortions:
    """The work of an audit: portions of rows to check, in `workers` processes (1: this process alone).

    `state`: the state file, whose lines the log's `key` signs. GatewayError where the file is unusable.
    """

    def __init__(self, workers: int = 1, state: Path | None = None, key: LogKey | None = None) -> None:
        self._ahead, self._key = 2 * workers, key
        self.known = set[str]()  # The digests of portions without a fault, signed by the log's key.
        self._file = None if state is None or key is None else self._opened(state, key)
        self._pool: ProcessPoolExecutor | None = None
        if workers > 1:
            # Spawned, so that the gateway's secrets are not in their memory.
            self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def _opened(self, path: Path, key: LogKey) -> BinaryIO:
        """Open the state file `path`, and read the digests of faultless portions into `known`."""
        with as_fault(f"{path} cannot be used for the state", GatewayError):
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
            kept = file.read()
            if not _HEADER.startswith(kept[: len(_HEADER)]):
                file.close()
                raise GatewayError(f"{path} is no state of a verification")
            # A line cut off by a crash ends here.
            file.write(b"\n" if len(kept) >= len(_HEADER) else _HEADER[len(kept) :])
        verifier = VerifierKey.read(key.vkey("log"))
        for line in kept[len(_HEADER) :].splitlines():
            digest, _, signature = line.decode("ascii", "replace").partition(" ")
            with suppress(ValueError):
                if verifier.verify(base64.b64decode(signature, validate=True), _HEADER + digest.encode()):
                    self.known.add(digest)
        return file

    def checked(
        self, check: Check, rows: Iterable[R], number: Callable[[R], int], relied: Callable[[list[R]], Any]
    ) -> Iterator[tuple[list[R], Faults]]:
        """Yield all portions of rows in order, each with the faults by row number.
        `check`: finds the faults; not called for a portion that the state file lists as faultless. `number`:
        returns a row's number. `relied`: returns all other values on which `check` relies for a portion.
        """
        pending: deque[tuple[list[R], str, Future[Faults] | Faults]] = deque()
        for _, some in groupby(rows, lambda row: number(row) // _TOGETHER):
            portion = list(some)
            given = relied(portion)
            digest = "" if self._file is None else _digest(check, portion, given)
            found: Future[Faults] | Faults = {}
            if digest in self.known:
                digest = ""  # It is kept already.
            elif self._pool is None:
                found = check(portion, *given)
            else:
                contents = [*map(content_of, portion)]
                found = self._pool.submit(_check_rows, check, type(portion[0]), contents, given)
            pending.append((portion, digest, found))
            if len(pending) > self._ahead or self._pool is None:
                yield self._ended(*pending.popleft())
        while pending:
            yield self._ended(*pending.popleft())

    def _ended(self, portion: list[R], digest: str, found: Future[Faults] | Faults) -> tuple[list[R], Faults]:
        try:
            faults = found if isinstance(found, dict) else found.result()
        except BrokenProcessPool:
            raise GatewayError("a process that verified was ended; start again") from None
        if digest and not faults:
            self.keep(digest)
        return portion, faults

    def keep(self, digest: str) -> None:
        """Add the digest of a faultless portion, signed, to the state file, if there is a state file."""
        if self._file is not None and self._key is not None:
            signature = base64.b64encode(self._key.sign(_HEADER + digest.encode())).decode()
            self._file.write(f"{digest} {signature}\n".encode())
            self._file.flush()

    def close(self) -> None:
        """End the processes, and close the state file."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._file is not None:
            self._file.close()


def _check_rows(
    check: Check, table: type[SQLModel], contents: Sequence[dict[str, Any]], given: Sequence[Any]
) -> Faults:
    return check([table(**content) for content in contents], *given)


def _digest(check: Check, portion: Sequence[SQLModel], given: Sequence[Any]) -> str:
    told = hashlib.sha256(repr((version("gateway"), check.__name__, given)).encode())
    for row in portion:
        told.update(repr(content_of(row)).encode())
    return told.hexdigest()


_COMMITTED = ("commitment", "record", "name_commitment")


class Frontier(dict[tuple[int, int], bytes]):
    """The last two complete subtrees of each level of the log's tree.

    They are enough to append leaves and to compute the root. `fresh`: level, index and hash of each subtree
    added since the last check.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[tuple[int, int, bytes]] = []

    def __setitem__(self, place: tuple[int, int], node: bytes) -> None:
        """Add a complete subtree by level and index, and forget all but the last two of its level."""
        super().__setitem__(place, node)
        self.pop((place[0], place[1] - 2), None)
        self.fresh.append((*place, node))


def check_tree(
    session: Session, log_keys: Sequence[KeyInTime], portions: AuditPortions
) -> Iterator[Inconsistency]:
    """Yield every inconsistency among the log's leaves, tree nodes and signed heads, in the log's order."""
    heads = {row.size: row.text for row in session.exec(select(CheckpointRow)).all()}
    frontier, size, nodes = Frontier(), 0, 0
    # The subjects of entries with texts, or salts too, deleted by retention. The check of rows covers these.
    salts = retention.deleted(session, "people") | retention.deleted(session, "declarations")
    texts = retention.deleted(session, "index") | salts

    def deleted_among(rows: Sequence[EventRow]) -> tuple[Sequence[str], Sequence[str]]:
        subjects = {row.subject for row in rows}
        return sorted(texts & subjects), sorted(salts & subjects)

    events = paged(session, EventRow, [col(EventRow.number)])
    for rows, faults in portions.checked(event_faults, events, lambda row: row.number, deleted_among):
        found: list[tuple[int, Inconsistency]] = []
        for row in rows:
            where = f"event {size}"
            if row.number != size:
                yield from _node_faults(session, frontier, found)
                yield Inconsistency(where, "it is missing from the log")
                return
            found += [(size, Inconsistency(where, what)) for what in faults.get(size, ()) if what]
            size = tree.append(frontier, size, row.leaf)
            if size in heads:
                found += [(size, one) for one in _head_faults(heads.pop(size), size, frontier, log_keys)]
        nodes += len(frontier.fresh)
        yield from _node_faults(session, frontier, found)
    for beyond in sorted(heads):
        yield Inconsistency(f"checkpoint {beyond}", f"it is of {beyond} entries, but the log has only {size}")
    stored = session.exec(select(func.count()).select_from(NodeRow)).one()
    if stored != nodes:
        yield Inconsistency("log_node", f"there are {stored} nodes where the log makes {nodes}")


def key_at(log_keys: Sequence[KeyInTime], size: int) -> str:
    """Return the key with which the log signs its head of `size` entries; keys are in order of use."""
    return next(one.key for one in log_keys if one.last is None or size <= one.last.size)


def event_faults(rows: Sequence[EventRow], texts: Sequence[str], salts: Sequence[str]) -> Faults:
    """Return the faults of log entries by number; an entry without a fault is left out.
    Retention deletes texts, and later salts, beside some entries. `texts` and `salts`: the
    subjects of the entries whose text or salt was deleted.
    """
    return {row.number: list(told) for row in rows if (told := [*faults_of(row, texts, salts)])}


def faults_of(row: EventRow, texts: Collection[str] = (), salts: Collection[str] = ()) -> Iterator[str]:
    """Yield each contradiction between a log entry's row and its leaf.
    `texts` and `salts`: the subjects of the entries whose text or salt retention has deleted.
    """
    try:
        event = read_event(json.loads(row.leaf))
        is_canonical = leaf(event) == row.leaf
    except ValueError:
        is_canonical = False
    if not is_canonical:
        yield "its leaf cannot be read"
        return
    stated = (event.sequence, event.kind, event.subject, event.at)
    if stated != (row.number, row.kind, row.subject, row.at):
        yield "its columns are not what its leaf states"
    committed = any(name in event.fields for name in _COMMITTED)
    if (row.salt is not None) != committed and not (row.salt is None and row.subject in salts):
        yield "the salt of its commitments is missing, or it has one for none"
    for name, text in (("commitment", row.actor), ("record", row.note)):
        if text is None:
            if name in event.fields and row.subject not in texts:
                yield f"what its {name} commits to is missing"
        elif not _opens(event.fields.get(name), text, row.salt):
            yield f"what is kept beside the leaf is not what its {name} commits to"
    rows = None if row.rows is None else hashlib.sha256(row.rows.encode()).hexdigest()
    if rows != event.fields.get("rows"):
        yield "the record of rows beside it is not the one that it vouches for"


def _opens(committed: str | int | None, text: str, salt: bytes | None) -> bool:
    try:
        opened = commitment(text, salt or b"")
    except ValueError:
        return False
    return isinstance(committed, str) and hmac.compare_digest(committed, opened)


def _node_faults(
    session: Session, frontier: Frontier, found: list[tuple[int, Inconsistency]]
) -> Iterator[Inconsistency]:
    """Yield the inconsistencies of the frontier's fresh tree nodes, and those in `found`, in the log's order.
    A node is inconsistent if the stored hash differs from the hash computed from the leaves. Each entry of
    `found` begins with the size of the log at which the inconsistency shows. Afterwards no node is fresh.
    """
    columns = (col(NodeRow.level), col(NodeRow.position))
    wanted = [(level, index) for level, index, _ in frontier.fresh]
    query = select(NodeRow.level, NodeRow.position, NodeRow.hash).where(tuple_(*columns).in_(wanted))
    stored = {(level, index): node for level, index, node in session.exec(query)}
    for level, index, node in frontier.fresh:
        if stored.get((level, index)) != node:
            size = (index + 1) << level
            what = f"it is not what the leaves up to event {size - 1} make"
            found.append((size, Inconsistency(f"log_node {level}/{index}", what)))
    frontier.fresh.clear()
    yield from (inconsistency for _, inconsistency in sorted(found, key=itemgetter(0)))


def _head_faults(
    text: str, size: int, frontier: Frontier, log_keys: Sequence[KeyInTime]
) -> Iterator[Inconsistency]:
    where = f"checkpoint {size}"
    try:
        head = read_checkpoint(text, [key_at(log_keys, size)])
    except GatewayError:
        yield Inconsistency(where, "its signature is not good")
        return
    if head.size != size or head.root != tree.root(frontier, size):
        yield Inconsistency(where, "the log's entries do not make the root that was signed")
