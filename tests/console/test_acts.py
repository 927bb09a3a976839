"""What administrators and data protection do in a real browser, each act to its end."""

from __future__ import annotations

import random
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Route

from gateway.cli.identity import real_account
from gateway.home import Home
from gateway.samples import make, school
from tests.apart import apart
from tests.console.acts import ACTS
from tests.console.conftest import House, Person
from tests.content import core_data
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Person]:
    """Dora protects data, mary and max are administrators. From here on, roles are in force for commands."""
    for name in ("dora", "mary", "max"):
        house.site.staff(name, "central-data-team")
    found = {name: house.enters(name) for name in ("dora", "mary", "max", "jane", "kim")}
    house.site.gateway("roles", "grant", "dora", "data-protection", "--why", "test")
    account = real_account()
    house.site.gateway("roles", "grant", "mary", "administrator", "--account", account, "--why", "test")
    house.site.gateway("roles", "grant", "max", "administrator", "--why", "test")
    apart(Home(house.site.home), *found)
    return found


def confirmed(person: Person) -> str:
    """Confirm with the passkey; what is said then."""
    person.button("Confirm")
    person.page.wait_for_selector(".panel, .banner, .error-summary")
    return person.page.locator("main").inner_text()


def unfolded(person: Person, words: str) -> None:
    person.page.locator("summary", has_text=words).first.click()


def test_a_recall_is_ended_by_a_second_person(house: House, people: dict[str, Person]) -> None:
    jane, kim = people["jane"], people["kim"]
    for number, (button, kind) in enumerate(
        (("Give it back to its teams", "redelivered"), ("Withdraw it for good", "withdrawn"))
    ):
        reference = house.sent(f"recalled{number}.xml.pgp", core_data(40 + number))
        jane.page.goto(f"{house.origin}/mailboxes/central-data-team/{reference}")
        unfolded(jane, "This should not have come")
        jane.page.get_by_label("Why should it be recalled?").fill("It may be another school's.")
        jane.button("Take it out of every mailbox")
        confirmed(jane)
        kim.page.goto(f"{house.origin}/held/{reference}")
        kim.page.get_by_label("Why", exact=True).fill("I looked at it, too.")
        kim.button(button)
        confirmed(kim)
        told = [(one["kind"], one["by"]) for one in house.site.json("transfers", "show", reference)["events"]]
        assert (kind, "kim") in told, told


def test_a_delivery_that_is_proposed_for_a_recalled_file_is_said_no_to(
    house: House, people: dict[str, Person]
) -> None:
    jane, kim = people["jane"], people["kim"]
    reference = house.sent("proposed.xml.pgp", core_data(49))
    house.site.gateway("transfers", "withdraw", reference, "--why", "It may be another school's.")
    page = f"{house.origin}/held/{reference}"
    kim.page.goto(page)
    kim.page.get_by_label("Why", exact=True).fill("They rang.")
    unfolded(kim, "Give it to other teams")
    kim.page.get_by_label("Exclusions").check()
    kim.page.locator("#recalled-override").check()
    kim.button("Give it back to its teams")
    confirmed(kim)
    jane.page.goto(page)
    assert "kim proposes to give it to Exclusions" in jane.page.locator("main").inner_text()
    jane.page.get_by_label("Why", exact=True).fill("They did not.")
    jane.button("Say no")
    confirmed(jane)
    jane.page.goto(page)
    assert "proposes" not in jane.page.locator("main").inner_text()
    told = [(one["kind"], one["by"]) for one in house.site.json("transfers", "show", reference)["events"]]
    assert told[-1] == ("redelivery-declined", "jane"), told


def test_a_school_is_enrolled_changed_closed_and_opened_again(
    house: House, people: dict[str, Person]
) -> None:
    mary = people["mary"]
    mary.page.goto(f"{house.origin}/schools")
    mary.page.get_by_role("link", name="Enrol a school").click()
    assert mary.faults_at_each_width() == []
    mary.page.get_by_label("Short name").fill("rowan")
    mary.page.get_by_label("Name of the provider").fill("Rowan School")
    mary.page.get_by_label("Maintained school").check()
    mary.button("Continue")
    confirmed(mary)
    for unfold, fields, button in (
        ("Set a contact", {"Whom to ask for": "data manager", "E-mail address": "a@b.invalid"}, "Set the"),
        ("Record a ratification", {"Who signed": "The Head"}, "Record the ratification"),
        ("Convert it", {"Why": "It is an academy now."}, "Convert it"),
        ("Close it", {"Why": "It closed."}, "Close it"),
        ("Open it again", {"Why": "It did not."}, "Open it again"),
    ):
        mary.page.goto(f"{house.origin}/schools/rowan")
        unfolded(mary, unfold)
        form = mary.page.locator("details", has_text=unfold).first
        for label, value in fields.items():
            form.get_by_label(re.compile(f"^{label}")).first.fill(value)
        form.get_by_role("button", name=re.compile(f"^{button}")).click()
        confirmed(mary)
    shown = house.site.json("providers", "show", "rowan")
    assert (shown["kind"], shown["closed_on"]) == ("academy", None), shown
    mary.page.goto(f"{house.origin}/schools/rowan")
    told = mary.page.locator("main").text_content() or ""
    assert "a@b.invalid" in told
    assert "The Head" in told


