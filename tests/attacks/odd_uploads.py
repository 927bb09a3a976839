"""What a captured intake may put into the spool, and intake itself never makes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from gateway.homes.demo.parties import Party
from gateway.zones.spool import new_reference, record_at_end
from tests.workshop import Desk, login_of

GIB = 1024**3
Odd = Callable[["Captured"], None]


class Captured:
    """An intake in an attacker's hands: it writes into the spool what it likes.

    `record` and `content` are how an upload lay there while it was two files; they are taken as well.
    """

    def __init__(self, desk: Desk, oak: Party) -> None:
        self.desk, self.oak, self.spool = desk, oak, desk.home.spool
        self.reference = new_reference("oak", desk.now)

    @property
    def file(self) -> Path:
        return self.spool.upload(self.reference)

    @property
    def record(self) -> Path:
        return self.spool.record(self.reference)

    @property
    def content(self) -> Path:
        return self.spool.sealed(self.reference)

    def valid(self) -> dict[str, object]:
        """What intake would write."""
        return {
            "reference": self.reference, "provider": "oak", "name": "x.csv.pgp", "folder": "in", "size": 4,
            "sha256": hashlib.sha256(b"data").hexdigest(), "started_at": self.desk.now.isoformat(),
            "landed_at": self.desk.now.isoformat(), "ssh_key": login_of(self.oak), "client": "",
            "withheld": False, "looks_like": "",
        }  # fmt: skip

    def write(self, content: bytes = b"data", **said: object) -> None:
        """One file, whose record says something else."""
        self.file.write_bytes(content + record_at_end(json.dumps({**self.valid(), **said}).encode()))

    def write_two(self, **said: object) -> None:
        """The same in two files."""
        self.content.write_bytes(b"data")
        self.record.write_text(json.dumps({**self.valid(), **said}))


def mutation(seed: int) -> Odd:
    """One of endlessly many records that intake would not write, or would hardly write."""

    def write(captured: Captured) -> None:
        chance = random.Random(seed)
        record = captured.valid()
        for _ in range(chance.randint(1, 3)):
            key = chance.choice(list(record) or ["x"])
            match chance.randrange(5):
                case 0:
                    record.pop(key, None)
                case 1:
                    record[chance.choice(["extra", "Size", "", "__class__"])] = chance.choice(VALUES)
                case _:
                    record[key] = chance.choice(VALUES)
        text = json.dumps(record).encode()
        if chance.random() < 0.3:
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice([b"", b"\0", b"\xff", b'"', b"[" * 9_000]) + text[place + 1 :]
        if chance.random() < 0.2:
            captured.content.write_bytes(b"data")
            captured.record.write_bytes(text)
        else:
            captured.file.write_bytes(b"data" + record_at_end(text))

    return write


VALUES: list[object] = [
    None, True, False, -1, 0, 1, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**19), 1.5, 1e308, "", "x", "zz",
    "2026-09-01T10:00:00", "2026-09-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1788000000,
    "2026-09-01T10:00:00+99:99", "in", "keys", "agreement", "out", "../../etc/passwd", "a/b", "a\0b",
    "\ud800", "\u202e", "A" * 300, "A" * 15_000, "f" * 64, "F" * 64, "0" * 63, "SHA256:" + "A" * 43, [], [[]],
    {}, {"a": {}}, "oak", "elm", "nobody", "-", "o" * 33, "260901-oak-AAAAA", "260901-elm-AAAAA",
    "secret-key",
]  # fmt: skip


def bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # A socket's path has little room.
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def fifo(captured: Captured) -> None:
    os.mkfifo(captured.file)


def endless(captured: Captured) -> None:
    captured.file.symlink_to("/dev/zero")


def device(captured: Captured) -> None:
    with contextlib.suppress(PermissionError):
        os.mknod(captured.file, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def link_to_a_secret(captured: Captured) -> None:
    captured.file.symlink_to(captured.desk.home.keys / "log.pem")


def socket_(captured: Captured) -> None:
    bound(captured.file)


def folder(captured: Captured) -> None:
    captured.file.mkdir()


def nothing_at_all(captured: Captured) -> None:
    captured.file.touch()


def content_alone(captured: Captured) -> None:
    captured.file.write_bytes(b"a content, and no record behind it")


def a_record_longer_than_the_file(captured: Captured) -> None:
    captured.file.write_bytes(record_at_end(b"x" * 500)[400:])


def a_record_as_long_as_can_be_said(captured: Captured) -> None:
    captured.file.write_bytes(b"x" * 500 + b"\xff\xff\xff\xff" + record_at_end(b"")[4:])


def a_record_that_is_too_long(captured: Captured) -> None:
    captured.write(client="x" * 20_000)


def sparse(captured: Captured) -> None:
    captured.file.touch()
    os.truncate(captured.file, 1024 * GIB)


def sparse_content(captured: Captured) -> None:
    record = record_at_end(json.dumps({**captured.valid(), "size": GIB}).encode())
    with captured.file.open("wb") as file:
        file.seek(GIB)
        file.write(record)


def content_with_a_hole(captured: Captured) -> None:
    with captured.file.open("wb") as file:
        file.write(b"data")
        file.seek(512 * 1024)
        file.write(b"end" + record_at_end(json.dumps({**captured.valid(), "size": 512 * 1024 + 3}).encode()))


def in_both_forms(captured: Captured) -> None:
    """Of which neither is any upload that intake would make."""
    captured.write(approved=True)
    captured.write_two(approved=True)


def fifo_as_record(captured: Captured) -> None:
    os.mkfifo(captured.record)


def fifo_as_content(captured: Captured) -> None:
    captured.write_two()
    captured.content.unlink()
    os.mkfifo(captured.content)


def endless_record(captured: Captured) -> None:
    captured.record.symlink_to("/dev/zero")


def endless_content(captured: Captured) -> None:
    captured.write_two()
    captured.content.unlink()
    captured.content.symlink_to("/dev/zero")


def device_as_record(captured: Captured) -> None:
    with contextlib.suppress(PermissionError):
        os.mknod(captured.record, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def record_linked_to_a_secret(captured: Captured) -> None:
    captured.record.symlink_to(captured.desk.home.keys / "log.pem")


def content_linked_to_a_secret(captured: Captured) -> None:
    captured.write_two()
    captured.content.unlink()
    captured.content.symlink_to(captured.desk.home.keys / "log.pem")


def socket_as_record(captured: Captured) -> None:
    bound(captured.record)


def folder_as_record(captured: Captured) -> None:
    captured.record.mkdir()


def folder_as_content(captured: Captured) -> None:
    captured.write_two()
    captured.content.unlink()
    captured.content.mkdir()


def sparse_record(captured: Captured) -> None:
    captured.record.touch()
    os.truncate(captured.record, 1024 * GIB)


def sparse_content_apart(captured: Captured) -> None:
    captured.write_two()
    os.truncate(captured.content, GIB)


def content_apart_with_a_hole(captured: Captured) -> None:
    captured.write_two()
    with captured.content.open("r+b") as file:
        file.seek(512 * 1024)
        file.write(b"end")


def no_content(captured: Captured) -> None:
    captured.write_two()
    captured.content.unlink()


def withheld_with_content_apart(captured: Captured) -> None:
    captured.write_two(withheld=True)


def withheld_with_content(captured: Captured) -> None:
    captured.write(withheld=True)


def naive_time(captured: Captured) -> None:
    captured.write(landed_at="2026-09-01T10:00:00")


def negative_size(captured: Captured) -> None:
    captured.write(b"", withheld=True, size=-1)


def digest_zz(captured: Captured) -> None:
    captured.write(b"", withheld=True, sha256="zz")


def withheld_without_a_digest(captured: Captured) -> None:
    captured.write(b"", withheld=True, sha256="")


def beyond_every_number(captured: Captured) -> None:
    captured.write(b"", withheld=True, size=2**70)


def a_name_with_nothing_in_it(captured: Captured) -> None:
    captured.write(name="a\0b.csv")


def another_providers(captured: Captured) -> None:
    captured.write(provider="elm")


def nobodys(captured: Captured) -> None:
    captured.reference = new_reference("nobody", captured.desk.now)
    captured.write(provider="nobody")


def further_fields(captured: Captured) -> None:
    captured.write(approved=True)


ODD: list[Odd] = [
    fifo, endless, device, link_to_a_secret, socket_, folder, nothing_at_all, content_alone,
    a_record_longer_than_the_file, a_record_as_long_as_can_be_said, a_record_that_is_too_long, sparse,
    sparse_content, content_with_a_hole, in_both_forms, withheld_with_content, naive_time, negative_size,
    digest_zz, withheld_without_a_digest, beyond_every_number, a_name_with_nothing_in_it, another_providers,
    nobodys, further_fields,
    fifo_as_record, fifo_as_content, endless_record, endless_content, device_as_record,
    record_linked_to_a_secret, content_linked_to_a_secret, socket_as_record, folder_as_record,
    folder_as_content, sparse_record, sparse_content_apart, content_apart_with_a_hole, no_content,
    withheld_with_content_apart,
]  # fmt: skip
SPARSE = (sparse_content, sparse_content_apart)  # Reading where they end takes long, a thousand times.
