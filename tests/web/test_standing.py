"""What the gateway tells of a school, its agreement, and its keys: shown and changed in the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from gateway.home import Home
from tests.content import core_data
from tests.waiting import until
from tests.web.school import School, chooses, school_at
from tests.web.test_sealing import answers, enrolled, presses, sends

pytestmark = pytest.mark.long

PAGE = "**/api/pages/status.html"
KNOWN = "(({ gateway, current }) => ({ gateway, current }))(here.kit)"
LOOKS = {
    "Receipt from": """async () => {
        const [{ reference }] = await Kits.all("sent");
        return Trust.receipt(await published(`receipts/${reference}`), here.kit, reference, null);
    }""",
    "its receipt will": "Look.told(new File(['<a/>'], 'some.xml')).then(({ kind }) => kind)",
    "agreement": "Standing.agreement(here.kit)",
}
"""What the gateway signs beside the page of the school: a receipt, the headings, and the agreement."""
OTHER = """async (asked) => {
    const kits = await Kits.all("kits");
    const other = kits.find(({ credential }) => credential !== here.kit.credential);
    return (await openpgp.readPrivateKey({ armoredKey: other.key }))[asked]();
}"""
"""What the key of another passkey's kit tells, as it is kept."""
EXPIRED = """async () => {
    const { name, email } = here.key.users[0].userID;
    const given = { userIDs: [{ name, email }], keyExpirationTime: 1, format: "object" };
    const { privateKey } = await openpgp.reformatKey({ ...given, privateKey: here.key });
    await keepKey(here.kit, privateKey, {});
}"""
MONTH = "(_, month) => WELSH[dayOf(new Date(2026, month, 1)).split(' ')[1]]"
OF_BIRCH = "(html) => (async () => Standing.read(html, 'birch'))().catch((error) => error.message)"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school"), ratified=False) as school:
        yield school


@pytest.fixture(autouse=True)
def _few_keys(school: School) -> Iterator[None]:
    """End the keys of a test with it: all tests together make more than a provider may have."""
    before = set(keys_of(school))
    yield
    for fingerprint, key in keys_of(school).items():
        if fingerprint not in before and key["state"] in {"pending", "active"}:
            school.site.gateway("keys", "revoke", "oak", fingerprint, "--why", "x")


@pytest.fixture
def page(school: School, tmp_path: Path) -> Page:
    """A browser of the school whose page the gateway has made."""
    page = enrolled(school, tmp_path)
    own = Home(school.site.home).published.pages("oak") / "status.html"
    fingerprint = page.evaluate("grouped(here.kit.fingerprint)")
    until(lambda: own.exists() and fingerprint in own.read_text(), "the page of the school", 180)
    return page


def keys_of(school: School) -> dict[str, dict[str, Any]]:
    return {one["fingerprint"]: one for one in school.site.json("keys", "list", "oak")}


def arrives(page: Page) -> None:
    """The receipt of what was just handed in is shown, proved."""
    page.locator("#receipt:not([hidden])").wait_for()
    assert not page.locator("#problem").is_visible()


