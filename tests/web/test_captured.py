"""Whoever captured the web door, and has the session of a school that is logged in: what that cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.content import core_data
from tests.ports import free_port
from tests.site import Party, Site
from tests.waiting import until
from tests.web.doors import TUS, Secretary


class Captured:
    """A gateway at work, the school oak, and the session of its secretary in another's hands."""

    def __init__(self, site: Site, oak: Party, session: Secretary) -> None:
        self.site, self.oak, self.session = site, oak, session

    def put(self, name: str, content: bytes) -> str:
        """The state of what is sent in that session, once it is decided."""
        reference = self.session.put(name, content)

        def decided() -> str | None:
            listed = {one["reference"]: one["state"] for one in self.site.transfers()}
            return listed[reference] if listed.get(reference, "landed") != "landed" else None

        return until(decided, "the decision")

    def active_keys(self) -> list[str]:
        listed = self.site.json("keys", "list", "oak")
        return sorted(one["fingerprint"] for one in listed if one["state"] == "active")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    site, port = Site(tmp_path_factory.mktemp("captured")), free_port()
    oak, origin = site.provider("oak"), f"http://localhost:{port}"
    with (site.home / "gateway.toml").open("a") as settings:
        settings.write(f'\n[web]\nport = {port}\norigin = "{origin}"\n')
    ann = Secretary(origin, "oak")
    passkey = site.root / "oak.pub"
    passkey.write_text(ann.line)
    with site.running():
        site.gateway("keys", "add", "oak", str(passkey))
        site.confirm("oak")
        published = Home(site.home).published.provider("oak") / "authorized_keys"
        until(lambda: ann.line.split()[1] in published.read_text("utf-8"), "the passkey to be published")
        until(lambda: ann.log_in() == 204, "the login")
        yield Captured(site, oak, ann)
    ann.client.close()


@pytest.mark.long
def test_it_forges_no_file(captured: Captured) -> None:
    """What another key signed, and what none did, is refused; what the school signed once counts once."""
    stranger = captured.site.provider("elm")
    foreign = stranger.seal(core_data(1), captured.site.certificate)
    assert captured.put("foreign.xml.pgp", foreign) == "refused"
    genuine = captured.oak.seal(core_data(2), captured.site.certificate)
    assert captured.put("genuine.xml.pgp", genuine) == "accepted"
    assert captured.put("once-more.xml.pgp", genuine) != "accepted"
    changed = bytearray(captured.oak.seal(core_data(3), captured.site.certificate))
    changed[len(changed) // 2] ^= 1
    assert captured.put("changed.xml.pgp", bytes(changed)) == "refused"


def test_it_adds_no_key(captured: Captured, tmp_path: Path) -> None:
    """A key that nobody read out waits, and signs nothing meanwhile."""
    before = captured.active_keys()
    stranger = Party("stranger", tmp_path / "stranger")
    begun = captured.session.begin("new.asc", stranger.certificate.stat().st_size, folder="keys")
    answer = captured.session.append(begun.headers["location"], 0, stranger.certificate.read_bytes())
    assert answer.status_code == 204
    signed = stranger.seal(core_data(4), captured.site.certificate)
    assert captured.put("by-the-new-key.xml.pgp", signed) == "refused"
    assert captured.active_keys() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/sent/../../elm",
        "/api/receipts/..%2f..%2felm",
        "/api/keys/authorized_keys",
        "/api/settings",
        "/api/in",
    ],
)
def test_it_reads_nothing_beside_what_the_page_asks(captured: Captured, path: str) -> None:
    assert captured.session.client.get(path).status_code == 404


def test_what_was_sent_cannot_be_fetched_again(captured: Captured) -> None:
    """Not even sealed: for a file that has landed, there is a receipt and no more."""
    place = captured.session.begin("sent.xml.pgp", 2000).headers["location"]
    for path in (place, f"{place}/content"):
        assert captured.session.client.get(path).status_code in {404, 405}


def test_what_it_can_do_is_what_is_listed(captured: Captured) -> None:
    """SECURITY.md: send what was signed and sealed already, read receipts, discard what is unfinished."""
    kept = captured.oak.seal(core_data(5), captured.site.certificate)
    assert captured.put("kept-back.xml.pgp", kept) == "accepted"
    client = captured.session.client
    known = {one["name"]: one for one in client.get("/api/sent").json()}
    receipt = f"/api/receipts/{known['kept-back.xml.pgp']['reference']}"
    until(lambda: "Your file was ACCEPTED." in client.get(receipt).text, "the receipt")
    place = captured.session.begin("begun.xml.pgp", 2000).headers["location"]
    assert client.delete(place, headers=TUS).status_code == 204
