"""Attacks on the school's side: by whoever captured intake, and by whoever may write to a watched folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.content import core_data
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


_NUMBERS = itertools.count(1)


@pytest.fixture
def oak(site: Site, services: Running) -> Office:
    name = f"oak{next(_NUMBERS)}"
    return Office(site, name, services.intake, site.root / name)


def watched(office: Office) -> Path:
    folder = office.root / "out"
    for name in ("sent", "held", "refused"):
        (folder / name).mkdir(parents=True)
    return folder


def secrets_of(office: Office) -> dict[Path, bytes]:
    own = [office.root / "openpgp", office.root / "ssh", office.kit / "kit.toml"]
    paths = [*own, *office.kit.glob("gateway/*")]
    return {path: path.read_bytes() for path in paths}


def test_a_key_that_named_its_successor_is_never_encrypted_to_again(site: Site, services: Running) -> None:
    """Whoever captured intake, and had the old key, serves its certificate again after a rotation."""
    fir = Office(site, "fir", services.intake, site.root / "fir")
    served = Home(site.home).published.common / "keys"
    old = (served / "gateway.asc").read_bytes()
    site.gateway("keys", "gateway", "rotate")
    (sent,) = fir.json(str(fir.file("first.xml", core_data(seed=1))))
    assert sent["state"] == "accepted"
    new = (served / "gateway.asc").read_bytes()
    before = len(fir.transfers())
    (served / "gateway.asc").write_bytes(old)
    try:
        result = fir.send(str(fir.file("second.xml", core_data(seed=2))))
    finally:
        (served / "gateway.asc").write_bytes(new)
    assert result.exit_code == 1
    assert "replaced since: do not go on; ring the authority" in result.stderr
    assert len(fir.transfers()) == before
    assert not list((fir.kit / "sealed").iterdir()), "nothing was sealed to the old key"
    (sent,) = fir.json(str(fir.root / "second.xml"))
    assert sent["state"] == "accepted"


def test_a_text_that_the_gateway_does_not_vouch_for_is_not_signed(oak: Office, site: Site) -> None:
    """Whoever captured intake serves pupils' data, or a key of their own, as the agreement to ratify."""
    served = Home(site.home).published.common / "agreement" / "agreement.txt"
    genuine, before = served.read_bytes(), len(oak.transfers())
    for forged in (core_data(seed=9), b"ssh-ed25519 AAAA theirs\n", genuine + b"\x1b[2J\x1b[H"):
        served.write_bytes(forged)
        try:
            result = oak.send("ratify", "--yes", "--name", "A. Head", "--office", "headteacher")
        finally:
            served.write_bytes(genuine)
        assert result.exit_code == 1
        assert "not the text that the gateway's own key vouches for" in result.stderr
        assert "\x1b" not in result.stdout
    assert len(oak.transfers()) == before
    assert not list((oak.kit / "sealed").iterdir())


def test_two_changes_of_the_gateways_key_are_followed_by_who_was_away(site: Site, services: Running) -> None:
    yew = Office(site, "yew", services.intake, site.root / "yew")
    site.gateway("keys", "gateway", "rotate")
    site.gateway("keys", "gateway", "rotate")
    (sent,) = yew.json(str(yew.file("first.xml", core_data(seed=3))))
    assert sent["state"] == "accepted"
    assert f'gateway_key = "{site.json("keys", "gateway", "show")[-1]["fingerprint"]}"' in (
        (yew.kit / "kit.toml").read_text()
    )


def test_a_link_in_the_place_of_a_reason_does_not_overwrite_a_key(oak: Office) -> None:
    folder = watched(oak)
    before = secrets_of(oak)
    (folder / "empty.csv").touch()
    (folder / "refused" / "empty.csv.why.txt").symlink_to(oak.root / "openpgp")
    oak.done("watch", str(folder), "--once", "--still", "0")
    assert secrets_of(oak) == before
    (told,) = [path for path in (folder / "refused").glob("*.why.txt") if not path.is_symlink()]
    assert "NOT sent" in told.read_text()


@pytest.mark.parametrize("name", ["sent", "held", "refused"])
def test_a_link_in_the_place_of_a_folder_puts_no_key_into_the_kit(oak: Office, name: str) -> None:
    """What was refused would lie among the certificates of the gateway that are trusted."""
    folder = watched(oak)
    (folder / name).rmdir()
    (folder / name).symlink_to(oak.kit / "gateway")
    (folder / "forged.asc").write_text("no data, or a certificate of somebody else's\n")
    before = secrets_of(oak)
    result = oak.send("watch", str(folder), "--once", "--still", "0")
    assert result.exit_code == 1
    assert f"{folder / name} is a link" in result.stderr
    assert secrets_of(oak) == before
    assert (folder / "forged.asc").exists()


def test_a_link_in_the_place_of_a_receipt_does_not_overwrite_a_key(oak: Office) -> None:
    """The reference is known while a file is held."""
    folder = watched(oak)
    before = secrets_of(oak)
    (folder / "letter.txt").write_text("Dear all, no data here.\n")
    watch = ("watch", str(folder), "--once", "--still", "0", "--anyway", "--why", "a trial")
    oak.done(*watch)
    (held,) = oak.transfers()
    for form in ("txt", "json"):
        (folder / "refused" / f"letter.txt.{held['reference']}.{form}").symlink_to(oak.root / "ssh")
    oak.site.gateway("held", "refuse", held["reference"], "--why", "no data")
    (folder / "other.txt").write_text("Dear all, none here either.\n")
    oak.done(*watch)
    assert (folder / "refused" / "letter.txt").exists()
    receipt = folder / "refused" / f"letter.txt.{held['reference']}.txt"
    assert not receipt.is_symlink()
    assert "REFUSED" in receipt.read_text()
    assert secrets_of(oak) == before


def test_a_folder_that_holds_the_kits_keys_is_not_watched(oak: Office) -> None:
    result = oak.send("watch", str(oak.root), "--once", "--still", "0")
    assert (result.exit_code, "holds your keys" in result.stderr) == (1, True), result.stderr
    assert (oak.root / "ssh").exists()