def test_where_a_school_stands_is_shown_once_it_is_verified(school: School, page: Page) -> None:
    presses(page, "Look again")
    page.locator("#standing").get_by_role("heading", name="Due").wait_for()
    own = page.evaluate("[here.kit.passkey, grouped(here.kit.fingerprint)]")
    rows = page.locator("#people-list tr", has_text="in this browser")
    rows.nth(len(own) - 1).wait_for()  # What stood there before stays until the page is verified anew.
    assert sorted(rows.locator("td:nth-child(2)").all_inner_texts()) == sorted(own)
    assert {kind.partition(":")[0] for kind in rows.locator("td:first-child").all_inner_texts()} == {
        "passkey", "OpenPGP key",
    }  # fmt: skip
    listed = page.locator("#people-list tr").count()
    alive = [one for one in keys_of(school).values() if one["state"] != "revoked"]
    assert listed <= len(alive)
    assert school.faults(page) == []
    html = page.evaluate("fetch('/api/pages/status.html').then((one) => one.text())")
    answers(page, PAGE, html.replace("Due", "Nothing due"))
    presses(page, "Look again")
    page.locator("#problem", has_text="The page about your school is not signed").wait_for()
    assert not page.locator("#standing-list, #people").first.is_visible()
    expect(page.get_by_role("button", name="Look again")).to_be_focused()  # It can be asked again.
    page.unroute(PAGE)
    page.keyboard.press("Enter")
    page.locator("#standing").get_by_role("heading", name="Due").wait_for()
    page.evaluate("Kits.change({ ...here.kit }, { told: '2100-01-01T00:00:00+00:00' })")  # In another window.
    said = page.evaluate("showStanding().catch((error) => error.message)")
    assert "shows an old page" in said
    assert not page.locator("#standing-list").is_visible()


def test_days_are_told_in_words_in_the_language_of_the_page(school: School, page: Page) -> None:
    presses(page, "Look again")
    told, key = page.locator("#standing-at"), page.locator("#own-said")
    told.wait_for()
    assert re.search(r" as of \d{1,2} [A-Z][a-z]+ \d{4} at \d\d:\d\d\.$", told.inner_text())
    assert re.search(r"It counts until \d{1,2} [A-Z][a-z]+ \d{4}\.$", key.inner_text())
    page.evaluate("at('said').textContent = momentOf(new Date(2026, 11, 1, 9, 5))")
    assert page.locator("#said").text_content() == "1 December 2026 at 09:05"
    presses(page, "Cymraeg")
    page.locator("#said", has_text=re.compile(r"^1 Rhagfyr 2026 am 09:05$")).wait_for(state="attached")
    months = "|".join(page.evaluate(f"Array.from({{ length: 12 }}, {MONTH})"))
    page.locator("#own-said", has_text=re.compile(rf"hyd \d+ ({months}) \d{{4}}\.$")).wait_for()
    page.locator("#standing-at", has_text=re.compile(rf" ar \d+ ({months}) \d{{4}} am \d\d:\d\d")).wait_for()
    presses(page, "English")
    assert page.locator("#said").text_content() == "1 December 2026 at 09:05"
    assert school.problems == []


def test_what_was_sent_comes_into_where_the_school_stands_by_itself(school: School, page: Page) -> None:
    sends(page, "just sent.xml", core_data(3))
    reference = page.evaluate("Kits.all('sent')")[0]["reference"]
    page.locator("#standing-list", has_text=reference).wait_for()
    assert school.faults(page) == []


def test_where_a_school_stands_stays_while_it_is_verified_anew_and_no_longer(
    school: School, page: Page
) -> None:
    presses(page, "Look again")
    page.locator("#standing").wait_for()
    page.locator("#look-again:not([disabled])").focus()
    page.evaluate("() => { window.asked = showStanding(); }")
    assert page.locator("#standing").is_visible()
    page.evaluate("window.asked")
    assert page.evaluate("document.activeElement.id") == "look-again"
    page.evaluate("() => { here.kit = null; }")
    page.evaluate("showStanding()")
    assert not page.locator("#standing").is_visible()
    assert school.problems == []


def test_the_page_is_asked_for_once_at_a_time_however_many_files_were_sent(
    school: School, page: Page
) -> None:
    shown, asked = page.evaluate("showStanding().then(() => published('pages/status.html'))"), list[str]()
    at = page.evaluate("here.kit.told")
    same = re.sub(
        r'data-at="[^"]*"', f'data-at="{at}"', shown
    )  # Made anew meanwhile, it would be read again.

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=same, content_type="text/html")

    page.route(PAGE, answer)
    page.evaluate("() => { watchStanding(); watchStanding(); watchStanding(); }")
    page.wait_for_timeout(7_000)
    assert len(asked) == 1
    assert school.problems == []


