"""Rights that are edited on the disk, behind the back of approval and log, are used by no process."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from gateway.classify import load_rules
from gateway.cli.doctor import examine
from gateway.errors import ConfigurationError
from gateway.home import policy_digest
from gateway.home.settings import load_key_policy, load_limits
from gateway.mailboxes.server import open_resources
from gateway.policy.catalogue import load_catalogue
from gateway.reports.retention import load_retention
from tests.workshop import Desk

READERS: dict[str, Callable[[Desk], object]] = {
    "catalogue": lambda desk: load_catalogue(desk.home.policies_in_force),
    "limits": lambda desk: load_limits(desk.home),
    "keys": lambda desk: load_key_policy(desk.home),
    "retention": lambda desk: load_retention(desk.home),
    "rules": lambda desk: load_rules(desk.home.policies_in_force),
}


@pytest.fixture
def edited(desk: Desk) -> Desk:
    """Every team may have what one team may, by an edit in what is in force."""
    desk.process()
    rights = desk.home.policies_in_force / "rights.toml"
    rights.write_text(rights.read_text().replace('team = "admissions-and-entitlements"', 'team = "sen"'))
    return desk


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_read_of_a_version_that_was_changed(edited: Desk, reader: str) -> None:
    with pytest.raises(ConfigurationError, match="was changed on the disk"):
        READERS[reader](edited)


def test_mailboxes_and_console_do_not_start_on_it_and_doctor_says_so(edited: Desk) -> None:
    with (
        pytest.raises(ConfigurationError, match="was changed on the disk"),
        open_resources(edited.home, edited.clock),
    ):
        pass
    (told,) = [one for one in examine(edited.home, edited.now) if "changed on the disk" in one.what]
    assert told.severity == "fault"
    assert "backup" in told.mend
    assert "edit the file" not in told.mend


def test_a_version_that_never_came_into_force_is_not_used_either(desk: Desk) -> None:
    """It lies under its own digest, and `current` names it: only the log knows better."""
    desk.process()
    forged = desk.home.versions / "forged"
    shutil.copytree(desk.home.policies_in_force, forged)
    rights = forged / "rights.toml"
    rights.write_text(rights.read_text() + "\n# everybody may have everything\n")
    forged = forged.rename(desk.home.version(policy_digest(forged)))
    (desk.home.versions / "current").write_text(f"{forged.name}\n")
    assert load_catalogue(desk.home.policies_in_force)
    with (
        pytest.raises(ConfigurationError, match="never came into force"),
        open_resources(desk.home, desk.clock),
    ):
        pass
    assert [one for one in examine(desk.home, desk.now) if "names other policies" in one.what]
    desk.process()
    assert desk.home.policies_in_force != forged


def test_nor_is_a_draft_once_any_came_into_force(desk: Desk) -> None:
    desk.process()
    (desk.home.versions / "current").unlink()
    with (
        pytest.raises(ConfigurationError, match="never came into force"),
        open_resources(desk.home, desk.clock),
    ):
        pass
