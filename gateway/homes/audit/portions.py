"""Checks that need nothing but a row and the keys: in portions, by several processes, each portion once.

A state file keeps, for each portion without a fault, the SHA-256 of all that its check relied on: every
column of every row, the keys, and the gateway's version. Rows are read again in each run, so that an altered
row belongs to no kept portion. Each line is signed by the log's key; a line without its signature counts for
nothing.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import SQLModel

from gateway.errors import GatewayError
from gateway.log.checkpoint import LogKey, VerifierKey
from gateway.registry.vouched_rows import content_of

R = TypeVar("R", bound=SQLModel)
Faults = dict[int, list[str | None]]
"""Faults of rows by number. None stands where the caller has a check of its own."""
Check = Callable[..., Faults]
"""A function of rows, and of further values with a stable `repr`."""
_TOGETHER = 250
_HEADER = b"gateway log verify: portions without a fault\n"


class KeptPortions:
    """The state file. GatewayError where a file cannot be read or written, or holds something else."""

    def __init__(self, path: Path, key: LogKey, vkey: str) -> None:
        self._key, self._known = key, set[str]()
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
            kept = self._file.read()
            if not _HEADER.startswith(kept[: len(_HEADER)]):
                self._file.close()
                raise GatewayError(f"{path} is no state of a verification")
            # A line cut off by a crash ends here.
            self._file.write(b"\n" if len(kept) >= len(_HEADER) else _HEADER[len(kept) :])
        except OSError as error:
            raise GatewayError(f"{path} cannot be used for the state: {error.strerror}") from None
        verifier = VerifierKey.read(vkey)
        for line in kept[len(_HEADER) :].splitlines():
            digest, _, signature = line.decode("ascii", "replace").partition(" ")
            if verifier.verify(_decoded(signature), _HEADER + digest.encode()):
                self._known.add(digest)

    def __contains__(self, digest: str) -> bool:
        """Return True for a portion kept by this log's key."""
        return digest in self._known

    def keep(self, digest: str) -> None:
        """Add a portion without a fault."""
        signature = base64.b64encode(self._key.sign(_HEADER + digest.encode())).decode()
        self._file.write(f"{digest} {signature}\n".encode())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class AuditPortions:
    """Portions of rows to be checked. `workers`: how many processes check, 1 for this process alone."""

    def __init__(self, workers: int = 1, state: KeptPortions | None = None) -> None:
        self._ahead, self._state, self._pool = 2 * workers, state, None
        if workers > 1:
            # Spawned, so that the gateway's secrets are not in their memory.
            self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def checked(
        self, check: Check, rows: Iterable[R], number: Callable[[R], int], relied: Callable[[list[R]], Any]
    ) -> Iterator[tuple[list[R], Faults]]:
        """Yield every portion in order, with its faults.

        `number` gives a row's number, `relied` the values given to `check` besides a portion of rows.
        """
        pending: deque[tuple[list[R], str, Future[Faults] | Faults]] = deque()
        for _, some in groupby(rows, lambda row: number(row) // _TOGETHER):
            portion = list(some)
            given = relied(portion)
            digest = "" if self._state is None else _digest(check, portion, given)
            found: Future[Faults] | Faults = {}
            if self._state is None or digest not in self._state:
                found = self._begun(check, portion, given)
            else:
                digest = ""  # It is kept already.
            pending.append((portion, digest, found))
            if len(pending) > self._ahead or self._pool is None:
                yield self._ended(*pending.popleft())
        while pending:
            yield self._ended(*pending.popleft())

    def _begun(self, check: Check, portion: list[R], given: Sequence[Any]) -> Future[Faults] | Faults:
        if self._pool is None:
            return check(portion, *given)
        return self._pool.submit(_check_rows, check, type(portion[0]), [*map(content_of, portion)], given)

    def _ended(self, portion: list[R], digest: str, found: Future[Faults] | Faults) -> tuple[list[R], Faults]:
        try:
            faults = found if isinstance(found, dict) else found.result()
        except BrokenProcessPool:
            raise GatewayError("a process that verified was ended; start again") from None
        if digest and not faults and self._state is not None:
            self._state.keep(digest)
        return portion, faults

    def close(self) -> None:
        """End the processes, and close the state file."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._state is not None:
            self._state.close()


def _check_rows(
    check: Check, table: type[SQLModel], contents: Sequence[dict[str, Any]], given: Sequence[Any]
) -> Faults:
    return check([table(**content) for content in contents], *given)


def _digest(check: Check, portion: Sequence[SQLModel], given: Sequence[Any]) -> str:
    told = hashlib.sha256(repr((version("gateway"), check.__name__, given)).encode())
    for row in portion:
        told.update(repr(content_of(row)).encode())
    return told.hexdigest()


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError:
        return b""
