"""One-time links and passkeys, as a person meets them in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.console.conftest import House

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium"), pytest.mark.timeout(240)]

FAILS = "() => {{ navigator.credentials.create = async () => {{ throw new DOMException('', '{name}'); }}; }}"

WAITS = """() => {
    window.begun = [];
    navigator.credentials.get = () => new Promise((_, failed) => window.begun.push(failed));
}"""


def test_a_second_click_does_not_end_what_the_first_has_begun(house: House) -> None:
    page = house.opens_browser("anybody").page
    page.goto(f"{house.origin}/login")
    page.evaluate(WAITS)
    button = page.get_by_role("button", name="Log in with a passkey")
    button.dblclick()
    assert page.evaluate("window.begun.length") == 1
    page.evaluate("window.begun[0](new DOMException('', 'NotAllowedError'))")
    page.locator("[data-passkey-problem]", has_text="cancelled").wait_for()
    expect(button).to_be_focused()


def test_a_second_link_in_the_same_tab_is_the_one_that_counts(house: House) -> None:
    house.site.staff("lin", "early-years")
    lin = house.opens_browser("lin")
    first, second = (house.site.gateway("staff", "invite", "lin").strip() for _ in range(2))
    lin.page.goto(first)
    lin.page.goto(second)
    assert lin.page.locator("input[name=code]").input_value() == second.partition("#")[2]
    lin.button("Continue")
    lin.button("Make a passkey")
    lin.page.wait_for_url(f"{house.origin}/")
    assert lin.heading() == "Today"


def test_a_cancelled_passkey_is_told_apart_from_a_device_that_has_none(house: House) -> None:
    house.site.staff("ana", "early-years")
    told = {}
    for name in ("NotAllowedError", "NotSupportedError", "InvalidStateError"):
        ana = house.opens_browser("ana")
        ana.page.goto(house.site.gateway("staff", "invite", "ana").strip())
        ana.button("Continue")
        ana.page.evaluate(FAILS.format(name=name))
        ana.button("Make a passkey")
        ana.page.wait_for_selector("[data-passkey-problem]:not([hidden])")
        told[name] = ana.page.locator("[data-passkey-problem]").inner_text()
    assert "cancelled" in told["NotAllowedError"]
    assert "has no passkeys" in told["NotSupportedError"]
    assert "already" in told["InvalidStateError"]
