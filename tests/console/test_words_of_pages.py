"""Sentences with command lines in them are told on pages with the titles of tasks."""

from __future__ import annotations

import pytest

from gateway.mailboxes.console_api.carrying_out import for_pages

CONFIRM = "“Put new keys in force”"


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("waits: gateway keys confirm oak FPR --staff, once read", f"waits: {CONFIRM}, once read"),
        ("run `gateway keys confirm`. Then wait", f"run {CONFIRM}. Then wait"),
        (
            "a second person: gateway held confirm 261124-oak-7K2MX --why …",
            "a second person: “Confirm, as a second person, a release against the agreement”",
        ),
        ("run gateway policy propose DIR again", "run “policy propose” on the machine itself again"),
        ("This gateway does not open it.", "This gateway does not open it."),
        ("gateway staff add, or give --account", "“Enrol a person who collects files”, or give --account"),
    ],
)  # fmt: skip
def test_a_command_line_becomes_a_task(sentence: str, told: str) -> None:
    assert for_pages(sentence) == told
