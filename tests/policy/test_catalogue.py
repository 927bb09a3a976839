"""load_catalogue: whole and consistent, or refused with file, line and key."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.policy.catalogue import FILES, Catalogue, load_catalogue, policy_files
from gateway.policy.faults import PolicyFault, key_of, line_of
from gateway.policy.small_schemas import SftpTarget
from tests.policy.conftest import POLICIES, check
from tests.policy.tables import table


def test_the_shipped_policies_have_no_fault() -> None:
    assert check(POLICIES) == []


def test_the_text_of_the_agreement_is_the_whole_of_it(catalogue: Catalogue) -> None:
    assert catalogue.agreement_text == (POLICIES / "agreement.txt").read_text("utf-8")
    assert catalogue.agreement_text.rstrip().endswith("ALP and LPUK Dashboards")


def test_one_team_sees_what_is_held(catalogue: Catalogue) -> None:
    assert catalogue.looking_teams().triage == {"central-data-team"}


def test_the_digest_is_of_every_policy_file(policies: Path) -> None:
    seen = {load_catalogue(policies).digest}
    files = list(policy_files(policies))
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        seen.add(load_catalogue(policies).digest)
        path.write_bytes(before)
    assert load_catalogue(policies).digest in seen
    assert len(seen) == 1 + len(files)


def test_a_catalogue_cannot_be_changed(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="frozen"):
        catalogue.digest = ""  # type: ignore[misc]


def test_data_items_that_files_carry_are_those_of_appendix_a() -> None:
    items = tomllib.loads((POLICIES / "items.toml").read_text("utf-8"))
    labels = {entry["label"] for entry in items["items"].values()}
    assert labels == {f"{row['group']}: {row['item']}" for row in table("appendix_a")}


def test_items_that_make_a_file_wait_are_items_that_files_carry(catalogue: Catalogue) -> None:
    items = tomllib.loads((POLICIES / "items.toml").read_text("utf-8"))
    assert set(catalogue.rights.outside.hold) <= {entry["label"] for entry in items["others"].values()}


def test_data_types_that_files_can_have_are_those_of_the_flows(catalogue: Catalogue) -> None:
    types = tomllib.loads((POLICIES / "data_types.toml").read_text("utf-8"))["types"]
    off = {entry.id for flow in catalogue.flows.optional for entry in flow.data_type}
    assert set(types) == {*catalogue.data_types(), *off}


# Each edit: the file, what stands there, what is put instead, the key that is named, and words of the fault.
EDITS = [
    # In 2027 the results are out on that very day.
    (
        "calendar.toml",
        'season = "06-01"',
        'season = "08-12"',
        "results[0].season",
        "season begins after the day",
    ),
    ("flows.toml", 'senders = ["dfe"]', 'senders = ["dff"]', "flow[5].senders", "no kind dff; perhaps"),
    (
        "flows.toml",
        'clause = "12.6"',
        'clause = "12..6"',
        "flow[5].clause",
        "the number of a clause as 5.3.1",
    ),
    ("flows.toml", 'clause = "12.6"', 'clause = "12.7"', "flow", "clause 12.7 is that of two flows"),
    (
        "flows.toml",
        'clause = "12.6"',
        'clause = "12.6"\ncolour = 1',
        "flow[5].colour",
        "no such key",
    ),
    ("flows.toml", 'id = "phonics"\nclause', 'id = "ks1"\nclause', "flow", "flow ks1 is listed twice"),
    ("flows.toml", 'id = "attendance"', 'id = "ks1"', "flow", "data type ks1 is in more than one place"),
    (
        "flows.toml",
        '"central-data-team", "early-years"]',
        '"central-data-team", "nursery"]',
        "flow[2].data_type[0].teams",
        "there is no team nursery",
    ),
    (
        "flows.toml",
        'clauses = ["9.3.1"]',
        'clauses = ["9.9"]',
        "flow[1].data_type[0].clauses",
        "the agreement has no clause 9.9",
    ),
    (
        "flows.toml",
        'electronic = "2.5.1"',
        'electronic = "2.5.9"',
        "flow[0].data_type[2].electronic",
        "no clause 2.5.9",
    ),
    (
        "flows.toml",
        'on_behalf = ["la"]',
        'on_behalf = ["dfe"]',
        "flow[5].on_behalf",
        "dfe is a sender already",
    ),
    (
        "flows.toml",
        'contents = "analysis"',
        'contents = "analysis"\nembargo = true',
        "flow[9].embargo",
        "results",
    ),
    ("teams.toml", 'id = "sen"', 'id = "Sen team"', "team[4].id", "write small letters"),
    ("teams.toml", 'id = "sen"', 'id = "exclusions"', "team", "team exclusions is listed twice"),
    ("teams.toml", "triage = true", "triage = false", "team", "no team has triage"),
    ("teams.toml", 'clauses = ["2.4.2"]', 'clauses = ["2.4.4"]', "team[7].clauses", "no clause 2.4.4"),
    ("rights.toml", 'default = "notice"', 'default = "strip"', "outside.default", "'notice' or 'hold'"),
    ("rights.toml", 'label = "SEN"', 'label = "Pupil"', "group", "Pupil is listed twice"),
    ("rights.toml", '"UPN",\n', '"UPN", "Surname",\n', "group", "Pupil: Surname is listed twice"),
    ("rights.toml", 'proposed = ["NHS', 'proposed = ["NHX', "group[3].proposed", "is not an item of SEN"),
    ("rights.toml", 'team = "sen"', 'team = "send"', "right[4].team", "there is no team send"),
    (
        "rights.toml",
        'groups = []\nclauses = ["2.4.2"]',
        'groups = ["Pupil"]\nclauses = ["2.4.2"]',
        "right[7].groups",
        "no data about single pupils",
    ),
    (
        "rights.toml",
        'groups = []\nclauses = ["2.4.2"]',
        'groups = []\nselections = ["who-and-where"]\nclauses = ["2.4.2"]',
        "right[7].groups",
        "no data about single pupils",
    ),
    (
        "rights.toml",
        "groups = []",
        'groups = ["Pupils"]',
        "right[6].groups",
        "Appendix A has no group Pupils",
    ),
    (
        "rights.toml",
        'without = ["SEN: NHS',
        'without = ["SEN: NHX',
        "right[0].without",
        "Appendix A has no item SEN: NHX",
    ),
    (
        "rights.toml",
        '"Pupil: EAL"',
        '"Pupil: EAX"',
        "selection[1].items",
        "Appendix A has no item Pupil: EAX",
    ),
    ("rights.toml", 'id = "minority-and-traveller"', 'id = "who-and-where"', "selection", "listed twice"),
    ("rights.toml", 'selections = ["who-and', 'selections = ["whom-and', None, "there is no selection whom-"),
    (
        "rights.toml",
        'academy = ["Pupil: FSM Eligible/Date"]',
        'academy = ["Pupil: FSM"]',
        "right[1].not_from.academy",
        "Appendix A has no item Pupil: FSM",
    ),
    ("rights.toml", "{ academy = [", "{ akademy = [", "right[1].not_from.akademy", "no kind akademy"),
    (
        "flows.toml",
        'within = "student-core"',
        'within = "exclusions"',
        None,
        "no other data type of this flow",
    ),
    ("flows.toml", 'within = "student-core"', 'within = "attendance"', None, "attendance is not due daily"),
    ("flows.toml", 'ratification = "accept"', 'ratification = "wait"', None, "write hold, accept, or"),
    (
        "flows.toml",
        'ratification = "accept"',
        'ratification = "accept-with-notice-until 13-01"',
        None,
        "no year has this day",
    ),
    (
        "flows.toml",
        'ratification = "accept"',
        'ratification = "accept-with-notice-until 2027-02-29"',
        None,
        "no year has this day",
    ),
    ("agreement.toml", 'lapses = "09-01"', 'lapses = "31-08"', "year.lapses", "a month and a day as 09-01"),
    ("agreement.toml", 'text = "agreement.txt"', 'text = "../agreement.txt"', "text", "no readable file"),
    ("agreement.toml", 'text = "agreement.txt"', 'text = "missing.txt"', "text", "no readable file"),
    ("methods.toml", 'any_of = ["egress-reply"]', 'any_of = ["egres"]', "method[2].need[0].any_of", "egres"),
    (
        "methods.toml",
        'when = ["large-parcel"]',
        'when = ["large"]',
        "method[6].need[1].when",
        "circumstance large",
    ),
    ("methods.toml", 'flows = ["ks2"', 'flows = ["ks3"', "method[5].flows", "there is no flow ks3"),
    ("methods.toml", 'id = "fax"', 'id = "post"', "method", "post is listed twice"),
    ("methods.toml", 'id = "finance"', 'id = "ks1"', "material[3].id", "flow or data type already"),
    ("methods.toml", 'clause = "5.5.5"', 'clause = "5.5.6"', "safeguard[16].clause", "no clause 5.5.6"),
    ("methods.toml", 'circumstances = ["significant"]', 'circumstances = ["x"]', None, "no circumstance x"),
    ("calendar.toml", '"Europe/London"', '"Europe/Taunton"', "timezone", "there is no such time zone"),
    (
        "calendar.toml",
        'rule = { weekday = "thursday", month = 10, nth = 1 }',
        'rule = { weekday = "thursday", month = 10 }',
        "census[0].rule",
        "give either",
    ),
    (
        "calendar.toml",
        "last = 2025-10-24",
        "last = 2025-08-24",
        "school_year[0].terms[0]",
        "ends before it begins",
    ),
    ("calendar.toml", "last = 2025-10-24", "last = 2025-11-24", "school_year[0].terms", "overlap"),
    ("calendar.toml", 'academic_year = "2025-26"', 'academic_year = "2025-27"', None, "write it as 2026-27"),
    ("calendar.toml", 'academic_year = "2025-26"', 'academic_year = "2024-25"', None, "not those of 2024-25"),
    ("calendar.toml", 'data_type = "phonics"', 'data_type = "phonetics"', None, "no flow lists phonetics"),
    ("calendar.toml", 'optional = ["a-level', 'optional = ["b-level', "optional", "no flow lists b-level"),
    ("calendar.toml", "easter = -9", "easter = 40", "term_rule", "overlap"),
    ("calendar.toml", "easter = -9", "easter = -90", None, "greater than"),
    ("calendar.toml", "easter = -9", "nth = 1", None, "or easter alone"),
    ("calendar.toml", 'term = "spring"', 'term = "summer"', "census", "summer census is given twice"),
    ("calendar.toml", 'term = "spring"', 'term = "winter"', "census[1].term", "'autumn'"),
    ("calendar.toml", "days = 7", "first = '01-01'", "due[5]", "give either days, or first and last"),
]


@pytest.mark.parametrize(
    ("file", "there", "instead", "key", "words"), EDITS, ids=[f"{e[0]}-{e[4][:40]}" for e in EDITS]
)
def test_every_fault_names_file_key_and_line(
    *, policies: Path, file: str, there: str, instead: str, key: str | None, words: str
) -> None:
    path = policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")
    matching = [fault for fault in check(policies) if words in fault.message]
    assert matching, check(policies)
    fault = matching[0]
    assert fault.file == file
    assert key is None or fault.key == key
    assert fault.line is not None
    with pytest.raises(ConfigurationError, match=re.escape(f"{policies.name}/{fault}")):
        load_catalogue(policies)


@pytest.mark.parametrize("file", sorted(FILES.keys() - {"bodies.toml"}))
def test_a_missing_file_is_named(policies: Path, file: str) -> None:
    (policies / file).unlink()
    assert [str(fault) for fault in check(policies)] == [f"{file}: the file is missing or is not UTF-8 text"]


def test_a_file_that_is_not_toml_or_not_text(policies: Path) -> None:
    (policies / "teams.toml").write_text("[[team]]\nid = \n")
    (policies / "rights.toml").write_bytes(b"\xff\xfe")
    faults = check(policies)
    assert [(fault.file, fault.line) for fault in faults] == [("rights.toml", None), ("teams.toml", 2)]


DOCUMENT = """\
title = "x"
[year]
starts = 1
[[flow]]
id = "a"
[flow.document]
from = "b"
[[flow.data_type]]
id = "c"
[[flow.data_type]]
"id" = "d"
[[flow]]
id = "e"
senders = [
  "f",
]
[[flow.data_type]]
id = "g"
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("title",), 1),
        (("year", "starts"), 3),
        (("year", "ends"), 2),
        (("flow", 0), 4),
        (("flow", 0, "id"), 5),
        (("flow", 0, "document", "from"), 7),
        (("flow", 0, "data_type", 0, "id"), 9),
        (("flow", 0, "data_type", 1, "id"), 11),
        (("flow", 1), 12),
        (("flow", 1, "row"), 12),
        (("flow", 1, "senders", 0), 14),
        (("flow", 1, "data_type", 0, "id"), 18),
        (("flow", 1, "data_type", 0, "teams"), 17),
        (("nothing",), None),
    ],
)
def test_the_line_of_a_key(location: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(DOCUMENT, location) == line


def test_a_fault_as_one_line() -> None:
    assert key_of(("flow", 2, "senders", 0)) == "flow[2].senders[0]"
    assert str(PolicyFault("flows.toml", "flow[2]", 7, "wrong")) == "flows.toml:7: flow[2]: wrong"
    assert str(PolicyFault("flows.toml", "", None, "missing")) == "flows.toml: missing"


def test_a_server_is_on_the_port_of_ssh_unless_another_is_stated() -> None:
    server = {"host": "mis.example", "user": "gateway", "host_key": "ssh-ed25519 AAAA"}
    assert SftpTarget.model_validate(server).port == 22
    assert SftpTarget.model_validate({**server, "port": 2022}).port == 2022
