"""A school in a minute: the browser makes the keys, seals, sends, and proves the receipt."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.content import core_data
from tests.waiting import until
from tests.web.browsers import BROWSERS
from tests.web.school import PROVED, School, answers, chooses, enrolled, leads_to, presses, school_at

pytestmark = pytest.mark.long

CUT_SHORT = """() => {
    const file = { size: 9, stream: () => new Blob(["short"]).stream() };
    const sealed = Sealing.seal(file, here.key, here.kit.gateway[here.kit.current], () => {});
    return sealed.then(() => "sealed", ({ message }) => message);
}"""
"""A file that ends earlier than it did when it was chosen, as one that is cut short while it is read."""
LYING = "async () => Array.fromAsync((await navigator.storage.getDirectory()).keys())"
CLICKS = (
    "() => { window.clicks = 0; addEventListener('click', (one) => one.detail && window.clicks++, true); }"
)
SECRETS = """async () => [
    ...[here.key.keyPacket, ...here.key.subkeys.map((one) => one.keyPacket)].flatMap((packet) =>
        Object.values(packet.privateParams).map((one) => Array.from(one))),
    ...here.kit.key.split("\\n").filter((line) => line.length > 40)
        .map((line) => Array.from(new TextEncoder().encode(line)))]"""
"""The secret numbers of the opened key, and the lines of the key as it is kept."""
UNHEARD = """() => {
    const asked = window.fetch.bind(window);
    window.fetch = async (place, how) => {
        const answer = await asked(place, how);
        if (how?.method !== 'PATCH') return answer;
        window.unheard = true;
        return new Promise(() => {});
    };
}"""
"""No answer to a part arrives from now on."""
ENDED = """() => {
    const asked = window.fetch.bind(window);
    window.fetch = async (place, how) => {
        await (how?.method === 'PATCH' && asked('/api/logout', { method: 'POST' }));
        return asked(place, how);
    };
}"""
"""The session ends before a part arrives, as where intake is started again."""
CUT_AND_ENDED = """() => {
    const asked = window.fetch.bind(window);
    window.fetch = async (place, how) => {
        await (how?.method === 'PATCH' && asked('/api/logout', { method: 'POST' }));
        return how?.method === 'PATCH' ? Promise.reject(new TypeError()) : asked(place, how);
    };
}"""
"""As before, and the part does not arrive: how far the upload came is asked for, in vain."""
NO_ROOM = """() => {
    const asked = window.fetch.bind(window);
    const said = '{"said": "The gateway has no room at the moment; try again later."}';
    window.fetch = async (place, how) =>
        how?.method === 'PATCH' ? new Response(said, { status: 507 }) : asked(place, how);
}"""
"""The gateway has no room for a part."""
LOGGED_IN = """async () => {
    const kit = (await Kits.all('kits')).find(({ credential }) => credential === localStorage.login);
    Object.assign(here, { kit, login: kit.credential });
}"""
"""A second window of whoever has logged in."""
LATE = """() => {
    const asked = window.fetch.bind(window);
    window.fetch = async (place, how) => {
        await (how?.method === 'POST' && new Promise((done) => setTimeout(done, 2000)));
        return asked(place, how);
    };
}"""
"""The upload begins some time after the gateway was asked for what has begun."""
ROOM = """() => {
    const put = Kits.put;
    Kits.put = (store, row) => {
        const kept = put(store, row);
        Kits.put = put;
        return kept.then(() => Promise.reject(new DOMException('', 'QuotaExceededError')));
    };
}"""
"""What is kept next finds no room."""
TWICE = """async (content) => {
    const nothing = () => {};
    const file = new File([content], 'twice.xml');
    const made = await Sealing.seal(file, here.key, here.kit.gateway[here.kit.current], nothing);
    const first = await Uploads.send(made.file, 'first.pgp', 'in', nothing);
    return [first, await Uploads.send(made.file, 'second.pgp', 'in', nothing), made.sha256];
}"""
"""Sends the same sealed file twice; its two references, and its SHA-256."""
GIVEN = """() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    window.given = [];
    navigator.credentials.get = async (asked) => {
        const found = await get(asked);
        window.given.push(Array.from(new Uint8Array(found.getClientExtensionResults().prf.results.first)));
        return found;
    };
}"""
"""What the passkey gives from now on, by which the key is locked."""


@pytest.fixture(scope="module", params=BROWSERS)
def school(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school"), request.param) as school:
        yield school


def sends(page: Page, name: str, content: bytes) -> None:
    chooses(page, name, content)
    presses(page, "Send")
    page.get_by_text(PROVED).wait_for()


def test_from_an_invitation_to_a_proved_receipt(school: School, tmp_path: Path) -> None:
    page = school.opens()
    page.evaluate(GIVEN)
    page.evaluate(CLICKS)
    school.opens_invitation(page, tmp_path)
    assert school.faults(page) == []
    presses(page, "Make my keys")
    page.get_by_role("heading", name="Your keys are made").wait_for()
    assert school.faults(page) == []
    assert len(school.hands_over(page, tmp_path).split()) == 6
    presses(page, "Log in with your passkey")
    page.locator("#inside").wait_for()
    content = core_data(1)
    sends(page, "core <b>.xml", content)
    files = 2
    assert page.evaluate("window.clicks") + files <= 8
    assert "Your file was ACCEPTED." in page.locator("#receipt-text").inner_text()
    assert school.faults(page) == []
    (decided,) = [one for one in school.site.transfers() if one["name"].startswith("core")]
    assert (decided["state"], decided["data_type"]) == ("accepted", "student-core")
    assert page.evaluate(LYING) == []
    assert school.problems == []
    told = [*page.evaluate(SECRETS), *page.evaluate("window.given")]
    assert len(told) > 10
    for secret in [*map(bytes, told), content[1000:1040]]:
        forms = secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)
        assert all(form.rstrip(b"=") not in school.recorder.said for form in forms)


def test_a_second_file_takes_three_acts_by_keyboard(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    page.reload()
    page.get_by_role("button", name="Log in with your passkey").focus()
    page.keyboard.press("Enter")
    page.locator("#inside").wait_for()
    chooses(page, "second.xml", core_data(2))
    page.get_by_label("The file", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(PROVED).wait_for()
    expect(page.locator("#receipt")).to_be_focused()


def test_the_receipt_of_the_file_before_gives_way_to_the_next_file(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    sends(page, "before.xml", core_data(31))
    page.route("**/api/receipts/*", lambda route: route.fulfill(status=404))
    chooses(page, "next.xml", core_data(32))
    presses(page, "Send")
    page.get_by_text("The file has arrived.").wait_for()
    expect(page.locator("#receipt")).to_be_hidden()


def test_a_passkey_without_a_secret_leaves_the_lock_to_a_passphrase(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path, secret=False)
    page.reload()
    school.logs_in(page)
    chooses(page, "locked.xml", core_data(3))
    page.get_by_label("The passphrase of your key").fill("another")
    presses(page, "Send")
    page.get_by_text("The passphrase does not open the key.").wait_for()
    page.get_by_label("The passphrase of your key").fill("rope gravel onion tulip")
    presses(page, "Send")
    page.get_by_text(PROVED).wait_for()
    assert b"rope gravel" not in school.recorder.said
    assert b"rope+gravel" not in school.recorder.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("abandon ability able about above", "Six words are read out, and these are 5."),
        ("zebra", "Word 1, zebra, is another here."),
        ("gateway", "Word 1, gateway, is not one of the list."),
    ],
)
def test_no_key_is_made_before_the_words_are_the_same(
    school: School, tmp_path: Path, words: str, said: str
) -> None:
    page = school.opens()
    school.opens_invitation(page, tmp_path)
    heard = page.get_by_label("The six words")
    if len(words.split()) == 1:
        words = " ".join([words, *heard.input_value().split()[1:]])
    heard.fill(words)
    presses(page, "Make my keys")
    page.get_by_text(said).wait_for()
    assert page.evaluate("Kits.all('kits')") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("gateway.example", "evil.example"),
        lambda text: "Trust me.\n" + text,
        lambda text: text.replace("purpose", "Purpose"),
        lambda text: "",
    ],
    ids=["another address", "a text before it", "another form", "empty"],
)
def test_a_changed_invitation_is_none(school: School, tmp_path: Path, change) -> None:
    page = school.opens()
    invitation, _ = school.invites(tmp_path)
    changed = change(invitation.read_text("utf-8"))
    assert changed != invitation.read_text("utf-8")
    invitation.write_text(changed)
    page.get_by_label("Your invitation").set_input_files(invitation)
    page.get_by_text("This is no invitation, or it was changed on its way.").wait_for()
    assert not page.locator("#enrol").is_visible()


def test_what_was_sealed_and_cut_off_goes_on_after_the_page_was_closed(
    school: School, tmp_path: Path
) -> None:
    page = enrolled(school, tmp_path)
    parts: list[str] = []

    def once(route: Route) -> None:
        """The first part arrives; then the connection is gone."""
        if route.request.method == "PATCH":
            parts.append(route.request.url)
        if len(parts) > 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*", once)
    chooses(page, "large.xml", core_data(4) + b" " * 3_000_000)
    presses(page, "Send")
    until(lambda: page.wait_for_timeout(50) or len(parts) > 1, "the cut")
    page.reload()
    page.unroute("**/api/uploads/*")
    assert len(page.evaluate(LYING)) == 1
    school.logs_in(page)
    page.get_by_text("large.xml has arrived.").wait_for()
    assert page.evaluate(LYING) == []
    until(lambda: leads_to(page, "Show the receipt of large.xml", "#receipt"), "the receipt")
    assert PROVED in page.locator("#proof").inner_text()


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (ENDED, "Log in with your passkey first."),
        (CUT_AND_ENDED, "Log in with your passkey first."),
        (NO_ROOM, "The gateway has no room"),
    ],
)
def test_what_was_sealed_waits_where_the_login_ends_or_the_gateway_has_no_room(
    school: School, tmp_path: Path, happens: str, said: str
) -> None:
    page = enrolled(school, tmp_path)
    page.evaluate(happens)
    chooses(page, "ended.xml", core_data(13))
    presses(page, "Send")
    page.locator("#problem", has_text=said).wait_for()
    assert len(page.evaluate(LYING)) == 1
    page.reload()
    school.logs_in(page)
    page.get_by_text("ended.xml has arrived.").wait_for()
    assert page.evaluate(LYING) == []


def test_what_one_window_sends_another_does_not_send_as_well(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    other, begun = page.context.new_page(), list[str]()
    other.goto(school.origin)
    other.evaluate(LOGGED_IN)
    page.context.on("request", lambda one: one.url.endswith("/api/uploads") and begun.append(one.method))
    page.evaluate("async (text) => { await sealed(new File([text], 'once.xml')); }", core_data(17).decode())
    page.evaluate(LATE)
    page.evaluate("() => { window.going = alone(goOn, { ifAvailable: true }); }")
    other.evaluate("async () => { await alone(goOn, { ifAvailable: true }); }")
    assert page.evaluate("Kits.all('sent')")[0].get("reference") is None  # Left to the window that is at it.
    other.evaluate("async () => { await alone(goOn); }")  # As `send` waits for it.
    page.evaluate("window.going")
    assert begun.count("POST") == 1
    assert page.evaluate(LYING) == []


def test_a_receipt_that_takes_long_is_left_to_the_button_beside_the_file(
    school: School, tmp_path: Path
) -> None:
    page = enrolled(school, tmp_path)
    page.route("**/api/receipts/*", lambda route: route.fulfill(status=404))
    page.evaluate("() => { window.setTimeout = (act) => queueMicrotask(act); }")
    chooses(page, "slow.xml", core_data(18))
    presses(page, "Send")
    page.get_by_text("The receipt of slow.xml takes longer. Select Show beside it").wait_for()
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()


def test_a_file_that_is_changed_after_it_was_chosen_is_not_sent(school: School, tmp_path: Path) -> None:
    """Chromium reads no more of it; Firefox reads what it finds, and tells nothing."""
    page = enrolled(school, tmp_path)
    grown, gone = tmp_path / "grown.xml", tmp_path / "gone.xml"
    changes = {grown: lambda: grown.write_bytes(core_data(16) + b"<!-- more -->"), gone: gone.unlink}
    for file, change in changes.items():  # Chromium tells of no change where the same file is chosen again.
        file.write_bytes(core_data(16))
        page.get_by_label("The file", exact=True).set_input_files(file)
        page.locator("#seen:not([hidden])").wait_for()
        change()
        presses(page, "Send")
        page.locator("#problem", has_text="The file was changed, moved or deleted").wait_for()
        assert page.evaluate(LYING) == []
    said = page.evaluate(CUT_SHORT)
    assert said.startswith("The file was changed")


def test_what_finds_no_room_leaves_nothing_and_what_has_arrived_is_not_sent_again(
    school: School, tmp_path: Path
) -> None:
    page = enrolled(school, tmp_path)
    page.evaluate(ROOM)
    chooses(page, "full.xml", core_data(15))
    presses(page, "Send")
    page.locator("#problem", has_text="There is no room left").wait_for()
    assert page.evaluate(LYING) == []
    page.evaluate(
        f"() => {{ const send = Uploads.send; Uploads.send = (...all) => (({ROOM})(), send(...all)); }}"
    )
    sends(page, "full.xml", core_data(15))
    assert page.evaluate(LYING) == []


def test_the_login_ends_where_somebody_else_logs_in_in_another_window(school: School, tmp_path: Path) -> None:
    """The session is one for all windows: the file would arrive as theirs, perhaps of another school."""
    page = enrolled(school, tmp_path)
    assert page.evaluate("localStorage.login === here.kit.credential")
    page.evaluate("() => { localStorage.login = 'another passkey'; }")
    chooses(page, "theirs.xml", core_data(14))
    presses(page, "Send")
    page.locator("#problem", has_text="Somebody else has logged in in another window.").wait_for()
    page.locator("#outside").wait_for()  # What the other person sent is not listed here.
    assert not page.locator("#inside").is_visible()
    said = page.evaluate("showStanding().catch((error) => error.message)")
    assert said.startswith("Somebody else has logged in")
    page.evaluate("logOut().catch(() => null)")
    theirs = page.request.get(f"{school.origin}/api/sent")
    assert (theirs.status, theirs.text().count("theirs.xml")) == (200, 0)
    page.reload()
    school.logs_in(page)
    page.get_by_text("theirs.xml has arrived.").wait_for()


def test_what_arrived_as_the_page_was_closed_is_not_sent_a_second_time(
    school: School, tmp_path: Path
) -> None:
    page = enrolled(school, tmp_path)
    page.evaluate(UNHEARD)
    chooses(page, "last.xml", core_data(11))
    presses(page, "Send")
    until(lambda: page.evaluate("window.unheard"), "the last part")
    page.reload()
    school.logs_in(page)
    page.get_by_text("last.xml has arrived.").wait_for()
    assert page.evaluate(LYING) == []
    until(lambda: leads_to(page, "Show the receipt of last.xml", "#receipt"), "the receipt")
    assert "Your file was ACCEPTED" in page.locator("#receipt-text").inner_text()


def test_the_receipt_of_a_file_that_came_twice_is_not_that_of_the_first(
    school: School, tmp_path: Path
) -> None:
    page = enrolled(school, tmp_path)
    first, second, sha256 = page.evaluate(TWICE, core_data(12).decode())
    receipt = "async ([reference]) => published(`receipts/${reference}`)"
    until(lambda: "REFUSED" in (page.evaluate(receipt, [second]) or ""), "the second receipt")
    told = """async ([shown, reference, sha256]) => Trust.receipt(
        await published(`receipts/${shown}`), here.kit, reference, sha256).catch((error) => error.message)"""
    assert f"{second}" in page.evaluate(told, [second, second, sha256])
    assert first in page.evaluate(receipt, [second])
    assert "is for another file" in page.evaluate(told, [second, first, sha256])
    assert "is for another file" in page.evaluate(told, [second, first, None])


def test_a_receipt_that_is_forged_or_of_another_file_is_told(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    sends(page, "mine.xml", core_data(5))
    reference = page.evaluate("Kits.all('sent').then((all) => all[0].reference)")
    genuine = page.request.get(f"{school.origin}/api/receipts/{reference}").text()
    sends(page, "other.xml", core_data(6))
    for text, said in (
        (genuine.replace("ACCEPTED", "REFUSED"), "not signed by the gateway"),
        (f"Your file was LOST.\n{genuine}", "not signed by the gateway"),
        (genuine, "for another file"),
    ):
        answers(page, "**/api/receipts/*", text)
        presses(page, "Show the receipt of other.xml")
        page.get_by_text(said).wait_for()
        assert not page.locator("#receipt").is_visible()
        page.unroute("**/api/receipts/*")

    def under_another_reference(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"gateway-reference": reference})

    page.route("**/api/uploads/*", under_another_reference)
    chooses(page, "third.xml", core_data(10))
    presses(page, "Send")
    page.get_by_text("for another file").wait_for()
    assert not page.locator("#receipt").is_visible()


def test_a_lost_browser_is_replaced_from_the_recovery_sheet(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    fingerprint = page.evaluate("here.kit.fingerprint")
    presses(page, "Make a recovery sheet")
    page.get_by_role("heading", name="Recovery sheet").wait_for()  # Locking the key takes a while.
    words = page.locator("#sheet-words").inner_text()
    recovery = school.browser.saves(page, "Save the key as a file", tmp_path)
    assert recovery.read_text() == page.locator("#sheet-key").text_content()
    assert school.faults(page) == []
    if school.browser.marionette is None:  # WebDriver shows no page as on paper.
        page.emulate_media(media="print")
        assert not page.locator("#inside").is_visible()
    other = school.opens()
    school.opens_invitation(other, tmp_path)
    other.get_by_text("I have an OpenPGP key already").click()
    other.get_by_label("Your secret key").set_input_files(recovery)
    other.get_by_label("The local authority has confirmed").check()
    other.get_by_label("Its passphrase, or the words").fill("wrong words")
    presses(other, "Make my keys")
    other.get_by_text("The passphrase does not open the key.").wait_for()
    other.get_by_label("Its passphrase, or the words").fill(words)
    presses(other, "Make my keys")
    other.get_by_role("heading", name="Your passkey is made").wait_for()
    assert school.hands_over(other, tmp_path).startswith("SHA256:")
    school.logs_in(other)
    assert other.evaluate("here.kit.fingerprint") == fingerprint
    sends(other, "again.xml", core_data(7))


def test_what_only_seems_to_be_encrypted_does_not_leave_in_the_clear(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path)
    content = b"\xc1ccents,UPN\n" + b"secret of nobody," * 10
    chooses(page, "plain.csv", content)
    presses(page, "Send")
    page.get_by_text("The file has arrived.").wait_for()
    chooses(page, "plain.csv.pgp", b"secret of nobody," * 10)
    presses(page, "Send")
    page.get_by_text("The file has arrived.").wait_for()
    chooses(page, "empty.csv", b"")
    presses(page, "Send")
    page.get_by_text("The file is empty.").first.wait_for()  # Told in two places.
    assert b"secret of nobody" not in school.recorder.said


def test_the_gateways_new_key_is_trusted_by_signed_succession_only(school: School, tmp_path: Path) -> None:
    """Twice, so that one change was missed; and never back."""
    page = enrolled(school, tmp_path)
    first = school.site.gateway("keys", "gateway", "export")
    stranger = school.oak.certificate.read_text()
    answers(page, "**/api/keys/gateway.asc", stranger)
    chooses(page, "new.xml", core_data(8))
    presses(page, "Send")
    page.get_by_text("does not vouch for the new one").wait_for()
    page.unroute("**/api/keys/gateway.asc")
    for _ in range(2):
        school.site.gateway("keys", "gateway", "rotate")
    presses(page, "Send")
    page.get_by_text(PROVED).wait_for()
    assert page.evaluate("Object.keys(here.kit.gateway).length") == 3
    answers(page, "**/api/keys/gateway.asc", first)
    chooses(page, "old.xml", core_data(9))
    presses(page, "Send")
    page.get_by_text("that it has replaced").wait_for()
