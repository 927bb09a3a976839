"""Every form of the console is sent by some test in a browser, and every page is looked at by axe."""

from __future__ import annotations

from tests.console.acts import ACTS, AXE, ELSEWHERE, buttons, routes, tasks


def test_every_form_and_every_button_is_of_some_browser_test() -> None:
    done = {act for acts in ACTS.values() for act in acts}
    assert {path for path, _ in done} == {one.path for one in routes("POST")} | tasks()
    assert {what for _, what in done if what} == buttons()


def test_every_page_is_looked_at_by_axe() -> None:
    assert {path for paths in AXE.values() for path in paths} == {
        one.path for one in routes("GET")
    } - ELSEWHERE
