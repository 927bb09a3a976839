"""The record of files sent by a kit, with outcomes: one row a file, in a small database.

The row of a file is written before the upload. So after a run killed at any moment, the next one sends the
same sealed file, and does not seal the content anew.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from gateway.errors import GatewayError
from gateway.send.files import DiskFull

SentState = Literal["sealed", "uploaded", "accepted", "held", "refused"]
SentTo = Literal["/in", "/keys", "/agreement"]
ON_ITS_WAY: tuple[SentState, ...] = ("sealed", "uploaded")
"""The states before a receipt."""
_TABLE = """
CREATE TABLE IF NOT EXISTS sent (
    id INTEGER PRIMARY KEY,
    content_sha256 TEXT NOT NULL,
    sealed_sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    remote TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    sealed_at TEXT NOT NULL,
    reference TEXT NOT NULL DEFAULT '',
    codes TEXT NOT NULL DEFAULT '',
    receipt TEXT NOT NULL DEFAULT '',
    place TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '/in'
);
CREATE INDEX IF NOT EXISTS sent_content ON sent (content_sha256);
"""


class KitBusy(GatewayError):  # noqa: N818 - named after the event
    """Raised if another command is using this kit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """One file sealed here, or one put into the `folder` /keys or /agreement.
    Digests are SHA-256 in hex. `remote`: the name at the gateway. `why`: a person's reason for sending a file
    with a fault. `place`: where the file lies in the watched folder now; "" until recorded. Three fields are
    empty until a receipt is verified: `reference`, `codes` (of the reasons) and `receipt` (the name of the
    JSON file).
    """

    content_sha256: str
    sealed_sha256: str
    name: str
    remote: str
    state: SentState
    why: str
    sealed_at: datetime
    reference: str = ""
    codes: tuple[str, ...] = ()
    receipt: str = ""
    place: str = ""
    folder: SentTo = "/in"


class SentFiles:
    """The record of sent files. Every change is durable once its method returns."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLE)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def of_content(self, content_sha256: str) -> SentFile | None:
        """Return the newest row for a content, by digest; None if the content was never sealed."""
        rows = self._select("content_sha256 = ? ORDER BY id DESC LIMIT 1", content_sha256)
        return rows[0] if rows else None

    def in_state(self, *states: SentState) -> list[SentFile]:
        """Return the rows in one of the states, oldest first; without a state given, all rows."""
        among = f"state IN ({', '.join('?' * len(states))})" if states else "1"
        return self._select(f"{among} ORDER BY id", *states)

    def unfiled(self) -> list[SentFile]:
        """Return the rows of files with a receipt, but no recorded path in a watched folder; oldest first."""
        return self._select("state NOT IN ('sealed', 'uploaded') AND place = '' ORDER BY id")

    def of_sealed(self, sealed_sha256: str) -> SentFile:
        """Return the row of a sealed file on record, by digest."""
        (row,) = self._select("sealed_sha256 = ?", sealed_sha256)
        return row

    def filed(self, sent: SentFile, place: str) -> None:
        """Record the path in the watched folder to which a file was moved."""
        self._connection.execute(
            "UPDATE sent SET place = ? WHERE sealed_sha256 = ?", (place, sent.sealed_sha256)
        )

    def add(self, sent: SentFile) -> None:
        """Add the row of a newly sealed file."""
        self._connection.execute(
            "INSERT INTO sent (content_sha256, sealed_sha256, name, remote, state, why, sealed_at, folder) "
            "VALUES (:content_sha256, :sealed_sha256, :name, :remote, :state, :why, :sealed_at, :folder)",
            {**asdict(sent), "sealed_at": sent.sealed_at.isoformat()},
        )

    def forget(self, sent: SentFile) -> None:
        """Remove the row of a file that was not uploaded and will be sealed anew."""
        self._connection.execute("DELETE FROM sent WHERE sealed_sha256 = ?", (sent.sealed_sha256,))

    def uploaded(self, sent: SentFile) -> None:
        """Record that a file was uploaded."""
        self._connection.execute(
            "UPDATE sent SET state = 'uploaded' WHERE sealed_sha256 = ? AND state = 'sealed'",
            (sent.sealed_sha256,),
        )

    def decided(
        self, sent: SentFile, *, state: SentState, reference: str, codes: tuple[str, ...], receipt: str
    ) -> None:
        """Record the verified receipt of a file."""
        self._connection.execute(
            "UPDATE sent SET state = ?, reference = ?, codes = ?, receipt = ? WHERE sealed_sha256 = ?",
            (state, reference, " ".join(codes), receipt, sent.sealed_sha256),
        )

    def _select(self, condition: str, *values: str) -> list[SentFile]:
        rows = self._connection.execute(f"SELECT * FROM sent WHERE {condition}", values)  # noqa: S608 - our own
        found = []
        for row in map(dict, rows):
            row.pop("id")
            sealed_at = datetime.fromisoformat(row.pop("sealed_at")).astimezone(UTC)
            found.append(SentFile(**{**row, "codes": tuple(row["codes"].split()), "sealed_at": sealed_at}))
        return found


@contextmanager
def alone(root: Path, *, seconds: float) -> Iterator[None]:
    """Lock the kit in the folder `root`, as two commands at once would send the same file twice.
    KitBusy if another command keeps the lock for longer than `seconds`, or if a disk or network share fails
    for now. GatewayError if `root` is no kit. The lock ends with the process.
    """
    with ExitStack() as until:
        try:
            place = root / "at-work.db"
            lock = until.enter_context(closing(sqlite3.connect(place, timeout=seconds, isolation_level=None)))
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise KitBusy("another gateway send is at work with this kit: try again later") from None
            kind = GatewayError if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN else KitBusy
            raise kind(f"{place}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise broken(place, error) from None
        yield


def broken(place: Path, error: sqlite3.DatabaseError) -> GatewayError:
    """Return the error to raise for an error of the database at `place`: DiskFull, or how to go on."""
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return DiskFull(place)
    if error.sqlite_errorcode in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return GatewayError(f"{place} is damaged: move this file away, and try again")
    return GatewayError(f"{place}: {error}")
