"""What an administrator can get wrong is said in one line, exits 1 or 2, and changes nothing."""

from __future__ import annotations

import json
import re
import resource
import socket
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest

from tests.clock import TERM_TIME, commands_go_by
from tests.commands import COMMAND, Commands, invoke
from tests.content import core_data
from tests.policies import enact
from tests.site import Party, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    made.provider("oak")
    return made


@pytest.fixture
def stranger(tmp_path: Path) -> Party:
    return Party("stranger", tmp_path / "stranger")


def test_init_never_overwrites(site: Site) -> None:
    assert "never overwritten" in site.refused("init")


def test_a_folder_that_is_no_home_is_named(site: Site, tmp_path: Path) -> None:
    nouns = ("transfers list", "keys list", "agreement text", "flows status", "policy check")
    for noun in map(str.split, nouns):
        said = site.refused(*noun, "--home", str(tmp_path / "nowhere"))
        assert "nowhere is not a gateway home; name yours with --home or in GATEWAY_HOME" in said
        assert "or make a first one with: gateway init" in said


@pytest.mark.parametrize("service", ["intake", "mailboxes"])
def test_a_port_that_is_taken_is_said_alike(site: Site, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = site.refused("serve", service, "--host", "127.0.0.1", "--port", port)
    line = said.splitlines()[-1]
    assert f"port {port} of 127.0.0.1 is taken by another program" in line
    assert "set another port in gateway.toml" in line


def test_a_registry_that_cannot_be_written_is_no_database_that_does_not_run(tmp_path: Path) -> None:
    site = Site(tmp_path)
    settings = site.home / "gateway.toml"
    file = f"sqlite:///file:{site.home}/registry.db?mode=ro&uri=true"
    settings.write_text(f'database = "{file}"\n{settings.read_text()}')
    said = site.refused("providers", "add", "oak", "--name", "Oak", "--kind", "school")
    assert "the registry cannot be written: see that this user may write its folder" in said


def test_a_registry_on_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    """No file may grow, as where the disk is full."""
    site = Site(tmp_path)
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        results = [invoke(site.home, *asked) for asked in (("status",), ("retention", "plan"))]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    for result in results:
        assert (result.exit_code, "disk I/O error" in result.stderr) == (1, True)
        assert "Its disk is full or broken; df -h and dmesg say which: make room" in result.stderr


def test_a_new_home_that_nobody_can_type_a_passphrase_for_names_the_option(tmp_path: Path) -> None:
    result = invoke(tmp_path / "home", "init", "--organisation", "X", "--passphrase")
    told = " ".join(result.stderr.split())
    assert "there is nobody to ask for the passphrase: give a new one by --passphrase-file FILE" in told


def test_a_passphrase_that_cannot_be_read_is_told_without_numbers(site: Site, tmp_path: Path) -> None:
    said = site.refused("init", "--passphrase-file", str(tmp_path / "gone"), "--home", str(tmp_path / "h"))
    assert f"cannot be read from {tmp_path / 'gone'}: No such file or directory" in said


def test_a_setting_that_is_wrong_is_named_with_file_and_key(tmp_path: Path) -> None:
    site = Site(tmp_path)
    settings = site.home / "gateway.toml"
    settings.write_text(settings.read_text().replace("port = 2222", 'port = "many"'))
    told = site.result("doctor")
    assert told.exit_code == 1
    assert "gateway.toml" in told.stdout
    assert "intake.port" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("providers", "add", "Oak School", "--name", "x", "--kind", "school"), "a provider id is"),
        (("providers", "add", "../x", "--name", "x", "--kind", "school"), "a provider id is"),
        (("providers", "add", "oak", "--name", "x", "--kind", "school"), "there is a provider oak already"),
        (
            ("providers", "add", "elm", "--name", "x", "--kind", "school", "--dfe-number", "12"),
            "a DfE number is 7 digits",
        ),
        (("providers", "show", "nobody"), "there is no provider nobody"),
        (("keys", "retire", "oak", "abcdef"), "no single key"),
        (("agreement", "ratify", "nobody", "--signatory", "x"), "there is no provider nobody"),
        (("transfers", "show", "261124-oak-00000"), "there is no transfer"),
        (("transfers", "list", "--provider", "nobody"), "there is no provider nobody"),
        (("transfers", "list", "--team", "senn"), "there is no team senn; perhaps sen"),
        (("transfers", "list", "--data-type", "atendance"), "no data type atendance; perhaps attendance"),
        (("transfers", "list", "--why", "policy:embago"), "no reason policy:embago; perhaps policy:embargo"),
        (("transfers", "list", "--why", "polcy"), "there is no reason polcy; perhaps policy"),
        (("declarations", "list", "--provider", "nobody"), "there is no provider nobody"),
        (("discrepancies", "list", "--provider", "nobody"), "there is no provider nobody"),
        (("held", "release", "261124-oak-00000", "--why", "x"), "there is no transfer"),
        (("receipts", "show", "261124-oak-00000"), "there is no receipt"),
        (("staff", "remove", "nobody"), "there is no member of staff"),
        (("handon", "try", "none", "261124-oak-00000"), "the policies declare no none that is in force"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(site: Site, arguments: tuple[str, ...], said: str) -> None:
    line = site.refused(*arguments)
    assert said in line
    assert line.startswith("gateway: ")
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("providers", "add"), ("--nonsense",), ("transfers", "lost")])
def test_wrong_usage_exits_2(site: Site, arguments: tuple[str, ...]) -> None:
    site.refused(*arguments, code=2)


