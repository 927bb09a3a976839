"""What a person needs to see is shown by the command that they use for it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.console import out
from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.openpgp.certificates import grouped
from gateway.ssh.server import host_key, make_host_key, next_file
from tests.commands import Commands


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("desk"))


def test_enrolling_shows_what_to_read_out_by_telephone(desk: Commands, tmp_path: Path) -> None:
    party = Party("elm", tmp_path)
    said = desk.gateway(
        "providers", "add", "elm", "--name", "Elm", "--kind", "school",
        "--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate),
    )  # fmt: skip
    keys = desk.json("keys", "list", "elm")
    assert len(keys) == 2
    for key in keys:
        shown = key["fingerprint"] if key["kind"] == "ssh" else grouped(key["fingerprint"])
        assert shown in said
    assert "let them read the fingerprint to you" in said
    assert "gateway keys confirm elm FPR" in said
    said = desk.gateway("providers", "add", "ash", "--name", "Ash", "--kind", "school")
    assert "fingerprint" not in said


def test_a_host_key_that_clients_do_not_know_yet_is_not_put_in_use(desk: Commands) -> None:
    secret = Home(desk.home).spool.host / "ssh_host_ed25519_key"
    secret.parent.mkdir(exist_ok=True)
    make_host_key(secret)
    first = host_key(secret).get_fingerprint()
    assert "no host key is announced" in desk.refused("keys", "host", "switch")
    desk.gateway("keys", "host", "announce")
    assert "clients that have not logged in since" in desk.refused("keys", "host", "switch")
    assert host_key(secret).get_fingerprint() == first
    long_ago = (datetime.now(UTC) - timedelta(days=15)).timestamp()
    os.utime(next_file(secret), (long_ago, long_ago))
    desk.gateway("keys", "host", "switch")
    second = host_key(secret).get_fingerprint()
    assert second != first
    desk.gateway("keys", "host", "announce")
    desk.gateway("keys", "host", "switch", "--yes")
    assert host_key(secret).get_fingerprint() not in {first, second}


def test_a_line_number_and_brackets_are_printed_as_they_are() -> None:
    with out.capture() as printed:
        out.print("reasons.toml:100: items[b] is no list", soft_wrap=True)
    assert printed.get() == "reasons.toml:100: items[b] is no list\n"
