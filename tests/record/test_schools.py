"""A file of several schools: whose roll its pupils are put on, and for whom it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from gateway.homes.demo.parties import Party
from gateway.model import Provider
from gateway.processor.rounds import _remove
from gateway.publish.provider_page import told_since
from gateway.record.consequences import Enrolled
from gateway.registry.tables import FullRollRow, PupilRow
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.corpus.children import csv, rows
from tests.corpus.schools import ELM, OAK, core
from tests.policies import shipped
from tests.workshop import Desk

YEARS = THIS_YEAR
BOTH = csv(core(LAESTAB=(OAK, ELM)))
FIR = "9992004"


def on_rolls(desk: Desk) -> dict[str, int]:
    """How many pupils are on the roll of each provider."""
    found: dict[str, int] = {}
    with desk.registry.read() as session:
        for row in session.exec(select(PupilRow)):
            found[row.provider] = found.get(row.provider, 0) + row.on_roll
    return found


def schools(desk: Desk) -> tuple[Party, Party, Party]:
    """Two schools and the trust that is to send for them."""
    oak = desk.provider("oak", years=YEARS, dfe_number=OAK)
    elm = desk.provider("elm", years=YEARS, dfe_number=ELM)
    return oak, elm, desk.provider("trust", "academy", years=YEARS)


def status(desk: Desk, provider: str) -> dict[str, Any]:
    found = json.loads(desk.gateway("flows", "status", "--provider", provider, "--json"))
    (core_data,) = [each for each in found if each["data_type"] == "student-core"]
    assert isinstance(core_data, dict)
    return core_data


def test_a_trusts_file_of_two_schools_lands_on_two_rolls_and_counts_for_both(desk: Desk) -> None:
    _, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    sent = desk.send(trust, BOTH, "both.csv.pgp")
    desk.process()
    assert (desk.state(sent), desk.codes(sent)) == ("accepted", ["policy:allowed", "policy:for-schools"])
    assert on_rolls(desk) == {"oak": 6, "elm": 6}
    assert [status(desk, each)["last"] is not None for each in ("oak", "elm", "trust")] == [True, True, False]
    assert {status(desk, each)["state"] for each in ("trust",)} == {"not-expected"}
    assert "taken for each that it names: 2." in desk.receipt(sent)
    with desk.registry.read() as session:
        told, _ = told_since(session, 0, 99)
    assert told == {"oak", "elm", "trust"}, "each of whose pages is made anew"


def test_each_school_of_a_trusts_file_is_named_on_the_receipt_and_has_a_copy(desk: Desk) -> None:
    _, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM},{FIR}")
    sent = desk.send(trust, csv(core(LAESTAB=(OAK, ELM, FIR))), "three.csv.pgp")
    desk.process()
    folder = desk.home.published.root / "providers"
    (own,) = (folder / "trust" / "receipts").glob(f"*.{sent}.json")
    named = json.loads(own.read_text())["receipt"]["schools"]
    assert [(one["number"], one["provider"]) for one in named] == [(OAK, "oak"), (ELM, "elm"), (FIR, "")]
    for school in ("oak", "elm"):
        for form in ("json", "txt"):
            (copy,) = (folder / school / "receipts").glob(f"*.{sent}.{form}")
            assert copy.read_bytes() == own.with_suffix(f".{form}").read_bytes()
            assert OAK in copy.read_text()
    assert "everything fits" in desk.gateway("log", "verify")
    kept = {path for path in folder.glob("*/receipts/*") if sent not in path.name}
    _remove(desk.home.published, {sent})  # As another host does, once the deletion is on record.
    assert set(folder.glob("*/receipts/*")) == kept


def test_what_names_no_other_school_is_copied_to_nobody(desk: Desk) -> None:
    oak, _, _ = schools(desk)
    sent = desk.send(oak, csv(core(LAESTAB=(OAK,))), "own.csv.pgp")
    desk.process()
    (receipt,) = desk.home.published.root.glob(f"providers/*/receipts/*.{sent}.json")
    assert "schools" not in json.loads(receipt.read_text())["receipt"]


def test_the_schools_of_a_trust_that_has_ratified_are_covered(desk: Desk) -> None:
    desk.provider("elm", years=(), dfe_number=ELM)
    desk.provider("oak", years=YEARS, dfe_number=OAK)
    desk.provider("trust", "academy", years=YEARS)

    def standings() -> dict[str, tuple[str, str | None]]:
        found = json.loads(desk.gateway("agreement", "status", "--json"))
        return {one["provider"]: (one["standing"], one["covered_by"]) for one in found}

    assert standings()["elm"] == ("never", None)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    assert standings() == {
        "elm": ("covered", "trust"), "oak": ("ratified", None), "trust": ("ratified", None),
    }  # fmt: skip


def test_the_same_file_from_one_school_waits_and_touches_no_roll(desk: Desk) -> None:
    oak, _, _ = schools(desk)
    sent = desk.send(oak, BOTH, "both.csv.pgp")
    desk.process()
    assert (desk.state(sent), desk.codes(sent)) == ("held", ["policy:other-school"])
    assert on_rolls(desk) == {}
    assert "names another school (9992002) than yours (9992001) in 6 of its records" in desk.receipt(sent)
    # Nor does a person's release put anybody on a roll.
    desk.gateway("held", "release", sent, "--why", "the two share a building")
    assert desk.state(sent) == "accepted"
    assert on_rolls(desk) == {}
    assert status(desk, "elm")["last"] is None


def test_what_a_trust_sent_before_its_schools_were_on_record_goes_on_then(desk: Desk) -> None:
    _, _, trust = schools(desk)
    sent = desk.send(trust, BOTH)
    desk.process()
    assert desk.codes(sent) == ["policy:other-school"]
    assert "1 file decided anew" in desk.gateway("providers", "set", "trust", "--schools", f"999/2001, {ELM}")
    assert desk.state(sent) == "accepted"
    assert on_rolls(desk) == {"oak": 6, "elm": 6}
    (change,) = [event for event in desk.events("trust") if event.kind == "provider-changed"]
    assert change.note == f"sends for {OAK}, {ELM}"


def test_what_a_trust_sent_before_it_ratified_goes_on_once_it_has(desk: Desk) -> None:
    desk.provider("oak", years=YEARS, dfe_number=OAK)
    desk.provider("elm", years=YEARS, dfe_number=ELM)
    trust = desk.provider("trust", "academy")
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    sent = desk.send(trust, BOTH)
    desk.process()
    assert desk.codes(sent) == ["policy:agreement-not-ratified", "policy:for-schools"]
    assert "The file is then released by itself." in desk.receipt(sent)
    desk.gateway("agreement", "ratify", "trust", "--signatory", "The Head")
    assert desk.state(sent) == "accepted"


def test_a_school_that_is_not_enrolled_has_no_roll(desk: Desk) -> None:
    _, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{FIR}")
    sent = desk.send(trust, csv(core(LAESTAB=(OAK, FIR))))
    desk.process()
    assert desk.state(sent) == "accepted"
    assert on_rolls(desk) == {"oak": 6}


def test_a_school_of_no_number_does_not_put_another_schools_pupils_on_its_roll(desk: Desk) -> None:
    schools(desk)
    ash = desk.provider("ash", years=YEARS)
    sent = desk.send(ash, csv(core(LAESTAB=OAK)))
    desk.process()
    assert desk.state(sent) == "accepted"
    assert on_rolls(desk) == {}


def test_discrepancies_are_between_the_schools_that_a_file_names(desk: Desk) -> None:
    oak, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    desk.send(oak, csv(core(LAESTAB=OAK)))
    desk.process()
    desk.pass_time(hours=1)
    desk.send(trust, BOTH)
    desk.process()
    found = json.loads(desk.gateway("discrepancies", "list", "--json"))
    assert {tuple(each["providers"]) for each in found} == {("elm", "oak")}
    assert len(found) == 6


def test_a_pupil_of_two_schools_in_one_file_is_on_both_rolls(desk: Desk) -> None:
    _, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    table = rows(core(LAESTAB=OAK), 2)
    table.append([*table[1][:-1], ELM])
    desk.send(trust, made.as_csv(table).encode())
    desk.process()
    assert on_rolls(desk) == {"oak": 2, "elm": 1}
    assert len(json.loads(desk.gateway("discrepancies", "list", "--json"))) == 1


def test_a_complete_roll_is_that_of_the_school_which_it_names(desk: Desk) -> None:
    _, _, trust = schools(desk)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    census = made.census_around([made.census_pupil(made.Child(n)) for n in range(3)])
    sent = desk.send(trust, census.replace("<Estab>1234", "<Estab>2002").encode())
    desk.process()
    assert desk.state(sent) == "accepted"
    assert on_rolls(desk) == {"elm": 3}
    with desk.registry.read() as session:
        assert [row.provider for row in session.exec(select(FullRollRow))] == ["elm"]


def test_schools_are_shown_and_taken_away_and_only_education_providers_have_them(desk: Desk) -> None:
    schools(desk)
    desk.provider("fft", "fft")
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},120003,{OAK}")
    assert json.loads(desk.gateway("providers", "show", "trust", "--json"))["schools"] == [OAK, "120003"]
    assert f"{OAK}, 120003" in desk.gateway("providers", "list")
    assert "already" in desk.gateway("providers", "set", "trust", "--schools", f"{OAK},120003")
    desk.gateway("providers", "set", "trust", "--schools", "")
    assert json.loads(desk.gateway("providers", "show", "trust", "--json"))["schools"] == []
    desk.gateway("providers", "set", "fft", "--schools", OAK, code=1)
    desk.gateway("providers", "set", "trust", "--schools", "oak", code=1)


@pytest.mark.parametrize(
    ("number", "of_oak", "of_trust", "of_unknown"),
    [
        ("", "oak", None, "unknown"),
        (OAK, "oak", "oak", None),
        (ELM, None, "elm", None),
        (FIR, None, None, "unknown"),
        ("120001", "oak", None, None),
        ("120009", None, None, "unknown"),
        ("2001", "oak", "oak", "unknown"),
        ("2002", None, "elm", "unknown"),
    ],
)
def test_whose_pupil_a_record_is(
    number: str, of_oak: str | None, of_trust: str | None, of_unknown: str | None
) -> None:
    oak = Provider(id="oak", name="", kind="school", dfe_number=OAK, urn="120001")
    elm = Provider(id="elm", name="", kind="school", dfe_number=ELM)
    trust = Provider(id="trust", name="", kind="academy", schools=(OAK, ELM))
    unknown, fft = Provider(id="unknown", name="", kind="school"), Provider(id="fft", name="", kind="fft")
    enrolled = Enrolled.of((oak, elm, trust, unknown, fft), shipped().bodies.with_own_pupils)
    found = tuple(enrolled.owner(sender, number) for sender in (oak, trust, unknown, fft))
    assert found == (of_oak, of_trust, of_unknown, None)


def test_a_number_that_two_providers_claim_tells_neither() -> None:
    both = [Provider(id=each, name="", kind="school", dfe_number=OAK) for each in ("oak", "acorn")]
    trust = Provider(id="trust", name="", kind="academy", schools=(OAK,))
    assert Enrolled.of((*both, trust), shipped().bodies.with_own_pupils).owner(trust, OAK) is None
