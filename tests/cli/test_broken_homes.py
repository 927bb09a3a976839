"""Broken homes: what doctor says of each, and that its remedy works."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.doctor import examine
from gateway.home import Home, policy_digest
from gateway.homes.create import note_passphrase_file
from gateway.log.checkpoint import LogKey
from gateway.record.upgrade import UpgradePlan, write_plan
from gateway.secrets import secret_files
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import core_data
from tests.unused import workshop_in
from tests.workshop import Workshop

Break = Callable[[Path], None]
MEND, BACKUP, FILE, HAND = "--mend", "restored home", "file of the backup", "by hand"


@dataclass(frozen=True)
class Broken:
    """How a home is broken, words of the complaint, its remedy, and the first word of its advice."""

    how: Break
    said: str
    remedy: str
    advice: str


def without(name: str) -> Break:
    def remove(home: Path) -> None:
        for path in home.glob(name):
            (shutil.rmtree if path.is_dir() else os.unlink)(path)

    return remove


def with_text(name: str, change: Callable[[str], str]) -> Break:
    def write(home: Path) -> None:
        (path,) = home.glob(name)
        path.chmod(0o600)
        path.write_text(change(path.read_text("utf-8")), "utf-8")

    return write


def with_bytes(name: str, change: Callable[[bytes], bytes]) -> Break:
    def write(home: Path) -> None:
        (home / name).write_bytes(change((home / name).read_bytes()))

    return write


def opened(name: str, mode: int) -> Break:
    return lambda home: (home / name).chmod(mode)


def other_key(_: bytes) -> bytes:
    return LogKey.generate()


HOMES = {
    "pupil index key": Broken(
        without("keys/pupil-index.key"), "no child is found, and no marker protects one", FILE, "put it back"
    ),
    "host key": Broken(without("keys/mailboxes_host_key"), "another host key", FILE, "put it back"),
    "host key cut off": Broken(
        with_bytes("keys/mailboxes_host_key", lambda key: key[:90]),
        "as an SSH private key",
        FILE,
        "put it back",
    ),
    "statements": Broken(without("keys/statements"), "which log belongs to", FILE, "put it back"),
    "one statement": Broken(without("keys/statements/*.asc"), ".asc is missing", FILE, "give the pass"),
    "log key": Broken(
        without("keys/log.pem"),
        "log.pem is missing: put it back from",
        FILE,
        "give the passphrase, or restore",
    ),
    "no log key": Broken(
        with_text("keys/log.pem", lambda text: text[:40]), "not an unencrypted PEM", FILE, "give the pass"
    ),
    "another log key": Broken(
        with_bytes("keys/log.pem", other_key), "is signed by another key", FILE, "mend wh"
    ),
    "no OpenPGP key": Broken(
        with_text("keys/openpgp/*.asc", lambda text: text[:200]),
        "not an OpenPGP secret",
        FILE,
        "give the pass",
    ),
    "another statement": Broken(
        with_text("keys/statements/*.asc", lambda text: text[:90]),
        "name the log's key",
        FILE,
        "give the pass",
    ),
    "pupil index key cut off": Broken(
        with_bytes("keys/pupil-index.key", lambda key: key[:20]), "not as it was made", FILE, "give the pass"
    ),
    "OpenPGP keys": Broken(without("keys/openpgp"), "holds no secret key", FILE, "give the pass"),
    "signing": Broken(without("keys/signing"), "signing is missing", FILE, "give the passphrase, or restore"),
    "landed": Broken(without("spool/landed"), "landed is missing", MEND, "gateway doctor --mend"),
    "published": Broken(without("published"), "published is missing", MEND, "gateway doctor --mend"),
    "common": Broken(without("published/common"), "common is missing", MEND, "gateway doctor --mend"),
    "providers' folders": Broken(
        without("published/providers"), "providers is missing", MEND, "gateway doctor --mend"
    ),
    "scanner": Broken(
        with_text("gateway.toml", '{}\n[scanner]\nsocket = "/nowhere/clamd.ctl"\n'.format),
        "cannot be asked (CommunicationError) at /nowhere/clamd.ctl",
        HAND,
        "see that clamd runs",
    ),
    "one port for two": Broken(
        with_text("gateway.toml", lambda text: re.sub(r"port = \d+", "port = 2222", text)),
        "intake and mailboxes are to listen on port 2222",
        HAND,
        "give each a port",
    ),
    "a port for metrics": Broken(
        with_text("gateway.toml", "{}\n[metrics]\nport = 2223\n".format),
        "mailboxes and metrics are to listen on port 2223",
        HAND,
        "give each a port",
    ),
    "intake": Broken(without("published/intake.json"), "intake.json is missing", MEND, "gateway doctor --m"),
    "open registry": Broken(opened("registry.db", 0o666), "is open to other users", MEND, "chmod o-rwx"),
    "open keys": Broken(opened("keys/log.pem", 0o602), "other users may change", MEND, "chmod o-w"),
    "sealed file": Broken(without("sealed/*.sealed"), "1 sealed file missing", BACKUP, "gateway restore DIR"),
    "registry": Broken(without("registry.db*"), "registry.db is missing", BACKUP, "put it back where"),
    "truncated": Broken(
        with_bytes("registry.db", lambda raw: raw[: len(raw) // 2]),
        "malformed",
        BACKUP,
        "the registry is damaged: gateway restore DIR",
    ),
    "overwritten": Broken(
        with_bytes("registry.db", lambda raw: bytes(4096) + raw[4096:]),
        "not a database",
        BACKUP,
        "the registry is damaged: gateway restore DIR",
    ),
    "policies changed": Broken(
        with_text("policies-in-force/*/teams.toml", "{}\n# of my own\n".format),
        "was changed on the disk",
        BACKUP,
        "put it back as the last backup has it",
    ),
    "draft": Broken(
        with_text("policies/teams.toml", "{}\n[[team\n".format), "the draft in", HAND, "edit the file named"
    ),
    "no draft": Broken(without("policies"), "the draft of the policies, is missing", HAND, "cp -r "),
    "misspelt setting": Broken(
        with_text("gateway.toml", "organization = 'Anyshire'\n{}".format),
        "no such key; perhaps organisation",
        HAND,
        "edit ",
    ),
    "renamed log": Broken(
        with_text("gateway.toml", lambda text: text.replace('log_origin = "', 'log_origin = "the.')),
        "and keeps this name",
        HAND,
        "mend what it names",
    ),
    "cut off setting": Broken(
        with_text("gateway.toml", "{}\n[[x".format), "at end of document", HAND, "edit "
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workshop, Path]]:
    """A home with a decided file, and its backup."""
    made = workshop_in(tmp_path_factory.mktemp("whole"))
    oak = made.provider("oak", years=THIS_YEAR)
    made.send(oak, core_data())
    made.process()
    backup = tmp_path_factory.mktemp("backup") / "today"
    assert invoke(made.home.root, "backup", str(backup)).exit_code == 0
    yield made, backup
    made.close()


def told(home: Path) -> set[tuple[str, str]]:
    return {(one.what, one.mend) for one in examine(Home(home), datetime.now(UTC))}


@pytest.mark.long
@pytest.mark.parametrize("name", HOMES)
def test_a_broken_home_is_told_and_its_remedy_works(
    name: str, whole: tuple[Workshop, Path], tmp_path: Path
) -> None:
    broken, (_, backup) = HOMES[name], whole
    home = tmp_path / "home"
    assert invoke(home, "restore", str(backup)).exit_code == 0
    before = {what for what, _ in told(home)}
    broken.how(home)
    ((what, mend),) = [one for one in told(home) if broken.said in one[0]]
    assert mend.startswith(broken.advice)
    assert not any(broken.said in one for one in before)
    if broken.remedy == MEND:
        if mend.startswith("chmod"):
            assert invoke(home, "doctor", "--mend").exit_code in {0, 1}
        else:
            assert f"mended: {what}" in invoke(home, "doctor", "--mend").stderr
    elif broken.remedy == FILE:
        shutil.copytree(backup / "keys", home / "keys", dirs_exist_ok=True)
    elif broken.remedy == BACKUP:
        home = tmp_path / "new"
        assert invoke(home, "restore", str(backup)).exit_code == 0
    elif mend.startswith("cp -r "):
        subprocess.run(mend.split(), check=True)
    else:
        shutil.copy(backup / "gateway.toml", home / "gateway.toml")
        shutil.copytree(backup / "policies", home / "policies", dirs_exist_ok=True)
    assert not [one for one in told(home) if broken.said in one[0]]


@pytest.mark.parametrize("harm", ["missing", "empty"])
def test_no_second_log_begins_where_the_registry_is_gone(
    whole: tuple[Workshop, Path], tmp_path: Path, harm: str
) -> None:
    home = tmp_path / "home"
    assert invoke(home, "restore", str(whole[1])).exit_code == 0
    without("registry.db*")(home)
    if harm == "empty":
        (home / "registry.db").touch()
    reading = ("status", "log head", "retention run", "upgrade", "providers list", "log verify")
    for command in ("process --once", *reading):
        result = invoke(home, *command.split())
        assert result.exit_code == 1, command
        assert f"is {harm}" in result.stderr, command
    assert [what for what, _ in told(home) if f"is {harm}" in what]
    plan = UpgradePlan(by="ann", at=datetime.now(UTC), before="", backup=tmp_path / "backup")
    plan.backup.mkdir()
    (plan.backup / "registry.db").touch()
    # An upgrade is agreed on, and not yet carried out.
    for command in ("process --once", "upgrade", "upgrade --undo"):
        write_plan(Home(home), plan)
        result = invoke(home, *command.split())
        assert result.exit_code == 1, command
        assert f"is {harm}" in result.stderr, command
    if harm == "missing":
        assert not list(home.glob("registry.db*"))
    else:
        with closing(sqlite3.connect(home / "registry.db")) as registry:
            assert registry.execute("SELECT name FROM sqlite_master").fetchall() == []


UNIT = "/run/credentials/gateway-of-no-test.service/gateway-passphrase"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "there is nobody to ask"),
        (UNIT, f"cannot be read from {UNIT}: No such file or directory"),
        ("/nowhere/typo", "cannot be read from /nowhere/typo: No such file or directory"),
    ],
)
def test_an_upgrade_is_left_to_the_processor_only_where_that_may_have_the_passphrase(
    whole: tuple[Workshop, Path], tmp_path: Path, file: str | None, said: str
) -> None:
    home = tmp_path / "home"
    assert invoke(home, "restore", str(whole[1])).exit_code == 0
    secret_files.protect(Home(home), "of the service alone")
    if file is not None:
        note_passphrase_file(Home(home).settings, Path(file))
    before, backup = policy_digest(Home(home).policies_in_force), tmp_path / "backup"
    agreed = UpgradePlan(
        by="ann", at=datetime.now(UTC), before=before, digest="0" * 64, approved_by="ben", backup=backup
    )
    write_plan(Home(home), agreed)
    result = invoke(home, "upgrade")
    told = " ".join((result.stdout + result.stderr).split())
    assert said in told
    is_left = "restart gateway-processor, which carries it out at its start" in told
    assert (result.exit_code, is_left) == ((1, False) if file == "/nowhere/typo" else (0, True))


def test_a_clock_behind_the_log_is_told(whole: tuple[Workshop, Path]) -> None:
    home = whole[0].home
    (one,) = [e for e in examine(home, datetime.now(UTC) - timedelta(days=5)) if "the clock of" in e.what]
    assert (one.severity, one.mend.split()[0]) == ("fault", "timedatectl")
    assert not [e for e in examine(home, datetime.now(UTC)) if "the clock of" in e.what]
