"""policy diff sees every edit of consequence, and says which of them lose protection."""

from pathlib import Path

import pytest

from gateway.policy.edits import UNKNOWN, Edit, edits, effect_of, settings
from tests.policies import POLICIES


def test_every_setting_that_ships_has_an_effect_that_is_known() -> None:
    unknown = [
        (path.name, ".".join(place[:length]))
        for path in sorted(POLICIES.glob("*/*.toml"))
        if path.parent.name != "earlier"
        for place in settings(path.read_text("utf-8"))
        for length in range(2, len(place) + 1)  # A group of settings, too, may come or go as a whole.
        if effect_of(path.name, place[:length]) is UNKNOWN
    ]
    assert unknown == []


def changed(policies: Path, file: str, there: str, instead: str) -> Edit:
    path = policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")
    (edit,) = edits(POLICIES, policies)
    return edit


# Each edit: the file, what stands there, what is put instead, the place, and what is told before and after.
LOST = [
    ("retention.toml", "accepted = 400", "accepted = 1", "sealed.accepted", "400", "1"),
    (
        "retention.toml",
        "student-core = 400",
        "student-core = 1",
        "sealed.by_data_type.student-core",
        "400",
        "1",
    ),
    ("retention.toml", "accepted = 2557", 'accepted = "for ever"', "receipts.accepted", "2557", "for ever"),
    (
        "flows.toml",
        'recipients = ["local-authority"]',
        'recipients = ["local-authority", "education-providers"]',
        "flow.student-core.recipients",
        "",
        "education-providers",
    ),
    ("flows.toml", "embargo = true", "embargo = false", "flow.gcse-results.embargo", "True", "False"),
    ("flows.toml", "embargo = true\n", "", "flow.gcse-results.embargo", "True", ""),
    ("flows.toml", 'senders = ["dfe"]', 'senders = ["dfe", "fft"]', "flow.ks2.senders", "", "fft"),
    (
        "flows.toml",
        'contents = "analysis"',
        'contents = "analysis"\nunlisted = "accept"',
        "flow.fft-aspire.unlisted",
        "",
        "accept",
    ),
    (
        "flows.toml",
        'electronic = "2.4.3"\n',
        "",
        "flow.student-core.data_type.attendance.electronic",
        "2.4.3",
        "",
    ),
    (
        "calendar.toml",
        'on_or_after = "08-19"',
        'on_or_after = "08-01"',
        "results.gcse-results.rule.on_or_after",
        "08-19",
        "08-01",
    ),
    ("calendar.toml", "2026-08-20]", "2026-08-13]", "results.gcse-results.dates", "2026-08-20", "2026-08-13"),
    (
        "calendar.toml",
        "time = 08:00:00",
        "time = 00:01:00",
        "results.a-level-results.time",
        "08:00:00",
        "00:01:00",
    ),
    ("keys.toml", "approve_drops = false", "approve_drops = true", "approve_drops", "False", "True"),
    ("methods.toml", "rsa_bits = 2048", "rsa_bits = 1024", "strength.rsa_bits", "2048", "1024"),
    (
        "methods.toml",
        'flows = ["ks2", "ks4", ',
        'flows = ["phonics", "ks2", "ks4", ',
        "method.portal.flows",
        "",
        "phonics",
    ),
    (
        "methods.toml",
        'senders = ["school", "academy", "la"]\n',
        "",
        "method.s2s.senders",
        "school, academy, la",
        "",
    ),
    ("rights.toml", '"Photograph",\n', "", "outside.sensitive", "Photograph", ""),
    ("rights.toml", 'action = "hold"', 'action = "notice"', "proposed.action", "hold", "notice"),
    ("teams.toml", "pupil_level = false\n", "", "team.school-place-planning.pupil_level", "False", ""),
    ("teams.toml", 'id = "sen"', 'id = "sen"\ntriage = true', "team.sen.triage", "", "True"),
    ("sensitive.toml", '"cpoms", ', "", "topics.safeguarding.words", "cpoms", ""),
    (
        "limits.toml",
        "signature_age_days = 90",
        "signature_age_days = 9000",
        "open.signature_age_days",
        "90",
        "9000",
    ),
    (
        "agreement.toml",
        "name_other_school = false",
        "name_other_school = true",
        "discrepancies.name_other_school",
        "False",
        "True",
    ),
]


@pytest.mark.parametrize(
    ("file", "there", "instead", "entry", "before", "after"),
    LOST,
    ids=[f"{e[0]}-{e[3]}-{e[5]}" for e in LOST],
)
def test_what_loses_protection_is_told_so(
    *, policies: Path, file: str, there: str, instead: str, entry: str, before: str, after: str
) -> None:
    edit = changed(policies, file, there, instead)
    assert (edit.weight, edit.file, edit.entry) == ("loses protection", file, entry)
    assert (edit.before, edit.after) == (before, after)
    assert edit.does