KEPT_HERE = {
    "the page": "Standing.newer(here.kit, { at: '2099-01-01T00:00:00+00:00' })",
    "the headings": "Look.told(new File(['<a/>'], 'some.xml'))",
    "a receipt": "Kits.all('sent').then(([one]) => showReceipt(one))",
    "a new key": "Kits.change(here.kit, { next: null })",
}
"""What keeps something of a kit; `here.kit` is as the window opened it."""


@pytest.mark.parametrize("act", KEPT_HERE.values(), ids=KEPT_HERE)
def test_what_another_window_changed_of_a_key_stays_whatever_is_kept_here(
    school: School, page: Page, act: str
) -> None:
    sends(page, "sent.xml", core_data(4))
    kept = page.evaluate(f"""async () => {{
        await Kits.put("kits", {{ ...here.kit, key: "extended in another window" }});
        await {act};
        return Kits.get("kits", here.kit.credential);
    }}""")
    assert kept["key"] == "extended in another window"


def test_a_key_that_another_window_replaced_is_used_no_more(school: School, page: Page) -> None:
    page.evaluate("Kits.change({ ...here.kit }, { fingerprint: 'of another key' })")
    for button in ("Extend it by two years", "Replace it by a new key"):
        presses(page, button)
        page.locator("#problem", has_text="Your key was replaced in another window.").wait_for()
    assert page.evaluate("Kits.get('kits', here.kit.credential)")["fingerprint"] == "of another key"


def test_a_new_key_that_another_window_made_is_the_one_to_go_on_to(school: School, page: Page) -> None:
    made = page.evaluate("""async () => {
        const key = await Kits.locked(await Kits.made("Oak", "office@oak.example"), here.lock);
        await Kits.change({ ...here.kit }, { next: { key, fingerprint: "made elsewhere", sent: null } });
        return key;
    }""")
    presses(page, "Replace it by a new key")
    arrives(page)
    assert page.evaluate("Kits.get('kits', here.kit.credential)")["next"]["key"] == made


def test_no_key_counts_as_kept_where_the_browser_has_no_room_for_it(school: School, page: Page) -> None:
    """The browser says so at the end of a transaction, whose requests have all succeeded."""
    said = page.evaluate("""async () => {
        const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (row) {
            const asked = put.call(this, row);
            asked.addEventListener("success", () => this.transaction.abort());
            return asked;
        };
        return Kits.change(here.kit, { headings: "2099" }).then(() => "kept", () => "not kept");
    }""")
    assert (said, page.evaluate("here.kit.headings") == "2099") == ("not kept", False)
    page.evaluate("acting(at('renew'), () => { throw new DOMException('', 'QuotaExceededError'); }, '')")
    page.locator("#problem", has_text="There is no room left").wait_for()


def test_a_key_that_the_browser_forgot_is_kept_anew_by_the_window_that_holds_it(
    school: School, page: Page
) -> None:
    page.evaluate("Kits.remove('kits', here.kit.credential)")
    presses(page, "Extend it by two years")
    arrives(page)
    kept = page.evaluate("Kits.get('kits', here.kit.credential)")
    assert kept["fingerprint"] == page.evaluate("here.kit.fingerprint")


def test_a_login_that_has_ended_is_told_beside_the_button_that_logs_in(school: School, page: Page) -> None:
    page.context.clear_cookies()
    page.evaluate("at('renew').click()")  # The page may notice by itself meanwhile, and hide the button.
    page.locator("#problem", has_text="Log in with your passkey first.").wait_for()
    for place in ("#inside", "#own-key", "#people", "#going"):
        page.locator(place).wait_for(state="hidden")
    school.logs_in(page)


def test_a_key_that_has_expired_is_extended_in_the_page(school: School, page: Page) -> None:
    page.evaluate(EXPIRED)
    page.reload()
    school.logs_in(page)
    chooses(page, "expired.xml", core_data(7))
    presses(page, "Send")
    page.locator("#problem", has_text="it has expired or is too weak. Extend it").wait_for()
    presses(page, "Extend it by two years")
    arrives(page)
    sends(page, "extended.xml", core_data(7))


