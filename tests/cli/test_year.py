"""A school year is opened: terms, the agreement's text, notices to every school, and what is missing."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.homes.school_year import read_dates
from gateway.openpgp.sealer import verify_clearsigned
from gateway.policy.catalogue import load_catalogue
from tests.clock import TERM_TIME, commands_go_by
from tests.commands import Commands
from tests.policies import enact

JULY = datetime(2027, 7, 1, 9, 30, tzinfo=UTC)
TERMS = """\
Term,Start date,End date,What
Autumn 1,02/09/2027,22/10/2027,
Autumn 2,01/11/2027,17/12/2027,
Spring,4 January 2028,31/03/2028,
Summer,2028-04-18,2028-07-21,
,01/09/2027,,INSET day
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """One in July: in its calendar the terms of this year are written, and those of the next are not."""
    commands_go_by(lambda: TERM_TIME, monkeypatch)
    made = Commands(tmp_path, "--organisation", "Elsewhere Council")
    commands_go_by(lambda: JULY, monkeypatch)
    (tmp_path / "terms.csv").write_text(TERMS)
    for name, kind in (("oak", "school"), ("elm", "academy"), ("old", "school"), ("fft", "fft")):
        made.gateway("providers", "add", name, "--name", name.title(), "--kind", kind)
    made.gateway("providers", "close", "old", "--why", "it closed")
    return made


def in_force(site: Commands) -> str:
    """The digest of the policies that decide."""
    found: str = site.json("policy", "status")["in_force"]
    return found


def notices(site: Commands, provider: str) -> list[str]:
    paths = sorted(
        site.receipts(provider).glob("agreement-notice.*.txt"), key=lambda path: path.stat().st_mtime
    )
    return [path.read_text() for path in paths]