def test_a_secret_key_is_refused_loudly_and_not_stored(site: Site, stranger: Party, tmp_path: Path) -> None:
    secret = tmp_path / "secret.asc"
    secret.write_text(str(stranger.openpgp))
    before = site.json("keys", "list", "oak")
    assert "STOP" in site.refused("keys", "add", "oak", str(secret))
    said = site.refused("keys", "add", "oak", str(stranger.ssh_key))
    assert "STOP" in said
    assert ".pub" in said
    assert site.json("keys", "list", "oak") == before


def test_a_key_of_somebody_else_is_refused(site: Site, tmp_path: Path) -> None:
    site.gateway("providers", "add", "ash", "--name", "Ash", "--kind", "school")
    oak = site.root / "parties" / "oak"
    said = site.refused("keys", "add", "ash", str(oak / "openpgp.asc"))
    assert "already enrolled" in said


def test_enrolling_is_all_or_nothing(site: Site, stranger: Party, tmp_path: Path) -> None:
    broken = tmp_path / "broken.asc"
    broken.write_text("not a key")
    site.refused(
        "providers", "add", "fir", "--name", "Fir", "--kind", "school",
        "--ssh-key", str(stranger.ssh_public), "--openpgp-key", str(broken),
    )  # fmt: skip
    assert "fir" not in {p["id"] for p in site.json("providers", "list")}


def test_a_certificate_is_shown_as_it_is_read_out(site: Site, stranger: Party) -> None:
    said = site.gateway("keys", "add", "oak", str(stranger.certificate))
    fingerprint = pysequoia.Cert.from_file(str(stranger.certificate)).fingerprint.upper()
    assert " ".join(fingerprint[n : n + 4] for n in range(0, 40, 4)) in said


def test_a_suspended_provider_has_no_key_outside(site: Site) -> None:
    keys = site.home / "published" / "providers" / "oak" / "authorized_keys"
    assert keys.read_text().startswith("ssh-ed25519 ")
    site.gateway("providers", "suspend", "oak")
    assert keys.read_text() == ""
    site.gateway("providers", "resume", "oak")
    assert keys.read_text().startswith("ssh-ed25519 ")


