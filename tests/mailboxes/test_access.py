"""Who gets in, and that whoever loses their access loses it at once."""

import asyncio
import socket

import asyncssh
import paramiko
import pytest
from sqlmodel import select

from gateway.mailboxes.names import SHELVES
from gateway.model import Refused, Released
from gateway.registry import staff, transfers
from gateway.registry.tables import KeyRow, StaffTeamRow
from tests.mailboxes.mailroom import MARKER, NOW, Mailroom, open_memory
from tests.policies import why
from tests.waiting import eventually

CONTENT = MARKER * 20_000


def test_nobody_gets_in_without_the_right_key(mailroom: Mailroom, person: str):
    stranger = paramiko.Ed25519Key.from_private_key_file(str(mailroom.staff("not-you", "x")))
    for name in (
        person,
        "nobody",
        "",
        "../of-team",
        "a' OR '1'='1",
        "a" * 1000,
        "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
    ):
        transport = paramiko.Transport(("127.0.0.1", mailroom.port))
        try:
            with pytest.raises(paramiko.SSHException):
                transport.connect(username=name, pkey=stranger)
        finally:
            transport.close()


async def connect(mailroom: Mailroom, name: str, keys: list[asyncssh.SSHKey]) -> None:
    """Log in with the first of `keys` that opens the door."""
    async with asyncssh.connect(
        "127.0.0.1",
        mailroom.port,
        username=name,
        client_keys=keys,
        known_hosts=None,
        config=[],
        agent_path=None,
    ):
        pass


def test_unknown_names_and_wrong_keys_are_answered_alike(mailroom: Mailroom, person: str):
    wrong = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    answers = []
    for name in (person, "nobody"):
        with pytest.raises(asyncssh.PermissionDenied) as refused:
            asyncio.run(connect(mailroom, name, wrong))
        answers.append(str(refused.value).replace(name, "NAME"))
    assert answers[0] == answers[1]


def test_a_password_is_never_asked_for(mailroom: Mailroom, person: str):
    transport = paramiko.Transport(("127.0.0.1", mailroom.port))
    try:
        transport.start_client()
        with pytest.raises(paramiko.BadAuthenticationType):
            transport.auth_password(person, "secret", fallback=False)
    finally:
        transport.close()


@pytest.mark.parametrize(("failures", "gets_in"), [(5, True), (9, False)])
def test_after_some_failures_the_connection_ends(
    mailroom: Mailroom, person: str, failures: int, gets_in: bool
):
    right = asyncssh.read_private_key(mailroom.root / f"{person}.key")
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(failures)]
    if gets_in:
        asyncio.run(connect(mailroom, person, [*keys, right]))
    else:
        with pytest.raises(asyncssh.DisconnectError, match="Too many attempts"):
            asyncio.run(connect(mailroom, person, [*keys, right]))


def test_a_removed_person_is_refused(mailroom: Mailroom, person: str):
    with mailroom.sftp(person) as sftp:
        sftp.listdir("/")
    mailroom.remove_staff(person)
    with pytest.raises(paramiko.AuthenticationException), mailroom.sftp(person):
        pass


_OPERATIONS = ("stat", "list", "open", "read", "fstat", "remove", "setstat")


@pytest.mark.parametrize(
    ("how", "operation"),
    [("removed", operation) for operation in _OPERATIONS]
    + [("key revoked", "read"), ("key expired", "read")],
)
def test_an_open_session_ends_at_its_next_operation(
    mailroom: Mailroom, team: str, person: str, how: str, operation: str
):
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    with mailroom.transport(person) as transport:
        sftp = transport.open_sftp_client()
        file = sftp.open(path)
        file.MAX_REQUEST_SIZE = 1000
        assert file.read(10) == CONTENT[:10]
        _end_access(mailroom, person, how)
        attempt = {
            "stat": lambda: sftp.stat(path),
            "list": lambda: sftp.listdir("/"),
            "open": lambda: sftp.open(path),
            "read": lambda: sftp._request(paramiko.sftp.CMD_READ, file.handle, paramiko.sftp.int64(0), 10),
            "fstat": file.stat,
            "remove": lambda: sftp.remove(path),
            "setstat": lambda: sftp.utime(path, (1, 1)),
        }[operation]
        with pytest.raises(PermissionError, match="Your access to the mailboxes has ended"):
            attempt()
        eventually(lambda: not transport.is_active())
        eventually(lambda: not open_memory())
    assert [event.kind for event in mailroom.events(reference)] == ["collected"]


def _end_access(mailroom: Mailroom, person: str, how: str) -> None:
    if how == "removed":
        mailroom.remove_staff(person)
    elif how == "key revoked":
        mailroom.revoke_key(person)
    else:
        with mailroom.registry.write() as session:
            row = session.exec(select(KeyRow).where(KeyRow.owner == person)).one()
            row.not_after = NOW
            session.add(row)


def test_one_person_removed_while_others_read_does_not_disturb_them(
    mailroom: Mailroom, team: str, person: str
):
    mailroom.staff(f"stays-{team}", team)
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as leaves, mailroom.sftp(f"stays-{team}") as stays:
        one, two = leaves.open(path), stays.open(path)
        one.read(10)
        mailroom.remove_staff(person)
        with pytest.raises(PermissionError):
            leaves.listdir("/")
        assert two.read() == CONTENT