def test_a_year_is_opened_with_its_terms_and_its_text_and_every_school_is_told(
    site: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_catalogue(site.home / "policies")
    text = tmp_path / "agreement-2.1.txt"
    text.write_text(before.agreement_text.replace("Version 2.0", "Version 2.1"))
    options = ("--terms", str(tmp_path / "terms.csv"), "--agreement", str(text), "--version", "2.1")
    monkeypatch.setenv("GATEWAY_ADMIN", "ann")
    said = site.gateway("year", "open", "2027-28", *options, "--why", "agreed by the forum")
    assert "nothing has changed yet" in said
    assert "proposed it: somebody else" in site.refused("policy", "approve", "--yes")
    assert (in_force(site), notices(site, "oak")) == (before.digest, [])
    assert "wait for a second person" in site.refused("year", "open", "2027-28")
    assert site.json("year", "show", "2027-28")["opened_at"] is None
    monkeypatch.setenv("GATEWAY_ADMIN", "ben")
    site.gateway("policy", "approve", "--yes")
    said = site.gateway("year", "open", "2027-28", *options)
    assert "2 education providers told" in said
    assert "2027-09-02 to 2028-07-21 (written)" in said
    after = load_catalogue(site.home / "policies")
    year = after.calendar.school_year[-1]
    assert (year.academic_year, len(year.terms), year.inset) == ("2027-28", 4, (date(2027, 9, 1),))
    assert after.calendar.school_year[:-1] == before.calendar.school_year
    assert (site.home / "policies" / "calendar.toml").read_text().count("#") > 20  # Its comments stay.
    assert after.agreement_text == text.read_text()
    folder = site.home / "published" / "common" / "agreement"
    assert (folder / "agreement.txt").read_text() == text.read_text()
    told = sorted(folder.glob("notice-*.txt"))
    assert len(told) == 2
    certificate = site.gateway("keys", "gateway", "export").encode()
    assert "HAS CHANGED" in verify_clearsigned(told[0].read_text(), [certificate])[0]
    assert "READY to be ratified" in verify_clearsigned(told[1].read_text(), [certificate])[0]
    for provider, number in (("oak", 2), ("elm", 2), ("old", 0), ("fft", 0)):
        assert len(notices(site, provider)) == number
    again = site.gateway("year", "open", "2027-28")
    assert "2027-28 was open already" in again
    assert len(notices(site, "oak")) == 2
    assert "everything fits" in site.gateway("log", "verify")


def test_a_text_that_changes_a_clause_on_which_something_rests_takes_the_way_that_is_told(
    site: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies, text = site.home / "policies", tmp_path / "agreement-2.1.txt"
    before = (policies / "agreement.txt").read_text()
    text.write_text(before.replace("Both parties must make sure", "Each party must make sure"))
    terms = ("year", "open", "2027-28", "--terms", str(tmp_path / "terms.csv"))
    monkeypatch.setenv("GATEWAY_ADMIN", "ann")
    said = site.refused(*terms, "--agreement", str(text))
    assert "clause 5.1. Put it into policies/agreement.txt" in said
    (policies / "agreement.txt").write_text(text.read_text())
    site.gateway("policy", "confirm", "--yes")
    site.gateway("policy", "propose")
    monkeypatch.setenv("GATEWAY_ADMIN", "ben")
    site.gateway("policy", "approve", "--yes")
    assert "nothing has changed yet" in site.gateway(*terms)


def test_what_is_new_in_appendix_a_is_told_by_name(site: Commands) -> None:
    site.gateway("agreement", "status")
    site.gateway("process", "--once")
    rights = site.home / "policies" / "rights.toml"
    before = load_catalogue(site.home / "policies")
    text = rights.read_text()
    group = next(group for group in before.rights.group)
    item = group.items[0]
    assert f'"{item}"' in text
    rights.write_text(text.replace(f'"{item}"', f'"{item}", "Favourite colour"', 1))
    items = site.home / "policies" / "items.toml"
    rule = '[items.favourite-colour]\nlabel = "Pupil: Favourite colour"\ncolumns = ["Favourite Colour"]\n'
    rule += 'values = ["label"]\n\n'
    items.write_text(items.read_text().replace("[items.address]", f"{rule}[items.address]", 1))
    site.gateway("policy", "check")
    enact(site.home)
    (notice,) = notices(site, "oak")
    assert "Added to the data items of Appendix A" in notice
    assert "Favourite colour" in notice.replace("\n      ", " ")


def test_what_is_missing_is_listed_and_by_rule_is_no_mistake(site: Commands) -> None:
    found = site.json("year", "show", "2027-28")
    assert (found["terms"], found["opened_at"]) == ("by-rule", None)
    missing = [one["what"] for one in found["missing"]]
    assert "the terms of 2027-28 are not written down: by rule until then" in missing
    assert "oak has no contact" in missing
    exams = {one for one in missing if "gcse-results" in one}  # In the summer, and of the series in November.
    assert exams == {
        f"the results day of gcse-results in 2028 (season {day}) is by rule" for day in ("01-07", "06-01")
    }
    assert not any("old" in one["about"] for one in found["missing"])
    site.gateway("flows", "expect", "oak", "ks1", "no", "--why", "a junior school")
    assert "1 carried over" in site.gateway("year", "open", "2027-28")


def test_no_school_is_told_of_a_year_that_it_cannot_ratify_yet(
    site: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_to_ratify() -> bool:
        return any("ratified" in one["what"] for one in site.json("year", "show", "2027-28")["missing"])

    assert has_to_ratify()
    commands_go_by(lambda: TERM_TIME, monkeypatch)
    said = site.refused("year", "open", "2027-28")
    assert "2027-28 can be ratified from 1 July 2027 on: open it then" in said
    assert not has_to_ratify()
    assert notices(site, "oak") == []


def terms(folder: Path, *lines: str) -> tuple[str, str]:
    """The option that gives these term dates."""
    file = folder / "given.csv"
    file.write_text("\n".join(("first,last,what", *lines)))
    return "--terms", str(file)


def test_a_year_that_nobody_opened_is_told_of_until_somebody_does(
    site: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[str]:
        found = [one["what"] for one in site.json("doctor")]
        return [what for what in found if "is not open: nobody was told" in what]

    ratified = ("agreement", "ratify", "oak", "--signatory", "A. Head")
    assert ["2027-28" in one for one in told()] == [True]
    commands_go_by(lambda: datetime(2027, 9, 20, 9, 30, tzinfo=UTC), monkeypatch)
    assert told() == [], "in its first year a gateway need not open it"
    site.gateway(*ratified, "--on", "2026-09-10")
    assert ["2027-28" in one for one in told()] == [True]
    site.gateway("year", "open", "2027-28")
    assert told() == []


def test_terms_replace_those_of_the_sample(
    site: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring, inset = "2027-01-04,2027-07-22,", "2026-09-01,,INSET"
    monkeypatch.setenv("GATEWAY_ADMIN", "ann")
    site.gateway("year", "open", "2026-27", *terms(tmp_path, "2026-09-01,2026-12-18,", spring, inset))
    others = terms(tmp_path, "2026-09-02,2026-12-18,", spring)
    assert "wait for a second person" in site.refused("year", "open", "2026-27", *others)
    monkeypatch.setenv("GATEWAY_ADMIN", "ben")
    site.gateway("policy", "approve", "--yes")
    written = tomllib.loads((site.home / "policies" / "calendar.toml").read_text())["school_year"]
    (year,) = [one for one in written if one["academic_year"] == "2026-27"]
    assert [term["first"] for term in year["terms"]] == [date(2026, 9, 1), date(2027, 1, 4)]
    assert year["inset"] == [date(2026, 9, 1)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("2029-30",), "only 2026-27 and 2027-28 can be opened now"),
        (("27/28",), "write an academic year like 2027-28"),
        (("2027-28", "2027-12-18,2027-09-01,"), "ends before it begins"),
        (("2027-28", "2026-09-01,2026-12-18,"), "the terms are not those of 2027-28"),
        (("2027-28", "--agreement", "/nowhere"), "/nowhere cannot be read"),
        (("2027-28", "2027-09-01,,INSET"), "there is no term"),
    ],
)
def test_what_is_wrong_changes_nothing(
    site: Commands, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = (site.home / "policies" / "calendar.toml").read_bytes()
    year, *given = arguments
    options = terms(tmp_path, *given) if len(given) == 1 else given
    assert said in site.refused("year", "open", year, *options)
    assert (site.home / "policies" / "calendar.toml").read_bytes() == before
    assert site.json("year", "show", "2027-28")["opened_at"] is None


def test_a_day_that_cannot_be_read_is_named_with_its_line() -> None:
    with pytest.raises(GatewayError, match="line 3: soon is no day"):
        read_dates(b"first,last\n2027-09-02,2027-10-22\nsoon,2027-12-17\n")
    with pytest.raises(GatewayError, match="names the columns"):
        read_dates(b"2027-09-02,2027-10-22\n")


def test_a_line_of_training_days_stands_for_each_of_them() -> None:
    terms = "what,first,last\nTerm,2027-09-02,2027-10-22\n"
    _, days = read_dates(f"{terms}INSET,02/09/2027,03/09/2027\nTraining,2027-10-22,\n".encode())
    assert days == [date(2027, 9, 2), date(2027, 9, 3), date(2027, 10, 22)]
    for line in ("INSET,2027-09-03,2027-09-02", "INSET,2027-09-02,2027-10-22"):
        with pytest.raises(GatewayError, match=r"line 3: .* are no training days"):
            read_dates(f"{terms}{line}\n".encode())
