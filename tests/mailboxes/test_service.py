"""The service as a process of its own: how it starts, is audited, and ends."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from gateway.errors import ConfigurationError
from gateway.mailboxes.server import host_key_path, run_mailboxes
from gateway.ssh.server import host_key, make_host_key
from tests.ending import ending
from tests.mailboxes.mailroom import MARKER, Mailroom
from tests.waiting import eventually

_CODE = (
    "import sys; from pathlib import Path; from gateway.home import Home;"
    "from gateway.mailboxes.server import run_mailboxes;"
    "sys.exit(run_mailboxes(Home(Path(sys.argv[1])), host='127.0.0.1', port=0))"
)


@contextmanager
def in_own_process(room: Mailroom) -> Iterator[subprocess.Popen[str]]:
    """`run_mailboxes` in a process of its own, ready; its port becomes the room's."""
    command = [sys.executable, "-c", _CODE, str(room.home.root)]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    with ending(started) as process:
        line = process.stdout.readline() if process.stdout else ""
        assert line.startswith("ready mailboxes 127.0.0.1:"), (line, process.stderr)
        room.port = int(line.rpartition(":")[2])
        yield process


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Mailroom:
    """A home of its own, with one person of one team."""
    made = Mailroom(tmp_path_factory.mktemp("service"))
    made.staff("anna", "sen")
    return made


def children_of(process: int) -> list[int]:
    """The processes that `process` started and that still run."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    found = {int(child) for child in text.split()}
    for task in Path(f"/proc/{process}/task").iterdir():
        found.update(int(child) for child in (task / "children").read_text("ascii").split())
    return sorted(found)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.long
def test_it_ends_cleanly_with_a_file_open(room: Mailroom):
    reference = room.deliver(MARKER * 100, "sen")
    with in_own_process(room) as process, room.sftp("anna") as sftp:
        file = sftp.open(room.path("sen", reference))
        assert file.read(20) == (MARKER * 100)[:20]
        openers = children_of(process.pid)
        assert openers
        process.terminate()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        eventually(lambda: not any(alive(child) for child in openers))


@pytest.mark.long
def test_its_children_do_not_outlive_it(room: Mailroom):
    reference = room.deliver(MARKER * 100, "sen")
    with in_own_process(room) as process, room.sftp("anna") as sftp:
        sftp.open(room.path("sen", reference)).read(20)
        openers = children_of(process.pid)
        assert openers
        process.kill()
        process.wait(60)
        eventually(lambda: not any(alive(child) for child in openers))


@pytest.mark.long
def test_it_stops_while_a_file_is_being_opened(room: Mailroom):
    reference = room.deliver(MARKER * 100, "sen")
    with in_own_process(room) as process, room.transport("anna") as transport:
        sftp = transport.open_sftp_client()
        sftp.open(room.path("sen", reference)).close()
        (opener,) = children_of(process.pid)
        os.kill(opener, signal.SIGSTOP)
        sftp._async_request(
            type(None),
            paramiko.sftp.CMD_OPEN,
            room.path("sen", reference).encode(),
            1,
            paramiko.SFTPAttributes(),
        )
        eventually(lambda: _waiting(opener))
        process.terminate()
        assert process.wait(60) == 0
        eventually(lambda: not alive(opener))


def _waiting(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "T"


@pytest.mark.long
def test_ssh_audit_finds_nothing_and_the_key_is_that_of_the_home(room: Mailroom):
    with in_own_process(room) as process:
        done = subprocess.run(
            [Path(sys.executable).with_name("ssh-audit"), "--json", f"127.0.0.1:{room.port}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        shown = paramiko.Transport(("127.0.0.1", room.port))
        shown.start_client()
        assert shown.get_remote_server_key().asbytes() == host_key(host_key_path(room.home)).public_data
        shown.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert done.returncode == 0, done.stdout
    assert {algorithm["algorithm"] for algorithm in json.loads(done.stdout)["key"]} == {"ssh-ed25519"}
    assert stat.S_IMODE(host_key_path(room.home).stat().st_mode) == 0o600


def test_the_host_key_is_made_once_for_its_owner_only(tmp_path: Path):
    secret = tmp_path / "key"
    first = host_key(secret)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert (tmp_path / "key.pub").read_text().startswith("ssh-ed25519 ")
    make_host_key(secret)
    assert host_key(secret).public_data == first.public_data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.pub"]


def test_a_host_key_that_is_none_stops_the_start(tmp_path: Path):
    (tmp_path / "key").write_text("nonsense")
    with pytest.raises(ConfigurationError, match="cannot be read as an SSH private key"):
        host_key(tmp_path / "key")


def test_a_port_that_is_taken_stops_the_start_with_one_sentence(room: Mailroom):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} of 127.0.0.1 is taken"):
            run_mailboxes(room.home, host="127.0.0.1", port=port)


def test_a_team_called_held_stops_the_start(room: Mailroom):
    teams = room.home.policies / "teams.toml"
    before = teams.read_text()
    teams.write_text(
        f'{before}\n[[team]]\nid = "held"\nname = "Held"\npurpose = "None."\nclauses = ["4.1"]\n'
    )
    try:
        with pytest.raises(ConfigurationError, match="held"):
            run_mailboxes(room.home, port=0)
    finally:
        teams.write_text(before)
