"""What only a real systemd does to the services: it stops, kills, watches and confines them."""

from __future__ import annotations

import time

import pytest

from tests.production.follow import SERVICES, Newcomer

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(600),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "pgrep", "setpriv"),
]
PROBE = """
import ctypes, mmap, os, pathlib, socket

def refused(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        return error.errno is not None
    return False

assert refused(socket.socket, socket.AF_INET), "a socket of the internet"
assert refused(mmap.mmap, -1, 4096, mmap.MAP_PRIVATE, 7), "memory that is written and run"
assert refused(os.unshare, os.CLONE_NEWUSER), "a user namespace"
assert refused(os.chroot, "/"), "a call of @privileged"
assert refused(pathlib.Path("/etc/probe").write_text, ""), "a file of the system"
assert refused(pathlib.Path("/var/lib/gateway/policies/probe").write_text, ""), "a file of the policies"
assert refused(os.listdir, "/home"), "the homes"
assert refused(os.listdir, "/var/lib/gateway/spool"), "the spool"
assert not pathlib.Path("/proc/1").exists(), "another process"
assert os.listdir("/sys/class/net") == ["lo"], "another network"
assert not pathlib.Path("/dev/full").parent.joinpath("vda").exists()

from gateway.examiner import confinement

# Isolated children can give up what they should, as far as this kernel goes.
lacking = [one for one in confinement.missing() if "of version" not in one]
assert not lacking, lacking
print("confined")
"""


def test_a_service_that_is_killed_is_started_again(newcomer: Newcomer) -> None:
    for service in SERVICES:
        newcomer.root.type(f"systemctl restart {service}")
        newcomer.root.type(f"kill -KILL {newcomer.root.shown(service, 'MainPID')}")
        newcomer.await_running(service, restarts=1)
    newcomer.exchange("after-kills.xml.gpg", 11)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_hangs_is_started_again(newcomer: Newcomer, service: str) -> None:
    newcomer.edit(service, "WatchdogSec=15")
    newcomer.root.type(f"systemctl restart {service}")
    time.sleep(20)  # It gives signs of life.
    newcomer.await_running(service, restarts=0)
    newcomer.root.type(f"kill -STOP {newcomer.root.shown(service, 'MainPID')}")
    newcomer.await_running(service, restarts=1)
    newcomer.root.type(f"systemctl revert {service} && systemctl restart {service}")


def test_no_client_is_turned_away_during_a_restart(newcomer: Newcomer) -> None:
    newcomer.begin("come 10")
    for _ in range(3):
        newcomer.root.type("systemctl restart gateway-intake")
    newcomer.end("come 10")


def test_a_client_that_comes_starts_the_service(newcomer: Newcomer) -> None:
    newcomer.root.type("systemctl stop gateway-intake.service gateway-mailboxes.service")
    newcomer.exchange("by-activation.xml.gpg", 12)


def test_a_stop_is_no_fault_of_the_file_in_hand(newcomer: Newcomer) -> None:
    for number in range(3):
        name = f"large{number}.xml.gpg"
        newcomer.ask(f"put {name} {20 + number} 8000")
        time.sleep(0.1)
        newcomer.root.type("systemctl restart gateway-processor")
        newcomer.await_accepted(name)
    assert "the examining process" not in newcomer.root.journal("--unit=gateway-processor")


@pytest.mark.parametrize("engine", ["embedded", "sop"])
def test_either_engine_opens_a_file(newcomer: Newcomer, engine: str) -> None:
    settings = newcomer.root.folder / "var/lib/gateway/gateway.toml"
    before = settings.read_text()
    assert 'engine = "auto"' in before
    settings.write_text(before.replace('engine = "auto"', f'engine = "{engine}"'))
    newcomer.root.type("systemctl restart gateway-processor")
    newcomer.exchange(f"by-{engine}.xml.gpg", 13 + len(engine))
    settings.write_text(before)
    newcomer.root.type("systemctl restart gateway-processor")


def test_a_service_can_do_no_more_than_it_should(newcomer: Newcomer) -> None:
    probe = newcomer.root.folder / "opt/gateway/probe.py"
    probe.write_text(PROBE)
    newcomer.edit(
        "gateway-checkpoint.service", "ExecStart=", "ExecStart=/opt/gateway/bin/python /opt/gateway/probe.py"
    )
    newcomer.root.type(
        "systemctl start gateway-checkpoint.service && systemctl revert gateway-checkpoint.service"
    )
    assert "confined" in newcomer.root.journal("--identifier=gateway-checkpoint", "--lines=1")


def test_nothing_was_refused_that_a_service_needs(newcomer: Newcomer) -> None:
    """Runs last."""
    told = newcomer.root.journal("--unit=gateway-*", "--output=cat")
    for word in ("Traceback", "Permission denied", "Operation not permitted", "Read-only file system"):
        assert word not in told, told[told.index(word) - 300 :][:600]
