"""Collecting: the right bytes, on record before the first of them, and nothing left behind."""

import hashlib
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from paramiko.sftp import CMD_OPEN, CMD_READ, int64
from paramiko.sftp_attr import SFTPAttributes
from sqlmodel import select

from gateway.log.checkpoint import LogKey, read_checkpoint
from gateway.log.leaf import commitment
from gateway.registry.tables import CheckpointRow
from gateway.secrets import secret_files
from tests.mailboxes.mailroom import MARKER, PROVIDER, Mailroom, files_with, open_memory
from tests.openpgp.gnupg import Gnupg
from tests.sealed import sealed_file
from tests.waiting import eventually

CONTENT = MARKER + bytes(range(256)) * 400


def test_the_content_is_the_senders_and_the_collection_is_in_the_log(
    mailroom: Mailroom, team: str, person: str
):
    reference = mailroom.deliver(CONTENT, team)
    with mailroom.sftp(person) as sftp:
        assert sftp.open(mailroom.path(team, reference)).read() == CONTENT
    (event,) = mailroom.events(reference)
    assert (event.kind, event.actor) == ("collected", person)
    assert event.note.startswith("with the key SHA256:")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert event.salt is not None
    for part in (
        f'"provider":"{PROVIDER}"',
        f'"team":"{team}"',
        f'"content_commitment":"{commitment(digest, event.salt)}"',
        '"commitment"',
    ):
        assert part.encode() in event.leaf
    assert person.encode() not in event.leaf
    assert digest.encode() not in event.leaf


def test_the_head_is_signed_over_the_collection(mailroom: Mailroom, team: str, person: str):
    reference = mailroom.deliver(CONTENT, team)
    with mailroom.sftp(person) as sftp:
        sftp.open(mailroom.path(team, reference)).close()
    with mailroom.registry.read() as session:
        size, text = max((row.size, row.text) for row in session.exec(select(CheckpointRow)).all())
    assert mailroom.events(reference)[0].number < size
    vkey = LogKey.load(secret_files.log_key(mailroom.home)).vkey("test.invalid/log")
    assert read_checkpoint(text, [vkey]).size == size


def test_listing_and_stat_are_not_collecting(mailroom: Mailroom, team: str, person: str):
    reference = mailroom.deliver(CONTENT, team)
    with mailroom.sftp(person) as sftp:
        sftp.stat(mailroom.path(team, reference))
        sftp.listdir_attr(f"/{team}")
    assert mailroom.events(reference) == []


@pytest.mark.needs("gpg")
def test_a_file_that_gpg_made_is_collected(mailroom: Mailroom, team: str, person: str):
    with Gnupg() as gpg:
        gpg.make_key("School A")
        certificate = secret_files.secret_keys(mailroom.home)[0].read_bytes()
        gpg.run("--import", given=certificate)
        sealed = gpg.run(
            "--sign", "--encrypt", "--recipient", "gateway", "--local-user", "School A", given=CONTENT
        )
    reference = mailroom.deliver(CONTENT, team, sealed=sealed)
    with mailroom.sftp(person) as sftp:
        assert sftp.open(mailroom.path(team, reference)).read() == CONTENT


def test_two_people_collect_at_once_and_share_the_memory(mailroom: Mailroom, team: str, person: str):
    colleague = f"colleague-{team}"
    mailroom.staff(colleague, team)
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    with mailroom.sftp(person) as one, mailroom.sftp(colleague) as two:
        with ThreadPoolExecutor(2) as threads:
            first, second = threads.map(lambda client: client.open(path), (one, two))
        assert len(open_memory()) == 1
        assert first.read() == second.read() == CONTENT
        first.close()
        assert len(open_memory()) == 1
        second.seek(10)
        assert second.read(10) == CONTENT[10:20]
        second.close()
    assert sorted(event.actor for event in mailroom.events(reference)) == sorted([person, colleague])


