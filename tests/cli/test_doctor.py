"""What doctor advises locks nobody out, and of many alike it makes one line."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import get_args

import asyncssh
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.cli import complaints, doctor, year
from gateway.cli.complaints import Complaint
from gateway.cli.doctor import examine, guarded
from gateway.cli.status import expiries_in_words
from gateway.errors import ConfigurationError, Fault
from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.model import KeyKind
from gateway.processor.work import home_of_its_own
from gateway.registry import keys, letters, transfers
from gateway.registry.database import Registry
from gateway.ssh import server
from tests.commands import Commands
from tests.faults.disks import disk_over
from tests.workshop import login_of

LATER = datetime.now(UTC) + timedelta(days=100)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    made = Commands(tmp_path_factory.mktemp("site"), "--organisation", "Elsewhere Council")
    lines = "".join(f"school-{n},School {n},school,999{2000 + n}\n" for n in range(31))
    (made.root / "schools.csv").write_text(f"id,name,kind,dfe_number\n{lines}")
    made.gateway("providers", "import", str(made.root / "schools.csv"))
    made.provider("oak")
    return made


def advice(site: Commands, about: str, *, at: datetime = LATER) -> list[str]:
    return [one.mend for one in examine(Home(site.home), at) if one.about == about and " key " in one.what]


def used(site: Commands, fingerprint: str, at: datetime) -> None:
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        keys.note_each(session, "provider", [("oak", fingerprint, at)])
    registry.close()


def test_many_alike_are_one_line_and_each_is_there_for_the_asking(site: Commands) -> None:
    short, long = site.gateway("doctor"), site.gateway("doctor", "--all")
    assert "31 providers without an SSH key in force cannot log in: school-0, " in short
    assert "and 26 more" in short
    assert "each of them: gateway doctor --all" in short
    assert len(short.splitlines()) < 30
    assert "school-30 has no SSH key: it cannot log in" in long
    assert len([one for one in site.json("doctor") if one.get("about") == "school-30"]) == 3


def test_backups_that_stopped_are_told(site: Commands) -> None:
    def about(days: int) -> list[str]:
        at = datetime.now(UTC) + timedelta(days=days)
        return [one.what for one in examine(Home(site.home), at) if "last backup" in one.what]

    assert about(0) == about(9) == []  # They may be made by other means.
    site.gateway("backup", str(site.root / "a backup"))
    assert about(1) == []
    (told,) = about(9)
    assert f"of {datetime.now(UTC):%Y-%m-%d}" in told
    settings = site.home / "gateway.toml"
    own = settings.read_text("utf-8")
    settings.write_text(f'database = "postgresql+psycopg://gateway@/gateway?host=/nowhere"\n{own}', "utf-8")
    assert about(9) == []  # A registry in PostgreSQL is backed up by its own means.
    settings.write_text(own, "utf-8")


def test_what_is_still_the_samples_is_told(site: Commands) -> None:
    said = site.gateway("doctor")
    assert "the agreement is the sample's, not one of Elsewhere Council" in said
    assert "the calendar is the sample's" in said


def test_the_keys_of_who_has_no_other_are_never_advised_away(site: Commands) -> None:
    before = advice(site, "oak")
    assert len(before) == 2
    assert not any("keys retire" in mend for mend in before)
    assert all("ask oak whether it is still needed" in mend for mend in before)


def test_two_keys_that_nobody_uses_are_not_both_advised_away(site: Commands) -> None:
    second = Party("oak-again", site.root / "parties" / "oak-again")
    site.gateway("keys", "add", "oak", str(second.ssh_public))
    site.confirm("oak")
    assert not any("keys retire" in mend for mend in advice(site, "oak"))
    used(site, login_of(second), LATER - timedelta(days=1))
    retire = [mend for mend in advice(site, "oak") if "keys retire" in mend]
    assert len(retire) == 1
    assert login_of(second) not in retire[0]


def test_an_expired_key_of_staff_is_renewed_as_one_of_staff(site: Commands) -> None:
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        at = datetime.now(UTC) - timedelta(days=9)
        keys.add_key(
            session, "staff", "sam", "openpgp", fingerprint="sams", material="{}", at=at, by="jane",
            expires_at=at + timedelta(days=1),
        )  # fmt: skip
    registry.close()
    assert "gateway keys add sam FILE --staff, once it is renewed" in advice(site, "sam")


def test_status_tells_programs_which_keys_expire(site: Commands) -> None:
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        at = datetime.now(UTC)
        keys.add_key(
            session, "staff", "kim", "openpgp", fingerprint="kims", material="{}", at=at, by="jane",
            expires_at=at + timedelta(days=99),
        )  # fmt: skip
    registry.close()
    told = json.loads(site.result("status", "--json").stdout)["expiries"]
    assert {"owner_kind": "staff", "owner": "", "kind": "openpgp"}.items() <= told[-1].items()
    assert 98 < told[-1]["days"] <= 99


def test_retiring_is_taken_back_until_another_key_was_used(site: Commands, tmp_path: Path) -> None:
    party = site.provider("elm")
    first = login_of(party)
    said = site.gateway("keys", "retire", "elm", first, "--why", "tidying up")
    assert "it is the last SSH key of elm, who cannot log in" in said
    assert f"gateway keys restore elm {first}" in said
    site.gateway("keys", "restore", "elm", first, "--why", "it was the only one")
    assert "can be restored" in site.refused("keys", "restore", "elm", first, "--why", "again")
    access = site.home / "published" / "providers" / "elm" / "authorized_keys"
    assert access.read_text().startswith("ssh-ed25519 ")
    site.gateway("keys", "retire", "elm", first, "--until", "2099-12-31")
    site.gateway("keys", "restore", "elm", first, "--why", "it goes on")
    second = Party("elm-again", tmp_path / "elm-again")
    site.gateway("keys", "add", "elm", str(second.ssh_public))
    site.confirm("elm")
    assert "last" not in site.gateway("keys", "retire", "elm", first)
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        keys.note_each(session, "provider", [("elm", login_of(second), LATER)])
    registry.close()
    assert "has used another key since" in site.refused("keys", "restore", "elm", first, "--why", "x")
    assert "everything fits" in site.gateway("log", "verify")


def test_status_tells_manyexpiries_in_words_in_one_line() -> None:
    ending = {("provider", f"s{n}", "openpgp"): n + 2.0 for n in range(9)}
    (line,) = expiries_in_words(ending, each=False)
    assert "9 providers" in line
    assert "s0, which ends in 2 days" in line
    assert len(list(expiries_in_words(ending, each=True))) == 9


def test_a_console_for_other_machines_needs_a_name(site: Commands) -> None:
    settings = site.home / "gateway.toml"
    before = settings.read_text()
    local = 'host = "127.0.0.1"\nport = 2224'
    assert local in before
    assert "the console listens for other machines" not in site.gateway("doctor")
    settings.write_text(before.replace(local, local.replace("127.0.0.1", "0.0.0.0")))
    assert "the console listens for other machines" in site.gateway("doctor")
    settings.write_text(before)


def kinds_of(form: object) -> list[str]:
    return [kind for each in get_args(form) for kind in (kinds_of(each) or [each])]


@pytest.mark.parametrize("kind", kinds_of(KeyKind))
def test_doctor_knows_every_kind_of_key(site: Commands, kind: KeyKind) -> None:
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        at = datetime.now(UTC) - timedelta(days=400)
        keys.add_key(session, "staff", "jane", kind, fingerprint=f"{kind}-1", material="{}", at=at, by="jane")
        assert keys.holder(session, kind, f"{kind}-1").noun
    registry.close()
    assert f"{kind}-1 of jane was not used for" in site.gateway("doctor", "--all")
    assert f"{kind}-1" in site.gateway("keys", "list", "--json")


def _codes(told: ast.AST) -> set[str]:
    """The codes of complaints in an expression; what an f-string leaves open may be anything."""
    every = [one for one in ast.walk(told) if isinstance(one, ast.JoinedStr | ast.Constant)]
    blank = "\0"
    patterns = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else blank for part in one.values)
        if isinstance(one, ast.JoinedStr)
        else str(one.value)
        for one in every
    ]
    return {
        code
        for code in complaints.WORDS
        if any(re.fullmatch(re.escape(one).replace(blank, ".+"), code) for one in patterns)
    }


def test_each_complaint_has_words_and_is_given_what_they_need() -> None:
    used = set[str]()
    for module in (complaints, doctor, year):
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
            assigned = [one for one in ast.walk(function) if isinstance(one, ast.Assign)]
            chosen = [one.value for one in assigned if ast.unparse(one.targets[0]) == "code"]
            for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
                name, given = ast.unparse(call.func), {one.arg for one in call.keywords}
                if name not in {"complaint", "of_key"} or None in given:
                    continue  # It passes on the blanks of another.
                given |= {"about", None, *(("key", "whole", "staff") if name == "of_key" else ())}
                asked = chosen if isinstance(call.args[0], ast.Name) else [call.args[0]]
                for code in set[str]().union(*map(_codes, asked)):
                    texts = " ".join(complaints.WORDS[code].values())
                    assert {blank for _, blank, *_ in Formatter().parse(texts)} <= given, code
                    used.add(code)
    assert used == complaints.WORDS.keys()


def test_a_complaint_that_fails_is_a_complaint_and_not_the_end() -> None:
    def failing() -> Iterator[Complaint]:
        yield Complaint("warning", "found before", "mend it")
        raise KeyError("oak.xml")

    before, failed = guarded("keys", failing())
    assert before.what == "found before"
    assert failed.severity == "fault"
    assert failed.what.startswith("doctor could not look at keys: KeyError at test_doctor.py:")
    assert "oak" not in failed.what


def test_a_check_that_fails_hides_no_neighbour(site: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> Iterator[Complaint]:
        yield from ()
        raise KeyError("oak.xml")

    monkeypatch.setattr(transfers, "landed", lambda _: next(failing()))
    monkeypatch.setattr("gateway.cli.doctor._folders", failing)
    shutil.move(site.home / "keys/statements", site.home / "keys/aside")
    try:
        told = [one.what for one in examine(Home(site.home), datetime.now(UTC) - timedelta(days=3650))]
    finally:
        shutil.move(site.home / "keys/aside", site.home / "keys/statements")
    failed = [one for one in told if one.startswith("doctor could not look at")]
    assert [one.split(": ")[0].removeprefix("doctor could not look at ") for one in failed] == [
        "folders",
        "what landed",
    ]
    assert any("the clock of this machine" in one for one in told)
    assert any("statements is missing" in one for one in told)


OPEN = {
    "registry.db": (0o666, "registry.db is open to other users"),
    "gateway.toml": (0o666, "other users may change"),
    "published": (0o777, "other users may change"),
    "policies": (0o777, "other users may change"),
    "policies/rights.toml": (0o666, "other users may change"),
    "mailboxes": (0o777, "mailboxes is open to other users"),
    "spool/landed": (0o777, "other users may change"),
    "keys/log.pem": (0o602, "other users may change"),
}


def open_to_others(site: Commands, path: Path) -> list[Complaint]:
    found = examine(Home(site.home), datetime.now(UTC))
    return [one for one in found if one.mend.startswith("chmod") and one.mend.endswith(f" {path}")]


@pytest.mark.parametrize("name", OPEN)
def test_whatever_is_open_to_others_in_a_home_is_told_with_what_mends_it(site: Commands, name: str) -> None:
    mode, said = OPEN[name]
    path = site.home / name
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        (told,) = open_to_others(site, path)
        assert said in told.what
        assert (told.severity, told.mend.split()[0]) == ("fault", "chmod")
        subprocess.run(told.mend.split(), check=True)
        assert not open_to_others(site, path)
    finally:
        path.chmod(before)


def found_by(site: Commands, at: datetime | None = None) -> list[Complaint]:
    return list(examine(Home(site.home), at or datetime.now(UTC)))


@pytest.mark.parametrize(
    "name",
    [
        "sealed",
        "keys",
        "keys/openpgp",
        "policies",
        "policies-in-force",
        "spool/landed",
        "published/providers",
        "mailboxes",
    ],
)
def test_a_folder_that_is_closed_to_the_services_is_called_closed_and_not_empty(
    site: Commands, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    closed = site.home / name

    def access(path: Path, mode: int) -> bool:  # Root may read all.
        return path != closed or mode == os.F_OK

    monkeypatch.setattr("gateway.cli.doctor.os.access", access)
    told = [one for one in found_by(site) if one.severity == "fault"]
    (one,) = told
    assert one.what.startswith(f"{closed} is closed to ")
    assert "systemd-tmpfiles --create gateway.conf" in one.mend
    assert f"chmod -R u+rwX {closed}" in one.mend  # It may be the mode alone.


def test_root_is_told_that_doctor_cannot_see_what_is_closed_to_the_services(
    site: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("was run by root" in one.what for one in found_by(site))
    owner = site.home.stat().st_uid
    monkeypatch.setattr("gateway.cli.doctor.os.geteuid", lambda: 0)
    os.chown(site.home / "gateway.toml", 65531, -1)
    try:
        (told,) = (one for one in found_by(site) if "was run by root" in one.what)
    finally:
        os.chown(site.home / "gateway.toml", owner, -1)
    assert told.mend == f"sudo -u 65531 gateway doctor --home {site.home}"


def test_a_read_only_file_system_and_a_full_disk_are_told_as_such(
    site: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwritable(*_: object, **__: object) -> None:
        raise Fault("the registry did not answer: disk I/O error")

    usage = shutil.disk_usage(site.home)
    monkeypatch.setattr("gateway.cli.doctor.open_registry", unwritable)
    monkeypatch.setattr("gateway.cli.doctor.shutil.disk_usage", lambda _: usage._replace(free=0))
    (full,) = (one for one in found_by(site) if one.what.endswith("disk I/O error"))
    assert f"the disk of {site.home} is full: make room" in full.mend
    values = list(os.statvfs(site.home))
    values[8] |= os.ST_RDONLY
    monkeypatch.setattr("gateway.cli.doctor.os.statvfs", lambda _: os.statvfs_result(values))
    assert [(one.what, one.mend) for one in found_by(site)] == [
        (f"the file system of {site.home} is read-only", "dmesg says why; then: mount -o remount,rw")
    ]


@pytest.mark.root
@pytest.mark.needs("mount")
def test_a_disk_on_which_no_upload_is_taken_is_a_fault(site: Commands) -> None:
    spool = Home(site.home).spool.root
    with disk_over(spool, "8m"):
        (spent,) = (one for one in found_by(site) if "MiB are left" in one.what)
        assert (spent.severity, spent.what.split(" of ")[1]) == (
            "fault",
            f"{spool}: no file is taken any more",
        )
    with disk_over(Home(site.home).published.root, "64m"):
        (low,) = (one for one in found_by(site) if "MiB are left" in one.what)
        assert (low.severity, low.what.endswith("/published")) == ("warning", True)


def test_letters_that_the_relay_has_not_taken_for_an_hour_are_told(site: Commands) -> None:
    settings, at = site.home / "gateway.toml", datetime.now(UTC)
    own = settings.read_text("utf-8")
    registry = Registry(f"sqlite:///{site.home / 'registry.db'}")
    with registry.write() as session:
        letter = letters.Letter(
            event="1", recipient="office@oak.example", kind="weekly", subject="s", text="t"
        )
        assert letters.owe(session, [letter], "test.invalid/log", at) == 1
    registry.close()

    def about(later: timedelta) -> list[str]:
        return [one.what for one in found_by(site, at + later) if "letter" in one.what]

    assert about(timedelta(hours=2)) == []  # No relay is named: none is to leave.
    settings.write_text(f'{own}\n[letters]\nrelay = "127.0.0.1"\n', "utf-8")
    try:
        assert about(timedelta(minutes=50)) == []
        assert about(timedelta(hours=2)) == [
            f"1 letter not sent since {at:%Y-%m-%d %H:%M} UTC: the relay is not reached, or puts them off"
        ]
    finally:
        settings.write_text(own, "utf-8")


def certificate(ends: datetime) -> bytes:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]),
    )
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(ends - timedelta(days=90)).not_valid_after(ends)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_certificate_of_the_console_that_is_missing_or_ends_is_told(site: Commands) -> None:
    settings, path, at = site.home / "gateway.toml", site.root / "console.pem", datetime.now(UTC)
    own = settings.read_text("utf-8")
    settings.write_text(own.replace("port = 2224", f'port = 2224\ncertificate = "{path}"'), "utf-8")

    def told() -> list[tuple[str, str]]:
        found = [one for one in found_by(site) if "certificate" in one.what]
        return [
            (one.severity, one.what.removeprefix(f"the certificate of [console], {path}, ")) for one in found
        ]

    try:
        assert told() == [("fault", "cannot be read: No such file or directory")]
        path.write_text("none", "ascii")
        assert told() == [("fault", "is none")]
        for days, said in ((-1, [("fault", "has ended")]), (10, [("warning", "ends")]), (60, [])):
            ends = at + timedelta(days=days)
            path.write_bytes(certificate(ends))
            assert told() == [(severity, f"{what}: {ends:%Y-%m-%d}") for severity, what in said]
    finally:
        settings.write_text(own, "utf-8")


def test_a_host_key_that_the_signed_list_does_not_name_is_told(site: Commands) -> None:
    secret = site.home / "spool/host/ssh_host_ed25519_key"
    secret.parent.mkdir(exist_ok=True)
    server.host_key(secret)
    site.gateway("keys", "host", "publish")
    assert not any("not in the list" in one.what for one in found_by(site))
    secret.unlink()
    server.host_key(secret)
    (told,) = (one for one in found_by(site) if "not in the list" in one.what)
    assert "put spool/host/ back" in told.mend


@pytest.mark.parametrize("name", ["ssh_host_ed25519_key", "ssh_host_ed25519_key.next", "ssh_host_rsa_key"])
def test_a_host_key_of_intake_that_was_cut_off_is_told(site: Commands, name: str) -> None:
    secret = site.home / "spool/host" / name
    secret.parent.mkdir(exist_ok=True)
    whole = server.host_key(secret).export_private_key()
    for key, faults in ((whole, []), (whole[:90], ["fault"])):
        secret.write_bytes(key)
        assert [one.severity for one in found_by(site) if f"{name} cannot be read" in one.what] == faults
    secret.unlink()


def test_a_passphrase_file_that_is_open_is_closed_and_not_given_anew(
    site: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Home) -> None:
        raise ConfigurationError("/etc/gateway/passphrase is open to other users: chmod 600 FILE")

    monkeypatch.setattr("gateway.secrets.secret_files.secret_keys", refuse)
    (told,) = (one for one in found_by(site) if "is open to other users" in one.what)
    assert told.mend == "do that, then: gateway doctor"


def test_a_stopped_processor_is_told(site: Commands) -> None:
    def told() -> list[str]:
        return [one.severity for one in found_by(site) if "the processor is not at work" in one.what]

    assert told() == ["warning"]
    with home_of_its_own(Home(site.home)):
        assert told() == []


def test_a_clock_far_ahead_is_told(site: Commands) -> None:
    def told(days: int) -> list[str]:
        at = datetime.now(UTC) + timedelta(days=days)
        return [one.severity for one in examine(Home(site.home), at) if "clock may be ahead" in one.what]

    assert told(0) == told(100) == []
    assert told(400) == ["warning"]


def test_invitations_that_nobody_answered_are_told(site: Commands) -> None:
    host = site.home / "spool" / "host"
    host.mkdir(exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    (host / "ssh_host_ed25519_key.pub").write_bytes(key.export_public_key())
    settings = site.home / "gateway.toml"
    settings.write_text(settings.read_text("utf-8").replace("port = 2222", "port = 22"), "utf-8")
    invitation = site.gateway("providers", "invite", "school-7", "--address", "gateway.example")
    assert '"port": 22,' in invitation
    site.gateway("staff", "add", "rosa", "--team", "sen")
    site.gateway("staff", "invite", "rosa")
    mend = [one.mend for one in found_by(site) if one.about == "school-7" and " key: " in one.what]
    assert len(mend) == 2
    site.gateway("providers", "invite", "oak", "--address", "gateway.example")  # It has sent keys already.
    for key in site.json("keys", "list", "oak"):
        if key["kind"] == "openpgp":
            site.gateway("keys", "revoke", "oak", key["fingerprint"], "--why", "stolen")
    (lost,) = [one.mend for one in found_by(site) if one.about == "oak" and "no OpenPGP key" in one.what]
    assert lost == "gateway keys add oak FILE"
    assert all("ring school-7, which was invited on" in one for one in mend)
    assert [one.mend.partition(";")[0] for one in found_by(site) if "link to the console" in one.what] == [
        "ring rosa"
    ]
    assert not [one for one in examine(Home(site.home), LATER) if "link to the console" in one.what]
