"""`gateway keys add` and its kin, as an administrator uses them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.acts.key_changes import RetireKey
from gateway.cli.doctor import examine
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.openpgp.certificates import describe
from gateway.policy.catalogue import load_catalogue
from tests.commands import Commands
from tests.openpgp import vectors
from tests.openpgp.gnupg import Gnupg
from tests.policies import POLICIES, enact

pytestmark = pytest.mark.needs("gpg")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def oak(site: Commands) -> Party:
    return site.provider("oak")


@pytest.fixture
def gpg() -> Iterator[Gnupg]:
    with Gnupg() as home:
        yield home


def listed(site: Commands, fingerprint: str) -> dict:
    return next(key for key in site.json("keys", "list") if key["fingerprint"] == fingerprint.lower())


def test_what_is_read_out_on_the_telephone(site: Commands, oak: Party, gpg: Gnupg, tmp_path: Path) -> None:
    gpg.make_key("Oak Primary", "rsa3072", use="sign", expires="30d")
    file = tmp_path / "oak.asc"
    file.write_bytes(gpg.certificate("Oak Primary"))
    fingerprint = gpg.fingerprint("Oak Primary")
    said = site.gateway("keys", "add", "oak", str(file))
    groups = " ".join(fingerprint[at : at + 4] for at in range(0, 40, 4))
    for expected in (
        groups,
        "RSA 3072",
        "Oak Primary",
        "sign",
        "It expires on",
        "It cannot encrypt",
        "Ring the",
    ):
        assert expected in said
    assert listed(site, fingerprint)["state"] == "pending"
    site.confirm("oak")
    key = listed(site, fingerprint)
    assert (key["provider"], key["kind"], key["state"], key["uses"]) == ("oak", "openpgp", "active", 0)
    assert key["until"].endswith("Z")
    assert (key["days_left"], key["warning"], key["unused"]) == (30, 30, False)
    assert any("30 days" in note for note in key["notes"])
    again = site.refused("keys", "add", "oak", str(file))
    assert "nothing in the file is new" in again
    gpg.run("--quick-set-expire", fingerprint, "2y")
    file.write_bytes(gpg.certificate("Oak Primary"))
    renewed = site.gateway("keys", "add", "oak", str(file))
    assert "taken over" in renewed
    assert "keys confirm" not in renewed  # It counts at once.
    assert listed(site, fingerprint)["warning"] is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("rsa-1024", "key:weak"),
        ("sha1-bound", "key:old-hash"),
        ("expired", "key:expired"),
        ("compromised", "key:revoked"),
        ("certify-only", "key:cannot-sign"),
        ("alice-grafted", "key:unbound-subkey"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_and_it_is_not_stored(
    site: Commands, oak: Party, name: str, code: str
) -> None:
    before = site.json("keys", "list")
    result = site.result("keys", "add", "oak", str(vectors.KEYS / f"{name}.asc"))
    assert result.exit_code == 1
    assert f"[{code}]" in result.stderr
    assert site.json("keys", "list") == before


def test_a_secret_key_is_refused_loudly(site: Commands, oak: Party, tmp_path: Path) -> None:
    before = site.json("keys", "list")
    ssh = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh)], check=True)
    for file in (vectors.KEYS / "alice.key", ssh):
        said = site.refused("keys", "add", "oak", str(file))
        assert "STOP: this file holds a SECRET key" in said
    assert site.json("keys", "list") == before


def test_the_policy_may_ask_for_more_than_2048_bits(site: Commands, oak: Party, tmp_path: Path) -> None:
    policy = site.home / "policies" / "methods.toml"
    before = policy.read_text()
    policy.write_text(before.replace("rsa_bits = 2048", "rsa_bits = 4096"))
    enact(site.home)
    weak = tmp_path / "weak"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", str(weak)], check=True)
    try:
        for file in (vectors.KEYS / "bob.asc", weak.with_suffix(".pub")):
            assert "too weak (RSA 3072)" in site.refused("keys", "add", "oak", str(file))
    finally:
        policy.write_text(before)
        enact(site.home)
    site.gateway("keys", "add", "oak", str(weak.with_suffix(".pub")))


@pytest.mark.parametrize(("seconds", "is_past"), [(-1, True), (0, True), (1, False)])
def test_a_key_retires_at_a_moment_that_is_still_to_come(seconds: float, is_past: bool) -> None:
    now = datetime(2026, 7, 1, 9, tzinfo=UTC)
    context = SimpleNamespace(catalogue=load_catalogue(POLICIES), clock=lambda: now)
    until = now + timedelta(seconds=seconds)
    act = RetireKey.model_construct(until=(until + timedelta(hours=1)).replace(tzinfo=None))  # In summer.
    with pytest.raises(GatewayError, match="the last day is past") if is_past else nullcontext():
        assert act._last(context) == until  # type: ignore[arg-type]


def test_a_pending_key_and_what_becomes_of_it(site: Commands, oak: Party, tmp_path: Path) -> None:
    party = Party("oak", tmp_path / "new")
    fingerprint = str(party.openpgp.extract_certificate().fingerprint)
    site.gateway("keys", "add", "oak", str(party.certificate))
    assert listed(site, fingerprint)["state"] == "pending"
    assert any("gateway keys confirm oak" in c["mend"] for c in site.json("doctor"))
    site.gateway("keys", "confirm", "oak", fingerprint)
    assert listed(site, fingerprint)["state"] == "active"
    assert "does not wait for approval" in site.refused("keys", "confirm", "oak", fingerprint)
    site.gateway("keys", "retire", "oak", fingerprint, "--until", "2099-12-31")
    key = listed(site, fingerprint)
    assert (key["state"], key["until"]) == ("retiring", "2100-01-01T00:00:00Z")
    site.gateway("keys", "revoke", "oak", fingerprint, "--superseded", "--reason", "a newer one")
    key = listed(site, fingerprint)
    assert (key["state"], key["revocation"], key["why"]) == ("revoked", "soft", "a newer one")
    again = ("keys", "revoke", "oak", fingerprint, "--why", "stolen after all")
    assert "revoked already" in site.refused(*again, "--superseded")
    site.gateway(*again)
    key = listed(site, fingerprint)
    assert (key["state"], key["revocation"], key["why"]) == ("revoked", "hard", "stolen after all")
    assert "revoked already" in site.refused(*again)
    kinds = ["key-added", "key-approved", "key-retiring", "key-revoked", "key-revoked"]
    notices = sorted(site.receipts("oak").glob("key-notice.*.txt"))
    assert sum(fingerprint[:4].upper() in path.read_text() for path in notices) == len(kinds)


def test_a_key_that_another_has_is_refused(site: Commands, oak: Party) -> None:
    elm = site.provider("elm")
    for file in (elm.certificate, elm.ssh_public):
        assert "already enrolled for provider elm" in site.refused("keys", "add", "oak", str(file))


def test_keys_of_staff_live_the_same_life(site: Commands, tmp_path: Path) -> None:
    old = Party("jane", tmp_path / "old")
    site.gateway("staff", "add", "jane", "--team", "sen", "--ssh-key", str(old.ssh_public))
    new = Party("jane", tmp_path / "jane")
    site.gateway("keys", "add", "jane", str(new.ssh_public), "--staff")
    assert "no SSH public key" in site.refused("keys", "add", "jane", str(new.certificate), "--staff")
    keys = [key for key in site.json("keys", "list") if key["owner"] == "jane"]
    assert [key["state"] for key in keys] == ["active", "pending"]
    site.confirm("jane", "--staff")
    site.gateway("keys", "retire", "jane", keys[0]["fingerprint"], "--staff")
    states = [key["state"] for key in site.json("keys", "list") if key["owner"] == "jane"]
    assert states == ["retired", "active"]


def test_unused_and_expiring_keys_are_pointed_out_in_time(site: Commands, gpg: Gnupg, tmp_path: Path) -> None:
    ash = site.provider("ash")
    gpg.make_key("Ash", expires="120d")
    file = tmp_path / "ash.asc"
    file.write_bytes(gpg.certificate("Ash"))
    site.gateway("keys", "add", "ash", str(file))
    site.confirm("ash")
    home, now = Home(site.home), datetime.now(UTC)

    def said(days: int) -> list[str]:
        complaints = examine(home, now + timedelta(days=days))
        return [
            c.what for c in complaints if "of ash" in c.what and gpg.fingerprint("Ash")[:8].lower() in c.what
        ]

    assert said(0) == []
    assert [what.partition("ash ")[2] for what in said(91)] == ["ends in 29 days", "was not used for 90 days"]
    assert any("has expired: what it signs waits" in what for what in said(121))
    assert ash.name == "ash"


@pytest.mark.needs("gosop")
def test_a_program_that_must_be_used_and_does_not_prove_itself_stops_the_processor(site: Commands) -> None:
    settings = site.home / "gateway.toml"
    before = settings.read_text()
    chosen = before.replace('engine = "auto"', 'engine = "sop"')
    settings.write_text(chosen.replace('sop_program = "sqop"', 'sop_program = "gosop"'))
    try:
        assert "it gets names-the-subkey wrong" in site.refused("process", "--once")
        said = json.loads(site.result("doctor", "--json").stdout)
        assert any(c["severity"] == "fault" and "names-the-subkey" in c["what"] for c in said)
        settings.write_text(chosen.replace('sop_program = "sqop"', 'sop_program = "no-such-program"'))
        said = json.loads(site.result("doctor", "--json").stdout)
        assert any(c["severity"] == "fault" and "no-such-program" in c["what"] for c in said)
    finally:
        settings.write_text(before)


def test_a_key_of_the_gateway_may_be_of_rsa(tmp_path: Path) -> None:
    site = Commands(tmp_path)
    site.gateway("keys", "gateway", "rotate", "--key", "rsa4096")
    (tmp_path / "exported").write_text(site.gateway("keys", "gateway", "export"))
    shown = describe((tmp_path / "exported").read_bytes(), datetime.now(UTC))
    assert (shown.algorithm, shown.bits) == ("RSA", 4096)


def test_a_provider_s_keys_count_once_they_were_read_out(site: Commands, tmp_path: Path) -> None:
    party = Party("fir", tmp_path / "fir")
    said = site.gateway(
        "providers", "add", "fir", "--name", "Fir", "--kind", "school",
        "--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate),
    )  # fmt: skip
    assert "gateway keys confirm fir FPR" in said
    access = site.home / "published" / "providers" / "fir" / "authorized_keys"
    assert not access.exists() or not access.read_text().strip()
    keys = {key["kind"]: key for key in site.json("keys", "list", "fir")}
    assert {key["state"] for key in keys.values()} == {"pending"}
    assert "does not match a key of fir" in site.refused(
        "keys", "confirm", "fir", keys["ssh"]["fingerprint"], "0" * 40
    )
    assert {key["state"] for key in site.json("keys", "list", "fir")} == {"pending"}
    all_access = [*access.parents[1].glob("*/authorized_keys")]
    before = {path: path.stat().st_ino for path in all_access if path != access}
    site.confirm("fir")
    assert {key["state"] for key in site.json("keys", "list", "fir")} == {"active"}
    assert access.read_text().strip()
    assert before
    assert {path: path.stat().st_ino for path in before} == before  # Nobody else's are written anew.
