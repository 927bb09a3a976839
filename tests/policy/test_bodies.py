"""Bodies, timescales, signatures, persons and bases are policy: what does not fit together is named."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from gateway.model import Facts
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import reference_period
from gateway.policy.small_schemas import Identifier
from gateway.record.policy_check import check
from gateway.reports.retention import Retention
from tests.policies import POLICIES
from tests.policy.tables import classified

MONTHLY = '\n[[timescale]]\nid = "monthly"\nevery = "month"\ndue_days = 5\n'
WEEKLY = MONTHLY.replace("monthly", "weekly")
DATED = MONTHLY.replace('"month"', '"date"')
# The file, what stands there, what is put instead, and words of the fault.
EDITS = [
    ("bodies.toml", 'id = "school"', 'id = "skool"', "lists no kind school"),
    ("bodies.toml", 'becomes = ["academy"]', 'becomes = ["akademy"]', "no kind akademy; perhaps academy"),
    ("bodies.toml", 'identifier = "dfe-number"', 'identifier = "dfe"', "there is no identifier dfe"),
    ("bodies.toml", 'kinds = ["school", "academy"]', 'kinds = ["scool"]', "no kind scool; perhaps school"),
    ("bodies.toml", "own = true", "own = false", "exactly one recipient is the authority itself"),
    ("bodies.toml", 'id = "local-authority"', 'id = "authority"', "lists no recipient local-authority"),
    ("bodies.toml", 'name = "FFT"', 'name = "FFT"\n[[kind]]\nid = "x"\nname = "X"', "of the kind x"),
    ("bodies.toml", "own_pupils = true", 'own_pupils = true\nnot_expected = ["ks9"]', "no flow lists ks9"),
    ("bodies.toml", 'pattern = "[0-9]{6}"', 'pattern = "[0-9"', "a pattern is made of"),
    ("bodies.toml", 'pattern = "[0-9]{6}"', 'pattern = "[9-0]{6}"', "no regular expression"),
    ("bodies.toml", 'pattern = "[0-9]{6}"', 'pattern = "([0-9]{1,1}|[0-9]{1,2})+x"', "a pattern is made of"),
    ("bodies.toml", 'pattern = "[0-9]{6}"', 'pattern = "' + "[0-9]{1,9}" * 9 + '"', "at most 40 characters"),
    (
        "bodies.toml",
        'kinds = ["school", "academy"]',
        'kinds = ["school", "academy"]\nabout = "anyone"',
        "no right to anything",
    ),
    (
        "bodies.toml",
        "own = true",
        'own = true\n[[recipient]]\nid = "police"\nname = "Police"',
        "no flow goes to police",
    ),
    (
        "flows.toml",
        'recipients = ["local-authority"]',
        'recipients = ["local-authority", "polic"]',
        "no recipient polic",
    ),
    (
        "flows.toml",
        'recipients = ["local-authority"]',
        'recipients = ["education-providers"]',
        "which is no recipient of this flow",
    ),
    (
        "flows.toml",
        'teams = ["central-data-team"]\nclauses = ["4.1"]',
        'clauses = ["4.1"]',
        "no team gets ks2",
    ),
    ("flows.toml", 'timescale = "daily"', 'timescale = "daly"', "no timescale daly; perhaps daily"),
    (
        "flows.toml",
        'timescale = "daily"',
        'timescale = "daily"\nalso_due = ["daily"]',
        "it is due daily already",
    ),
    (
        "flows.toml",
        'timescale = "daily"',
        'timescale = "daily"\ntimescale_of = { fft = "weekly" }',
        "fft does not send it",
    ),
    ("flows.toml", 'timescale = "daily"', 'timescale = "daily"\nabout = ["staff"]', "knows no persons staff"),
    (
        "flows.toml",
        'basis = ["supporting"]',
        'basis = ["suporting"]',
        "no basis suporting; perhaps supporting",
    ),
    (
        "teams.toml",
        "triage = true",
        'triage = true\nof = "education-providers"',
        "by the authority's own people",
    ),
    ("teams.toml", 'purpose = "Acts on', 'of = "nobody"\npurpose = "Acts on', "lists no recipient nobody"),
    (
        "rights.toml",
        'clause = "11.3"',
        'clause = "11.3"\nof = "pupil"',
        "knows no persons pupil; perhaps pupils",
    ),
    (
        "agreement.toml",
        "[discrepancies]",
        '[persons]\npupils = "Pupils"\nstaff = "Staff"\n[discrepancies]',
        "no flow is about staff",
    ),
    (
        "agreement.toml",
        "[discrepancies]",
        '[[signatory]]\nrole = "head"\nname = "Head"\n[discrepancies]',
        "by_copy = true",
    ),
    (
        "agreement.toml",
        "[discrepancies]",
        '[bases]\nstatutory = "S"\nsupporting = "T"\nvital = "V"\n[discrepancies]',
        "no flow rests on vital",
    ),
    (
        "agreement.toml",
        'text = "agreement.txt"',
        'text = "agreement.txt"\ndocuments = ["annex.txt"]',
        "no readable file annex.txt",
    ),
    (
        "agreement.toml",
        "warn_days = [60, 30, 7]",
        "warn_days = [60, 30, 7]\nvalid_years = 4",
        "less than or equal to 3",
    ),
    ("calendar.toml", "[[phase]]", f"{MONTHLY}\n[[phase]]", "nothing is due monthly"),
    ("calendar.toml", "[[phase]]", f"{WEEKLY}\n[[phase]]", "weekly has a meaning already"),
    ("calendar.toml", "[[phase]]", f"{DATED}\n[[phase]]", "dates are those of every"),
    ("retention.toml", "accepted = 400", 'accepted = "until age 25"', "for ever"),
]


def put(policies: Path, file: str, there: str, instead: str) -> None:
    path = policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "there", "instead", "words"), EDITS, ids=[f"{e[0]}-{e[3][:40]}" for e in EDITS]
)
def test_what_does_not_fit_is_named(
    *, policies: Path, file: str, there: str, instead: str, words: str
) -> None:
    put(policies, file, there, instead)
    assert any(words in fault.message for fault in check(policies)), check(policies)


@pytest.mark.parametrize("pattern", [r"EY\d{6}|[0-9]{7}", "EY ?[0-9]{6}", "[A-Z]{2}[0-9]{6,7}"])
def test_a_number_may_have_letters_digits_and_repetitions(pattern: str) -> None:
    assert Identifier(id="early-years", name="Ofsted URN", pattern=pattern).fits("EY999123")


def test_a_file_is_of_the_month_that_it_names(policies: Path) -> None:
    put(policies, "calendar.toml", "[[phase]]", f"{MONTHLY}\n[[phase]]")
    put(policies, "flows.toml", 'timescale = "weekly"', 'timescale = "monthly"')
    assert check(policies) == []
    monthly = load_catalogue(policies)
    file = classified("attendance", facts=Facts(reference_date=date(2026, 10, 9)))
    assert reference_period(file, monthly, date(2026, 11, 2)) == "2026-10"


def test_each_day_of_the_last_week_of_a_term_is_of_this_term(policies: Path) -> None:
    weeks = '[[timescale]]\nid = "last-week"\nevery = "last-week-of-term"\ndue_days = 0\n'
    put(policies, "calendar.toml", "[[phase]]", f"{weeks}\n[[phase]]")
    put(policies, "flows.toml", 'timescale = "weekly"', 'timescale = "last-week"')
    weekly = load_catalogue(policies)
    spoken = {"2026-12-11": "autumn", "2026-12-14": "autumn", "2026-12-18": "autumn", "2026-12-21": "spring"}
    for day, term in spoken.items():
        file = classified("attendance", facts=Facts(reference_date=date.fromisoformat(day)))
        assert reference_period(file, weekly, date(2027, 1, 8)) == f"2026-27-{term}", day


def test_until_an_age_is_as_long_as_the_youngest_can_take() -> None:
    raw = tomllib.loads((POLICIES / "retention.toml").read_text("utf-8"))
    raw["receipts"]["accepted"] = raw["index"]["accepted"] = "until age 25 of persons from 3"
    assert Retention.model_validate(raw).receipts.accepted in range(22 * 365, 22 * 366 + 1)