def test_no_byte_is_given_before_the_collection_is_on_record(mailroom: Mailroom, team: str, person: str):
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    blocker = sqlite3.connect(mailroom.home.registry, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    opened = threading.Event()

    def collect() -> bytes:
        with mailroom.sftp(person) as sftp, sftp.open(path) as file:
            opened.set()
            return file.read()

    with ThreadPoolExecutor(1) as threads:
        collecting = threads.submit(collect)
        # The content is in memory already; nobody can write the log, so nobody gets it.
        eventually(lambda: len(open_memory()) == 1)
        assert not opened.wait(0.5)
        assert mailroom.events(reference) == []
        blocker.execute("ROLLBACK")
        blocker.close()
        assert collecting.result(60) == CONTENT
    assert len(mailroom.events(reference)) == 1


def test_what_cannot_be_put_on_record_is_not_given_out(mailroom: Mailroom, team: str, person: str):
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    database = sqlite3.connect(mailroom.home.registry, isolation_level=None)
    database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'secret words'); END"
    )
    try:
        with mailroom.sftp(person) as sftp:
            with pytest.raises(OSError, match=r"^internal error$"):
                sftp.open(path)
            with pytest.raises(OSError, match=r"^internal error$"):
                sftp.remove(path)
            eventually(lambda: not open_memory())
            database.execute("DROP TRIGGER full")
            assert sftp.open(path).read() == CONTENT
    finally:
        database.execute("DROP TRIGGER IF EXISTS full")
        database.close()
    assert [event.kind for event in mailroom.events(reference)] == ["collected"]


@pytest.mark.parametrize("harm", ["missing", "flipped", "cut", "another"])
def test_a_sealed_file_that_came_to_harm_is_not_given_out(
    mailroom: Mailroom, team: str, person: str, harm: str, caplog: pytest.LogCaptureFixture
):
    reference = mailroom.deliver(CONTENT, team)
    sealed = sealed_file(mailroom.home, reference)
    data = bytearray(sealed.read_bytes())
    if harm == "missing":
        sealed.unlink()
    elif harm == "flipped":
        data[len(data) // 2] ^= 1
        sealed.write_bytes(data)
    elif harm == "cut":
        sealed.write_bytes(data[:-50])
    else:
        sealed.write_bytes(mailroom.seal(b"another content"))
    with mailroom.sftp(person) as sftp:
        with pytest.raises(OSError, match="cannot be opened at the moment"):
            sftp.open(mailroom.path(team, reference))
        whole = mailroom.deliver(CONTENT, team)
        assert sftp.open(mailroom.path(team, whole)).read() == CONTENT
    assert mailroom.events(reference) == []
    assert reference in caplog.text
    assert str(mailroom.home.root) not in caplog.text


def test_a_client_that_vanishes_leaves_no_plaintext_in_memory(mailroom: Mailroom, team: str, person: str):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.transport(person) as transport:
        sftp = transport.open_sftp_client()
        file = sftp.open(path)
        assert file.read(10) == CONTENT[:10]
        assert len(open_memory()) == 1
        transport.sock.close()
        eventually(lambda: not open_memory())


def test_a_client_that_vanishes_while_the_file_is_opened_leaves_nothing(
    mailroom: Mailroom, team: str, person: str
):
    paths = [mailroom.path(team, mailroom.deliver(CONTENT * 40, team)) for _ in range(6)]
    for path in paths:
        with mailroom.transport(person) as transport:
            sftp = transport.open_sftp_client()
            sftp._async_request(type(None), CMD_OPEN, path.encode(), 1, SFTPAttributes())
            time.sleep(0.01 * paths.index(path))
            transport.sock.close()
    eventually(lambda: not open_memory())


def test_a_client_that_asks_and_never_reads_does_not_fill_the_memory(
    mailroom: Mailroom, team: str, person: str
):
    content = os.urandom(300_000)
    path = mailroom.path(team, mailroom.deliver(content, team))
    with mailroom.transport(person) as transport:
        sftp = transport.open_sftp_client()
        file = sftp.open(path)
        before = _resident()
        # 255 KB for each of 4,000 requests: 1 GB of answers, if they were all made.
        for _ in range(4_000):
            sftp._async_request(type(None), CMD_READ, file.handle, int64(0), 255 * 1024)
        time.sleep(1.5)
        assert _resident() - before < 150e6
        transport.sock.close()


def test_after_all_this_no_plaintext_lies_in_the_home(mailroom: Mailroom, team: str, person: str):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as sftp, sftp.open(path) as file:
        assert file.read() == CONTENT
        assert files_with([MARKER], mailroom.root) == []
    (mailroom.root / "proof").write_bytes(MARKER)
    assert files_with([MARKER], mailroom.root) == [mailroom.root / "proof"]
    (mailroom.root / "proof").unlink()


def _resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - as short as it gets
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
