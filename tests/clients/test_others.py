"""lftp, rclone, curl, sshfs and psftp."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import CONTENT
from tests.intake.running import Running, run, sealed
from tests.waiting import eventually

# lftp


def lftp(config: Path, *commands: str, check: bool = True) -> subprocess.CompletedProcess:
    settings = (
        f'set sftp:connect-program "ssh -a -x -F {config}"; set cmd:fail-exit yes; set net:max-retries 2'
    )
    return run("lftp", "-c", f"{settings}; open sftp://avon:@gateway; {'; '.join(commands)}", check=check)


@pytest.mark.needs("lftp", "ssh")
@pytest.mark.parametrize("target", ["/", "/in/"])
def test_lftp_put(intake: Running, ssh_config: Path, source: Path, target: str) -> None:
    lftp(ssh_config, f"put -O {target} {source}", f"ls {target}")
    assert intake.content(intake.only()) == CONTENT
    assert intake.only().name == source.name


@pytest.mark.needs("lftp", "ssh")
def test_lftp_put_with_a_temporary_name(intake: Running, ssh_config: Path, source: Path) -> None:
    lftp(ssh_config, "set xfer:use-temp-file yes", f"put -O /in {source}")
    assert intake.only().name == source.name
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("lftp", "ssh")
def test_lftp_mirror_sends_each_file_once(intake: Running, ssh_config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for number in range(5):
        (folder / f"file{number}.gpg").write_bytes(CONTENT[: 900_000 + number])
    lftp(ssh_config, f"mirror -R {folder} /in")
    lftp(ssh_config, f"mirror -R {folder} /in")
    landed = {upload.name: intake.content(upload) for upload in intake.landed()}
    assert landed == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(intake.landed()) == 5


@pytest.mark.needs("lftp", "ssh")
def test_lftp_continues(intake: Running, ssh_config: Path, source: Path) -> None:
    _cut_off(intake, source.name, CONTENT[:300_000])
    lftp(ssh_config, f"put -c -O /in {source}")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("lftp", "ssh")
def test_lftp_has_nothing_to_continue(intake: Running, ssh_config: Path, source: Path) -> None:
    lftp(ssh_config, f"put -O /in {source}")
    lftp(ssh_config, f"put -c -O /in {source}")
    assert intake.content(intake.only()) == CONTENT


def _cut_off(intake: Running, name: str, content: bytes) -> None:
    """Leave an unfinished upload behind."""
    with intake.transport() as transport:
        client = transport.open_sftp_client()
        assert client is not None
        file = client.open(f"/in/{name}", "wb")
        file.write(content)
        file.flush()
        client.stat(f"/in/{name}")
        transport.sock.close()
    assert intake.landed() == []


# rclone


@pytest.fixture
def rclone(intake: Running, tmp_path: Path):
    config = tmp_path / "rclone.conf"
    config.write_text(
        f"[gateway]\ntype = sftp\nhost = 127.0.0.1\nport = {intake.port}\nuser = avon\n"
        f"key_file = {intake.provider('avon')}\n"
    )

    def call(*arguments: str | Path) -> str:
        return run("rclone", "--config", config, "--retries", "1", *arguments).stdout

    return call


@pytest.mark.needs("rclone")
@pytest.mark.parametrize("target", ["gateway:", "gateway:/in"])
def test_rclone_copy_prints_no_error_and_sends_each_file_once(
    intake: Running, rclone, source: Path, target: str
) -> None:
    os.utime(source, (1_600_000_000, 1_600_000_000))
    first = rclone("copy", source, target, "-v")
    second = rclone("copy", source, target, "-v")
    assert intake.only().name == source.name
    assert intake.content(intake.only()) == CONTENT
    assert "ERROR" not in first + second, first + second


@pytest.mark.needs("rclone")
def test_rclone_copies_a_folder(intake: Running, rclone, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for number in range(12):
        (folder / f"file {number}.gpg").write_bytes(sealed(200_000))
    assert "ERROR" not in rclone("copy", folder, "gateway:/in", "-v")
    landed = {upload.name: intake.content(upload) for upload in intake.landed()}
    assert landed == {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.needs("rclone")
def test_rclone_fetches_receipts(intake: Running, rclone, tmp_path: Path) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    (receipts / "pupils.txt").write_text("accepted\n")
    rclone("copy", "gateway:/receipts", tmp_path / "fetched")
    assert (tmp_path / "fetched" / "pupils.txt").read_text() == "accepted\n"


@pytest.mark.needs("rclone")
def test_rclone_syncs_a_folder_of_folders_once(intake: Running, rclone, tmp_path: Path) -> None:
    folder = nested(tmp_path)
    first = rclone("sync", folder, "gateway:/in/Autumn", "-v")
    second = rclone("sync", folder, "gateway:/in/Autumn", "-v")
    assert "ERROR" not in first + second, first + second
    assert contents(intake) == sorted(path.read_bytes() for path in folder.rglob("*.gpg"))


@pytest.mark.needs("rclone")
def test_rclone_that_deletes_is_told_that_it_is_gone(intake: Running, tmp_path: Path, rclone) -> None:
    folder = nested(tmp_path)
    rclone("sync", folder, "gateway:/in/Autumn")
    (folder / "a.gpg").unlink()
    with pytest.raises(AssertionError, match=r"a\.gpg: Couldn't delete: file does not exist"):
        rclone("sync", folder, "gateway:/in/Autumn")
    assert len(intake.landed()) == 4


def nested(tmp_path: Path) -> Path:
    """A folder of folders; two files of one name."""
    folder = tmp_path / "Autumn"
    (folder / "Year 4").mkdir(parents=True)
    for name in ("a.gpg", "b.gpg", "Year 4/a.gpg", "Year 4/c.gpg"):
        (folder / name).write_bytes(sealed(50_000))
    return folder


def contents(intake: Running) -> list[bytes]:
    return sorted(intake.content(upload) for upload in intake.landed())


@pytest.mark.needs("lftp", "ssh")
def test_lftp_mirrors_a_folder_of_folders_once(intake: Running, ssh_config: Path, tmp_path: Path) -> None:
    folder = nested(tmp_path)
    lftp(ssh_config, f"mirror -R {folder} /in/Autumn")
    lftp(ssh_config, f"mirror -R {folder} /in/Autumn")
    assert contents(intake) == sorted(path.read_bytes() for path in folder.rglob("*.gpg"))


@pytest.mark.needs("lftp", "ssh")
def test_lftp_that_deletes_is_told_why_not(intake: Running, ssh_config: Path, tmp_path: Path) -> None:
    folder = nested(tmp_path)
    lftp(ssh_config, f"mirror -R {folder} /in/Autumn")
    (folder / "b.gpg").unlink()
    said = lftp(ssh_config, f"mirror -R --delete {folder} /in/Autumn", check=False).stdout
    assert "This file has been handed over already" in said
    assert len(intake.landed()) == 4


# curl


def curl(intake: Running, *arguments: str | Path) -> str:
    key = intake.provider("avon")
    common = ["-sS", "--fail", "-k", "--key", key, "--pubkey", f"{key}.pub", "-u", "avon:"]
    return run("curl", *common, *arguments).stdout


@pytest.mark.needs("curl")
@pytest.mark.parametrize("path", ["/pupils.gpg", "/in/pupils.gpg", "/in/Autumn/Year4/pupils.gpg"])
def test_curl_uploads(intake: Running, source: Path, path: str) -> None:
    curl(intake, "--ftp-create-dirs", "-T", source, f"sftp://127.0.0.1:{intake.port}{path}")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("curl")
def test_curl_resumes(intake: Running, source: Path) -> None:
    _cut_off(intake, "pupils.gpg", CONTENT[:300_000])
    curl(intake, "-C", "-", "-T", source, f"sftp://127.0.0.1:{intake.port}/in/pupils.gpg")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("curl")
def test_curl_fetches_the_key(intake: Running) -> None:
    assert curl(intake, f"sftp://127.0.0.1:{intake.port}/keys/gateway.asc") == "the gateway's certificate\n"


@pytest.mark.needs("curl")
@pytest.mark.parametrize("upload", [True, False])
def test_curl_with_scp_fails_instead_of_believing_that_it_sent(
    intake: Running, source: Path, upload: bool
) -> None:
    key = intake.provider("avon")
    common = ["-sS", "-k", "--key", key, "--pubkey", f"{key}.pub", "-u", "avon:"]
    what = ["-T", source] if upload else []
    done = run("curl", *common, *what, f"scp://127.0.0.1:{intake.port}/in/x.gpg", check=False)
    assert done.returncode != 0
    assert "curl: (" in done.stdout
    assert intake.landed() == []


# sshfs


@pytest.fixture
def mounted(ssh_config: Path, tmp_path: Path):
    point = tmp_path / "mnt"
    point.mkdir()
    run("sshfs", "-F", ssh_config, "gateway:/", point)
    yield point
    run("fusermount3", "-u", point)


@pytest.mark.needs("sshfs", "fusermount3", "ssh")
@pytest.mark.parametrize("command", [("cp",), ("cp", "-p")])
def test_sshfs_cp(intake: Running, mounted: Path, source: Path, command: tuple[str, ...]) -> None:
    run(*command, source, mounted / "in")
    eventually(lambda: bool(intake.landed()))  # The kernel closes the file after cp has ended.
    assert intake.content(intake.only()) == CONTENT
    assert [path.name for path in (mounted / "in").iterdir()] == [source.name]


@pytest.mark.needs("sshfs", "fusermount3", "ssh")
def test_sshfs_reads_what_was_published(mounted: Path) -> None:
    assert (mounted / "keys" / "gateway.asc").read_text() == "the gateway's certificate\n"
    assert sorted(path.name for path in mounted.iterdir()) == ["agreement", "in", "keys", "out", "receipts"]


# psftp


@pytest.fixture
def psftp(intake: Running, tmp_path: Path):
    key = tmp_path / "avon.ppk"
    run("puttygen", intake.provider("avon"), "-O", "private", "-o", key)
    host_key = (intake.home.spool.host / "ssh_host_ed25519_key.pub").read_text()
    fingerprint = run("ssh-keygen", "-l", "-f", "-", input=host_key).stdout.split()[1]

    def call(*commands: str) -> str:
        arguments = ["-batch", "-P", str(intake.port), "-i", key, "-hostkey", fingerprint, "-b", "-be"]
        script = tmp_path / "script"
        script.write_text("\n".join(commands) + "\n")
        arguments[arguments.index("-be")] = script
        return run("psftp", *arguments, "avon@127.0.0.1", env={**os.environ, "HOME": str(tmp_path)}).stdout

    return call


@pytest.mark.needs("psftp", "puttygen")
@pytest.mark.parametrize("folder", ["/", "/in"])
def test_psftp_put(intake: Running, psftp, source: Path, folder: str) -> None:
    psftp(f"cd {folder}", f"put {source} pupils.gpg", "ls")
    assert intake.only().name == "pupils.gpg"
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("psftp", "puttygen")
def test_psftp_resumes(intake: Running, psftp, source: Path) -> None:
    _cut_off(intake, "pupils.gpg", CONTENT[:300_000])
    psftp("cd /in", f"reput {source} pupils.gpg")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("psftp", "puttygen")
def test_psftp_puts_a_folder(intake: Running, psftp, tmp_path: Path) -> None:
    folder = nested(tmp_path)
    psftp("cd /in", f"put -r {folder} Autumn", "ls Autumn")
    assert contents(intake) == sorted(path.read_bytes() for path in folder.rglob("*.gpg"))


@pytest.mark.needs("pscp", "puttygen")
def test_pscp_with_the_old_protocol_is_told_to_use_sftp(
    intake: Running, source: Path, tmp_path: Path
) -> None:
    key = tmp_path / "avon.ppk"
    run("puttygen", intake.provider("avon"), "-O", "private", "-o", key)
    public = intake.home.spool.host / "ssh_host_ed25519_key.pub"
    fingerprint = run("ssh-keygen", "-l", "-f", public).stdout.split()[1]
    common = ["-batch", "-P", str(intake.port), "-i", key, "-hostkey", fingerprint]
    done = run("pscp", "-scp", *common, source, "avon@127.0.0.1:/in/", check=False)
    assert done.returncode != 0
    assert "This gateway takes files by SFTP only" in done.stdout
    run("pscp", *common, source, "avon@127.0.0.1:/in/")
    assert intake.content(intake.only()) == CONTENT