def test_a_clock_that_is_behind_is_told_of_and_not_that_the_key_is_no_good(
    school: School, page: Page
) -> None:
    page.clock.set_system_time("2020-01-01T00:00:00Z")
    said = page.evaluate("Kits.opening(here.kit.key, here.lock).catch((error) => error.message)")
    assert said == "By the clock of this computer, this key is not made yet. Set the clock."


def test_whoever_only_looks_follows_the_gateways_new_key(school: School, page: Page) -> None:
    own, old = Home(school.site.home).published.pages("oak") / "status.html.asc", page.evaluate(KNOWN)
    before = own.read_text()
    school.site.gateway("keys", "gateway", "rotate")
    until(lambda: own.read_text() != before, "the page signed with the new key", 60)
    presses(page, "Look again")
    page.wait_for_function("(old) => here.kit.current !== old.current", arg=old)
    page.locator("#standing:not([hidden])").wait_for()
    assert not page.locator("#problem").is_visible()
    sends(page, "since.xml", core_data(6))
    for said, look in LOOKS.items():
        page.evaluate("(old) => Object.assign(here.kit, old)", old)
        assert said in page.evaluate(look)
    assert school.problems == []


def test_the_page_of_another_school_is_refused(school: School, page: Page) -> None:
    html = page.evaluate("fetch('/api/pages/status.html').then((one) => one.text())")
    said = page.evaluate(OF_BIRCH, html)
    assert "about another school" in said


def test_the_agreement_is_read_and_signed_in_the_page(school: School, page: Page) -> None:
    presses(page, "Look again")
    page.locator("#standing").wait_for()
    answers(page, "**/api/agreement/agreement.txt", "We agree to everything.")
    presses(page, "Read the agreement")
    page.locator("#problem", has_text="The text of the agreement is not signed").wait_for()
    page.unroute("**/api/agreement/agreement.txt")
    presses(page, "Read the agreement")
    text = (Home(school.site.home).published.common / "agreement/agreement.txt").read_text()
    page.locator("#agreement:not([hidden])").wait_for()
    assert page.locator("#agreement-text").text_content() == text
    page.get_by_label("The name of whoever may sign it").fill("Ann Head")
    page.get_by_label("Their office").fill("headteacher")
    page.get_by_label("They have read the agreement").check()
    assert school.faults(page) == []
    presses(page, "Sign the agreement")
    arrives(page)
    assert "has ratified the data sharing agreement" in " ".join(
        page.locator("#receipt-text").inner_text().split()
    )
    (signed,) = [one for one in school.site.json("agreement", "status") if one["provider"] == "oak"]
    assert (signed["signatory"], bool(signed["signed_copy"])) == ("Ann Head, headteacher", True)


def test_a_key_is_renewed_replaced_and_revoked_in_the_page(school: School, page: Page) -> None:
    first = page.evaluate("here.kit.fingerprint")
    presses(page, "Extend it by two years")
    arrives(page)
    assert "is taken over" in page.locator("#receipt-text").inner_text()
    presses(page, "Replace it by a new key")
    page.get_by_text("Your new key waits to be confirmed.").wait_for()
    second = page.evaluate("here.kit.next.fingerprint")
    assert page.evaluate("here.kit.fingerprint") == first != second
    sends(page, "meanwhile.xml", core_data(1))
    school.site.gateway("keys", "confirm", "oak", second)
    published = Home(school.site.home).published.provider("oak") / "receipts"
    confirmed = "is in force from now on"
    until(
        lambda: any(
            confirmed in " ".join(one.read_text().split()) for one in published.glob("new-openpgp-key*.txt")
        ),
        "the word",
    )
    page.get_by_role("button", name="Go on to the new key").click()
    until(lambda: page.evaluate("here.kit.fingerprint") == second, "the new key to be used")
    sends(page, "after.xml", core_data(2))
    page.get_by_text("Revoke a key").click()
    page.get_by_label("Which one").select_option("before")
    page.get_by_label("Why").select_option("keySuperseded")
    page.get_by_label("I know that this cannot").check()
    assert school.faults(page) == []
    presses(page, "Revoke the key")
    until(lambda: page.evaluate("here.kit.before") is None, "the revocation")
    page.get_by_label("Why").select_option("keyCompromised")
    page.get_by_label("I know that this cannot").check()
    presses(page, "Revoke the key")
    page.get_by_text("Your key is revoked.").wait_for()
    states = {name.lower().replace(" ", ""): one["state"] for name, one in keys_of(school).items()}
    assert (states[first], states[second]) == ("revoked", "revoked")


