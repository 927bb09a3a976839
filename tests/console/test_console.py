"""The console in a real browser, end to end: what people do in it, and what is tried against it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import asyncssh
import pytest

from gateway.cli.identity import real_account
from tests.classify.made import as_csv, core_rows
from tests.console.acts import ACTS
from tests.console.conftest import SCRIPT_NAME, House, Person
from tests.content import core_data
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium"), pytest.mark.timeout(240)]
NARROW = {"width": 320, "height": 640}


@pytest.fixture
def jane(house: House) -> Person:
    person = house.enters("jane")
    person.page.goto(f"{house.origin}/")
    return person


def held_file(house: House) -> str:
    return next(one["reference"] for one in house.site.transfers() if one["state"] == "held")


def accepted_file(house: House) -> str:
    return next(one["reference"] for one in house.site.transfers() if one["data_type"] == "student-core")


def events(house: House, reference: str) -> list[tuple[str, str]]:
    shown = house.site.json("transfers", "show", reference)["events"]
    return [(event["kind"], event["by"]) for event in shown]


def test_today_tells_what_is_new_and_leads_to_it(house: House, jane: Person) -> None:
    assert jane.heading() == "Today"
    numbers = jane.page.locator(".numbers").inner_text()
    assert re.search(r"2\s+new for Central Data Team", numbers), numbers
    assert re.search(r"1\s+held", numbers), numbers
    assert jane.page.locator("svg.chart rect").count() > 0
    jane.page.get_by_role("link", name=re.compile("new for")).click()
    jane.page.wait_for_load_state()
    assert jane.page.locator("tbody tr").count() == 2


def test_back_from_a_refused_form_shows_what_was_typed_but_no_reason(house: House, jane: Person) -> None:
    page = jane.page
    page.goto(f"{house.origin}/work/held/release")
    page.fill("#reference", "nothing")
    page.fill("#as_", "school-census")
    page.check("[name=team][value=early-years]")
    page.fill("#why", "The school rang about a child.")
    page.get_by_role("button", name="Continue").click()
    assert page.locator(".error-summary").is_visible()
    page.go_back()
    assert page.input_value("#reference") == "nothing"
    assert page.input_value("#as_") == "school-census"
    assert page.is_checked("[name=team][value=early-years]")
    assert page.input_value("#why") == ""
    assert "child" not in page.evaluate("JSON.stringify(history.state)")
    for path in ("/", "/work/held/release"):
        page.goto(f"{house.origin}{path}")
    assert page.input_value("#reference") == ""


def test_today_tells_what_came_since_by_itself(house: House, jane: Person) -> None:
    jane.page.goto(f"{house.origin}/")
    live, title = jane.page.locator("[data-live]"), jane.page.title()
    before = live.inner_text()
    jane.page.evaluate("refresh()")
    assert (live.inner_text(), jane.page.title()) == (before, title)
    house.sent("since.xml.pgp", core_data(17))
    jane.page.evaluate("refresh()")
    assert live.inner_text() != before
    assert "new for Central Data Team" in live.inner_text()


def test_a_file_is_looked_at_and_downloaded_in_the_name_of_the_person(house: House, jane: Person) -> None:
    reference = accepted_file(house)
    jane.link("Central Data Team")
    jane.link(reference)
    assert "10" in jane.page.locator("dl.summary").inner_text()
    with jane.page.expect_download() as waited:
        jane.button("Download")
    path = Path(waited.value.path())
    assert path.read_bytes() == core_data(1)
    assert waited.value.suggested_filename.endswith(f"_{reference}.xml")
    assert events(house, reference)[-1] == ("collected", "jane")


def test_many_files_come_as_one_zip(house: House, jane: Person) -> None:
    jane.link("Central Data Team")
    boxes = jane.page.locator("tbody input[type=checkbox]").all()
    for box in boxes:
        box.check()
    with jane.page.expect_download() as waited:
        jane.button("Download")
    with zipfile.ZipFile(io.BytesIO(Path(waited.value.path()).read_bytes())) as whole:
        assert whole.testzip() is None
        names = whole.namelist()
        inside = [whole.read(name) for name in names if "_student-core_" in name]
    assert len(names) == len(boxes) >= 2
    assert core_data(1) in inside


def test_a_file_is_marked_as_dealt_with_and_put_back(house: House, jane: Person) -> None:
    reference = house.sent("later.xml.pgp", core_data(7))
    jane.page.goto(f"{house.origin}/mailboxes/central-data-team/{reference}")
    jane.button("Mark as dealt with")
    assert "Marked as dealt with" in jane.page.locator(".banner").inner_text()
    assert reference not in jane.page.locator("main").inner_text()
    jane.link("Dealt with")
    jane.link(reference)
    jane.button("Put back")
    assert reference in jane.page.locator("tbody").inner_text()
    assert [each for each in events(house, reference) if each[1] == "jane"] == [
        ("dealt-with", "jane"), ("restored", "jane"),
    ]  # fmt: skip


def test_a_held_file_is_returned_once_the_passkey_has_signed(house: House, jane: Person) -> None:
    reference = house.sent("what.pgp", b"what is this\n" * 9)
    jane.link("Held")
    jane.link(reference)
    _choose(jane, "Send it back")
    jane.page.get_by_label("Your advice to the sender").fill("Send it as a CTF, please.")
    jane.button("Return with this advice")
    assert jane.heading() == "Confirm with your passkey"
    assert ("refused", "jane") not in events(house, reference)
    jane.button("Confirm")
    jane.page.wait_for_selector(".panel, .banner")
    assert ("refused", "jane") in events(house, reference)
    receipts = house.site.receipts("oak")
    written = until(
        lambda: [p for p in receipts.glob(f"*{reference}*.txt") if "Send it as a CTF" in p.read_text()],
        "receipt",
    )
    assert written
    jane.page.go_back()  # No browser asks whether the page that signed is to be sent again.
    assert reference in jane.page.locator("main").inner_text()


def _choose(person: Person, what: str) -> None:
    """Open one of the ways to decide on a held file."""
    person.page.locator("summary", has_text=what).click()


def test_what_the_agreement_speaks_against_takes_a_second_person(house: House, jane: Person) -> None:
    elm = house.site.provider("elm", ratified=False)
    reference = house.sent("core.xml.pgp", core_data(9), party=elm)
    jane.page.goto(f"{house.origin}/held/{reference}")
    _choose(jane, "Release it")
    told = jane.page.locator("details[open]").inner_text()
    assert "it goes to " in told
    assert "The agreement speaks against it: The sender has not ratified" in told
    jane.page.get_by_label("Why", exact=True).first.fill("The Head rang about it.")
    jane.button("Release")
    assert "speaks against this release" in jane.page.locator("main").inner_text()
    assert not jane.page.locator("[data-passkey]").count(), "it is said before the passkey is asked for"
    jane.page.goto(f"{house.origin}/held/{reference}")
    _choose(jane, "Release it")
    jane.page.get_by_label(re.compile("Propose it")).check()
    jane.page.get_by_label("Why", exact=True).first.fill("The Head rang about it.")
    jane.button("Release")
    assert f"{reference} is from The elm" in jane.page.locator("main").inner_text()
    jane.button("Confirm")
    jane.page.wait_for_selector(".panel, .banner")
    assert "second person" in jane.page.locator(".panel, .banner").inner_text()
    assert ("released", "jane") not in events(house, reference)
    kim = house.enters("kim")
    kim.page.goto(f"{house.origin}/held/{reference}")
    assert "Proposed by jane" in kim.page.locator("main").inner_text()
    kim.page.get_by_label("Why you allow it").fill("I rang them, and it is not so.")
    kim.button("Say no")
    kim.button("Confirm")
    kim.page.wait_for_selector(".panel, .banner")
    assert ("release-declined", "kim") in events(house, reference)
    kim.page.goto(f"{house.origin}/held/{reference}")
    _choose(kim, "Release it")
    kim.page.get_by_label(re.compile("Propose it")).check()
    kim.page.get_by_label("Why", exact=True).first.fill("They rang again, and it is.")
    kim.button("Release")
    kim.button("Confirm")
    kim.page.wait_for_selector(".panel, .banner")
    jane.page.goto(f"{house.origin}/held/{reference}")
    jane.page.get_by_label("Why you allow it").fill("I rang them, too.")
    jane.button("Allow this release")
    jane.button("Confirm")
    jane.page.wait_for_selector(".panel, .banner")
    assert ("released", "jane") in events(house, reference)


def test_the_held_files_are_a_worklist(house: House, jane: Person) -> None:
    """Divided by for whom each waits, with whose it is; taken on, noted and given away without a passkey."""
    reference = house.sent("notes.txt.pgp", b"nothing that anybody knows, once more\n")

    def listed(tab: str) -> str:
        jane.page.goto(f"{house.origin}/held")
        jane.page.get_by_role("link", name=tab, exact=True).click()
        jane.page.wait_for_selector(f".tabs a[aria-current]:text-is('{tab}')")
        return str(jane.page.locator("main").inner_text())

    assert reference in listed("A person")
    assert jane.faults_at_each_width() == []
    assert reference not in listed("A date")
    jane.page.goto(f"{house.origin}/held/{reference}")
    assert "The sender was told" in jane.page.locator("main").inner_text()
    jane.button("Take it on")
    jane.page.wait_for_selector(".panel, .banner")
    jane.page.goto(f"{house.origin}/work/held/list?mine=yes")
    jane.page.get_by_role("link", name=reference).click()
    assert jane.page.get_by_role("button", name="Take it on").count() == 0
    _choose(jane, "Leave a note")
    jane.page.get_by_label("What to know of the file").fill("They ring back.")
    jane.button("Leave the note")
    jane.page.wait_for_selector(".panel, .banner")
    assert ("noted", "jane") in events(house, reference)
    jane.page.goto(f"{house.origin}/held/{reference}")
    _choose(jane, "Leave a note")
    jane.page.get_by_label("The colleague").fill("kim")
    jane.button("Give it to them")
    jane.page.wait_for_selector(".panel, .banner")
    assert "kim" in listed("A person")


def test_two_people_say_what_a_heading_of_a_held_file_means(house: House, jane: Person) -> None:
    head, *rows = core_rows(12)
    content = as_csv([[*head, "How Taken Here"], *([*row, "WLK"] for row in rows)]).encode()
    ash = house.site.provider("ash", ratified=False)
    reference = house.sent("core.csv.pgp", content, party=ash)

    def says(person: Person) -> str:
        person.page.goto(f"{house.origin}/held/{reference}")
        told = str(person.page.locator("main").inner_text())
        person.page.get_by_label("The heading").select_option("How Taken Here")
        person.page.get_by_label("What it is").select_option("travel-mode")
        person.page.get_by_label("How you know").fill("The office rang.")
        person.button("Say so")
        person.button("Confirm")
        person.page.wait_for_selector(".panel, .banner")
        return told

    assert "Somebody else has to say the same" not in says(jane)
    jane.page.goto(f"{house.origin}/held/{reference}")
    assert jane.faults_at_each_width() == []
    assert "jane says that How Taken Here is travel-mode" in says(house.enters("kim"))
    (row,) = house.site.json("headings", "list", "--provider", "ash")
    assert (row["heading"], row["item"], row["said_by"]) == ("How Taken Here", "travel-mode", "kim")
    jane.page.goto(f"{house.origin}/held/{reference}")
    assert jane.page.get_by_label("What it is").count() == 0


def test_a_team_asks_for_a_recall_and_it_is_done(house: House, jane: Person) -> None:
    reference = house.sent("wrong.xml.pgp", core_data(8))
    jane.page.goto(f"{house.origin}/mailboxes/central-data-team/{reference}")
    jane.page.locator("summary", has_text="This should not have come").click()
    jane.page.get_by_label("Why should it be recalled?").fill("It is another school's.")
    jane.button("Take it out of every mailbox")
    assert "another school's" in jane.page.locator("main").inner_text()
    jane.button("Confirm")
    jane.page.wait_for_selector(".panel, .banner")
    assert ("withdrawn", "jane") in events(house, reference)


def test_a_receipt_is_verified(house: House, jane: Person) -> None:
    receipt = until(lambda: sorted(house.site.receipts("oak").glob("core.xml*.json")), "a receipt")[-1]
    jane.link("Evidence")
    jane.page.get_by_label("A receipt, as text or JSON").set_input_files(receipt)
    jane.button("Verify")
    assert jane.heading() == "The receipt is genuine", jane.page.locator("main").inner_text()
    jane.page.goto(f"{house.origin}/evidence")
    jane.page.get_by_label("Or paste it").fill(receipt.read_text().replace("accepted", "refused"))
    jane.button("Verify")
    assert jane.heading() == "That is not proved"


def test_somebody_of_another_team_finds_nothing_of_it(house: House) -> None:
    sam, reference = house.enters("sam"), accepted_file(house)
    sam.page.goto(f"{house.origin}/")
    assert "Held" not in sam.page.locator("nav").inner_text()
    theirs, held = "/mailboxes/central-data-team", held_file(house)
    not_here = f"/mailboxes/early-years/{reference}"
    for path in (theirs, f"{theirs}/{reference}", "/held", f"/held/{held}", not_here, "/evidence"):
        answer = sam.page.goto(f"{house.origin}{path}")
        assert answer is not None
        assert answer.status in {403, 404}, path
        assert reference not in sam.page.locator("main").inner_text()


def test_everything_works_by_the_keyboard(house: House, jane: Person) -> None:
    jane.page.keyboard.press("Tab")
    assert jane.page.evaluate("document.activeElement.className") == "skip"
    jane.page.keyboard.press("Enter")
    assert jane.page.evaluate("document.activeElement.id") == "main"
    for words in ("Held", held_file(house)):
        for _ in range(60):
            if jane.page.evaluate("document.activeElement.textContent.trim()") == words:
                break
            jane.page.keyboard.press("Tab")
        outline = jane.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"  # One sees where one is.
        with jane.page.expect_navigation():
            jane.page.keyboard.press("Enter")
    assert f"{held_file(house)} waits" in jane.page.locator(".lead").inner_text()


def test_what_is_printed_is_the_page_and_not_what_surrounds_it(house: House, jane: Person) -> None:
    jane.page.goto(f"{house.origin}/work/report/review?from_=2026-09-01&to=2026-12-18")
    jane.page.emulate_media(media="print", color_scheme="dark")
    assert not jane.page.locator("nav").is_visible()
    assert jane.page.locator("table").first.is_visible()
    ground = jane.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    jane.page.emulate_media(media="screen", color_scheme="light")


def test_forms_and_pages_need_no_script(house: House, jane: Person) -> None:
    context = house.driven.browser.new_context(java_script_enabled=False)
    context.add_cookies(jane.context.cookies())
    page, reference = context.new_page(), accepted_file(house)
    page.goto(f"{house.origin}/mailboxes/central-data-team/{reference}")
    page.get_by_role("button", name="Mark as dealt with").click()
    assert "Marked as dealt with" in page.locator(".banner").inner_text()
    page.goto(f"{house.origin}/mailboxes/central-data-team/{reference}?removed=yes")
    page.get_by_role("button", name="Put back").click()
    assert reference in page.locator("tbody").inner_text()
    context.close()


# What is tried against it; more of that in test_pages.py and test_console_api*.py.


def test_what_a_school_names_its_files_is_text_and_no_markup(house: House, jane: Person) -> None:
    jane.page.goto(f"{house.origin}/held/{held_file(house)}")
    assert jane.page.title() != "owned"
    assert jane.page.locator("main img").count() == 0
    shown = jane.page.locator("dl.summary code").inner_text()
    assert shown.startswith("_img src")
    assert SCRIPT_NAME not in jane.page.content()


def test_what_people_say_is_text_and_no_markup(house: House, jane: Person) -> None:
    reference = house.sent("odd.pgp", b"odd\n" * 20)
    house.site.gateway("providers", "set", "oak", "--name", "<b>Oak</b> & Sons")
    jane.page.goto(f"{house.origin}/held/{reference}")
    _choose(jane, "Refuse it for good")
    jane.page.get_by_label("Why", exact=True).last.fill("<script>document.title='owned'</script>")
    jane.button("Refuse for good")
    assert "&lt;script" not in jane.page.locator("main").inner_text()
    jane.button("Confirm")
    jane.page.wait_for_selector(".panel, .banner")
    jane.page.goto(f"{house.origin}/held")
    assert "<b>Oak</b> & Sons" in jane.page.locator("tbody").inner_text()
    assert jane.page.locator("tbody b").count() == 0
    assert not [told for told in jane.problems if "Content Security Policy" in told]


@pytest.mark.parametrize("tag", ["a", "code", "strong"])
def test_names_from_right_to_left_stand_in_the_order_of_the_page(jane: Person, tag: str) -> None:
    names = [f"<{tag}>\u05d0\u05dc\u05d5\u05df</{tag}>", f"<{tag}>\u05d0\u05e8\u05d6</{tag}>"]
    placed = jane.page.evaluate(
        """([names, tag]) => {
            document.querySelector("main").innerHTML = "<p>" + names.join(" (2), ") + "</p>";
            return [...document.querySelectorAll("main " + tag)].map(one => one.getBoundingClientRect().x);
        }""",
        [names, tag],
    )
    assert placed == sorted(placed)


def test_no_page_can_be_framed(house: House, jane: Person) -> None:
    page = jane.context.new_page()
    page.set_content(f'<iframe src="{house.origin}/held"></iframe>')
    (framed,) = page.frames[1:]
    framed.wait_for_url("chrome-error:**")  # The browser's own page, which says that it is refused.
    assert "Held" not in framed.content()
    page.close()


def test_nothing_was_asked_from_elsewhere_and_nothing_was_complained_of(house: House, jane: Person) -> None:
    told = [one for person in house.people.values() for one in person.problems]
    assert [one for one in told if "Failed to load resource" not in one and "favicon" not in one] == []


def test_a_lost_passkey_is_revoked_at_once(house: House) -> None:
    sam = house.enters("sam")
    listed = house.site.json("keys", "list", "sam", "--staff")
    for key in (one for one in listed if one["kind"] == "passkey"):
        house.site.gateway("keys", "revoke", "sam", key["fingerprint"], "--staff", "--why", "lost")
    sam.page.goto(f"{house.origin}/")
    assert sam.heading() == "Log in"
    sam.button("Log in with a passkey")
    sam.page.wait_for_selector(".error-summary")
    assert "not accepted" in sam.page.locator(".error-summary").inner_text()


def test_an_administrator_enrols_schools_and_confirms_their_keys(house: House, tmp_path: Path) -> None:
    """The last but one: from here on, roles are in force for the commands, too."""
    house.site.staff("mary", "central-data-team")
    mary, site = house.enters("mary"), house.site
    site.gateway("roles", "grant", "mary", "administrator", "--account", real_account(), "--why", "test")
    mary.page.set_viewport_size(NARROW)
    mary.page.goto(f"{house.origin}/schools")
    mary.link("Enrol many, from a list")
    assert mary.faults_at_each_width() == []
    listed = tmp_path / "schools.csv"
    listed.write_text("id,name,kind,dfe_number\nhazel,Hazel School,school,9994321\n")
    mary.page.get_by_label("A CSV file").set_input_files(listed)
    mary.page.get_by_label("Only say what would be done").check()
    mary.button("Continue")
    assert "Would be: 1 new" in mary.page.locator("main").inner_text()
    assert mary.faults_at_each_width() == []
    mary.button("Put all of it on record")
    mary.button("Confirm")
    mary.page.wait_for_function("document.querySelector('main').innerText.includes('Done: 1 new')")
    mary.page.goto(f"{house.origin}/schools/hazel")
    mary.page.locator("summary", has_text="Add a key").click()
    made = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    mary.page.get_by_label("Its SSH public key").fill(made)
    mary.button("Add the key")
    mary.button("Confirm")
    mary.page.wait_for_selector(".panel, .banner")
    mary.page.goto(f"{house.origin}/schools/hazel")
    assert mary.faults_at_each_width() == []
    mary.page.get_by_role("link", name="A key waits for the telephone call").click()
    mary.page.get_by_label("What was read out").fill("0123 4567 89ab cdef 0123")
    mary.button("Confirm what was read out")
    assert "does not match" in mary.page.locator(".error-summary").inner_text()
    assert mary.faults_at_each_width() == []
    read_out = asyncssh.import_public_key(made).get_fingerprint()
    mary.page.get_by_label("The six words, or the fingerprints").fill(read_out)
    mary.button("Continue")
    mary.button("Confirm")
    mary.page.wait_for_selector(".panel, .banner")
    served = site.home / "published" / "providers" / "hazel" / "authorized_keys"
    until(lambda: served.exists() and made.split()[1] in served.read_text(), "the key where intake reads it")


def test_every_act_that_is_told_of_was_done_here(house: House) -> None:
    assert sorted(ACTS["test_console.py"] - house.seen.acts) == []


def test_the_registry_fits_the_log_after_all_of_this(house: House) -> None:
    assert "everything fits" in house.site.gateway("log", "verify")
