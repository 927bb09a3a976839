"""What a person sees and may do, with paramiko over a real connection."""

import stat
import struct
from contextlib import suppress

import paramiko
import pytest
from paramiko.sftp import (
    CMD_EXTENDED,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READLINK,
    CMD_STATUS,
    CMD_SYMLINK,
    CMD_WRITE,
)

from gateway.mailboxes.names import SHELVES
from tests.mailboxes.mailroom import MARKER, NOW, Mailroom

CONTENT = b"<CTfile>" + MARKER + b"</CTfile>"


def test_the_root_shows_the_persons_own_teams_only(mailroom: Mailroom, team: str):
    mailroom.staff("both", team, f"{team}-second")
    mailroom.staff("of-another-team", f"{team}-third")
    with mailroom.sftp("both") as sftp:
        assert sorted(set(sftp.listdir("/")) - {*SHELVES}) == [team, f"{team}-second"]
        assert all(stat.S_ISDIR(entry.st_mode or 0) for entry in sftp.listdir_attr("/"))


def test_held_is_shown_to_those_who_triage(mailroom: Mailroom, person: str):
    mailroom.staff("triage", "central-data-team")
    with mailroom.sftp("triage") as sftp:
        assert sorted(set(sftp.listdir("/")) - {*SHELVES}) == ["central-data-team", "held"]
    with mailroom.sftp(person) as sftp:
        assert "held" not in sftp.listdir("/")
        with pytest.raises(FileNotFoundError):
            sftp.listdir("/held")


def test_a_folder_lists_what_was_routed_to_the_team_latest_first(mailroom: Mailroom, team: str, person: str):
    first, second = mailroom.deliver(CONTENT, team), mailroom.deliver(CONTENT + b"!", team)
    with mailroom.sftp(person) as sftp:
        entries = [entry for entry in sftp.listdir_attr(f"/{team}") if entry.filename not in {".", ".."}]
        assert [f"/{team}/{entry.filename}" for entry in entries] == [
            mailroom.path(team, second),
            mailroom.path(team, first),
        ]
        assert [entry.st_size for entry in entries] == [len(CONTENT) + 1, len(CONTENT)]
        assert "gateway  gateway" in entries[0].longname


def test_stat_gives_the_size_of_the_content_and_the_time_of_the_decision(
    mailroom: Mailroom, team: str, person: str
):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as sftp:
        for found in (sftp.stat(path), sftp.lstat(path), sftp.open(path).stat()):
            assert found.st_size == len(CONTENT)
            assert found.st_mtime == int(NOW.timestamp())
            assert stat.S_ISREG(found.st_mode or 0)
        assert stat.S_ISDIR(sftp.stat(f"/{team}").st_mode or 0)
        assert stat.S_ISDIR(sftp.stat("/").st_mode or 0)


def test_another_teams_files_are_no_such_file(mailroom: Mailroom, team: str, person: str):
    elsewhere = f"{team}-elsewhere"
    reference = mailroom.deliver(CONTENT, elsewhere)
    with mailroom.sftp(person) as sftp:
        for path in (mailroom.path(elsewhere, reference), mailroom.path(team, reference)):
            for attempt in (sftp.stat, sftp.lstat, sftp.open, sftp.remove, sftp.listdir):
                with pytest.raises(FileNotFoundError):
                    attempt(path)
        for attempt in (sftp.stat, sftp.listdir, sftp.remove):
            with pytest.raises(FileNotFoundError):
                attempt(f"/{elsewhere}")
    assert mailroom.events(reference) == []


def test_a_held_file_is_not_found_under_a_team_nor_a_delivered_one_under_held(mailroom: Mailroom, team: str):
    mailroom.staff("triage-two", "central-data-team", team)
    held, delivered = mailroom.hold(CONTENT), mailroom.deliver(CONTENT, team)
    with mailroom.sftp("triage-two") as sftp:
        assert sftp.stat(mailroom.path("held", held)).st_size == len(CONTENT)
        for path in (
            mailroom.path(team, held),
            mailroom.path("held", delivered),
            mailroom.path(team, delivered).replace(team, "held", 1),
            mailroom.path("held", held).replace("/held/", f"/{team}/"),
        ):
            with pytest.raises(FileNotFoundError):
                sftp.stat(path)


def test_a_file_has_one_name_only(mailroom: Mailroom, team: str, person: str):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as sftp:
        assert sftp.stat(path).st_size == len(CONTENT)
        for old, new in (
            ("2026-", "2025-"),
            (".xml", ".csv"),
            ("school-a", "school-b"),
            ("student", "pupil"),
        ):
            with pytest.raises(FileNotFoundError):
                sftp.stat(path.replace(old, new, 1))


