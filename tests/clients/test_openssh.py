"""OpenSSH's sftp and scp, as a school's server would run them."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.clients.conftest import CONTENT
from tests.intake.running import Running, run, sealed
from tests.waiting import eventually


def sftp(config: Path, *commands: str, check: bool = True) -> subprocess.CompletedProcess:
    return run("sftp", "-F", config, "-b", "-", "gateway", input="\n".join(commands) + "\n", check=check)


@pytest.mark.needs("sftp")
@pytest.mark.parametrize("command", ["put", "put -p", "put -f"])
@pytest.mark.parametrize("folder", ["/", "/in"])
def test_put(intake: Running, ssh_config: Path, source: Path, command: str, folder: str) -> None:
    done = sftp(ssh_config, f"cd {folder}", f"{command} {source}", "ls -l")
    assert intake.content(intake.only()) == CONTENT
    assert intake.only().name == source.name
    assert intake.only().folder == "in"
    assert "rror" not in done.stdout
    assert str(len(CONTENT)) in done.stdout


@pytest.mark.needs("sftp")
def test_put_of_a_name_with_spaces_and_letters_of_all_kinds(
    intake: Running, ssh_config: Path, tmp_path: Path
) -> None:
    name = "Schüler und Schülerinnen, Herbst 2026 (neu).csv.gpg"
    (tmp_path / name).write_bytes(CONTENT)
    sftp(ssh_config, f'put "{tmp_path / name}" /in/')
    assert intake.only().name == name


@pytest.mark.needs("sftp")
def test_an_empty_file_is_handed_over(intake: Running, ssh_config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    sftp(ssh_config, f"put {tmp_path / 'empty'} /in/")
    assert intake.only().size == 0


@pytest.mark.needs("sftp")
def test_the_same_name_again_is_a_second_upload(intake: Running, ssh_config: Path, source: Path) -> None:
    sftp(ssh_config, f"put {source} /in/", f"put {source} /in/")
    first, second = intake.landed()
    assert first.name == second.name
    assert first.reference != second.reference


@pytest.mark.needs("sftp")
def test_receipts_are_listed_and_fetched(intake: Running, ssh_config: Path, tmp_path: Path) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    (receipts / "pupils.txt").write_text("accepted\n")
    done = sftp(ssh_config, f"lcd {tmp_path}", "cd /receipts", "ls", "get pupils.txt fetched.txt")
    assert "pupils.txt" in done.stdout
    assert (tmp_path / "fetched.txt").read_text() == "accepted\n"


@pytest.mark.needs("sftp")
def test_a_missing_file_and_a_denied_one(intake: Running, ssh_config: Path, source: Path) -> None:
    assert "not found" in sftp(ssh_config, "get /receipts/none.txt", check=False).stdout
    sftp(ssh_config, f"put {source} /in/x")
    assert "Permission denied" in sftp(ssh_config, "get /in/x /dev/null", check=False).stdout
    assert "No such file" in sftp(ssh_config, "rm /in/x", check=False).stdout
    assert "Permission denied" in sftp(ssh_config, "mkdir /out/y", check=False).stdout


@pytest.mark.needs("sftp")
@pytest.mark.parametrize("command", ["reput", "put -a"])
def test_a_killed_upload_is_finished_by_resuming(
    intake: Running, ssh_config: Path, tmp_path: Path, command: str
) -> None:
    source = tmp_path / "large.gpg"
    source.write_bytes(sealed(24 * 1024 * 1024))
    _end_in_the_middle(intake, ssh_config, source, signal.SIGKILL)
    (partial,) = intake.partial()
    size = -1
    while size != (size := partial.stat().st_size):
        time.sleep(0.3)
    assert intake.landed() == []
    received = partial.stat().st_size
    assert 0 < received < source.stat().st_size
    assert source.read_bytes().startswith(partial.read_bytes())
    intake.stop()
    intake.start()
    sftp(ssh_config, f"ls -l {source.name}", f"{command} {source} /in/{source.name}")
    assert intake.content(intake.only()) == source.read_bytes()
    assert intake.partial() == []


def _end_in_the_middle(intake: Running, config: Path, source: Path, how: signal.Signals) -> None:
    """Start an upload at 8 Mbit/s or so and signal the client when some of it has arrived."""
    command = ["sftp", "-F", config, "-l", "60000", "-b", "-", "gateway"]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert client.stdin is not None
    client.stdin.write(f"put {source} /in/\n".encode())
    client.stdin.flush()
    eventually(lambda: any(path.stat().st_size > 2_000_000 for path in intake.partial()))
    client.send_signal(how)
    client.stdin.close()
    client.wait()


@pytest.mark.needs("sftp")
def test_ctrl_c_ends_the_file_so_that_what_had_come_is_taken(
    intake: Running, ssh_config: Path, tmp_path: Path
) -> None:
    """What the guide warns of: the client closes the file, and nothing tells that from its end."""
    source = tmp_path / "large.gpg"
    source.write_bytes(sealed(20_000_000))
    _end_in_the_middle(intake, ssh_config, source, signal.SIGINT)
    eventually(lambda: intake.landed() != [])
    upload = intake.only()
    assert 0 < upload.size < source.stat().st_size
    assert intake.partial() == []


@pytest.mark.needs("sftp")
def test_resuming_a_complete_file_does_not_send_it_twice(
    intake: Running, ssh_config: Path, source: Path
) -> None:
    sftp(ssh_config, f"put {source} /in/")
    sftp(ssh_config, f"reput {source} /in/", check=False)
    assert len(intake.landed()) == 1


@pytest.mark.needs("scp")
def test_scp(intake: Running, ssh_config: Path, source: Path) -> None:
    run("scp", "-F", ssh_config, "-p", source, "gateway:/in/")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("scp")
def test_scp_by_its_old_protocol_is_told_to_use_sftp(
    intake: Running, ssh_config: Path, source: Path, tmp_path: Path
) -> None:
    for copied in ([source, "gateway:/in/"], ["gateway:/keys/gateway.asc", tmp_path]):
        done = run("scp", "-O", "-F", ssh_config, *copied, check=False)
        assert done.returncode != 0
        # The sentence comes from ssh and an empty line from scp, in either order.
        assert done.stdout.strip().startswith("This gateway takes files by SFTP only.")
    assert intake.landed() == []


@pytest.mark.needs("sftp", "scp")
def test_a_folder_of_folders_is_put(intake: Running, ssh_config: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "Autumn" / "Year 4").mkdir(parents=True)
    source.rename(tmp_path / "Autumn" / "Year 4" / source.name)
    sftp(ssh_config, "cd /in", f"put -r {tmp_path / 'Autumn'}")
    run("scp", "-r", "-F", ssh_config, tmp_path / "Autumn", "gateway:/in/")
    assert [intake.content(upload) for upload in intake.landed()] == [CONTENT, CONTENT]
    assert {upload.name for upload in intake.landed()} == {source.name}


@pytest.mark.needs("sftp")
def test_names_of_255_octets_are_taken(intake: Running, ssh_config: Path, source: Path) -> None:
    sftp(ssh_config, f"put {source} /in/{255 * 'n'}")
    assert intake.only().name == 255 * "n"


@pytest.mark.needs("scp")
def test_scp_leaves_nothing_of_a_longer_upload_that_was_cut_off(
    intake: Running, ssh_config: Path, source: Path
) -> None:
    with intake.transport() as transport:
        client = transport.open_sftp_client()
        assert client is not None
        longer = client.open(f"/in/{source.name}", "wb")
        longer.write(CONTENT + bytes(500_000))
        longer.flush()
        client.stat("/in")
        transport.sock.close()
    eventually(lambda: any(path.stat().st_size > len(CONTENT) for path in intake.partial()))
    run("scp", "-F", ssh_config, source, "gateway:/in/")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("ssh")
@pytest.mark.parametrize(
    "arguments", [("true",), (), ("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:localhost:1")]
)
def test_there_is_no_shell_no_command_no_forwarding(ssh_config: Path, arguments: tuple[str, ...]) -> None:
    assert run("ssh", "-F", ssh_config, "gateway", *arguments, check=False, timeout=60).returncode != 0
