"""policy check across all files: what one of them names and no other knows, and what nothing uses."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from gateway.record.policy_check import check
from tests.policies import POLICIES


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


_LAST_TEAM = 'clauses = ["10.4", "10.5", "10.8.2"]'
# Each edit: the file, what stands there, what is put instead, where the fault is told, and words of it.
EDITS = [
    (
        "flows.toml",
        'id = "exclusions"',
        'id = "exclusion"',
        "flows.toml:flow[0].data_type[2].id",
        "data_types.toml knows no exclusion; perhaps exclusions: no file would ever be of it",
    ),
    (
        "flows.toml",
        'id = "exclusions"',
        'id = "exclusion"',
        "data_types.toml:types.exclusions",
        "no flow carries exclusions; perhaps exclusion: every file of it would be refused",
    ),
    (
        "flows.toml",
        'carries = ["Unique learner number", "Post',
        'carries = ["Unique lerner number", "Post',
        "flows.toml:flow[1].data_type[0].carries",
        "items.toml has no Unique lerner number; perhaps Unique learner number",
    ),
    (
        "data_types.toml",
        "[types.fft-aspire]",
        '[types.x]\ntitle = "X"\n\n[types.fft-aspire]',
        "data_types.toml:types.x",
        "nothing here recognises x: it has no signature",
    ),
    (
        "items.toml",
        'label = "Pupil: Religion"',
        'label = "Pupil: Religions"',
        "rights.toml:group[0].items[17]",
        "items.toml does not say which columns carry Pupil: Religion",
    ),
    (
        "items.toml",
        'label = "Pupil: Religion"',
        'label = "Pupil: Religions"',
        "items.toml:items.religion.label",
        "rights.toml lists no Pupil: Religions; perhaps Pupil: Religion",
    ),
    (
        "rights.toml",
        'proposed = ["NHS Number (Proposed)"]',
        "proposed = []",
        "rights.toml:group[3].items[0]",
        "differ on whether SEN: NHS Number (Proposed) is proposed",
    ),
    (
        "rights.toml",
        '"Photograph",',
        '"Photographs",',
        "rights.toml:outside.sensitive",
        "items.toml has no Photographs; perhaps Photograph",
    ),
    (
        "retention.toml",
        "phonics = 800",
        "phonix = 800",
        "retention.toml:sealed.by_data_type.phonix",
        "no flow lists phonix; perhaps phonics",
    ),
    (
        "agreement.toml",
        'whole_rolls = ["school-census"]',
        'whole_rolls = ["attendance", "census"]',
        "agreement.toml:discrepancies.whole_rolls",
        "attendance is not among the rolls",
    ),
    (
        "teams.toml",
        f"{_LAST_TEAM}\nsensitive = true",
        f'{_LAST_TEAM}\nsensitive = true\n\n[[team]]\nid = "x"\nname = "X"\npurpose = "None."\n{_LAST_TEAM}',
        "teams.toml:team[9].id",
        "no flow sends anything to x",
    ),
    (
        "teams.toml",
        f"{_LAST_TEAM}\nsensitive = true",
        f'{_LAST_TEAM}\nsensitive = true\n\n[[team]]\nid = "held"\nname = "X"\npurpose = "No."\n{_LAST_TEAM}',
        "teams.toml:team[9].id",
        "held is a folder of all teams, not a team",
    ),
    (
        "rights.toml",
        'team = "sen"',
        'team = "information-governance"',
        "teams.toml:team[4].id",
        "has no right",
    ),
    (
        "rights.toml",
        'team = "sen"',
        'team = "information-governance"',
        "rights.toml:right[4].team",
        "no flow sends anything to information-governance",
    ),
    (
        "rights.toml",
        'selections = ["who-and-where", "minority-and-traveller"]',
        'selections = ["who-and-where"]',
        "rights.toml:selection[1].id",
        "no team has a right to minority-and-traveller",
    ),
    (
        "rights.toml",
        'groups = ["SEN"]\nselections',
        "groups = []\nselections",
        "rights.toml:right[4].without",
        "sen has no right to SEN: NHS Number (Proposed)",
    ),
    ("methods.toml", 'id = "sftp"', 'id = "sftq"', "methods.toml:method", "no method sftp; perhaps sftq"),
    (
        "methods.toml",
        "declarable = false",
        "declarable = true",
        "methods.toml:method[0]",
        "sftp is this gateway",
    ),
    (
        "methods.toml",
        'any_of = ["test-page"]',
        'any_of = ["page-numbers"]',
        "methods.toml:safeguard[14].id",
        "no method needs test-page",
    ),
    (
        "methods.toml",
        'when = ["health-or-social-care", "significant"]',
        'when = ["significant", "large-parcel"]',
        "methods.toml:method[6].need[0]",
        "it can never arise: large-parcel is both",
    ),
    (
        "methods.toml",
        'flows = ["ks2", "ks4"',
        'senders = ["school"]\nflows = ["ks2", "ks4"',
        "methods.toml:method[5].flows",
        "none of the senders of ks2 may use portal",
    ),
    (
        "methods.toml",
        'id = "post"',
        'id = "post"\nflows = ["ks1", "ks2"]',
        "methods.toml:method[6].flows",
        "ks1 has to travel electronically, which post is not",
    ),
    (
        "calendar.toml",
        '[[due]]\ndata_type = "phonics"',
        '[[due]]\ndata_type = "attendance"',
        "calendar.toml:due[1].data_type",
        "attendance is due weekly",
    ),
    (
        "law-2026-27.toml",
        'name = "FSMhistory/FSMinstance/FSMCategory", codes = "fsm-category"',
        'name = "FSMhistory/FSMinstance/FSMCategory", codes = "fsm-categories"',
        "law-2026-27.toml:more.ctf",
        "there is no code set fsm-categories; perhaps fsm-category",
    ),
]


@pytest.mark.parametrize(
    ("file", "there", "instead", "place", "words"), EDITS, ids=[f"{e[3]}-{e[4][:30]}" for e in EDITS]
)
def test_what_does_not_fit_or_is_of_no_use_is_told_where_it_stands(
    *, policies: Path, file: str, there: str, instead: str, place: str, words: str
) -> None:
    path = policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")
    found = [fault for fault in check(policies) if f"{fault.file}:{fault.key}" == place]
    assert any(words in fault.message for fault in found), [str(fault) for fault in check(policies)]
    assert all(fault.line is not None for fault in found)


def test_the_policies_that_ship_hold_together(policies: Path) -> None:
    assert check(policies) == []


def test_a_calendar_without_rules_is_a_fault_a_year_before_its_terms_end(policies: Path) -> None:
    calendar = policies / "calendar.toml"
    calendar.write_text(re.sub(r"\[\[term_rule\]\]\n(?:.+\n)+", "", calendar.read_text()))
    assert check(policies) == check(policies, date(2026, 7, 23)) == []
    (fault,) = check(policies, date(2026, 7, 24))
    assert (fault.file, fault.key) == ("calendar.toml", "school_year")
    assert "nothing daily or weekly would be judged" in str(fault)
    assert check(POLICIES, date(2027, 7, 24)) == []


def test_all_faults_are_told_in_one_run(policies: Path) -> None:
    for file, there, instead in (
        ("limits.toml", "login_seconds = 25", 'login_seconds = "soon"'),
        ("flows.toml", 'teams = ["central-data-team", "early-years"]', 'teams = ["nobody"]'),
        ("items.toml", 'values = "past date"', 'values = "past date"\ncodes = "sex"'),
        ("reasons.toml", '"open:empty"', '"open:emptied"'),
    ):
        path = policies / file
        path.write_text(path.read_text("utf-8").replace(there, instead, 1), "utf-8")
    assert {fault.file for fault in check(policies)} >= {
        "limits.toml", "flows.toml", "items.toml", "reasons.toml",
    }  # fmt: skip


def test_items_that_the_record_of_a_breach_would_never_tell_are_faults(policies: Path) -> None:
    path = policies / "breach.toml"
    path.write_text(
        path.read_text("utf-8").replace('item = "Pupil: Address"', 'item = "Pupil: Adress"'), "utf-8"
    )
    told = [fault.message for fault in check(policies) if fault.file == "breach.toml"]
    assert "the agreement lists no Pupil: Adress; perhaps Pupil: Address" in told
