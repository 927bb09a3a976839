"""An officer works in Welsh, in a real browser, from the first page to the release of a file."""

from __future__ import annotations

import pytest

from tests.console.conftest import House, Person
from tests.content import core_data

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240)]


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
