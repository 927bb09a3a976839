"""A trust's office sends for several schools with one kit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.model import Provider
from gateway.policy.shipped import shipped_policies
from gateway.send import standing
from gateway.send.checking import Check
from gateway.send.kit import Kit, KitSettings
from tests.clock import TERM_TIME
from tests.content import core_data
from tests.corpus.children import csv
from tests.corpus.schools import ELM, OAK, core
from tests.send.office import Office
from tests.site import Site

pytestmark = pytest.mark.long


def test_one_kit_sends_as_each_of_its_providers(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.running() as services:
        oak = Office(site, "oak", services.intake, tmp_path / "oak")
        site.gateway("providers", "add", "elm", "--name", "The elm", "--kind", "school")
        elm = Office.__new__(Office)
        elm.site, elm.name, elm.root, elm.kit, elm.passphrase = site, "elm", tmp_path, oak.kit, oak.passphrase
        invited, given = elm.invited(services.intake), elm.given(None)
        told = elm.done(*invited, "--owner", "The elm <office@elm.invalid>", *given)
        assert "in force: gateway send --as elm ratify" in told
        site.gateway("keys", "add", "elm", str(tmp_path / "elm.keys"))
        heard = elm.done("--as", "elm", "setup").splitlines()[2].split()
        site.gateway("keys", "confirm", "elm", *heard)
        site.gateway("agreement", "ratify", "elm", "--signatory", "The Head")

        for number, each in enumerate((oak, elm)):
            file = str(oak.file(f"{each.name}.xml", core_data(seed=71 + number)))
            (sent,) = oak.json("--as", each.name, file)
            assert (sent["state"], len(each.transfers())) == ("accepted", 1)
        unknown = oak.send("--as", "ash", "status")
        assert (unknown.exit_code, "this kit is of elm, oak" in unknown.stderr) == (2, True), unknown.stderr


@pytest.fixture
def several(tmp_path: Path) -> Kit:
    """The kit of oak, and elm's beside it."""
    first = Kit(tmp_path / "kit")
    for kit, provider in ((first, "oak"), (first.beside("elm"), "elm")):
        kit.make()
        kit.write_settings(KitSettings(provider=provider, ssh_key=Path("ssh"), openpgp_key=Path("key.asc")))
    return first


def test_the_next_step_names_the_provider_where_a_kit_serves_several(several: Kit) -> None:
    assert (several.command, several.of("elm").command) == ("gateway send", "gateway send --as elm")
    page = {"ratify": "2026-27", "at": TERM_TIME, "flows": [], "waiting": [], "keys": []}
    found = {"provider": "elm", "counts": {}, "waiting": [], "key_expires_at": None, "told": page}
    *_, told = standing.in_words(found, several.of("elm").command)
    assert told == "  the agreement of 2026-27 is to be ratified: gateway send --as elm ratify"


def test_each_kit_of_several_finds_the_others(several: Kit) -> None:
    for kit in (several, several.of("elm")):
        assert [kit.of(name).settings().provider for name in ("oak", "elm")] == ["oak", "elm"]
        assert kit.beside("ash").root == several.root / "providers/ash"  # None lies inside a further one.


def test_a_kit_that_cannot_be_read_is_said(several: Kit, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is set up"):
        Kit(tmp_path / "none").of("oak")
    several.of("elm").settings_file.write_text("provider = ")
    with pytest.raises(ConfigurationError, match=r"elm.kit\.toml"):
        several.of("oak")


def test_a_file_of_the_schools_for_which_a_trust_sends_is_not_stopped(tmp_path: Path) -> None:
    trust = Provider(id="trust", name="trust", kind="academy", schools=(OAK, ELM), ratified=True)
    file = tmp_path / "both.csv"
    file.write_bytes(csv(core(LAESTAB=(OAK, ELM))))
    check = Check._by(shipped_policies(), trust)
    assert check.look_at(file, TERM_TIME.date()).stops == ()
    one_school = replace(check, provider=replace(trust, schools=(OAK,)))
    assert "policy:other-school" in str(one_school.look_at(file, TERM_TIME.date()).stops)
