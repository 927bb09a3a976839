"""Growth: the same work with a thousand and with a million transfers in the registry.

The registry of a real home is filled with copies of the rows of one real transfer, their leaves in
the log's tree; the leaves' texts and the receipts' are short, so that it fits a disk.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from gateway.homes.demo.parties import Party
from gateway.intake.box import HandedOver
from gateway.publish.projection import EVENTS_TOLD, UP_TO
from gateway.zones.spool import new_reference
from tests.bench.measure import Line, Setting, in_parts, in_turns, line, percentile, seconds, until
from tests.bench.parties import (
    Landing,
    Target,
    intake,
    mailboxes,
    openssh,
    processor,
    sealed,
)
from tests.site import Site

_FILES = 40
_WARM = 3
_ENTRIES = 50_000
_OPENED = 3
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TAIL = " || ".join(f"substr('{_DIGITS}', (n >> {shift} & 31) + 1, 1)" for shift in (20, 15, 10, 5, 0))
# In the order in which they came, over 400 days.
_AGE = "(:last - n) * 34560000 / (:last - :first)"
_NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last - 1)"
)


def run(setting: Setting) -> Iterator[Line]:
    """Every line on growth. A home for each size, measured in turns."""
    sizes = (1_000, 20_000) if setting.quick else (1_000, 100_000, 1_000_000)
    grown = [Grown.make(setting.scratch / str(size), size) for size in sizes]
    passages = _passages(grown)
    commands = {what: in_turns(range(3), *(one.timed(words) for one in grown)) for what, words in _COMMANDS}
    for place, size in enumerate(sizes[1:], start=1):
        peer = f"with {sizes[0]:,}"
        for name, part, target in (("p50", 0.5, 1.2), ("p99", 0.99, None)):
            ours, theirs = (
                [1000 * percentile(each, part) for each in in_parts(passages[at])] for at in (place, 0)
            )
            yield line("growth", f"landing to receipt, {name}, {size:,} transfers", "ms", ours, peer, theirs,
                       better="less", target=target)  # fmt: skip
        for what, found in commands.items():
            yield line("growth", f"{what}, {size:,} transfers", "ms", found[place], peer, found[0],
                       better="less")  # fmt: skip
    first = grown[0]
    yield from _listings(setting, first.site, first.party, 5_000 if setting.quick else _ENTRIES)


_COMMANDS = (
    ("transfers list --limit 50", ("transfers", "list", "--limit", "50", "--json")),
    ("transfers list --provider", ("transfers", "list", "--provider", "oak", "--limit", "30", "--json")),
    ("flows status", ("flows", "status", "--json")),
)


@dataclass(frozen=True, slots=True)
class Lived:
    """How the transfers of a gateway lie that was lived with: of `s0`, `s1` and so on of so many schools.

    One of `held` is held, and was sent to nobody. Of the others, all but one of `left` were dealt with in the
    day after they came; of what is left, all but one of `left` were opened.
    """

    schools: int
    held: int = 50
    left: int = 10

    @property
    def is_held(self) -> str:
        """In SQL, of the number n."""
        return f"n % {self.held} = 0"

    def of_transfer(self) -> dict[str, str]:
        """What differs from the model, in SQL."""
        state = f"CASE WHEN {self.is_held} THEN 'held' ELSE m.state END"
        waits = f"CASE WHEN {self.is_held} THEN NULL ELSE m.waits_for END"
        return {"provider": self.provider, "state": state, "waits_for": waits}

    @property
    def provider(self) -> str:
        """The provider, in SQL."""
        return f"'s' || (n % {self.schools})"

    def of_delivery(self, landed_at: str) -> dict[str, str]:
        """The same of where it was delivered."""
        dealt = landed_at.replace("landed_at,", "delivered_at, '+1 day',")
        done = f"n / {self.held} % {self.left} > 0"
        opened = f"{done} OR n / {self.held * self.left} % {self.left} > 0"
        return {
            "dealt_with_at": f"CASE WHEN {done} THEN {dealt} END",
            "dealt_with_by": f"CASE WHEN {done} THEN 'jane' END",
            "collected_at": f"CASE WHEN {opened} THEN {dealt} END",
        }


@dataclass(frozen=True, slots=True)
class Grown:
    """A home with so many transfers in its registry."""

    site: Site
    party: Party

    @classmethod
    def make(cls, folder: Path, size: int, lived: Lived | None = None) -> Grown:
        """A home that holds `size` transfers of another provider, or as a gateway that was lived with has."""
        site = Site(folder)
        party, busy = site.provider("oak"), site.provider("elm")
        fill(site.home / "registry.db", _model(site, busy), 0, size, lived)
        _say_published(site)
        return cls(site, party)

    def timed(self, arguments: tuple[str, ...]) -> Callable[[], float]:
        """How many milliseconds a command takes, each time it is asked."""
        return lambda: 1000 * seconds(lambda: self.site.gateway(*arguments))


def _passages(grown: Sequence[Grown]) -> list[list[float]]:
    """The seconds of the passages of single files, in turns, while all the homes' processors run."""
    with ExitStack() as stack:
        for one in grown:
            stack.enter_context(processor(one.site))
        landings = [Landing(one.site, one.party) for one in grown]
        files = [sealed(one.site, one.party, range(3_000_000, 3_000_000 + _FILES)) for one in grown]

        def pass_next(at: int) -> float:
            data = files[at].pop()
            return _passage(grown[at].site, landings[at], f"n{len(files[at])}", data)

        work = [partial(pass_next, at) for at in range(len(grown))]
        return [taken[_WARM:] for taken in in_turns(range(_FILES), *work)]


