"""declare: a transfer by another way is decided, explained, recorded and receipted like any."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import first_year
from gateway.verify.verify_receipts import main as verify_alone
from tests.clock import THIS_YEAR
from tests.policies import enact
from tests.workshop import Desk

POST = ("--safeguard", "special-delivery", "--safeguard", "return-address", "--safeguard", "addressee-only")
YEARS = THIS_YEAR


def declare(desk: Desk, *options: str, code: int = 0) -> dict[str, Any]:
    said = desk.gateway("declarations", "add", "--json", *options, code=code)
    found = json.loads(said[said.index("{\n") : said.rindex("}") + 1])
    assert isinstance(found, dict)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in found["reasons"]]


@pytest.fixture
def oak(desk: Desk) -> Desk:
    desk.provider("oak", years=YEARS)
    return desk


def test_what_is_allowed_is_recorded_logged_and_receipted(oak: Desk) -> None:
    found = declare(oak, "--method", "post", "--provider", "oak", "--data", "safeguarding", *POST)
    assert (found["state"], found["recorded"]) == ("accepted", True)
    assert codes(found) == ["policy:method-allowed", *["policy:safeguard-given"] * 3]
    reference = found["reference"]
    assert oak.kinds(reference) == ["declared"]
    (event,) = oak.events(reference)
    assert json.loads(event.leaf)["fields"]["safeguards"] == "addressee-only,return-address,special-delivery"
    receipt = oak.receipt(reference)
    assert "This transfer is ALLOWED." in receipt
    assert "The agreement allows this to travel by post: A safeguarding concern." in receipt
    assert "(agreement clause 5.4.1; policy:safeguard-given)" in receipt
    (row,) = json.loads(oak.gateway("declarations", "list", "--json"))
    assert (row["reference"], row["method"], row["state"]) == (reference, "post", "accepted")
    assert "special-delivery" in oak.gateway("declarations", "show", reference)
    assert "clause 5.4.3: The envelope bears a return address." in oak.gateway("policy", "explain", reference)


def test_a_transfer_is_judged_by_the_agreement_of_the_day_on_which_it_goes(oak: Desk) -> None:
    asked = ("--method", "post", "--provider", "oak", "--data", "safeguarding", "--dry-run", *POST)
    lapsed = f"{first_year(*YEARS) + 1}-10-20"
    assert declare(oak, *asked)["state"] == "accepted"
    assert codes(declare(oak, *asked, "--on", lapsed, code=1)) == ["policy:agreement-not-ratified"]


def test_its_receipts_verify_and_a_changed_one_does_not(oak: Desk, tmp_path: Path) -> None:
    reference = declare(oak, "--method", "post", "--provider", "oak", "--data", "safeguarding", *POST)[
        "reference"
    ]
    files = oak.receipts("oak", f"*.{reference}.*")
    assert [file.suffix for file in files] == [".json", ".txt"]
    said = oak.gateway("receipts", "verify", *map(str, files))
    assert said.count("genuine") == 2
    assert "safeguarding by post" in said
    assert verify_alone([str(files[0])]) == 0
    changed = tmp_path / files[1].name
    changed.write_text(files[1].read_text().replace("is ALLOWED", "is NOT ALLOWED"))
    assert "NOT PROVED" in oak.gateway("receipts", "verify", str(changed), code=1)
    assert "everything fits" in oak.gateway("log", "verify")


def test_what_lacks_a_safeguard_is_refused_by_its_clause_and_recorded_so(oak: Desk) -> None:
    found = declare(oak, "--method", "post", "--provider", "oak", "--data", "safeguarding", *POST[:4], code=1)
    assert (found["state"], codes(found)) == ("refused", ["policy:safeguard-missing"])
    assert found["reasons"][0]["clause"] == "5.4.4"
    assert "This transfer is NOT ALLOWED." in oak.receipt(found["reference"])
    said = oak.gateway(
        "declarations", "add", "--method", "fax", "--provider", "oak", "--data", "attendance", code=1
    )
    assert (
        "gateway: the agreement does not allow this: The agreement does not allow this data to travel" in said
    )


def test_electronic_only_data_never_goes_by_post(oak: Desk) -> None:
    found = declare(oak, "--method", "post", "--provider", "oak", "--data", "exclusions", *POST, code=1)
    assert [(r["code"], r["clause"]) for r in found["reasons"]] == [("policy:method-not-allowed", "2.5.1")]


def test_an_unratified_provider_is_told_not_to_send_yet(desk: Desk) -> None:
    desk.provider("elm")
    found = declare(desk, "--method", "post", "--provider", "elm", "--data", "safeguarding", *POST, code=1)
    assert (found["state"], codes(found)) == ("held", ["policy:agreement-not-ratified"])
    receipt = desk.receipt(found["reference"])
    assert "This transfer must WAIT." in receipt
    assert "Do not send it yet. Ratify the agreement" in receipt
    assert "released by itself" not in receipt


def test_what_a_closed_provider_would_send_waits_as_its_files_do(oak: Desk) -> None:
    oak.gateway("providers", "close", "oak", "--why", "it became part of elm")
    asked = ("--method", "post", "--provider", "oak", "--data", "safeguarding", *POST)
    assert declare(oak, *asked)["state"] == "accepted", "its last day is today"
    later = declare(oak, *asked, "--on", f"{oak.now + timedelta(days=2):%Y-%m-%d}", code=1)
    assert (later["state"], codes(later)) == ("held", ["policy:closed"])
    assert "Do not send it. Ask the local authority." in oak.receipt(later["reference"])


def test_a_dry_run_leaves_nothing_behind(oak: Desk) -> None:
    found = declare(
        oak, "--method", "post", "--provider", "oak", "--data", "safeguarding", *POST, "--dry-run"
    )  # fmt: skip
    assert (found["state"], found["recorded"], found["reference"]) == ("accepted", False, None)
    assert json.loads(oak.gateway("declarations", "list", "--json")) == []
    assert oak.receipts("oak") == []


def test_a_choice_that_is_unknown_is_answered_by_all_with_their_questions(oak: Desk) -> None:
    asked = ("--method", "email", "--provider", "oak", "--data", "finance")
    said = oak.gateway("declarations", "add", *asked, "--safeguard", "?", code=2)
    for one in load_catalogue(oak.home.policies_in_force).methods.safeguard:
        assert f"{one.id} ({one.question})" in said


def test_what_went_another_way_has_come(oak: Desk) -> None:
    declare(oak, "--method", "b2b", "--provider", "oak", "--data", "school-census")
    rows = json.loads(oak.gateway("flows", "status", "--json"))
    assert {row["data_type"] for row in rows if row["last"]} == {"school-census"}


def test_results_may_not_go_another_way_before_their_day(oak: Desk) -> None:
    day = f"{(oak.now + timedelta(days=1)):%Y-%m-%d}"
    policy = oak.home.policies / "calendar.toml"
    text = policy.read_text().replace('season = "06-01"', 'season = "01-01"')
    policy.write_text(text.replace("2025-08-21, 2026-08-20]", f"2025-08-21, {day}]"))
    enact(oak.home.root)
    found = declare(oak, "--method", "b2b", "--provider", "oak", "--data", "gcse-results", code=1)
    assert (found["state"], codes(found)) == ("held", ["policy:embargo"])
    assert "Do not send it before that moment." in oak.receipt(found["reference"])
    later = declare(oak, "--method", "b2b", "--provider", "oak", "--data", "gcse-results", "--on", day)
    assert later["state"] == "accepted"


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (("--method", "pigeon", "--provider", "oak", "--data", "finance"), "there is no method pigeon", 2),
        (("--method", "post", "--provider", "oak", "--data", "gossip"), "there is no data gossip", 2),
        (("--method", "post", "--provider", "ash", "--data", "finance"), "there is no provider ash", 1),
        (
            ("--method", "post", "--provider", "oak", "--data", "finance", "--safeguard", "hope"),
            "there is no safeguard hope",
            2,
        ),
        (
            ("--method", "post", "--provider", "oak", "--data", "finance", "--circumstance", "rain"),
            "there is no circumstance rain",
            2,
        ),
        (
            ("--method", "sftp", "--provider", "oak", "--data", "attendance"),
            "Send the file to this gateway",
            1,
        ),
    ],
)
def test_words_that_nobody_knows_are_named(oak: Desk, options: tuple[str, ...], told: str, code: int) -> None:
    assert told in oak.gateway("declarations", "add", *options, code=code)


def test_a_script_must_give_what_is_needed(oak: Desk) -> None:
    assert "--provider" in oak.gateway("declarations", "add", "--method", "post", "--data", "finance", code=2)