def test_a_breach_and_a_subject_access_request_are_answered(house: House, people: dict[str, Person]) -> None:
    dora = people["dora"]
    dora.page.goto(f"{house.origin}/work/breach/record")
    aware = datetime.now(ZoneInfo("Europe/London")) - timedelta(hours=1)
    dora.page.get_by_label("When you became aware").fill(f"{aware:%Y-%m-%dT%H:%M}")
    dora.page.get_by_label("Files concerned").fill(house.site.transfers()[0]["reference"])
    dora.page.get_by_label("What happened").fill("It went to the wrong team.")
    dora.button("Continue")
    assert dora.faults_at_each_width() == []
    assert "Personal data breach 1" in confirmed(dora)
    dora.page.goto(f"{house.origin}/work/breach/list")
    dora.page.get_by_role("link", name="1", exact=True).click()
    assert dora.faults_at_each_width() == []
    dora.page.goto(f"{house.origin}/work/pupils/report")
    assert dora.faults_at_each_width() == []
    dora.page.get_by_label("Surname, for").fill("Nobody")
    dora.page.get_by_label("First forename").fill("Nemo")
    dora.page.get_by_label("Date of birth").fill("2015-01-02")
    dora.page.get_by_label("Why: for the record").fill("Request 7.")
    dora.button("Continue")
    assert dora.faults_at_each_width() == []
    dora.button("Confirm")
    dora.page.wait_for_function("document.querySelector('h1').textContent != 'Confirm with your passkey'")
    assert dora.faults_at_each_width() == []
    assert "Nemo" not in dora.page.url
    assert house.site.json("breach", "list")[0]["by"] == "dora"


def test_a_task_without_a_page_of_its_own_is_done(house: House, people: dict[str, Person]) -> None:
    mary = people["mary"]
    mary.page.goto(f"{house.origin}/work")
    assert mary.faults_at_each_width() == []
    mary.page.get_by_role("link", name="Say whether a provider owes a flow").click()
    assert mary.faults_at_each_width() == []
    mary.page.get_by_label("The provider, by its short name").fill("oak")
    mary.page.get_by_label("The kind of data").fill("ks1")
    mary.page.get_by_label("Whether it is expected").select_option("no")
    mary.page.get_by_label("Why: for the record").fill("It is a junior school.")
    mary.button("Continue")
    assert "is not expected" in confirmed(mary)
    said = house.site.json("flows", "exceptions")
    assert [(one["provider"], one["data_type"], one["by"]) for one in said] == [("oak", "ks1", "mary")]
    mary.page.goto(f"{house.origin}/work/flows/exceptions")
    assert "It is a junior school." in mary.page.locator("table").inner_text()
    assert mary.faults_at_each_width() == []
    with mary.page.expect_download() as given:
        mary.button("CSV file")
    assert "It is a junior school." in Path(given.value.path()).read_text("utf-8")
    mary.page.get_by_label("Reference, school, file name or kind of data").fill("CORE.xml")
    mary.button("Find a file")
    assert mary.page.locator("tbody tr").count() == 1
    assert "core" not in mary.page.url
    mary.button("Arrived")
    assert mary.faults_at_each_width() == []


def test_a_legal_hold_is_placed_and_lifted(house: House, people: dict[str, Person]) -> None:
    dora = people["dora"]
    for verb, why, said in (
        ("place", "A court asks.", "nothing of it is deleted"),
        ("lift", "Over.", "is lifted"),
    ):
        dora.page.goto(f"{house.origin}/work/legal-holds/{verb}")
        assert dora.faults_at_each_width() == []
        dora.page.get_by_label("All that this provider sent").fill("oak")
        dora.page.get_by_label("Why: for the record").fill(why)
        dora.button("Continue")
        assert said in confirmed(dora)
    assert house.site.json("legal-holds", "list") == []