def _say_published(site: Site) -> None:
    """The receipts that were filled in have come out long ago, as far as the processor is concerned."""
    with sqlite3.connect(site.home / "registry.db") as connection:
        (last,) = connection.execute("SELECT max(sequence) FROM receipt").fetchone()
    connection.close()
    for mark in (UP_TO, EVENTS_TOLD):
        (site.home / "published" / mark).write_text(str(last))


def _model(site: Site, party: Party) -> str:
    """The reference of one real transfer, to be copied."""
    landing = Landing(site, party)
    reference = landing.prepare("model.pgp", sealed(site, party, [2])[0])
    landing.land()
    site.gateway("process", "--once")
    return reference


def _passage(site: Site, landing: Landing, name: str, data: bytes) -> float:
    reference = landing.prepare(name, data)
    receipt = site.receipts("oak") / f"{name}.{reference}.json"
    return seconds(lambda: (landing.land(), until(receipt.exists, 30, 0.001)))


def fill(database: Path, model: str, first: int, last: int, lived: Lived | None = None) -> None:
    """Copies `first` to `last` of the transfer `model`, each with its delivery, receipt and leaf."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=OFF")  # A WAL of all that would be written twice.
        (sequence,) = connection.execute("SELECT max(sequence) + 1 FROM transfer").fetchone()
        place = {"first": first, "last": last, "model": model, "from": sequence - first}
        reference = f"'250101-elm-' || {_TAIL}"
        own = {"sequence": ":from + n", "reference": reference, "content_sha256": "hex(randomblob(32))"}
        own["landed_at"] = f"strftime('%Y-%m-%d %H:%M:%f', landed_at, '-' || ({_AGE}) || ' seconds')"
        own["decided_at"] = own["landed_at"]
        own |= lived.of_transfer() if lived else {}
        _copy(connection, "transfer", own, "m.reference = :model", place)
        of_model = "m.transfer = (SELECT sequence FROM transfer WHERE reference = :model)"
        _copy(connection, "reason", {"transfer": ":from + n"}, of_model, place)
        own_delivery = {"id": "NULL", "transfer": ":from + n"}
        if lived:
            own_delivery |= lived.of_delivery(own["landed_at"])
            _hold(connection, lived, place)
        sent = f"{of_model} AND NOT ({lived.is_held})" if lived else of_model
        _copy(connection, "delivery", own_delivery, sent, place)
        short = {
            "text": "'short'",
            "json_text": "'{}'",
            "created_at": own["landed_at"].replace("landed", "created"),
        }
        own_receipt = {"sequence": "NULL", "reference": reference, **short}
        own_receipt |= {"provider": lived.provider} if lived else {}
        _copy(connection, "receipt", own_receipt, "m.reference = :model AND m.stage = 'decided'", place)
        _leaves(connection, last - first)
    connection.close()
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _copy(
    connection: sqlite3.Connection, table: str, own: dict[str, str], which: str, place: dict[str, object]
) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(own.get(name, f"m.{name}") for name in columns)
    connection.execute(
        f"{_NUMBERS} INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {values} FROM numbers, {table} m WHERE {which}",
        place,
    )


def _hold(connection: sqlite3.Connection, lived: Lived, place: dict[str, object]) -> None:
    """Why what is held is."""
    connection.execute(
        f"{_NUMBERS} INSERT INTO reason (transfer, ordinal, code, clause, sentence, next_step) "
        f"SELECT :from + n, 99, 'policy:unlisted', 'A', 'It holds what no rule knows.', 'Wait.' FROM numbers "
        f"WHERE {lived.is_held}",
        place,
    )


def _leaves(connection: sqlite3.Connection, count: int) -> None:
    """`count` leaves in the log, with the nodes of the tree that they complete (RFC 9162, 2.1)."""
    (number,) = connection.execute("SELECT max(number) + 1 FROM event").fetchone()
    at, subject = connection.execute(
        "SELECT at, subject FROM event WHERE kind = 'decided' LIMIT 1"
    ).fetchone()
    node = "SELECT hash FROM log_node WHERE level = ? AND position = ?"
    edge: dict[int, bytes] = {}
    for level in range(number.bit_length()):
        if number >> level & 1:
            (edge[level],) = connection.execute(node, (level, (number >> level) - 1)).fetchone()
    nodes, events = [], []
    for one in range(number, number + count):
        leaf = b'{"fields":{},"filled":%d}' % one
        kind = "collected" if one % _OPENED == 0 else "landed"
        events.append((one, at, kind, subject + str(one), leaf))
        level, position, value = 0, one, hashlib.sha256(b"\0" + leaf).digest()
        nodes.append((level, position, value))
        while position & 1:
            value = hashlib.sha256(b"\1" + edge.pop(level) + value).digest()
            level, position = level + 1, position >> 1
            nodes.append((level, position, value))
        edge[level] = value
        if len(nodes) > 100_000:
            _insert(connection, nodes, events)
    _insert(connection, nodes, events)


def _insert(
    connection: sqlite3.Connection, nodes: list[tuple[object, ...]], events: list[tuple[object, ...]]
) -> None:
    connection.executemany("INSERT INTO log_node (level, position, hash) VALUES (?, ?, ?)", nodes)
    connection.executemany(
        "INSERT INTO event (number, at, kind, subject, leaf) VALUES (?, ?, ?, ?, ?)", events
    )
    nodes.clear()
    events.clear()


def _listings(setting: Setting, site: Site, party: Party, entries: int) -> Iterator[Line]:
    """/in of who has sent many files, and a mailbox of as many, against a folder of OpenSSH."""
    full = Grown.make(setting.scratch / "full", entries).site
    staff = full.staff("jane", "central-data-team")
    # In memory where that can be: some disks take minutes to give up so many files.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, openssh(Path(folder), party.ssh_key) as theirs:
        for number in range(entries):
            os.close(os.open(Path(folder) / "files" / f"file{number}", os.O_CREAT, 0o600))
        site.home.joinpath("spool", "recent").mkdir(exist_ok=True)
        _remember(site, entries)

        def listed(target: Target, path: str) -> list[float]:
            return [1000 * seconds(lambda: target.sftp(f"ls -1 {path}\n")) for _ in range(3)]

        others = listed(theirs, "")
        with intake(site, party) as ours:
            what = f"ls of /in after {entries:,} uploads (the latest 2,000 are shown)"
            yield line("growth", what, "ms", listed(ours, "in"), "sshd", others, better="less")
        with mailboxes(full, staff) as ours:
            found = listed(ours, "central-data-team")
            yield line("growth", f"ls of a mailbox of {entries:,} files", "ms", found, "sshd", others,
                       better="less", target=1.0)  # fmt: skip


def _remember(site: Site, entries: int) -> None:
    """Intake's memory of what it handed over, as it writes it."""
    now = datetime.now(UTC)
    with (site.home / "spool" / "recent" / "oak.jsonl").open("w") as file:
        for number in range(entries):
            entry = HandedOver(
                reference=new_reference("oak", now), folder="in", name=f"file{number}", size=1, landed_at=now
            )
            file.write(entry.model_dump_json(exclude_none=True) + "\n")
