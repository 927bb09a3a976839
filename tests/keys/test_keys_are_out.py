"""What docs/operations.md says on keys in wrong hands, done by that page alone."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home.settings import load_settings
from gateway.log.checkpoint import LogKey
from gateway.secrets import secret_files
from gateway.ssh.server import fingerprint, make_host_key
from gateway.verify.verify_files import verify_receipt_files
from tests.clock import commands_go_by
from tests.commands import invoke
from tests.school import School
from tests.workshop import Workshop, codes, fresh

pytestmark = [pytest.mark.long, pytest.mark.needs("gpg")]
GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"
TITLE = "When the gateway's keys may be out"
HOME = "/var/lib/gateway"
CALLER = re.compile(r"sudo -u gateway(?:-[a-z]+)? gateway ")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with Workshop.at_work(tmp_path) as running:
        yield running


def commands() -> list[str]:
    """The lines of the page, without the comments behind them."""
    section = GUIDE.read_text("utf-8").partition(f"\n## {TITLE}\n")[2].partition("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [line.partition("  #")[0].rstrip() for line in block[1].splitlines()]


def keys_of_receipts(receipts: list[Path]) -> set[str]:
    return {json.loads(path.read_text())["log_key"] for path in receipts if path.suffix == ".json"}


def done(shop: Workshop, *words: str) -> None:
    result = invoke(shop.home.root, *words)
    assert result.exit_code == 0 or words[0] == "doctor", (words, result.output)


def gateway_keys(shop: Workshop) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shop.gateway("keys", "gateway", "show", "--json"))
    return [each for each in found if each["kind"] == "openpgp"]


def test_the_page_leaves_no_old_key_and_no_file_behind(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands_go_by(shop.clock, monkeypatch)
    doors = (shop.home.spool.host / "ssh_host_ed25519_key", shop.home.keys / "mailboxes_host_key")
    for door in doors:
        door.parent.mkdir(exist_ok=True)
        make_host_key(door)
    hosts = [fingerprint(door) for door in doors]
    first, signed = shop.certificate, LogKey.load(secret_files.log_key(shop.home))
    digested = secret_files.pupil_key(shop.home)
    kept = shop.sent(oak, oak.sealed(fresh(), first))
    done(shop, "keys", "gateway", "rotate")
    stolen = shop.certificate
    held = shop.sent(oak, oak.sealed(b"what nobody knows", stolen))
    assert (kept.state, held.state) == ("accepted", "held")
    assert {each["state"] for each in gateway_keys(shop)} == {"retiring", "active"}

    for command in commands():
        words = shlex.split(CALLER.sub("", command).replace(f"--home {HOME}", ""))
        if words[0] == "systemctl":  # The services of this test notice by themselves.
            continue
        if "FPR" not in words:
            done(shop, *words)
            continue
        for each in gateway_keys(shop):
            if each["state"] == "revoked":
                done(shop, *(str(each["fingerprint"]) if word == "FPR" else word for word in words))

    (new,) = [each for each in gateway_keys(shop) if each["state"] != "revoked"]
    assert [path.stem for path in secret_files.secret_keys(shop.home)] == [new["fingerprint"]]
    assert all(fingerprint(door) not in hosts for door in doors)
    for old in (first, stolen):
        assert codes(shop.sent(oak, oak.sealed(fresh(), old))) == {"open:not-for-us"}
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate)).state == "accepted"
    # What was sent before still opens: the held file goes on, and nothing is lost in the store.
    shop.gateway("held", "refuse", held.upload.reference, "--why", "nothing of use")
    assert "could not" not in shop.gateway("keys", "gateway", "reseal")
    shop.gateway("log", "verify", "--sealed")
    # Everybody is told, signed by the new key alone.
    published = shop.home.published.common / "keys"
    # The keys of the log and of the index of pupils are others; receipts of before and of now verify.
    vkey = signed.vkey(load_settings(shop.home).log_origin)
    listed = published / "gateway-log-keys.asc"
    assert (published / "gateway-log.vkey").read_text().strip() != vkey
    assert secret_files.pupil_key(shop.home)[-len(digested) :] != digested
    assert [path.name for path in shop.home.keys.glob("*.pem")] == [shop.home.log_key(shop.home.key_set).name]
    receipts = [path for path in shop.receipts(oak.name, "*") if path.suffix in {".txt", ".json"}]
    certificates = "".join(key.material for key in shop.gateway_keys() if key.kind == "openpgp")
    verdicts = verify_receipt_files([*receipts, listed], certificates.encode())
    assert [each for each in verdicts if not each.good] == []
    assert len({vkey, *keys_of_receipts(receipts)}) == 2
    assert not (published / "gateway-succession.asc").exists()
    listed = (published / "gateway-hosts.asc").read_text()
    assert all(str(fingerprint(door)) in listed for door in doors[:1])
    assert any("do not trust what it signs" in " ".join(text.split()) for text in shop.notices(oak))
