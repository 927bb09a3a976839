"""What cannot be written or shown ends in one line, and an `init` that fails leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from gateway.homes.demo.parties import Party
from tests import warm
from tests.commands import invoke
from tests.faults.disks import disk_over
from tests.policies import POLICIES
from tests.site import Site

LOCALE_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
INIT = ("init", "--organisation", "Anyshire")
NARROW = [{"PYTHONIOENCODING": "ascii"}, LOCALE_C]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    made.gateway("providers", "add", "oak", "--name", "Zoë School", "--kind", "school")
    return made


def run(
    *arguments: str, home: Path, output: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """As a process: one that Python begins anew where the environment says how, or for `--help`."""
    begin = subprocess.run if "--help" in arguments else warm.run
    return begin(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "GATEWAY_HOME": str(home), **environment},
        stdout=output,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def one_line(result: subprocess.CompletedProcess[bytes]) -> str:
    return _one_line(result.returncode, result.stderr.decode())


def one_line_of(result: Result) -> str:
    """The same of a command that ran in this process."""
    return _one_line(result.exit_code, result.stderr)


def _one_line(code: int, said: str) -> str:
    assert code == 1, said
    assert said.startswith("gateway: ")
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.parametrize("name", ["Not Valid", "Ünï/ x", "log+1", "a/", "log\n", ""])
def test_a_name_that_no_log_can_have_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    home = tmp_path / "h"
    said = one_line_of(invoke(home, *INIT, "--log-origin", name))
    assert "gateway.example.gov.uk/log" in said
    assert not home.exists()


@pytest.mark.parametrize("name", ["", " ", "Two\nlines", "\x1b[31mred"])
def test_a_name_that_no_authority_can_have_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    assert "organisation" in one_line_of(invoke(tmp_path / "h", "init", "--organisation", name))
    assert not (tmp_path / "h").exists()


def test_whose_gateway_it_is_has_to_be_said(tmp_path: Path) -> None:
    assert "--organisation" in one_line_of(invoke(tmp_path / "h", "init"))
    assert not (tmp_path / "h").exists()


def test_a_home_is_made_of_ones_own_policies_where_they_hold_together(tmp_path: Path) -> None:
    own = Path(shutil.copytree(POLICIES, tmp_path / "own"))
    text = (own / "agreement.toml").read_text("utf-8")
    (own / "agreement.toml").write_text(text.replace('version = "2.0"', 'version = "3(a)"'), "utf-8")
    home = tmp_path / "h"
    assert invoke(home, *INIT, "--policies", str(own)).exit_code == 0
    assert 'version = "3(a)"' in (home / "policies" / "agreement.toml").read_text("utf-8")
    (own / "agreement.toml").write_text(text.replace("version", "verzion", 1), "utf-8")
    said = one_line_of(invoke(tmp_path / "other", *INIT, "--policies", str(own)))
    assert f"2 faults in {own}: gateway policy check {own} names each" in said
    assert not (tmp_path / "other").exists()


def test_names_with_accents_go_all_the_way(tmp_path: Path) -> None:
    home = tmp_path / "h"
    assert invoke(home, "init", "--organisation", "Cyngor Sir Gâr").exit_code == 0
    assert invoke(home, "keys", "gateway", "rotate").exit_code == 0
    exported = invoke(home, "keys", "gateway", "export").output
    assert exported.isascii()
    party = Party("Ysgol Tŷ-gwyn", tmp_path / "party")
    added = ("providers", "add", "ty-gwyn", "--name", "Ysgol Tŷ-gwyn", "--kind", "school")
    done = invoke(home, *added, "--openpgp-key", str(party.certificate), "--ssh-key", str(party.ssh_public))
    assert done.exit_code == 0, done.output
    assert "Ysgol Tŷ-gwyn" in invoke(home, "providers", "list", "--json").output


def test_an_init_that_fails_half_way_leaves_what_was_there_and_no_more(tmp_path: Path) -> None:
    home = tmp_path / "h"
    (home / "registry.db").mkdir(parents=True)  # A folder where the registry is to lie.
    one_line_of(invoke(home, *INIT))
    assert list(home.rglob("*")) == [home / "registry.db"]
    (home / "registry.db").rmdir()
    assert invoke(home, *INIT).exit_code == 0


def test_a_home_in_a_place_where_none_can_be_is_named(tmp_path: Path) -> None:
    assert "/proc/x" in one_line_of(invoke(Path("/proc/x"), *INIT))
    (tmp_path / "file").write_text("mine")
    assert "file is no folder" in one_line_of(invoke(tmp_path / "file", *INIT))
    assert (tmp_path / "file").read_text() == "mine"


def test_samples_in_a_place_where_none_can_be_are_refused(tmp_path: Path) -> None:
    assert "/proc/x" in one_line_of(invoke(tmp_path, "samples", "/proc/x"))


def test_a_file_that_cannot_be_opened_is_named(site: Site) -> None:
    lock = site.home / "keys" / "changing.lock"
    lock.mkdir()
    assert f"{lock}: Is a directory" in one_line_of(site.result("keys", "gateway", "rotate"))
    lock.rmdir()


@pytest.mark.root
@pytest.mark.needs("mount")
def test_a_full_disk_is_told_with_a_next_step(site: Site) -> None:
    with disk_over(site.home / "keys") as disk:
        disk.fill()
        said = one_line_of(site.result("keys", "gateway", "rotate"))
        assert "No space left on device (df -h says where). Make room outside the gateway" in said
        assert f"{site.home / 'keys'}/" in said
        disk.make_room()
        site.gateway("keys", "gateway", "rotate")


@pytest.mark.root
@pytest.mark.needs("mount")
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("process", "--once"), "published/ cannot be written"),
        (("samples", "{}"), "{}/student-core/9992000_CTF_999LLLL_001.xml cannot be written"),
        (("install", "--prefix", "{}"), "{}/share/gateway/alerts.yml cannot be written"),
    ],
    ids=["process", "samples", "install"],
)
def test_every_command_tells_of_a_full_disk_alike(
    site: Site, tmp_path: Path, arguments: tuple[str, ...], what: str
) -> None:
    full = site.home / "published" if arguments[0] == "process" else tmp_path
    with disk_over(full) as disk:
        disk.fill()
        said = one_line_of(site.result(*(one.format(full) for one in arguments)))
    assert f"gateway: {what.format(full)}: No space left on device (df -h says where). Make room" in said


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [("providers", "list"), ("providers", "list", "--json"), ("log", "head"), ("doctor",), ("--help",)],
)
def test_an_output_that_is_full_is_said(site: Site, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        said = one_line(run(*arguments, home=site.home, output=full.fileno()))
    assert said == "gateway: the output cannot be written: No space left on device\n"


def test_an_output_that_is_closed_is_said(site: Site) -> None:
    command = f'exec "{sys.executable}" -m gateway providers list >&-'
    result = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "GATEWAY_HOME": str(site.home)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert one_line(result) == "gateway: the output cannot be written: Bad file descriptor\n"


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("flows", "list"), ("flows", "list", "--json"), ("agreement", "text")])
def test_a_reader_that_has_seen_enough_is_no_fault(site: Site, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = run(*arguments, home=site.home, output=writing)
    os.close(writing)
    assert result.stderr == b""


@pytest.mark.long
@pytest.mark.parametrize("narrow", NARROW)
def test_what_the_terminal_cannot_show_is_escaped(site: Site, narrow: dict[str, str]) -> None:
    shown = run("providers", "list", home=site.home, **narrow)
    assert shown.returncode == 0, shown.stderr
    assert "Zo\\xeb" in shown.stdout.decode("ascii")
    as_json = run("providers", "list", "--json", home=site.home, **narrow)
    assert json.loads(as_json.stdout.decode("ascii"))[0]["name"] == "Zoë School"


@pytest.mark.long
@pytest.mark.parametrize("narrow", NARROW)
def test_a_home_can_be_made_where_little_can_be_shown(tmp_path: Path, narrow: dict[str, str]) -> None:
    made = run(*INIT, home=tmp_path / "h", **narrow)
    assert made.returncode == 0, made.stderr
    assert run("doctor", home=tmp_path / "h", **narrow).returncode == 0


def test_what_others_compare_is_printed_as_it_is(site: Site) -> None:
    text = site.home / "policies" / "agreement.txt"
    shown = run("agreement", "text", home=site.home, **NARROW[0])
    assert shown.stdout == text.read_bytes()