TRICKS = [
    "/{team}/../{other}/{name}",
    "/{team}/../../{other}/{name}",
    "//{other}//{name}",
    "/{team}/{name}/../../{other}/{name}",
    "/{team}/{other}/{name}",
    "/{team}/../../../../../../etc/passwd",
    "/etc/passwd",
    "/{team}/{name}/",
    "/{team}/{name}.xml",
    "/{team}/{reference}",
    "/{team}/{reference}.xml",
    "/{team}/*",
    "/{team}%2f{name}",
    "\\{team}\\{name}",
    "/{team}/" + "a" * 5000,
    "/{other}",
    "/{team}\0/{name}",
    "/{team}/{name}\0",
    "/{team}/{name}\n",
    "/{team}/\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/{other}/{name}",
    "/{TEAM}/{name}",
]


def test_no_path_leads_anywhere_else(mailroom: Mailroom, team: str, person: str):
    other = f"{team}-other"
    reference = mailroom.deliver(CONTENT, other)
    name = mailroom.path(other, reference).rpartition("/")[2]
    with mailroom.sftp(person) as sftp:
        for trick in TRICKS:
            path = trick.format(team=team, other=other, name=name, reference=reference, TEAM=team.upper())
            for attempt in (sftp.stat, sftp.open, sftp.remove, sftp.listdir):
                with pytest.raises(FileNotFoundError):
                    attempt(path)
    assert mailroom.events(reference) == []


def test_paths_that_are_not_text_are_no_such_file(mailroom: Mailroom, person: str):
    with mailroom.sftp(person) as sftp:
        for raw in (b"/\xff\xfe", b"/\xc3\x28/x", b"/\xed\xa0\x80", b"\x80" * 300):
            for attempt in (sftp.stat, sftp.open, sftp.remove, sftp.listdir):
                with pytest.raises(FileNotFoundError):
                    attempt(raw)


def test_nothing_can_be_written_made_moved_or_linked(mailroom: Mailroom, team: str, person: str):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as sftp, sftp.open(path) as file:
        for mode in ("w", "a", "r+", "x", "w+"):
            for target in (path, f"/{team}/new", "/new"):
                with pytest.raises(PermissionError):
                    sftp.open(target, mode)
        for attempt in (
            lambda: sftp.mkdir(f"/{team}/new"),
            lambda: sftp.rmdir(f"/{team}"),
            lambda: sftp.rename(path, f"/{team}/new"),
            lambda: sftp.symlink(path, f"/{team}/new"),
            lambda: sftp.readlink(path),
            lambda: sftp._request(CMD_WRITE, file.handle, paramiko.sftp.int64(0), b"x"),
        ):
            with pytest.raises(PermissionError):
                attempt()
        assert file.read() == CONTENT


def test_setting_times_and_modes_succeeds_and_does_nothing(mailroom: Mailroom, team: str, person: str):
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    with mailroom.sftp(person) as sftp:
        before = sftp.stat(path)
        sftp.utime(path, (1, 1))
        sftp.chmod(path, 0o4777)
        sftp.chown(path, 1, 1)
        sftp.truncate(path, 20 * 1024**3)
        with sftp.open(path) as file:
            file.truncate(0)
            file.chmod(0o777)
        assert str(sftp.stat(path)) == str(before)


def test_a_folder_cannot_be_opened_as_a_file_nor_removed(mailroom: Mailroom, team: str, person: str):
    with mailroom.sftp(person) as sftp:
        for path in (f"/{team}", "/"):
            with pytest.raises(PermissionError):
                sftp.open(path)
            with pytest.raises(PermissionError):
                sftp.remove(path)
        with pytest.raises(FileNotFoundError):
            sftp.listdir(f"/{team}/x")


def test_removing_marks_it_dealt_with_for_the_whole_team(mailroom: Mailroom, team: str, person: str):
    other = f"{team}-other"
    mailroom.staff(f"colleague-{team}", team)
    mailroom.staff(f"stranger-{team}", other)
    reference = mailroom.deliver(CONTENT, team, other)
    path = mailroom.path(team, reference)
    with mailroom.sftp(person) as sftp, mailroom.sftp(f"colleague-{team}") as colleague:
        sftp.remove(path)
        for client in (sftp, colleague):
            assert client.listdir(f"/{team}") == []
            for attempt in (client.stat, client.open, client.remove):
                with pytest.raises(FileNotFoundError):
                    attempt(path)
    with mailroom.sftp(f"stranger-{team}") as stranger:
        assert stranger.open(mailroom.path(other, reference)).read() == CONTENT
    kinds = [(event.kind, event.actor) for event in mailroom.events(reference)]
    assert kinds == [("dealt-with", person), ("collected", f"stranger-{team}")]


