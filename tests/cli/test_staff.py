"""Staff change teams, leave and come back; their keys and what was said of them stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry import keys, log, logins
from gateway.registry.database import Registry
from tests.commands import Commands
from tests.workshop import login_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("site"))


@contextmanager
def registry_of(site: Commands) -> Iterator[Registry]:
    place = Home(site.home)
    with closing(Registry(load_settings(place).database_url(place))) as registry:
        yield registry


def states(site: Commands, name: str) -> list[str]:
    return [key["state"] for key in site.json("staff", "show", name)["keys"]]


def test_keys_are_kept_when_teams_change(site: Commands) -> None:
    site.staff("jane", "sen")
    before = site.json("keys", "list", "jane", "--staff")
    site.gateway("staff", "set", "jane", "--team", "central-data-team", "--why", "moved in September")
    (jane,) = [one for one in site.json("staff", "list") if one["name"] == "jane"]
    assert jane["teams"] == ["central-data-team"]
    assert site.json("keys", "list", "jane", "--staff") == before
    assert site.json("staff", "show", "jane")["history"][-1]["why"] == "moved in September"
    assert "just these teams already" in site.refused("staff", "set", "jane", "--team", "central-data-team")
    assert "there is no team x" in site.refused("staff", "set", "jane", "--team", "x")
    assert "no member of staff nobody" in site.refused("staff", "set", "nobody", "--team", "sen")
    assert "everything fits" in site.gateway("log", "verify")


def test_who_left_may_come_back_with_the_same_key_and_both_are_on_record(site: Commands) -> None:
    party = site.staff("sam", "sen")
    site.gateway("staff", "remove", "sam", "--why", "left the authority")
    assert states(site, "sam") == ["retired"]
    assert "no member of staff sam" in site.refused(
        "keys", "restore", "sam", login_of(party), "--staff", "--why", "x"
    )
    site.gateway("staff", "add", "sam", "--team", "sen", "--ssh-key", str(party.ssh_public), "--why", "back")
    assert states(site, "sam") == ["active"]
    with registry_of(site) as registry, registry.read() as session:
        kinds = [event.kind for event in log.events(session, login_of(party))]
    assert kinds == ["key-added", "key-restored"]
    assert [each["why"] for each in site.json("staff", "show", "sam")["history"]] == [
        "",
        "left the authority",
        "back",
    ]
    site.gateway("keys", "revoke", "sam", login_of(party), "--staff", "--why", "stolen")
    site.gateway("staff", "remove", "sam")
    again = ("staff", "add", "sam", "--team", "sen", "--ssh-key", str(party.ssh_public))
    assert "already enrolled" in site.refused(*again)


@pytest.mark.parametrize(
    ("name", "why", "said"),
    [("max", ("--why", "left the authority"), "left the authority"), ("pat", (), "removed from staff")],
)
def test_a_key_of_who_was_removed_tells_why(
    site: Commands, name: str, why: tuple[str, ...], said: str
) -> None:
    site.staff(name, "sen")
    site.gateway("staff", "remove", name, *why)
    with registry_of(site) as registry, registry.read() as session:
        assert [key.why for key in keys.list_keys(session, "staff", name)] == [said]


def test_a_link_to_the_console_is_one_persons_and_ends_with_them(site: Commands) -> None:
    site.staff("kim", "sen")
    link = site.gateway("staff", "invite", "kim").strip()
    assert re.fullmatch(r"http://localhost:2224/invitation#[\w-]{43}", link)
    assert link != site.gateway("staff", "invite", "kim").strip()
    assert "no member of staff nobody" in site.refused("staff", "invite", "nobody")
    assert "0 sessions of kim ended" in site.gateway("staff", "log-out", "kim")
    site.gateway("staff", "remove", "kim")
    assert "staff-invited" in [each["kind"] for each in site.json("staff", "show", "kim")["history"]]
    assert "no member of staff kim" in site.refused("staff", "invite", "kim")
    assert "everything fits" in site.gateway("log", "verify")


def test_no_way_in_of_who_left_serves_a_later_person_of_the_name(site: Commands) -> None:
    site.staff("lou", "sen")
    with registry_of(site) as registry, registry.write() as session:
        logins.bind_openid(session, "lou", "https://accounts.example", "17", by="ann", at=datetime.now(UTC))
        (key, *_) = keys.list_keys(session, "staff", "lou")
        keys.note_each(session, "staff", [("lou", key.fingerprint, datetime.now(UTC))])
    site.gateway("staff", "remove", "lou")
    assert set(states(site, "lou")) == {"retired"}
    site.gateway("staff", "add", "lou", "--team", "sen")
    with registry_of(site) as registry, registry.read() as session:
        assert logins.find_openid(session, "https://accounts.example", "17", datetime.now(UTC)) is None
    (lou,) = [one for one in site.json("staff", "list") if one["name"] == "lou"]
    assert lou["last_login"] is None
