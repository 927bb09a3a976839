"""Decisions told to people, and two catalogues compared."""

from pathlib import Path

from gateway.model import Facts
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import decide
from gateway.policy.explain import Change, diff, headline, render
from tests.policy.tables import classified, london, provider

NOON = london("2026-11-24T12:00")


def test_an_accepted_file_names_its_teams_and_its_clause_in_words(catalogue: Catalogue) -> None:
    text = render(decide(classified("phonics"), catalogue, provider(), NOON), catalogue)
    assert text.splitlines()[0] == "accepted under phonics, for: Central Data Team"
    assert "clause 12.4: Appendix B, row 4: phonics screening check." in text
    assert "next: Nothing needs doing." in text


def test_a_held_file_says_how_long(catalogue: Catalogue) -> None:
    results = classified("gcse-results", facts=Facts(academic_year="2026/27"))
    until = headline(decide(results, catalogue, provider(), NOON), catalogue)
    assert until == "held until Thursday 19 August 2027, then released by itself"
    person = headline(
        decide(classified("student-core"), catalogue, provider(ratified=False), NOON), catalogue
    )
    assert person == "held until a person releases it, or what it waits for is settled"


def test_a_team_that_the_agreement_does_not_name_is_marked_as_local(catalogue: Catalogue) -> None:
    told = headline(decide(classified("exclusions"), catalogue, provider(), NOON), catalogue)
    assert told.startswith(
        "accepted under student-core, for: Central Data Team, Exclusions (a local team), Education Welfare"
    )


def test_a_refused_file_tells_every_reason(catalogue: Catalogue) -> None:
    refused = decide(classified("phonics"), catalogue, provider("dfe"), NOON)
    assert render(refused, catalogue).splitlines()[:3] == [
        "refused",
        "",
        "policy:sender-not-in-flow",
    ]


def _edited(policies: Path, file: str, there: str, instead: str) -> Catalogue:
    path = policies / file
    text = path.read_text("utf-8")
    assert text.count(there) >= 1
    path.write_text(text.replace(there, instead, 1), "utf-8")
    return load_catalogue(policies)


def test_no_change_is_no_difference(catalogue: Catalogue, policies: Path) -> None:
    assert diff(catalogue, _edited(policies, "teams.toml", "Early Years", "The Early Years"), NOON) == []


def test_a_team_taken_out_of_a_flow(catalogue: Catalogue, policies: Path) -> None:
    old = '"central-data-team", "exclusions", "education-welfare", "admissions-and-entitlements"]'
    new = _edited(policies, "flows.toml", old, old.replace(', "education-welfare"', ""))
    assert diff(catalogue, new, NOON) == [
        Change(kind, "exclusions", "education-welfare", "gets the file", "gets nothing")
        for kind in ("school", "academy")
    ]


def test_a_sender_added_to_a_flow(catalogue: Catalogue, policies: Path) -> None:
    new = _edited(policies, "flows.toml", 'senders = ["fft"]', 'senders = ["fft", "school"]')
    assert diff(catalogue, new, NOON) == [
        Change("school", "fft-aspire", "", "refused: policy:sender-not-in-flow", "accepted: policy:allowed"),
        Change("school", "fft-aspire", "central-data-team", "gets nothing", "gets the file"),
    ]


def test_a_right_taken_away(catalogue: Catalogue, policies: Path) -> None:
    new = _edited(policies, "rights.toml", "not_from = {", 'without = ["Pupil: Religion"]\nnot_from = {')
    changes = diff(catalogue, new, NOON)
    assert {(each.provider_kind, each.data_type) for each in changes} == {
        (kind, data_type) for kind in ("school", "academy") for data_type in ("student-core", "exclusions")
    }
    assert {(each.team, each.before, each.after) for each in changes} == {
        ("admissions-and-entitlements", "may have Pupil: Religion", "may not")
    }


def test_a_hold_put_on_an_item(catalogue: Catalogue, policies: Path) -> None:
    new = _edited(policies, "rights.toml", 'hold = ["Results', 'hold = ["Telephone number", "Results')
    changes = {
        (each.data_type, each.provider_kind, each.before, each.after)
        for each in diff(catalogue, new, NOON)
        if each.data_type in ("student-core", "ks2")
        and not each.team
        and "policy:assessment" not in each.before
    }
    taken, allowed = "with Telephone number: accepted: ", ("policy:allowed", "policy:on-behalf")
    held = "with Telephone number: held: policy:items-outside-held"
    assert changes == {
        (data_type, kind, f"{taken}{allowed[kind == 'la']}, policy:items-outside", held)
        for data_type, kinds in (("student-core", ("school", "academy")), ("ks2", ("dfe", "la")))
        for kind in kinds
    }


def test_what_is_sensitive_is_nobodys(catalogue: Catalogue, policies: Path) -> None:
    new = _edited(policies, "rights.toml", '"Disability", ', "")
    changes = {
        (each.before, each.after)
        for each in diff(catalogue, new, NOON)
        if each.data_type == "student-core" and not each.team
    }
    assert changes == {
        (
            "with Disability: held: policy:sensitive, policy:sensitive-heading, policy:items-outside-held",
            "with Disability: accepted: policy:allowed, policy:items-outside",
        )
    }


def test_a_results_day_moved(catalogue: Catalogue, policies: Path) -> None:
    new = _edited(policies, "calendar.toml", ", 2026-08-20]", ", 2026-08-21]")
    changes = diff(catalogue, new, london("2026-08-01T12:00"))
    assert {(each.data_type, each.before, each.after) for each in changes} == {
        (
            "gcse-results",
            "held until 2026-08-20 07:00 UTC: policy:embargo",
            "held until 2026-08-21 07:00 UTC: policy:embargo",
        )
    }