def test_another_passkey_opens_the_same_key_once_it_is_confirmed(school: School, page: Page) -> None:
    presses(page, "Make another passkey")
    arrives(page)
    fingerprint = page.locator("#passkey-said").inner_text()
    assert keys_of(school)[fingerprint]["state"] == "pending"
    school.site.gateway("keys", "confirm", "oak", fingerprint)
    assert keys_of(school)[fingerprint]["state"] == "active"
    told = Home(school.site.home).published.pages("oak") / "status.html"
    listed = re.compile(rf'data-state="active"[^>]*>[^<]*</dt>\s*<dd>{re.escape(fingerprint)}')
    until(lambda: listed.search(told.read_text()), "the page of the school", 180)
    presses(page, "Look again")
    row = page.locator("#people-list tr", has_text=fingerprint)
    row.get_by_role("button", name="Revoke").click()
    page.get_by_text("it cannot be taken back.").wait_for()
    assert keys_of(school)[fingerprint]["state"] == "active"
    assert school.faults(page) == []
    page.evaluate("showStanding()")  # Which makes each row anew.
    row.get_by_role("button", name="Revoke for good").click()
    page.locator("#receipt-text", has_text="You revoked the key").wait_for()
    assert keys_of(school)[fingerprint]["state"] == "revoked"
    used = page.locator("#people-list tr", has_text="in this browser")
    assert used.get_by_role("button").count() == 0
    ends = page.evaluate(OTHER, "getExpirationTime")
    presses(page, "Extend it by two years")
    until(lambda: page.evaluate(OTHER, "getExpirationTime") > ends, "the key, extended for both passkeys", 60)
    arrives(page)
    page.get_by_text("Revoke a key").click()
    page.get_by_label("I know that this cannot").check()
    presses(page, "Revoke the key")
    page.get_by_text("Your key is revoked.").wait_for()
    assert page.evaluate(OTHER, "isRevoked")


def test_the_recovery_sheet_shows_the_key_as_a_code(school: School, page: Page) -> None:
    presses(page, "Make a recovery sheet")
    code = page.get_by_role("img", name="The same key as a QR code")
    assert code.locator("path").get_attribute("d").startswith("M4 4h1v1h-1zM5 4h1v1h-1z")
    side = int(code.get_attribute("viewBox").split()[2]) - 8
    assert (side - 17) % 4 == 0
    assert school.faults(page) == []
    assert school.problems == []


def test_keys_made_by_a_clock_ahead_are_enrolled_and_replaced(school: School, tmp_path: Path) -> None:
    page = school.opens()
    page.clock.set_system_time(datetime.now(UTC) + timedelta(days=400))
    school.opens_invitation(page, tmp_path)
    presses(page, "Make my keys")
    school.hands_over(page, tmp_path)
    page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=5))
    school.logs_in(page)
    presses(page, "Replace it by a new key")
    arrives(page)
    assert page.evaluate("here.kit?.next?.sent"), page.locator("#receipt-text").inner_text()
    (pending,) = [key for key in school.site.json("keys", "list", "oak") if key["state"] == "pending"]
    assert pending["fingerprint"] == page.evaluate("here.kit.next.fingerprint")
