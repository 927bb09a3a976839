"""Real clients collect: OpenSSH sftp, lftp, rclone, curl, sshfs."""

import random
import subprocess
from pathlib import Path

import pytest

from gateway.samples import make, school
from tests.mailboxes.mailroom import MARKER, Mailroom

CONTENT = MARKER + bytes(range(256)) * 8000


def run(*command: str | Path, given: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a client program; its output and errors together."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout
    return done


@pytest.fixture
def delivered(mailroom: Mailroom, team: str) -> str:
    return mailroom.deliver(CONTENT, team)


@pytest.mark.needs("sftp")
def test_openssh_sftp(mailroom: Mailroom, team: str, person: str, delivered: str, tmp_path: Path):
    path = mailroom.path(team, delivered)
    batch = f"ls -l /{team}\nget -p {path} {tmp_path}/one\nget -r /{team} {tmp_path}/all\nrm {path}\n"
    said = run("sftp", "-F", mailroom.ssh_config(person), "-b", "-", "mailboxes", given=batch).stdout
    assert (tmp_path / "one").read_bytes() == CONTENT
    assert [file.read_bytes() for file in (tmp_path / "all").iterdir()] == [CONTENT]
    assert "gateway" in said
    kinds = [event.kind for event in mailroom.events(delivered)]
    assert kinds == ["collected", "collected", "dealt-with"]


@pytest.mark.needs("sftp")
def test_openssh_sftp_says_why_not(mailroom: Mailroom, team: str, person: str, tmp_path: Path):
    (tmp_path / "x").write_text("x")
    config = mailroom.ssh_config(person)
    for command, why in (
        (f"put {tmp_path}/x /{team}/x", "Permission denied"),
        (f"mkdir /{team}/new", "Permission denied"),
        ("get /other/x", "not found"),
        ("rm /held/x", "No such file"),
    ):
        done = run("sftp", "-F", config, "-b", "-", "mailboxes", given=f"{command}\n", check=False)
        assert done.returncode != 0
        assert why in done.stdout


@pytest.mark.needs("lftp", "ssh")
def test_lftp(mailroom: Mailroom, team: str, person: str, delivered: str, tmp_path: Path):
    script = (
        f'set sftp:connect-program "ssh -a -x -F {mailroom.ssh_config(person)}"; set net:max-retries 1;'
        f"open -u {person}, sftp://mailboxes; mirror /{team} {tmp_path}/got; pget -n 3 -O {tmp_path} "
        f"{mailroom.path(team, delivered)}; rm {mailroom.path(team, delivered)}; cls /{team}; bye"
    )
    run("lftp", "-c", script)
    assert [file.read_bytes() for file in (tmp_path / "got").iterdir()] == [CONTENT]
    assert (tmp_path / mailroom.path(team, delivered).rpartition("/")[2]).read_bytes() == CONTENT
    assert mailroom.events(delivered)[-1].kind == "dealt-with"


def rclone_options(mailroom: Mailroom, person: str, folder: Path) -> tuple[str | Path, ...]:
    (folder / "rclone.conf").write_text(
        f"[mailboxes]\ntype = sftp\nhost = 127.0.0.1\nport = {mailroom.port}\nuser = {person}\n"
        f"key_file = {mailroom.root / f'{person}.key'}\nshell_type = none\n"
    )
    return "--config", folder / "rclone.conf", "--retries", "1"


@pytest.mark.needs("rclone")
def test_rclone(mailroom: Mailroom, team: str, person: str, delivered: str, tmp_path: Path):
    options = rclone_options(mailroom, person, tmp_path)
    run("rclone", "copy", *options, f"mailboxes:/{team}", tmp_path / "got")
    assert [file.read_bytes() for file in (tmp_path / "got").iterdir()] == [CONTENT]
    run("rclone", "move", *options, f"mailboxes:/{team}", tmp_path / "moved")
    assert [file.read_bytes() for file in (tmp_path / "moved").iterdir()] == [CONTENT]
    assert mailroom.events(delivered)[-1].kind == "dealt-with"


@pytest.mark.needs("curl")
def test_curl(mailroom: Mailroom, team: str, person: str, delivered: str, tmp_path: Path):
    run(
        "curl", "--silent", "--show-error", "--insecure", "--user", f"{person}:",
        "--key", mailroom.root / f"{person}.key", "--pubkey", mailroom.root / f"{person}.key.pub",
        "--output", tmp_path / "got",
        f"sftp://127.0.0.1:{mailroom.port}{mailroom.path(team, delivered)}",
    )  # fmt: skip
    assert (tmp_path / "got").read_bytes() == CONTENT


@pytest.mark.needs("sshfs", "fusermount3")
def test_sshfs(mailroom: Mailroom, team: str, person: str, delivered: str, tmp_path: Path):
    folder = tmp_path / "mounted"
    folder.mkdir()
    run("sshfs", "-F", mailroom.ssh_config(person), "mailboxes:/", folder)
    try:
        (found,) = (folder / team).iterdir()
        assert found.stat().st_size == len(CONTENT)
        assert found.read_bytes() == CONTENT
        with pytest.raises(PermissionError):
            (folder / team / "new").write_text("x")
        with pytest.raises(PermissionError):
            (folder / team / "new").mkdir()
        found.unlink()
        assert list((folder / team).iterdir()) == []
    finally:
        run("fusermount3", "-u", folder)
    assert [event.kind for event in mailroom.events(delivered)] == ["collected", "dealt-with"]


@pytest.mark.needs("rclone", "sshfs", "fusermount3", "scp")
@pytest.mark.parametrize("program", ["rclone", "sshfs", "scp"])
def test_views_of_which_nobody_knows_the_size_come_whole(mailroom: Mailroom, program: str, tmp_path: Path):
    """As docs/staff.md says: with an option that keeps rclone and sshfs from taking them for empty."""
    person = f"by-{program}"
    mailroom.staff(person, "education-welfare")
    rng = random.Random(4)
    sent = make("attendance", "csv-sessions", rng=rng, school=school(rng, 1), pupils=3)
    reference = mailroom.accept(sent)
    config, got = mailroom.ssh_config(person), tmp_path / "got"
    if program == "rclone":
        options = (*rclone_options(mailroom, person, tmp_path), "--ignore-size")
        run("rclone", "copy", *options, "mailboxes:/new/education-welfare", got)
    elif program == "sshfs":
        point = tmp_path / "mounted"
        point.mkdir()
        run("sshfs", "-o", "direct_io", "-F", config, "mailboxes:/", point)
        try:
            run("cp", "-r", point / "new" / "education-welfare", got)
        finally:
            run("fusermount3", "-u", point)
    else:
        run("scp", "-r", "-F", config, "mailboxes:/new/education-welfare", got)
    (collected,) = got.glob(f"*_{reference}.csv")
    assert collected.read_bytes().startswith(b"UPN")
    assert collected.read_bytes().count(b"\n") == sent.count(b"\n")
