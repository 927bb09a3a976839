"""The gateway's secrets at rest: how they are written, and the passphrase they may be under."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import Result

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.create import note_passphrase_file
from gateway.homes.demo.parties import Stage
from gateway.openpgp.sealer import is_locked, lock, unlock
from gateway.secrets import passphrase, secret_files
from tests.commands import Commands
from tests.content import core_data
from tests.end_to_end.rotating import Services
from tests.openpgp.gnupg import Gnupg, GnupgError
from tests.site import Party, Running
from tests.waiting import until

PHRASE = "correct horse 9 battery"
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)
FREE_PORTS = ("--intake-port", "0", "--mailboxes-port", "0", "--console-port", "0")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    yield
    passphrase.forget()


def phrase_file(folder: Path, phrase: str = PHRASE) -> Path:
    file = folder / "phrase"
    file.write_text(phrase + "\n")
    file.chmod(0o600)
    return file


class Protected(Commands):
    """A home made with its secrets under the passphrase of a file; no command remembers it for the next."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "--passphrase-file", str(phrase_file(root)))

    def result(self, *arguments: str) -> Result:
        passphrase.forget()
        return super().result(*arguments)


@pytest.mark.long
def test_all_of_it_works_under_a_passphrase_that_no_process_shows(tmp_path: Path) -> None:
    site, party = Protected(tmp_path), Party("jane", tmp_path / "jane")
    certificate = site.gateway("keys", "gateway", "export")
    for path in secret_files.protectable(Home(site.home)):
        assert is_locked(path.read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    oak = site.provider("oak")
    site.gateway("staff", "add", "jane", "--team", "central-data-team", "--ssh-key", str(party.ssh_public))
    with Stage(site.home).running(tmp_path / "run.log") as services:
        oak.put(services.intake, "core.pgp", oak.seal(content := core_data(), certificate))
        until(lambda: site.json("transfers", "list", "--state", "accepted"), "the file")
        with party.sftp(services.mailboxes) as session:
            (name,) = session.listdir("/central-data-team")
        assert party.get(services.mailboxes, f"/central-data-team/{name}") == content
        shown = shown_by_the_family_of(services)
        assert len(shown) > 3
        assert not [text for text in shown if PHRASE in text or "PRIVATE KEY" in text]
    site.gateway("keys", "gateway", "rotate")
    assert not secret_files.unprotected(Home(site.home))
    assert not any("passphrase" in c["what"] for c in json.loads(site.result("doctor", "--json").stdout))


def shown_by_the_family_of(services: Running) -> list[str]:
    """Arguments and environment of the supervisor and all that descends from it."""
    parents: dict[str, int] = {}
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(*GONE):
            parents[stat_file.parent.name] = int(stat_file.read_text().rpartition(")")[2].split()[1])
    family, shown = [str(services.supervisor.pid)], []
    for member in family:  # It grows: numbers of processes begin anew, so a child's may be the lower one.
        family += [name for name, parent in parents.items() if parent == int(member)]
        for part in ("cmdline", "environ"):
            with suppress(*GONE):
                shown.append(Path("/proc", member, part).read_text(errors="replace"))
    return shown


def test_without_the_passphrase_nothing_is_signed_and_the_way_out_is_named(tmp_path: Path) -> None:
    site = Protected(tmp_path)
    file = tmp_path / "phrase"
    file.write_text("another\n")
    said = site.refused("log", "head")
    assert "the passphrase does not fit; it is the systemd credential gateway-passphrase, else" in said
    settings = site.home / "gateway.toml"
    settings.write_text(settings.read_text().replace("passphrase_file", "# passphrase_file"))
    for command in (("log", "head"), ("process", "--once"), ("run",)):
        said = site.refused(*command)
        assert "set passphrase_file" in said
        assert "gateway-passphrase" in said


def test_a_systemd_credential_goes_before_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Protected(tmp_path)
    (tmp_path / "phrase").write_text("another\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "gateway-passphrase").write_text(PHRASE)
    site.refused("log", "head")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    site.gateway("log", "head")


def test_a_passphrase_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    site = Protected(tmp_path)
    (tmp_path / "phrase").chmod(0o644)
    assert "is open to other users" in site.refused("log", "head")


@pytest.mark.long
def test_a_person_types_it_in_and_the_services_learn_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    named = ["init", "--organisation", "Anyshire", "--log-origin", "test.invalid/log", "--passphrase"]
    typed(named, home, [PHRASE, PHRASE])
    assert not secret_files.unprotected(Home(home))
    assert "size" not in typed(["log", "head"], home, [PHRASE])
    said = typed(["log", "head"], home, ["wrong"], code=1)
    assert "the passphrase does not fit" in said
    said = typed([*named, "--home", str(tmp_path / "other")], home, ["one", "two"], code=1)
    assert "differ" in said
    said = typed(["run", *FREE_PORTS], home, [PHRASE], until="ready intake")
    assert PHRASE not in said


def typed(arguments: list[str], home: Path, lines: list[str], *, code: int = 0, until: str = "") -> str:
    """What a command says on a terminal at which `lines` are typed in."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["GATEWAY_HOME"] = str(home)
        os.environ.pop(passphrase.HANDED_ON, None)
        os.execv(sys.executable, [sys.executable, "-m", "gateway", *arguments])
    said, waiting, deadline = b"", list(lines), time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
            if waiting and piece.rstrip().endswith(b":"):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
            if until and until.encode() in said:
                os.kill(pid, 15)
                until = ""
        else:
            os.kill(pid, 15)  # It must not be waited for without end.
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == code, said.decode()
    assert not waiting
    return said.decode()


@pytest.mark.needs("gpg")
def test_a_locked_secret_opens_with_gpg_and_its_passphrase_alone(tmp_path: Path) -> None:
    locked = lock(b"a secret", PHRASE)
    assert unlock(locked, PHRASE) == b"a secret"
    with pytest.raises(ConfigurationError, match="does not fit"):
        unlock(locked, "another")
    with pytest.raises(ConfigurationError, match="empty"):
        lock(b"a secret", "")
    with Gnupg() as gpg:
        assert gpg.run("--passphrase", PHRASE, "--decrypt", given=locked) == b"a secret"
        with pytest.raises(GnupgError):
            gpg.run("--passphrase", "another", "--decrypt", given=locked)


def test_protecting_is_changed_taken_off_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Commands(tmp_path)
    home = Home(site.home)
    assert any("under no passphrase" in c["what"] for c in site.json("doctor"))
    before = secret_files.openpgp_secrets(home), secret_files.log_key(home), secret_files.pupil_key(home)
    with pytest.raises(KeyboardInterrupt):  # After the first of them.
        secret_files.protect(home, PHRASE, lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    assert len(secret_files.unprotected(home)) == 2
    file = phrase_file(tmp_path)
    site.gateway("keys", "gateway", "protect", "--passphrase-file", str(file))
    assert secret_files.unprotected(home) == []
    passphrase.keep(PHRASE)
    assert (
        secret_files.openpgp_secrets(home),
        secret_files.log_key(home),
        secret_files.pupil_key(home),
    ) == before
    passphrase.forget()
    assert load_settings(home).secrets.passphrase_file == file
    site.gateway("log", "head")
    site.gateway("keys", "gateway", "protect", "--none")
    assert len(secret_files.unprotected(home)) == 3


@pytest.mark.parametrize("number", [1, 2])
def test_a_change_from_one_passphrase_to_another_goes_on_where_it_was_cut_off(
    tmp_path: Path, number: int
) -> None:
    site = Protected(tmp_path)
    home, left = Home(site.home), number
    new = phrase_file(tmp_path, "another one").rename(tmp_path / "new")
    phrase_file(tmp_path)

    def cut_off(_: Path) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    passphrase.keep(PHRASE)
    with pytest.raises(KeyboardInterrupt):
        secret_files.protect(home, "another one", cut_off)
    passphrase.forget()
    assert "keys gateway protect" in site.result("doctor").stdout
    site.gateway("keys", "gateway", "protect", "--passphrase-file", str(new))
    assert secret_files.opened_by(home, "another one") == {True}
    assert load_settings(home).secrets.passphrase_file == new
    site.gateway("log", "verify")


@pytest.mark.long
def test_a_home_whose_pupil_key_is_in_the_clear_goes_on_and_can_be_put_right(tmp_path: Path) -> None:
    """As an earlier version left it, which put the other secrets under the passphrase."""
    site = Protected(tmp_path)
    home, oak = Home(site.home), site.provider("oak")
    passphrase.keep(PHRASE)
    known, file = secret_files.pupil_key(home), home.keys / "pupil-index.key"
    file.write_bytes(known)
    assert any(
        "1 secret is under no passphrase" in c["what"]
        for c in json.loads(site.result("doctor", "--json").stdout)
    )
    certificate = site.gateway("keys", "gateway", "export")
    with Services(site) as services:
        oak.put(services.intake, "one.pgp", oak.seal(core_data(seed=1), certificate))
        until(lambda: site.json("transfers", "list", "--state", "accepted"), "the file")
    site.gateway("keys", "gateway", "rotate")
    assert secret_files.unprotected(home) == [file]
    site.gateway("keys", "gateway", "protect", "--passphrase-file", str(tmp_path / "phrase"))
    assert secret_files.unprotected(home) == []
    passphrase.keep(PHRASE)
    assert secret_files.pupil_key(home) == known


def test_only_the_name_of_the_file_is_changed_in_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "gateway.toml"
    file = Path('/etc/a "b" \\c')
    for before in (
        '[secrets]  # here\n# passphrase_file = "/x"\n\n[intake]\nport = 1\n',
        'log = "x"\n\n[secrets]\npassphrase_file = "/old"\n',
        '[intake]\npassphrase_file = "not this"\n',
    ):
        settings.write_text(before)
        settings.chmod(0o640)
        note_passphrase_file(settings, file)
        after, expected = tomllib.loads(settings.read_text()), tomllib.loads(before)
        assert after == expected | {"secrets": {"passphrase_file": str(file)}}
        assert stat.S_IMODE(settings.stat().st_mode) == 0o640
        assert ("# here" in settings.read_text()) == ("# here" in before)
    settings.write_text("[secrets\n")
    with pytest.raises(ConfigurationError, match="write there, under"):
        note_passphrase_file(settings, file)


def test_a_passphrase_that_does_not_fit_is_not_called_well(tmp_path: Path) -> None:
    site = Protected(tmp_path)
    assert "secrets-closed" not in json.loads(site.result("status", "--json").stdout)["wrong"]
    phrase_file(tmp_path, "an older one")
    assert "secrets-closed" in json.loads(site.result("status", "--json").stdout)["wrong"]
    assert "the passphrase does not fit" in site.result("doctor").stdout


@pytest.mark.long
def test_services_find_a_passphrase_that_was_changed_under_them(tmp_path: Path) -> None:
    site = Protected(tmp_path)
    oak = site.provider("oak")
    (tmp_path / "next").mkdir()
    new = phrase_file(tmp_path / "next", "another one")
    with Services(site) as services:
        certificate = site.gateway("keys", "gateway", "export")
        oak.put(services.intake, "one.pgp", oak.seal(core_data(seed=1), certificate))
        until(lambda: site.json("transfers", "list", "--state", "accepted"), "the first file")
        site.gateway("keys", "gateway", "protect", "--passphrase-file", str(new))
        oak.put(services.intake, "two.pgp", oak.seal(core_data(seed=2), certificate))
        until(lambda: len(site.json("transfers", "list", "--state", "accepted")) == 2, "the second file")


def test_a_secret_is_there_whole_or_not_at_all_and_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    secret_files.write_secret(path, b"first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        secret_files.write_secret(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        secret_files.write_secret(tmp_path / "other", b"half")
    assert not (tmp_path / "other").exists()


def test_children_keep_their_memory_to_themselves(tmp_path: Path) -> None:
    """A process that holds keys cannot be looked into, leaves no core, and is not swapped out."""
    program = (
        "from gateway.secrets.process_memory import keep_in_memory, keep_to_itself\n"
        "import resource\n"
        "keep_to_itself()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), keep_in_memory())\n"
        "print(open('/proc/self/status').read())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    locked = next(line for line in done.stdout.splitlines() if line.startswith("VmLck"))
    assert done.stdout.startswith("(0, 0)")
    if os.geteuid() == 0:
        assert done.stdout.startswith("(0, 0) True")
        assert int(locked.split()[1]) > 0
