"""Every form of the console is sent by some test in a browser; test_looks.py looks at every page."""

from __future__ import annotations

from tests.console.acts import ACTS, buttons, routes, tasks


def test_every_form_and_every_button_is_of_some_browser_test() -> None:
    done = {act for acts in ACTS.values() for act in acts}
    assert {path for path, _ in done} == {one.path for one in routes("POST")} | tasks()
    assert {what for _, what in done if what} == buttons()