def test_policies_are_approved_by_a_second_person_and_taken_back(
    house: House, people: dict[str, Person], tmp_path: Path
) -> None:
    def propose(connections: int) -> None:
        folder = tmp_path / str(connections)
        shutil.copytree(house.site.home / "policies", folder)
        limits = folder / "limits.toml"
        told = re.sub(r"(?m)^connections = \d+", f"connections = {connections}", limits.read_text(), count=1)
        limits.write_text(told)
        house.site.gateway("policy", "propose", str(folder), "--why", "more room")

    max_, mary = people["max"], people["mary"]
    propose(71)
    max_.page.goto(f"{house.origin}/agreement/policies")
    assert "Proposed by mary" in max_.page.locator("main").inner_text()
    max_.page.get_by_label("Why it is taken back").fill("Too many.")
    max_.button("Take it back")
    assert "withdrawn" in confirmed(max_)
    mary.page.goto(f"{house.origin}/agreement")
    mary.link("Edit the policies, and propose them")
    mary.page.get_by_label("The file to edit").select_option("limits.toml")
    mary.button("Open")
    typed = mary.page.locator("#content")
    typed.fill(typed.input_value().replace("login_attempts = 6", "login_attempts = 5"))
    mary.button("Show what it changes")
    assert mary.faults_at_each_width() == []
    mary.page.get_by_label("Why it is changed").fill("Fewer guesses.")
    mary.button("Propose")
    assert "are proposed" in confirmed(mary)
    digest = house.site.json("policy", "status")["proposed"]
    until(Home(house.site.home).version(digest).is_dir, "the processor keeps what is proposed")
    max_.page.goto(f"{house.origin}/agreement/policies")
    assert "login_attempts" in max_.page.locator("main").inner_text()
    assert max_.faults_at_each_width() == []
    max_.button("Approve")
    assert "are approved" in confirmed(max_)
    mary.page.goto(f"{house.origin}/agreement/policies")
    assert "Somebody else" not in mary.page.locator("main").inner_text()


def test_somebody_logs_out_and_in_and_ends_other_sessions(house: House, people: dict[str, Person]) -> None:
    kim = people["kim"]
    kim.page.goto(f"{house.origin}/me")
    kim.button("End the other sessions")
    assert "ended" in kim.page.locator(".banner").inner_text()
    kim.button("Log out")
    assert kim.heading() == "Log in"
    kim.button("Log in with a passkey")
    kim.page.wait_for_url(f"{house.origin}/")
    assert kim.heading() == "Today"


def test_a_passkey_is_asked_for_even_if_the_button_is_pressed_before_the_script_came(house: House) -> None:
    kim = house.enters("kim")
    kim.page.goto(f"{house.origin}/me")

    def late(route: Route) -> None:
        kim.page.wait_for_timeout(1000)
        route.continue_()

    kim.page.route("**/passkey.js", late)
    kim.button("Log out")
    kim.button("Log in with a passkey")
    kim.page.wait_for_url(f"{house.origin}/")
    kim.page.unroute("**/passkey.js")
    assert kim.heading() == "Today"


def test_what_a_school_writes_into_its_headings_is_text_and_no_markup(
    house: House, people: dict[str, Person]
) -> None:
    markup, dora, rng = (
        "Safeguarding concern <img src=x onerror=document.title='owned'>",
        people["dora"],
        random.Random(5),
    )
    content = make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=2)
    heading, *rows = content.decode().splitlines()
    more = [f"{heading},{markup}", *(f"{row},blue" for row in rows if row)]
    reference = house.sent("lockers.csv.pgp", "\r\n".join(more).encode())
    dora.page.goto(f"{house.origin}/held/{reference}")
    assert markup in dora.page.locator("main table").first.inner_text()
    assert dora.page.locator("main img").count() == 0
    assert dora.page.title() != "owned"
    assert dora.faults_at_each_width() == []


def test_a_key_is_retired_and_revoked_from_the_page_of_its_school(
    house: House, people: dict[str, Person]
) -> None:
    mary = people["mary"]
    first, second = house.site.json("keys", "list", "oak")[:2]
    for key, words in ((first, "Retire it"), (second, "Revoke it")):
        mary.page.goto(f"{house.origin}/schools/oak")
        mary.page.locator("summary", has_text="Retire or revoke a key").click()
        mary.page.get_by_label("Its fingerprint").fill(key["fingerprint"])
        mary.page.locator("#key-why").fill("A laptop is lost.")
        mary.button(words)
        assert key["fingerprint"] in confirmed(mary)
    states = {one["fingerprint"]: one["state"] for one in house.site.json("keys", "list", "oak")}
    assert states[first["fingerprint"]] == "retired"
    assert states[second["fingerprint"]] in {"pending", "revoked"}
    # The console may not write what intake reads: the processor follows.
    until(lambda: house.site.result("log", "verify").exit_code == 0, "intake to be told of the keys")


def test_every_act_that_is_told_of_was_done_here(house: House) -> None:
    """Runs last."""
    assert sorted(ACTS["test_acts.py"] - house.seen.acts) == []
    assert "everything fits" in house.site.gateway("log", "verify")