def test_safeguards_of_email_that_are_gone_are_told(policies: Path) -> None:
    there = '[[method.need]]\nany_of = ["secure-email", "egress-reply"]\n\n'
    edit = changed(policies, "methods.toml", there, "")
    assert (edit.weight, edit.entry, edit.after) == ("loses protection", "method.email.need", "")
    assert "secure-email" in edit.before


KEPT = [
    ("flows.toml", 'contents = "analysis"', 'contents = "analysis"\nunlisted = "hold"'),
    ("flows.toml", 'teams = ["central-data-team", "early-years"]', 'teams = ["central-data-team"]'),
    ("rights.toml", 'default = "notice"', 'default = "hold"'),
    ("rights.toml", "groups = []\nselections", 'groups = []\nwithout = ["Pupil: UPN"]\nselections'),
    ("methods.toml", "rsa_bits = 2048", "rsa_bits = 3072"),
    ("methods.toml", 'id = "fax"', 'id = "fax"\nsenders = ["school"]'),
    ("teams.toml", 'id = "sen"', 'id = "sen"\npupil_level = false'),
    ("limits.toml", "connections = 200", "connections = 100"),
    ("sensitive.toml", '"cpoms", ', '"cpoms", "cpoms2", '),
    ("calendar.toml", 'last = "06-30"', 'last = "06-29"'),
]


@pytest.mark.parametrize(("file", "there", "instead"), KEPT, ids=[f"{e[0]}-{e[2][-30:]}" for e in KEPT])
def test_what_is_made_stricter_or_later_only_changes(
    policies: Path, file: str, there: str, instead: str
) -> None:
    assert changed(policies, file, there, instead).weight == "changes"


IDLE = [
    ("teams.toml", 'name = "Early Years"', 'name = "The early years"'),
    ("flows.toml", 'purpose = "Supports Statutory Duties"', 'purpose = "Supports duties"'),
    ("sensitive.toml", 'label = "safeguarding"', 'label = "welfare"'),
]


def test_a_term_that_moved_is_told_in_days(policies: Path) -> None:
    path = policies / "calendar.toml"
    path.write_text(path.read_text().replace("last = 2026-12-18", "last = 2026-12-17"))
    (one,) = edits(POLICIES, policies)
    assert (one.before, one.after) == ("first 2026-11-02 last 2026-12-18", "first 2026-11-02 last 2026-12-17")


@pytest.mark.parametrize(("file", "there", "instead"), IDLE, ids=[e[0] for e in IDLE])
def test_words_have_no_effect_and_the_reason_is_given(
    policies: Path, file: str, there: str, instead: str
) -> None:
    edit = changed(policies, file, there, instead)
    assert edit.weight == "no effect"
    assert edit.does


def test_an_entry_that_is_new_or_gone_is_one_line(policies: Path) -> None:
    text = (policies / "methods.toml").read_text("utf-8")
    start = text.index('[[method]]\nid = "fax"')
    (policies / "methods.toml").write_text(text[:start], "utf-8")
    (gone,) = edits(POLICIES, policies)
    assert (gone.weight, gone.entry, gone.before, gone.after) == ("changes", "method.fax", "an entry", "")
    (new,) = edits(policies, POLICIES)
    assert (new.weight, new.entry, new.before, new.after) == (
        "loses protection",
        "method.fax",
        "",
        "an entry",
    )


def test_comments_and_the_order_of_entries_are_no_difference(policies: Path) -> None:
    path = policies / "teams.toml"
    head, first, second, *rest = path.read_text("utf-8").split("[[team]]")
    path.write_text("# Other words.\n[[team]]" + "[[team]]".join([second, first, *rest]), "utf-8")
    assert head
    assert edits(POLICIES, policies) == []


def test_the_order_in_a_list_is_a_difference(policies: Path) -> None:
    edit = changed(
        policies, "flows.toml", '"central-data-team", "early-years"]', '"early-years", "central-data-team"]'
    )
    assert edit.after == "in this order: early-years, central-data-team"
    assert edit.weight == "changes"


def test_another_order_of_what_protects_loses_nothing(policies: Path) -> None:
    edit = changed(policies, "sensitive.toml", '"cpoms", "mash referral"', '"mash referral", "cpoms"')
    assert (edit.weight, edit.entry) == ("changes", "topics.safeguarding.text")


def test_another_text_of_the_agreement_is_told(policies: Path) -> None:
    edit = changed(policies, "agreement.txt", "Version 2.0", "Version 2.1")
    assert (edit.weight, edit.entry) == ("loses protection", "text")
    assert "Version 2.0" in edit.before
    assert "Version 2.1" in edit.after