def test_verifying_without_a_key_says_where_to_get_one(site: Site, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.txt"
    receipt.write_text("-----BEGIN PGP SIGNED MESSAGE-----\n")
    said = site.refused("receipts", "verify", str(receipt), "--home", str(tmp_path))
    assert "--gateway-key" in said


def test_doctor_tells_what_is_missing_and_the_command_that_mends_it(site: Site) -> None:
    complaints = site.json("doctor")
    assert {c["severity"] for c in complaints} == {"warning"}
    assert any("nobody collects for central-data-team" in c["what"] for c in complaints)
    assert all(c["mend"] for c in complaints)


def test_doctor_asks_whom_to_tell_of_a_flaw_and_providers_are_shown_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Commands(tmp_path)
    settings, shown = site.home / "gateway.toml", site.home / "published/common/keys/security.txt"

    def told() -> list[str]:
        with monkeypatch.context() as then:
            commands_go_by(lambda: TERM_TIME, then)
            found = json.loads(site.result("doctor", "--json").stdout)
            return [
                each["what"] for each in found if "flaw" in each["what"] or "security.txt" in each["what"]
            ]

    def set_one(name: str, value: str) -> None:
        changed, number = re.subn(rf"(?m)^(# )?{name} = \S+", f"{name} = {value}", settings.read_text())
        assert number == 1
        settings.write_text(changed)

    assert told() == ["nobody is named whom to tell of a flaw in the gateway"]
    set_one("security_contact", '"mailto:security@anyshire.gov.uk"')
    assert told() == ["security.txt has no last day, and is shown to nobody"]
    site.gateway("process", "--once")
    assert not shown.exists()
    bounds = "security.txt has to end in more than 30 days and less than a year: it ends on "
    for days, right in ((-1, False), (30, False), (31, True), (364, True), (365, False)):
        last = TERM_TIME.date() + timedelta(days=days)
        set_one("security_expires", str(last))
        assert told() == ([] if right else [f"{bounds}{last:%-d %B %Y}"]), days
    set_one("security_policy", '"https://anyshire.gov.uk/flaws"')
    section = settings.read_text().replace(
        "[console]", '[console]\norigin = "https://gateway.anyshire.gov.uk"'
    )
    settings.write_text(section)
    site.gateway("process", "--once")
    assert shown.read_text() == (
        "Contact: mailto:security@anyshire.gov.uk\n"
        f"Expires: {last}T23:59:59Z\n"
        "Canonical: https://gateway.anyshire.gov.uk/.well-known/security.txt\n"
        "Policy: https://anyshire.gov.uk/flaws\n"
    )
    set_one("security_contact", '"somebody: security@anyshire.gov.uk"')
    assert "a contact is an address such as mailto:" in site.result("doctor").stdout


@pytest.mark.long
def test_doctor_warns_before_the_term_dates_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[str]:
        with monkeypatch.context() as then:
            commands_go_by(lambda: TERM_TIME, then)
            found = json.loads(site.result("doctor", "--json").stdout)
            return [each["what"] for each in found if "term dates" in each["what"]]

    calendar = site.home / "policies" / "calendar.toml"
    text = calendar.read_text()
    try:
        assert told() == []
        calendar.write_text(text.replace("warn_days = 90", "warn_days = 300"))
        enact(site.home)
        assert told() == ["the term dates end on 23 July 2027; after that, school days are by rule"]
        cut = re.sub(r"\[\[term_rule\]\]\n(?:.+\n)+", "", calendar.read_text())
        calendar.write_text(cut)
        enact(site.home)
        assert told() == ["the term dates end on 23 July 2027; after that, nothing daily or weekly is judged"]
    finally:
        calendar.write_text(text)
        enact(site.home)


def test_doctor_fails_where_files_cannot_pass(tmp_path: Path) -> None:
    site = Site(tmp_path)
    (site.home / "keys").chmod(0o755)
    result = site.stage.gateway("doctor")
    assert result.returncode == 1
    assert "chmod 700" in result.stdout


def test_every_command_has_help_of_its_own() -> None:
    todo: list[tuple[str, ...]] = [()]
    seen = 0
    while todo:
        path = todo.pop()
        shown = invoke(None, *path, "--help", environment={"COLUMNS": "200"})
        assert shown.exit_code == 0, path
        seen += 1
        todo += [(*path, name) for name in _subcommands(path)]
    assert seen > 30


def _subcommands(path: tuple[str, ...]) -> list[str]:
    command = COMMAND
    for word in path:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help, path
    return list(getattr(command, "commands", {}))


def test_each_file_is_classified_or_named_with_what_is_in_the_way(
    site: Site, stranger: Party, tmp_path: Path
) -> None:
    plain, sealed, missing = (tmp_path / name for name in ("core.xml", "core.xml.gpg", "missing.xml"))
    plain.write_bytes(core_data(1))
    sealed.write_bytes(stranger.seal(core_data(1), stranger.certificate.read_text()))
    arguments = ["classify", str(missing), str(sealed), str(tmp_path), str(plain)]
    result = invoke(None, *arguments)
    assert result.exit_code == 1
    assert "core.xml\n  student-core (certain" in result.stdout
    absent, encrypted, folder = result.stderr.splitlines()
    assert absent == f"gateway: {missing} cannot be read: No such file or directory"
    assert (
        encrypted == f"gateway: {sealed} is encrypted; give the plain file, as it was before gpg encrypted it"
    )
    assert folder == f"gateway: {tmp_path} cannot be read: Is a directory"
    rows = json.loads(invoke(None, *arguments, "--json").stdout)
    assert [row["file"] for row in rows] == [str(plain)]


def test_a_file_that_is_no_certificate_is_not_taken_for_the_gateway_s_key(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.asc"
    other.write_text("hello\n")
    said = site.refused("receipts", "verify", str(other), "--gateway-key", str(other))
    assert "holds no certificate" in said
