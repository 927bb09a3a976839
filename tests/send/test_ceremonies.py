"""Keys and agreement from the provider's side: each ceremony of the guide as one command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pysequoia import Tsk

from gateway.home import Home
from gateway.send.kit import Kit
from gateway.send.openpgp_key import make_key, read_key
from gateway.verify.verify_files import verify_receipt_files
from tests.content import core_data
from tests.openpgp.gnupg import Gnupg
from tests.send.office import Office
from tests.site import Running, Site

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


def test_a_key_is_renewed_replaced_and_revoked(site: Site, services: Running) -> None:
    oak = Office(site, "oak", services.intake, site.root / "oak", own=True)
    first = own(oak)
    kept = [(oak.kit / name).read_bytes() for name in ("openpgp.asc", "certificate.asc")]
    assert oak.by_a_clock("+2h", "renew")[0] == 6
    assert kept == [(oak.kit / name).read_bytes() for name in ("openpgp.asc", "certificate.asc")]
    assert oak.send("renew").exit_code == 0
    (enrolled,) = [key for key in site.json("keys", "list", "oak") if key["kind"] == "openpgp"]
    expires = datetime.fromisoformat(enrolled["expires_at"])
    assert timedelta(days=729) < expires - datetime.now(UTC) < timedelta(days=731)

    # What was made by a clock two hours ahead is thrown away; one five minutes ahead is taken.
    assert [oak.by_a_clock(by, "rotate")[0] for by in ("+2h", "+5m")] == [6, 3]
    result = oak.send("rotate")
    assert result.exit_code == 3
    assert own(oak) == first
    (pending,) = [key for key in site.json("keys", "list", "oak") if key["state"] == "pending"]
    assert pending["fingerprint"] in re.sub(r"\s", "", result.stdout).lower()  # What is read out.
    site.confirm("oak")
    # As where a run is killed once it has changed over: the next one changes over once more.
    following = {path: path.read_bytes() for path in oak.kit.glob("openpgp-next*")}
    assert oak.send("rotate").exit_code == 0
    for path, content in following.items():
        path.write_bytes(content)
    assert oak.send("rotate").exit_code == 0
    assert own(oak) != first
    assert oak.send("revoke", "--before", "--reason", "superseded", "--yes").exit_code == 0
    states = {key["fingerprint"]: key["state"] for key in site.json("keys", "list", "oak")}
    assert (states[first], states[own(oak)]) == ("revoked", "active")
    (sent,) = oak.json(str(oak.file("core.xml", core_data(seed=21))))
    assert sent["state"] == "accepted"


def test_a_new_ssh_key_is_used_once_it_is_in_force(site: Site, services: Running) -> None:
    elm = Office(site, "elm", services.intake, site.root / "elm")
    before = (elm.kit / "ssh.pub").read_text()
    result = elm.send("rotate", "--ssh")
    assert result.exit_code == 3
    (pending,) = [key for key in site.json("keys", "list", "elm") if key["state"] == "pending"]
    assert f"rings: {pending['fingerprint']}" in result.stdout
    site.confirm("elm")
    assert elm.send("rotate", "--ssh").exit_code == 0
    assert (elm.kit / "ssh.pub").read_text() != before
    site.gateway(
        "keys", "retire", "elm",
        next(key["fingerprint"] for key in site.json("keys", "list", "elm") if key["material"] in before),
    )  # fmt: skip
    (sent,) = elm.json(str(elm.file("core.xml", core_data(seed=22))))
    assert sent["state"] == "accepted"


def test_the_agreement_is_ratified(site: Site, services: Running) -> None:
    ash = Office(site, "ash", services.intake, site.root / "ash", ratified=False)
    file = str(ash.file("core.xml", core_data(seed=23)))
    (sent,) = ash.json(file, code=3)
    assert "with this program: gateway send ratify" in ash.send(file).stdout
    assert {reason["code"] for reason in sent["reasons"]} == {"policy:agreement-not-ratified"}
    result = ash.send("ratify", "--name", "A. Head", "--office", "headteacher")
    kept = f"The agreement is kept in {ash.kit / 'agreement.txt'}, to be printed.\n"
    assert (result.exit_code, result.stderr) == (1, f"{kept}gateway: say it with --yes\n")
    result = ash.send("ratify", "--yes", "--name", "A. Head", "--office", "headteacher")
    assert result.exit_code == 0, result.stderr
    assert "Data Sharing Agreement" in result.stdout
    (standing,) = [row for row in site.json("agreement", "status") if row["provider"] == "ash"]
    assert (standing["signatory"], bool(standing["signed_copy"])) == ("A. Head, headteacher", True)


def test_the_gateways_new_key_is_taken_on_the_word_of_the_old_one(site: Site, services: Running) -> None:
    fir = Office(site, "fir", services.intake, site.root / "fir")
    (before,) = fir.json(str(fir.file("core.xml", core_data(seed=124))))
    site.gateway("keys", "gateway", "rotate", "--all")
    (sent,) = fir.json(str(fir.file("core.xml", core_data(seed=24))))
    assert (before["state"], sent["state"]) == ("accepted", "accepted")
    # The receipts of both are proved by the keys that the log had, each in its time.
    kit = Kit(fir.kit)
    verdicts = verify_receipt_files([*kit.receipts.iterdir(), kit.log_keys], kit.trusted())
    assert all(each.good for each in verdicts)
    assert len(verdicts) == 5
    stored = {path.name for path in kit.gateway.glob("*.asc")}
    assert len(stored) == 2
    # As where a run was killed while it took the key.
    (kit.gateway / f"{kit.current()}.asc").unlink()
    fir.done("status")
    assert {path.name for path in kit.gateway.glob("*.asc")} == stored
    # Whoever has the lost key of the log, and the intake, shows another text that the gateway signed.
    served, kept = Home(site.home).published.common / "keys" / kit.log_keys.name, kit.log_keys.read_bytes()
    served.write_bytes(next(kit.receipts.glob("*.txt")).read_bytes())
    fir.done("status")
    served.write_bytes(kept)
    assert kit.log_keys.read_bytes() == kept


@pytest.mark.needs("gpg")
def test_keys_of_gpg_and_openssh_are_taken_as_they_are(site: Site, services: Running, tmp_path: Path) -> None:
    """GnuPG's Ed25519 keys under a passphrase, of which Sequoia's Python package cannot read a half."""
    with Gnupg() as gpg:
        for number in range(2):
            gpg.run(
                "--passphrase", "own passphrase", "--quick-generate-key",
                f"Yew {number} <y{number}@x.invalid>", "future-default", "default", "2y",
            )  # fmt: skip
        secrets = [
            gpg.run("--passphrase", "own passphrase", "--armor", "--export-secret-keys", f"y{n}@x.invalid")
            for n in range(2)
        ]
    for secret in secrets:
        with read_key(secret).opened("own passphrase") as key:
            assert key.sign("x") is not None
        once = read_key(secret).under("own passphrase", "once")
        assert Tsk.from_bytes(once).signer("once") is not None, "as Sequoia takes it, for large files"
    given = tmp_path / "yew.asc"
    given.write_bytes(secrets[0])
    yew = Office(
        site, "yew", services.intake, site.root / "yew", openpgp_key=given, passphrase="own passphrase"
    )
    (sent,) = yew.json(str(yew.file("core.xml", core_data(seed=25))))
    assert sent["state"] == "accepted"


def test_the_name_of_a_school_stays_whole_from_key_to_key() -> None:
    owner = "St Ann's (VC) School (Northmoor) <office@ann.invalid>"
    assert make_key(owner, "wide river seven lamp", datetime.now(UTC)).owner == owner


def own(office: Office) -> str:
    """The fingerprint of the OpenPGP key that a kit signs with."""
    lines = (office.kit / "kit.toml").read_text().splitlines()
    (path,) = [line.split('"')[1] for line in lines if line.startswith("openpgp_key")]
    return read_key(Path(path).read_bytes()).fingerprint
