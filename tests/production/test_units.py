"""The units as systemd itself judges them."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.install import shipped_units
from gateway.home.settings import Settings, read_toml

UNITS = shipped_units()
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `gateway install` lays out."""
    prefix = tmp_path_factory.mktemp("prefix")
    gateway = prefix / "program"
    gateway.write_text("#!/bin/sh\n")
    gateway.chmod(0o755)
    done = run(
        sys.executable, "-m", "gateway", "install",
        "--prefix", prefix, "--program", gateway, "--home", "/srv/drop/box",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return prefix


def test_there_is_a_unit_for_each_service_under_its_own_user() -> None:
    users = {}
    for name in ("intake", "processor", "mailboxes", "courier", "console", "web"):
        text = (UNITS / f"gateway-{name}.service").read_text()
        users[name] = re.search(r"^User=(.+)$", text, re.MULTILINE)[1]
    assert len(set(users.values())) == 6
    made = set(re.findall(r"^u\s+(\S+)", (UNITS / "gateway.sysusers").read_text(), re.MULTILINE))
    assert made == set(users.values())


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(name: str) -> None:
    most = 1.5 if "courier" in name else 1.0  # The courier has the network.
    judged = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / name)
    assert judged.returncode == 0, judged.stdout
    assert float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)[1]) <= most


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_no_fault_in_what_is_laid_out(installed: Path) -> None:
    units = sorted((installed / "lib/systemd/system").glob("gateway*.*"))
    verified = run("systemd-analyze", "verify", *(unit for unit in units if unit.is_file()))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@pytest.mark.needs("systemd-analyze")
def test_a_fault_in_a_unit_would_be_found(installed: Path) -> None:
    unit = installed / "lib/systemd/system" / "gateway-spoilt.service"
    unit.write_text("[Service]\nType=notify\nExecStart=/nowhere/at/all\nWatchdog=5\n")
    try:
        assert run("systemd-analyze", "verify", unit).returncode != 0
        assert run("systemd-analyze", "security", "--offline=true", "--threshold=1", unit).returncode != 0
    finally:
        unit.unlink()


def test_nothing_shipped_is_left_out_and_every_path_is_filled_in(installed: Path) -> None:
    files = [path for path in installed.rglob("*") if path.is_file() and path.name != "program"]
    assert {path.name for path in files} >= {path.name for path in UNITS.glob("gateway*.service")}
    for shipped in UNITS.rglob("*"):
        assert shipped.is_dir() or shipped.suffix in {
            ".service", ".socket", ".timer", ".target", ".conf", ".sysusers", ".tmpfiles", ".yml", ".json",
            ".sample",
        }, f"{shipped.name} is not laid out"  # fmt: skip
    for path in files:
        if path.suffix != ".md":
            text = path.read_text()
            assert "/var/lib/gateway" not in text, path
            assert "/usr/local" not in text, path
    unit = (installed / "lib/systemd/system/gateway-intake.service").read_text()
    assert f"ExecStart={installed}/program serve intake" in unit
    assert "ReadWritePaths=/srv/drop/box/spool" in unit


def test_installing_again_replaces_only_its_own(installed: Path) -> None:
    folder = installed / "lib/systemd/system"
    (folder / "other.service").write_text("mine")
    (folder / "gateway-intake.service").write_text("old")
    run(
        sys.executable, "-m", "gateway", "install",
        "--prefix", installed, "--program", installed / "program", "--home", "/srv/drop/box",
    )  # fmt: skip
    assert (folder / "other.service").read_text() == "mine"
    assert "ExecStart" in (folder / "gateway-intake.service").read_text()
    (folder / "other.service").unlink()


@pytest.mark.parametrize("home", ["/srv/a b", "/srv/100%", "/srv/$x"])
def test_a_path_that_a_unit_cannot_name_is_refused(tmp_path: Path, home: str) -> None:
    done = run(sys.executable, "-m", "gateway", "install", "--prefix", tmp_path, "--home", home)
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_the_sample_of_the_settings_is_valid() -> None:
    settings = read_toml(UNITS / "gateway.toml.sample", Settings)
    assert settings.intake.port == 2222


@pytest.mark.parametrize("service", ["intake", "processor", "mailboxes", "console", "web"])
def test_no_service_has_a_network_of_its_own(service: str) -> None:
    common = (UNITS / "gateway-.service.d/50-confinement.conf").read_text()
    assert "\nPrivateNetwork=yes\n" in common
    assert "\nRestrictAddressFamilies=AF_UNIX\n" in common
    own = (UNITS / f"gateway-{service}.service").read_text()
    assert "PrivateNetwork" not in own
    assert "RestrictAddressFamilies" not in own


@pytest.mark.parametrize("service", ["mailboxes", "console", "web"])
def test_what_is_not_for_everybody_is_open_to_listed_addresses_only(service: str) -> None:
    socket = (UNITS / f"gateway-{service}.socket").read_text()
    assert "\nIPAddressDeny=any\n" in socket
    assert "\nIPAddressAllow=localhost\n" in socket


def test_every_timer_has_its_service() -> None:
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").exists()


@pytest.mark.long
def test_each_command_that_a_unit_starts_exists() -> None:
    for unit in UNITS.glob("*.service"):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(unit.read_text())
        program, *words = parser["Service"]["ExecStart"].split()
        assert program == "/usr/local/bin/gateway"
        verbs = [word for word in words if not word.startswith(("-", "/")) and not word.isdigit()]
        shown = run(sys.executable, "-m", "gateway", *verbs, "--help")
        assert shown.returncode == 0, shown.stderr
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.stdout