def test_a_held_file_can_be_read_but_not_removed(mailroom: Mailroom):
    mailroom.staff("triage-three", "central-data-team")
    reference = mailroom.hold(CONTENT)
    path = mailroom.path("held", reference)
    with mailroom.sftp("triage-three") as sftp:
        assert path.rpartition("/")[2] in sftp.listdir("/held")
        with sftp.open(f"{path}.about.txt") as about:
            told = about.read().decode()
        assert "classify:unknown" in told
        assert f"gateway held release {reference}" in told
        with pytest.raises(PermissionError):
            sftp.remove(path)
        assert sftp.open(path).read() == CONTENT
    (event,) = mailroom.events(reference)
    assert (event.kind, event.actor) == ("collected", "triage-three")
    assert b'"team":"central-data-team"' in event.leaf


def test_a_sensitive_file_is_shown_to_the_small_team_alone(mailroom: Mailroom):
    mailroom.staff("triage-four", "central-data-team")
    mailroom.staff("few", "information-governance")
    mailroom.staff("both-teams", "central-data-team", "information-governance")
    sensitive, ordinary = mailroom.hold_as_sensitive(CONTENT), mailroom.hold(CONTENT)
    paths = {name: mailroom.path("held", reference) for name, reference in
             (("sensitive", sensitive), ("ordinary", ordinary))}  # fmt: skip
    seen = {"triage-four": {"ordinary"}, "few": {"sensitive"}, "both-teams": {"ordinary", "sensitive"}}
    for name, expected in seen.items():
        with mailroom.sftp(name) as sftp:
            listed = sftp.listdir("/held")
            assert {which for which, path in paths.items() if path.rpartition("/")[2] in listed} == expected
            for which, path in paths.items():
                if which in expected:
                    assert sftp.open(path).read() == CONTENT
                else:
                    with pytest.raises(FileNotFoundError):
                        sftp.open(path)
    collected = [event for event in mailroom.events(sensitive) if event.kind == "collected"]
    assert {event.actor for event in collected} == {"few", "both-teams"}
    assert all(b'"team":"information-governance"' in event.leaf for event in collected)


def status_of(sftp: paramiko.SFTPClient, kind: int, body: bytes) -> tuple[int, str]:
    """The status and text that answer a raw request."""
    number = 77_777
    payload = struct.pack(">I", number) + body
    sftp._send_packet(kind, paramiko.Message(payload))
    answer, data = sftp._read_packet()
    assert answer == CMD_STATUS
    got, code, length = struct.unpack(">III", data[:12])
    assert got == number
    return code, data[12 : 12 + length].decode()


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def test_extensions_are_unknown(mailroom: Mailroom, person: str):
    with mailroom.sftp(person) as sftp:
        for extension in (b"copy-data", b"hardlink@openssh.com", b"ranges@asyncssh.com", b"x" * 1000, b""):
            code, text = status_of(sftp, CMD_EXTENDED, _string(extension) + b"\0" * 64)
            assert code == 8
            assert "Uncaught" not in text


def test_nonsense_is_answered_with_fixed_words(mailroom: Mailroom, person: str):
    with mailroom.sftp(person) as sftp:
        for kind in (CMD_OPEN, CMD_OPENDIR, CMD_READLINK, CMD_SYMLINK):
            for body in (b"", b"\xff\xff\xff\xff", b"\0\0\0\x05ab"):
                code, text = status_of(sftp, kind, body)
                assert code in {3, 4}
                assert text in {"The request does not make sense.", "This service does not offer that."}


def test_a_handle_that_was_never_given_is_no_file(mailroom: Mailroom, person: str):
    with mailroom.sftp(person) as sftp:
        code, text = status_of(
            sftp, paramiko.sftp.CMD_READ, _string(b"\0\0\0\x09") + struct.pack(">QI", 0, 9)
        )
        assert (code, text) == (4, "Invalid file handle")


def test_there_are_only_so_many_handles(mailroom: Mailroom, team: str, person: str):
    paths = [mailroom.path(team, mailroom.deliver(CONTENT, team)) for _ in range(9)]
    with mailroom.sftp(person) as sftp:
        files = [sftp.open(path) for path in paths[:8]]
        with pytest.raises(OSError, match="Too many files are open at once"):
            sftp.open(paths[8])
        files[0].close()
        sftp.open(paths[8]).close()
        with suppress(OSError):
            for _ in range(100):
                sftp._request(CMD_OPENDIR, b"/")
        with pytest.raises(OSError, match="Too many files are open at once"):
            sftp._request(CMD_OPENDIR, b"/")
