"""paramiko: as supplier software uses it, and step by step as WinSCP behaves."""

from __future__ import annotations

import errno
from io import BytesIO

import paramiko
import pytest

from tests.clients.conftest import CONTENT
from tests.intake.running import SEALED, Running
from tests.waiting import eventually


def test_put_confirms_the_size(intake: Running, source) -> None:
    with intake.paramiko() as client:
        assert client.put(str(source), "/in/pupils.gpg", confirm=True).st_size == len(CONTENT)
    assert intake.content(intake.only()) == CONTENT


def _winscp_put(client: paramiko.SFTPClient, name: str, content: bytes) -> None:
    """Upload under NAME.filepart, rename, set time and permissions: WinSCP with its default settings."""
    client.normalize(".")
    client.listdir_attr("/in")
    with pytest.raises(FileNotFoundError):
        client.stat(f"/in/{name}")
    with client.open(f"/in/{name}.filepart", "wb") as file:
        file.write(content)
        assert file.stat().st_size == len(content)
    client.rename(f"/in/{name}.filepart", f"/in/{name}")
    client.chmod(f"/in/{name}", 0o644)
    client.utime(f"/in/{name}", (1_600_000_000, 1_600_000_000))


def test_winscp(intake: Running) -> None:
    with intake.paramiko() as client:
        _winscp_put(client, "pupils.csv.gpg", CONTENT)
        (shown,) = client.listdir_attr("/in")
    assert intake.only().name == "pupils.csv.gpg"
    assert intake.content(intake.only()) == CONTENT
    assert (shown.filename, shown.st_size, shown.st_mtime) == ("pupils.csv.gpg", len(CONTENT), 1_600_000_000)


def test_winscp_resumes(intake: Running) -> None:
    with intake.transport() as transport:
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        held = client.open("/in/a.gpg.filepart", "wb")  # paramiko closes what nobody holds.
        held.write(CONTENT[:100_000])
        held.flush()
        client.stat("/in/a.gpg.filepart")
        transport.sock.close()
    eventually(lambda: [path.stat().st_size for path in intake.partial()] == [100_000])
    with intake.paramiko() as client:
        assert client.stat("/in/a.gpg.filepart").st_size == 100_000
        with pytest.raises(PermissionError, match="cut off"):
            client.rename("/in/a.gpg.filepart", "/in/a.gpg")
        with client.open("/in/a.gpg.filepart", "r+b") as file:
            file.seek(100_000)
            file.write(CONTENT[100_000:])
        assert intake.landed() == []
        client.rename("/in/a.gpg.filepart", "/in/a.gpg")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.parametrize(
    "temporary", ["x.filepart", "x.part", "x.tmp", "x.partial", ".x", ".in.x.", "x.abcd1234.partial"]
)
def test_a_temporary_name_waits_for_its_rename(intake: Running, temporary: str) -> None:
    with intake.paramiko() as client:
        with client.open(f"/in/{temporary}", "wb") as file:
            file.write(CONTENT)
        assert intake.landed() == []
        assert client.listdir("/in") == [temporary]
        client.posix_rename(f"/in/{temporary}", "/in/x")
        assert client.listdir("/in") == ["x"]
    assert intake.only().name == "x"
    assert intake.content(intake.only()) == CONTENT


def test_the_messages_help(intake: Running) -> None:
    with intake.paramiko() as client:
        client.putfo(BytesIO(SEALED), "/in/a")
        for call, message, code in (
            (lambda: client.open("/in/a"), "receipt will appear", errno.EACCES),
            (lambda: client.open("/out/a", "w"), "files for the local authority into /in", errno.EACCES),
            (lambda: client.open("/in/sub/a", "w"), "no such folder here", errno.ENOENT),
            (lambda: client.rename("/in/a", "/in/b"), "handed over already", errno.EACCES),
        ):
            with pytest.raises(OSError, match=message) as caught:
                call()
            assert caught.value.errno == code
