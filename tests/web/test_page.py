"""The page in a real browser: what is sealed already, what is cut off, and what the page loads."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha512
from pathlib import Path

import pytest
from web_page import STATIC, checked, libraries, taken_from, welsh, word_list

from gateway.web.page import digest
from tests.content import core_data
from tests.waiting import until
from tests.web.browsers import BROWSERS
from tests.web.school import School, leads_to, school_at

PART = 1024 * 1024


@pytest.fixture(scope="module", params=BROWSERS)
def school(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school"), request.param) as school:
        yield school


def test_from_a_new_passkey_to_a_receipt(school: School, tmp_path: Path) -> None:
    page = school.opens()
    assert school.faults(page) == []
    fingerprint = school.enrols(page, tmp_path)
    school.logs_in(page)
    message = school.oak.seal(core_data(1), school.site.certificate)
    page.get_by_label("The file", exact=True).set_input_files(
        {"name": "core <b>.xml.gpg", "mimeType": "application/octet-stream", "buffer": message}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("The file has arrived.").wait_for()
    (decided,) = school.site.await_decided(1)
    assert decided["state"] == "accepted"
    until(lambda: leads_to(page, "Show the receipt of core <b>.xml.gpg", "#receipt"), "the receipt")
    assert decided["reference"] in page.locator("#receipt").inner_text()
    assert school.faults(page) == []
    (key,) = [one for one in school.site.json("keys", "list", "oak") if one["fingerprint"] == fingerprint]
    assert key["state"] == "active"
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with your passkey").wait_for()
    assert school.problems == []
    assert not re.search(rb"(?:GET|POST|PATCH|HEAD) \S*core", school.recorder.said)


def test_the_page_names_the_digest_of_all_that_it_loads() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    loaded = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"([^>]*)>', page)
    assert all(path.startswith("/static/") for path, _ in loaded)
    assert all("integrity=" in more for path, more in loaded if not path.endswith(".svg"))
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>", page)
    own = {path.name for path in STATIC.iterdir()} - {"index.html", "worker.js"}
    assert {path.removeprefix("/static/") for path, _ in loaded} == own


def test_the_page_is_the_same_to_the_byte_wherever_it_is_built() -> None:
    """Libraries are those of the lock; what is made from other files is made from these files."""
    for library in libraries():
        checked((STATIC / library["as"]).read_bytes(), library)
    assert (STATIC / "words.js").read_text("ascii") == word_list()
    assert (STATIC / "welsh.js").read_text("ascii") == welsh()
    together = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    assert len(gzip.compress(together)) <= 250_000


@pytest.mark.parametrize("wrong", ["integrity", "sha256"])
def test_no_other_archive_and_no_other_file_is_taken(wrong: str) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as made:
        inside = tarfile.TarInfo("package/a.js")
        inside.size = 3
        made.addfile(inside, io.BytesIO(b"ok\n"))
    data = archive.getvalue()
    library = {
        "from": "https://example.org/a.tgz", "file": "package/a.js", "as": "a.js",
        "integrity": f"sha512-{b64encode(sha512(data).digest()).decode()}",
        "sha256": "dc51b8c96c2d745df3bd5590d990230a482fd247123599548e0632fdbf97fc22",
    }  # fmt: skip
    assert taken_from(data, library) == b"ok\n"
    with pytest.raises(ValueError, match=r"lock"):
        taken_from(data, library | {wrong: "sha512-other"})


def test_the_page_shows_the_digest_that_the_log_holds(school: School) -> None:
    page = school.opens()
    page.get_by_text("About this page").click()
    page.locator("#digest", has_text=digest()).wait_for()
    assert f"page sha256={digest()}" in school.site.log.read_text()
