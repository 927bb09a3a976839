"""A school in a minute: the browser makes the keys, seals, sends, and proves the receipt."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.content import core_data
from tests.waiting import until
from tests.web.school import School, school_at

PROVED = "which you compared, signed this receipt, and it is about the file that you sent here."

LYING = "async () => Array.fromAsync((await navigator.storage.getDirectory()).keys())"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school")) as school:
        yield school


def chooses(page: Page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.get_by_label("The file", exact=True).set_input_files(file)


def secrets_of(page: Page) -> list[bytes]:
    """The secret numbers of the opened key, and the lines of the key as it is kept."""
    told = page.evaluate(
        """async () => [
            ...[here.key.keyPacket, ...here.key.subkeys.map((one) => one.keyPacket)].flatMap((packet) =>
                Object.values(packet.privateParams).map((one) => Array.from(one))),
            ...here.kit.key.split("\\n").filter((line) => line.length > 40)
                .map((line) => Array.from(new TextEncoder().encode(line)))]"""
    )
    return [bytes(one) for one in told]


def test_from_an_invitation_to_a_proved_receipt(school: School, tmp_path: Path) -> None:
    page = school.opens()
    page.evaluate(
        """() => { const get = navigator.credentials.get.bind(navigator.credentials);
            window.given = [];
            navigator.credentials.get = async (asked) => {
                const found = await get(asked);
                const { prf } = found.getClientExtensionResults();
                window.given.push(Array.from(new Uint8Array(prf.results.first)));
                return found; }; }"""
    )
    school.opens_invitation(page, tmp_path)
    assert school.faults(page) == []
    page.get_by_role("button", name="Make my keys").click()
    page.get_by_role("heading", name="Your keys are made").wait_for()
    assert school.faults(page) == []
    assert len(school.hands_over(page, tmp_path).split()) == 6
    school.logs_in(page)
    content = core_data(1)
    chooses(page, "core <b>.xml", content)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text(PROVED).wait_for()
    assert "Your file was ACCEPTED." in page.locator("#receipt-text").inner_text()
    assert school.faults(page) == []
    (decided,) = [one for one in school.site.transfers() if one["name"].startswith("core")]
    assert (decided["state"], decided["data_type"]) == ("accepted", "student-core")
    kept = page.evaluate("async () => (await indexedDB.databases()).map((one) => one.name)")
    assert kept == ["gateway"]
    assert page.evaluate(LYING) == []
    assert school.problems == []
    secrets = [*secrets_of(page), *(bytes(one) for one in page.evaluate("window.given")), content[1000:1040]]
    assert len(secrets) > 5
    for secret in secrets:
        for form in (secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)):
            assert form.rstrip(b"=") not in school.recorder.said
