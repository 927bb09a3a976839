"""The package on a clean Debian 13: three commands to a receipt, a home, upgrade, downgrade, purge.

`make package-check` builds the package first, and lets lintian judge it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest

from tests.content import core_data
from tests.production.clean_root import Root, clean_root
from tests.production.follow import HOME, SERVICES
from tests.production.guide import REPOSITORY
from tests.production.later import LATER, later_package
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1200),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "pgrep", "setpriv", "dpkg-deb"),
]
ONLINE = "apt-get install --yes"


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    (built,) = (REPOSITORY / "build/deb").glob("gateway_*.deb")
    with clean_root(source=False) as made:
        shutil.copy(built, made.folder / "root/gateway.deb")
        later_package(built, made.folder / "root")
        made.type("apt-get update", network=True)
        yield made


def admin(root: Root, *words: str) -> str:
    return root.type(f"sudo -u gateway gateway {' '.join(words)} --home {HOME}")


def run(root: Root) -> None:
    for service in SERVICES:
        until(lambda each=service: root.shown(each, "ActiveState") == "active", service, seconds=90)


def refused(root: Root, command: str) -> str:
    return root.type(f"if {command}; then exit 9; fi", network=command.startswith(ONLINE))


def test_three_commands_lead_to_a_receipt(root: Root) -> None:
    shown = root.type(f"{ONLINE} /root/gateway.deb", network=True)
    assert "nothing runs yet" in shown
    # A file of the user's own; the second command keeps its terminal.
    (root.folder / "root/core.xml").write_bytes(core_data(1, 10))
    root.type(
        "systemd-run --unit=try --working-directory=/root --setenv=HOME=/root gateway sandbox --folder try"
    )
    until(lambda: "ready intake" in root.journal("--unit=try"), "the sandbox", seconds=90)
    shown = root.type(
        "cd /root && gateway send files --kit try/kit --passphrase-file try/passphrase core.xml"
    )
    assert "policy:allowed" in shown
    assert "receipt, verified" in shown
    root.type("systemctl stop try")


def test_what_shells_and_readers_are_given_is_there(root: Root) -> None:
    for path in (
        "usr/share/man/man1/gateway-held-release.1.gz",
        "usr/share/bash-completion/completions/gateway",
        "usr/share/doc/gateway/sbom.cdx.json",
        "usr/share/doc/gateway/operations.md",
        "etc/default/gateway",
    ):
        assert (root.folder / path).is_file(), path
    assert "/root/" not in (root.folder / "usr/lib/systemd/system/gateway-intake.service").read_text()
    root.type("systemd-analyze verify /usr/lib/systemd/system/gateway-*.service")


def test_a_home_is_made_as_the_guide_says(root: Root) -> None:
    root.type(
        'systemd-ask-password -n "New passphrase:" | systemd-creds encrypt --name=gateway-passphrase - '
        "/etc/credstore.encrypted/gateway-passphrase"
    )
    root.type(
        f"runuser -u gateway -- gateway init --home {HOME} --passphrase "
        '--organisation "Anyshire County Council" --log-origin gateway.example.gov.uk/log'
    )
    root.type("systemd-tmpfiles --create gateway.conf && systemctl enable --now gateway.target")
    run(root)


def test_a_program_that_opens_too_little_is_told_and_stops_nothing(root: Root) -> None:
    """The sqop of Ubuntu opens no compressed message; that of Debian is used."""
    root.type(f"{ONLINE} sqop && systemctl restart gateway-processor", network=True)
    run(root)
    said = root.type(f"sudo -u gateway gateway doctor --json --home {HOME} || true")
    assert ("gets compressed wrong" in said) is (os.environ.get("GATEWAY_TEST_SUITE", "trixie") != "trixie")


def test_the_same_version_again_changes_nothing(root: Root) -> None:
    root.type("dpkg --install /root/gateway.deb")
    run(root)
    assert not (root.folder / "var/backups/gateway").exists()


def test_a_later_version_backs_the_home_up_and_brings_it_up(root: Root) -> None:
    shown = root.type("dpkg --install /root/later.deb")
    assert "table changes: one more column." in shown
    assert f"the home as it was before lies in /var/backups/gateway/before-{LATER}" in shown
    run(root)
    assert (root.folder / f"var/backups/gateway/before-{LATER}/registry.db").is_file()
    assert "nothing needs doing" in admin(root, "upgrade")


def test_going_back_is_refused_until_the_home_is_taken_back(root: Root) -> None:
    shown = refused(root, "dpkg --install /root/gateway.deb")
    assert f"the home was brought up to {LATER}" in shown
    assert root.type("dpkg-query --show --showformat='${Version}' gateway").strip() == LATER
    run(root)
    root.type("systemctl stop gateway-processor gateway-mailboxes gateway-console")
    admin(root, "upgrade", "--undo")
    shown = root.type("dpkg --install /root/gateway.deb")
    assert "going back from" in shown
    root.type("systemctl start gateway.target")
    run(root)
    assert "nothing needs doing" in admin(root, "upgrade")


def test_policies_wait_for_two_people(root: Root) -> None:
    """What decides about files is changed by nobody alone, and so by no package."""
    folder = root.folder / HOME.lstrip("/")
    shutil.rmtree(root.folder / f"var/backups/gateway/before-{LATER}")
    (root.folder / "etc/default/gateway").write_text("UPGRADE=no\nBACKUPS=/var/backups/gateway\n")
    shown = root.type("dpkg --install /root/later.deb")
    assert "this upgrade is for people" in shown
    assert "until then only intake runs" in shown
    assert root.shown("gateway-intake.service", "ActiveState") == "active"
    assert root.shown("gateway-processor.service", "ActiveState") == "inactive"
    assert not (folder / "upgrade/plan.json").exists()
    root.type("dpkg --install /root/gateway.deb && systemctl start gateway.target")
    run(root)


def test_purging_keeps_the_home_unless_somebody_says_yes(root: Root) -> None:
    state = json.loads(admin(root, "status", "--json"))
    assert state
    shown = root.type("apt-get purge --yes gateway")
    assert f"the home was kept: {HOME}" in shown
    assert (root.folder / HOME.lstrip("/") / "registry.db").is_file()
    assert not list((root.folder / "etc/systemd/system").rglob("gateway*"))
    assert not (root.folder / "usr/lib/gateway").exists()
    root.type("dpkg --install /root/gateway.deb && systemctl enable --now gateway.target")
    run(root)
    root.type("echo gateway gateway/purge-home boolean true | debconf-set-selections")
    root.type("apt-get purge --yes gateway")
    assert not (root.folder / HOME.lstrip("/")).exists()
