"""A captured intake serves a school what it likes: its evidence stays, and nothing of others is taken."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paramiko
import pytest
from click.testing import Result

from gateway.home import Home
from gateway.send import sending
from gateway.send.kit import Kit
from tests.content import core_data
from tests.sealed import sealed_file
from tests.send.office import Office
from tests.site import Site
from tests.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, Office]]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield (
            Office(site, "oak", services.intake, site.root / "oak"),
            Office(site, "elm", services.intake, site.root / "elm"),
        )


def served(office: Office, form: str) -> Path:
    """The newest receipt of a school as its gateway serves it."""
    folder = Home(office.site.home).published.provider(office.name) / "receipts"
    return max(folder.glob(f"*.{form}"), key=lambda path: path.stat().st_mtime_ns)


def test_a_kept_receipt_is_replaced_by_a_proved_one_alone(offices: tuple[Office, Office]) -> None:
    oak, _ = offices
    oak.send(str(oak.file("first.txt", b"neither here nor there yet\n")), "--anyway", "--why", "x")
    (kept,) = (oak.kit / "receipts").glob("*.json")
    before = kept.read_bytes(), kept.with_suffix(".txt").read_bytes()
    true = {path: path.read_bytes() for path in (served(oak, "json"), served(oak, "txt"))}
    for path in true:
        path.write_bytes(b"garbage")
    result = oak.send("receipts")
    for path, content in true.items():
        path.write_bytes(content)
    assert result.exit_code == 1
    assert "not genuine" in result.stderr
    assert (kept.read_bytes(), kept.with_suffix(".txt").read_bytes()) == before


def test_a_receipt_of_another_school_is_not_taken(offices: tuple[Office, Office]) -> None:
    """The intake hands oak's sealed file in once more, in elm's name: that receipt is genuine, and elm's."""
    oak, elm = offices
    (sent,) = oak.json(
        str(oak.file("held.txt", b"neither here nor there\n")), "--anyway", "--why", "x", code=3
    )
    hand_in(elm, sealed_file(Home(oak.site.home), sent["reference"]).read_bytes())
    theirs = until(lambda: list(oak.site.receipts("elm").glob("stolen.pgp.*.json")), "the refusal")[0]
    (ours,) = oak.site.receipts("oak").glob(f"*{sent['reference']}.json")
    for form in (".json", ".txt"):
        ours.with_suffix(form).write_bytes(theirs.with_suffix(form).read_bytes())
    result = oak.send("receipts")
    assert result.exit_code == 1
    assert "is for another file" in result.stderr


def hand_in(office: Office, sealed: bytes) -> None:
    """Upload what somebody else sealed, with the SSH key of this office."""
    settings = Kit(office.kit).settings()
    with closing(paramiko.Transport((settings.host, settings.port))) as transport:
        transport.connect(
            username=office.name, pkey=paramiko.Ed25519Key.from_private_key_file(str(settings.ssh_key))
        )
        session = paramiko.SFTPClient.from_transport(transport)
        assert session is not None
        session.putfo(io.BytesIO(sealed), "/in/stolen.pgp", confirm=False)


def test_the_page_of_another_school_is_not_believed(offices: tuple[Office, Office]) -> None:
    oak, _ = offices
    pages = Home(oak.site.home).published
    for name in ("oak", "elm"):
        until((pages.pages(name) / "status.html.asc").exists, "the page")
    known = (oak.kit / "checked-by.json").read_bytes()

    def exchanged() -> Result | None:
        """Return the answer to an exchanged page; None where the processor made the page anew meanwhile."""
        others = [(pages.pages("elm") / name).read_bytes() for name in names]
        for name, other in zip(names, others, strict=True):
            (pages.pages("oak") / name).write_bytes(other)
        result = oak.send("status")
        return result if [(pages.pages("oak") / name).read_bytes() for name in names] == others else None

    names = ("status.html", "status.html.asc")
    result = until(exchanged, "a page that stays exchanged")
    assert result.exit_code == 1
    assert "about another provider" in result.stderr
    assert (oak.kit / "checked-by.json").read_bytes() == known


def test_other_texts_that_the_gateway_signed_are_not_taken_for_policies(
    offices: tuple[Office, Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, elm = offices
    policies = Home(oak.site.home).published.common / "agreement" / "policies.asc"
    true = policies.read_bytes()
    policies.write_bytes(served(elm, "txt").read_bytes())
    file = str(elm.file("core.xml", core_data(seed=73)))
    with monkeypatch.context() as patched:
        patched.setattr(sending, "_POLICIES_SECONDS", 0)
        result = elm.send(file)
    policies.write_bytes(true)
    assert (result.exit_code, "so nothing can be checked now" in result.stderr) == (4, True), result.stderr
    (sent,) = elm.json(file)
    assert sent["state"] == "accepted"
