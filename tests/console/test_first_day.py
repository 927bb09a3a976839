"""The first day of a colleague in a real browser: the first steps, and the way to a release, in Welsh."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from tests.console.acts import ACTS
from tests.console.conftest import House, Person
from tests.content import core_data

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240)]


def first_steps(person: Person) -> Locator:
    return person.page.get_by_role("region", name="Your first steps")


def test_the_first_steps_are_shown_until_their_person_has_read_them(house: House) -> None:
    sam, jane = house.enters("sam"), house.enters("jane")
    assert first_steps(sam).locator("li").count() == first_steps(jane).locator("li").count() == 4
    assert sam.faults_at_each_width() == []
    for person in (sam, jane):
        for address in first_steps(person).locator("a").evaluate_all("links => links.map(one => one.href)"):
            assert person.page.request.get(address).ok, address
    assert first_steps(jane).get_by_role("link", name="Held").count() == 1
    sam.button("Do not show this again")
    assert "on your own page" in sam.page.locator(".banner").inner_text()
    sam.link("Today")
    assert sam.heading() == "Today"
    assert first_steps(sam).count() == 0
    sam.link("sam")
    sam.page.locator("summary", has_text="Your first steps").click()
    assert sam.page.locator("details[open] li").count() == 4
    jane.link("Today")
    assert first_steps(jane).count() == 1
    assert ACTS["test_first_day.py"] <= house.seen.acts
    assert "everything fits" in house.site.gateway("log", "verify")


def test_the_first_steps_need_no_script(house: House) -> None:
    kim = house.enters("kim")
    context = house.driven.browser.new_context(java_script_enabled=False)
    context.add_cookies(kim.context.cookies())  # type: ignore[arg-type] # as browsers give them
    page = context.new_page()
    page.goto(f"{house.origin}/")
    page.get_by_role("button", name="Do not show this again").click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == "Today"
    assert page.get_by_text("Your first steps").count() == 0
    context.close()


def test_an_officer_goes_from_today_to_the_release_of_a_file_in_welsh(house: House) -> None:
    elm = house.site.provider("elm", ratified=False)
    reference = house.sent("core.xml.pgp", core_data(9), party=elm)
    jane = house.enters("jane")
    jane.link("Cymraeg")
    assert in_welsh(jane) == "Heddiw"
    assert "yn aros am" in jane.page.locator(".numbers").inner_text()
    faults = jane.faults_at_each_width()
    jane.link("Wedi'u dal")
    assert in_welsh(jane) == "Wedi'u dal"
    assert "Nid yw'r anfonwr wedi cadarnhau cytundeb eleni" in jane.page.locator("tbody").inner_text()
    faults += jane.faults_at_each_width()
    jane.link(reference)
    assert "yn aros: " in in_welsh_text(jane)
    jane.page.locator("summary", has_text="Ei rhyddhau").click()
    jane.page.get_by_label("Ei chynnig i ail berson").check()
    jane.page.get_by_label("Pam", exact=True).first.fill("Ffoniodd y Pennaeth.")
    faults += jane.faults_at_each_width()
    jane.button("Rhyddhau")
    assert in_welsh(jane) == "Cadarnhewch â'ch goriad"
    assert "Ail berson sy'n penderfynu." in in_welsh_text(jane)
    faults += jane.faults_at_each_width()
    jane.button("Cadarnhau")
    jane.page.wait_for_selector(".banner")
    assert f"Mae {reference} yn aros am ail berson" in in_welsh_text(jane)
    assert faults == []
    assert jane.problems == []
    jane.link("English")
    assert jane.page.locator("html").get_attribute("lang") == "en"


def in_welsh(person: Person) -> str:
    """The heading of a page, whose language a screen reader is told."""
    assert person.page.locator("html").get_attribute("lang") == "cy"
    return person.heading()


def in_welsh_text(person: Person) -> str:
    in_welsh(person)
    return person.page.locator("main").inner_text()
