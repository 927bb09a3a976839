"""A newcomer with a clean Debian 13 follows docs/operations.md, word by word, to running services.

`make install-check`; left out of `make test`, since it fetches a Debian and takes some minutes. Every command
of the page is typed as it is written there, and a real systemd does what it says.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.production.follow import HOME, PAGE, SERVICES, Newcomer, under
from tests.production.guide import REPOSITORY, commands
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1200),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "pgrep", "setpriv"),
]


def test_services_run(newcomer: Newcomer) -> None:
    for command in under("Installing"):
        newcomer.follow(command)
    for service in SERVICES:
        newcomer.await_running(service, restarts=0)
    newcomer.enrol()
    newcomer.exchange("first.xml.gpg", 1)


def test_nothing_is_left_open_to_other_users(newcomer: Newcomer) -> None:
    """sudo runs a command with the umask 0002, as Debian has it: that opens nothing."""
    written_by_groups = newcomer.root.type(f"find {HOME} -perm /022 ! -type l -printf '%P\\n' | sort").split()
    registry = [f"registry.db{end}" for end in ("", "-shm", "-wal")]
    assert written_by_groups == ["console/inside", "letters/done", "mailboxes", *registry, "spool/landed"]


def test_the_registry_may_be_in_postgresql(newcomer: Newcomer) -> None:
    root, stop = (
        newcomer.root,
        "systemctl stop gateway.target gateway-intake gateway-mailboxes gateway-processor",
    )
    again = "systemd-tmpfiles --create gateway.conf && systemctl start gateway.target"
    text = (REPOSITORY / "docs" / PAGE).read_text()
    root.type(f"{stop} && mv {HOME} {HOME}.sqlite && systemd-tmpfiles --create gateway.conf")
    try:
        for command in under("PostgreSQL"):
            newcomer.follow(command)
        for file, lines in re.findall(r"^\| `(pg_\w+\.conf)` \| (.+) \|$", text, re.MULTILINE):
            (place,) = root.folder.glob(f"etc/postgresql/*/main/{file}")
            place.write_text("\n".join([*re.findall(r"`(.+?)`", lines), place.read_text()]))
        root.type(f"systemctl reload postgresql && {again}")
        newcomer.enrol()
        newcomer.exchange("in-postgresql.xml.gpg", 30)
        for name in ("doctor", "checkpoint", "retention"):
            root.type(f"systemctl start gateway-{name}.service")
        assert not (root.folder / HOME.lstrip("/") / "registry.db").exists()
    finally:
        root.type(f"{stop} && rm -r {HOME} && mv {HOME}.sqlite {HOME} && {again}")


def test_each_change_of_ones_own_does_what_it_says(newcomer: Newcomer) -> None:
    newcomer.root.give("192.0.2.7")
    with pytest.raises(AssertionError, match="TimeoutError"):
        newcomer.ask("reach 192.0.2.7")
    text = (REPOSITORY / "docs" / PAGE).read_text()
    rows = re.findall(r"^\| [^|]+ \| (`gateway-[^|]+) \| (`[^|]+`) \|$", text, re.MULTILINE)
    assert len(rows) == 4
    newcomer.prepare("gateway-mailboxes.socket", "IPAddressAllow=192.0.2.0/24")
    for command in under("Your own changes"):
        newcomer.follow(command)
    newcomer.ask("reach 192.0.2.7")
    newcomer.root.type("systemctl revert gateway-mailboxes.socket")
    changed = []
    try:
        for units, lines in rows[1:]:
            for name in re.findall(r"`(.+?)`", units):
                unit = name if name.startswith("gateway") else f"gateway{name}"
                changed.append(unit if "." in unit else f"{unit}.service")
                newcomer.edit(changed[-1], *re.findall(r"`(.+?)`", lines))
                newcomer.root.type(f"systemd-analyze verify {changed[-1]}")
        newcomer.root.type("systemctl restart gateway-intake.socket")
        assert newcomer.root.shown("gateway-intake.socket", "Listen") == "0.0.0.0:22 (Stream)"
        newcomer.await_running("gateway-intake.service", restarts=0)
        newcomer.root.type("! systemctl start gateway-checkpoint.service")
        told = newcomer.root.journal("--identifier=gateway-checkpoint", "--lines=1")
        assert "pass the systemd credential" in told
    finally:
        newcomer.root.type(f"systemctl revert {' '.join(changed)} && systemctl restart gateway-intake.socket")


@pytest.mark.parametrize("name", ["doctor", "checkpoint", "retention"])
def test_units_that_end_by_themselves(newcomer: Newcomer, name: str) -> None:
    newcomer.root.type(f"systemctl start gateway-{name}.service")
    assert newcomer.root.shown(f"gateway-{name}.service", "Result") == "success"


def test_the_head_in_the_journal_can_be_verified(newcomer: Newcomer) -> None:
    newcomer.root.type("install -d -o gateway -g gateway -m 0711 /mnt/elsewhere")
    for command in under("Watching"):
        newcomer.follow(command)
    head = "/mnt/elsewhere/head-from-the-journal"
    assert "everything fits" in newcomer.admin("log", "verify", "--checkpoint", head)


def test_an_address_is_let_in_again(newcomer: Newcomer) -> None:
    newcomer.ask("knock 192.0.2.7 2222")
    newcomer.ask("knock 127.0.0.9 2223")  # The mailboxes are shipped for this machine only.
    listed = json.loads(newcomer.admin("penalties", "list", "--json"))
    wait = [(one["service"], one["address"]) for one in listed]
    assert wait == [("intake", "192.0.2.7"), ("mailboxes", "127.0.0.9")]
    for command in under("Addresses that have to wait"):
        newcomer.follow(command)
    newcomer.admin("penalties", "lift", "127.0.0.9")
    until(lambda: newcomer.admin("penalties", "list", "--json").strip() == "[]", "all are let in again")


def test_a_backup_is_restored(newcomer: Newcomer) -> None:
    for command in under("Backup and restore"):
        newcomer.follow(command)
        if "gateway-backup.timer" in command.text:
            newcomer.root.type("systemctl start gateway-backup.service")
            assert len(list((newcomer.root.folder / "var/backups/gateway").iterdir())) == 1
    assert newcomer.states() == {"first.xml.gpg": "accepted"}
    newcomer.exchange("second.xml.gpg", 2)


def gateway_keys(newcomer: Newcomer) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(newcomer.admin("keys", "gateway", "show", "--json"))
    return found


def test_keys_that_may_be_out_are_replaced_and_files_go_on(newcomer: Newcomer) -> None:
    for command in under("When the gateway's keys may be out"):
        if "FPR" not in command.text:
            newcomer.follow(command)
            continue
        (revoked,) = [key["fingerprint"] for key in gateway_keys(newcomer) if key["state"] == "revoked"]
        newcomer.follow(command, FPR=str(revoked))
    held = [key["state"] for key in gateway_keys(newcomer) if key["secret_held"]]
    assert held == ["active"]
    newcomer.exchange("replaced.xml.gpg", 5)


def test_an_upgrade_keeps_what_waits(newcomer: Newcomer) -> None:
    newcomer.root.type("systemctl stop gateway-processor")
    newcomer.ask("put third.xml.gpg 3")
    assert "third.xml.gpg" not in newcomer.states()
    *forward, back = under("Upgrading, and going back")
    for command in forward:
        newcomer.follow(command)
    # The same version was installed anew and changed nothing; tests/homes/test_upgrade takes an upgrade back.
    newcomer.follow_in_vain(back, "there is no upgrade to take back")
    newcomer.exchange("fourth.xml.gpg", 4)
    newcomer.await_accepted("third.xml.gpg")


def test_every_command_of_the_page_was_typed(newcomer: Newcomer) -> None:
    """Runs last."""
    assert newcomer.typed == [command.text for command in commands(PAGE)]
    assert "Traceback" not in newcomer.root.journal()