def test_leaving_a_team_takes_its_folder_away_at_once(mailroom: Mailroom, team: str):
    name = f"moves-{team}"
    mailroom.staff(name, team, f"{team}-next")
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    with mailroom.sftp(name) as sftp:
        assert sftp.stat(path).st_size == len(CONTENT)
        with mailroom.registry.write() as session:
            session.delete(session.get_one(StaffTeamRow, (name, team)))
        assert sftp.listdir("/") == [*SHELVES, f"{team}-next"]
        for attempt in (sftp.stat, sftp.open, sftp.remove):
            with pytest.raises(FileNotFoundError):
                attempt(path)
    assert mailroom.events(reference) == []


def test_whoever_leaves_a_team_reads_no_further_in_a_file_of_it(mailroom: Mailroom, team: str):
    name = f"reads-{team}"
    mailroom.staff(name, team)
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(name) as sftp, sftp.open(path) as file:
        assert file.read(10)
        with mailroom.registry.write() as session:
            session.delete(session.get_one(StaffTeamRow, (name, team)))
        with pytest.raises(FileNotFoundError):
            file.read(10)


def test_whoever_may_see_fewer_held_files_reads_no_further_in_the_others(mailroom: Mailroom):
    few, triage = "information-governance", "central-data-team"
    mailroom.staff("few-to-triage", few, triage)
    references = mailroom.hold_as_sensitive(b"s" * 9000), mailroom.hold(b"h" * 9000)
    with mailroom.sftp("few-to-triage") as sftp:
        sensitive, other = (sftp.open(mailroom.path("held", one), bufsize=0) for one in references)
        assert sensitive.read(4) + other.read(4) == b"sssshhhh"
        with mailroom.registry.write() as session:
            staff.set_teams(session, "few-to-triage", [triage])
        with pytest.raises(OSError, match="waits for others than you"):
            sensitive.read(4)
        assert other.read(4) == b"hhhh"
        sensitive.close()
        other.close()


REFUSED = Refused(reasons=(why("person:refused"),))
PASSED_ON = Released(flow="student-core", data_type="student-core", teams=("passed-on-to",), reasons=())


@pytest.mark.parametrize("decision", [REFUSED, PASSED_ON, None], ids=["refused", "passed on", "by old rules"])
def test_whoever_has_a_held_file_open_reads_no_further_once_it_waits_no_longer(
    mailroom: Mailroom, decision: Refused | Released | None
):
    name = f"triage-{getattr(decision, 'state', 'rules')}"
    mailroom.staff(name, "central-data-team")
    reference = mailroom.hold(b"h" * 9000)
    with mailroom.sftp(name) as sftp, sftp.open(mailroom.path("held", reference), bufsize=0) as file:
        assert file.read(4) == b"hhhh"
        with mailroom.registry.write() as session:
            if decision is None:  # By the present ones it may be for few people.
                transfers.row_of(session, reference).rules = "those of last year"
            else:
                transfers.record_decisions(session, [(reference, decision)], NOW)
        with pytest.raises(OSError, match="does not wait any more"):
            file.read(4)


def test_there_is_nothing_but_sftp(mailroom: Mailroom, person: str):
    with mailroom.transport(person) as transport:
        for start in (
            lambda channel: channel.invoke_shell(),
            lambda channel: channel.exec_command("id"),
            lambda channel: channel.invoke_subsystem("netconf"),
            lambda channel: channel.get_pty(),
        ):
            channel = transport.open_session()
            with pytest.raises(paramiko.SSHException):
                start(channel)
            channel.close()
        for kind in ("direct-tcpip", "x11", "session@example.org"):
            with pytest.raises(paramiko.ChannelException):
                transport.open_channel(kind, ("127.0.0.1", 22), ("127.0.0.1", 1))
        with pytest.raises(paramiko.SSHException):
            transport.request_port_forward("127.0.0.1", 0)


def test_a_connection_carries_only_so_many_sessions(mailroom: Mailroom, person: str):
    with mailroom.transport(person) as transport:
        channels = [transport.open_session() for _ in range(4)]
        with pytest.raises(paramiko.ChannelException):
            transport.open_session()
        for channel in channels:
            channel.close()
        eventually(lambda: _opens(transport))


def _opens(transport: paramiko.Transport) -> bool:
    try:
        transport.open_session().close()
    except paramiko.ChannelException:
        return False
    return True


def test_one_address_has_only_so_many_connections(
    mailroom: Mailroom, person: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.ssh.door._GRACE_SECONDS", 3600)  # None gives way, however slow the test is.
    sockets = [socket.create_connection(("127.0.0.1", mailroom.port)) for _ in range(45)]
    try:
        answered = [connection for connection in sockets if _banner(connection)]
        assert 35 <= len(answered) <= 40
    finally:
        for connection in sockets:
            connection.close()
    eventually(lambda: _gets_in(mailroom, person))


def _gets_in(mailroom: Mailroom, person: str) -> bool:
    try:
        with mailroom.sftp(person) as sftp:
            return sftp.listdir("/") != []
    except (paramiko.SSHException, EOFError, OSError):
        return False


def _banner(connection: socket.socket) -> bytes:
    connection.settimeout(60)
    try:
        return connection.recv(100)
    except ConnectionResetError:
        return b""


def test_the_banner_names_no_software(mailroom: Mailroom):
    with socket.create_connection(("127.0.0.1", mailroom.port)) as connection:
        banner = _banner(connection)
    assert banner.startswith(b"SSH-2.0-gateway\r\n")
    assert asyncssh.__version__.encode() not in banner
