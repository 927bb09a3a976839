"""Whatever can be asked, asked by everybody: of files for few people nobody else is told.

The files are in every list there is: held, delivered, opened, recalled, on hold, in a notice, a letter, a
breach, a discrepancy, a certificate, the log. What is asked is taken from the doors themselves: an act that
reads and a question of the console are asked by themselves; a command or an act that is neither tried nor
listed below with a reason fails here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from gateway import access
from gateway.access import AccessRight
from gateway.acts.act import Act
from gateway.acts.breaches import KeptBreach
from gateway.acts.fields import answer_of, every_act
from gateway.home.settings import load_settings
from gateway.mailboxes.console_api.api import WAYS, fields_of
from gateway.model import Provider
from gateway.policy.discrepancies import Discrepancy, RollRow
from gateway.record.policies_in_force import Keeper
from gateway.registry import discrepancies, holds, letters, log, providers, recalls, transfers
from gateway.registry.letters import Letter
from gateway.registry.log import Entry
from gateway.registry.tables import DeletionCertificateRow, HarmlessRow
from gateway.reports.breach import BreachStatement
from gateway.reports.document import Document, Paragraph, Section
from gateway.secrets.signing import Signing
from gateway.verify import verify_log
from tests.attacks.test_access_matrix import PEOPLE, Doors, commands, right_of
from tests.commands import invoke
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import Console, console_api_of
from tests.mailboxes.mailroom import NOW, PROVIDER, Mailroom

OTHER, OTHER_TEAM = "school-b", "early-years"
FIELDS = {
    "id": PROVIDER, "provider": PROVIDER, "name": "collector",
    "from_": "2026-11-01", "to": "2026-11-30", "all": True,
}  # fmt: skip
"""What is given for the fields of acts that ask for such."""
ALWAYS = {"all", "from_", "to"}

TRIED = {
    "keys.list_host_keys": "keys host list",
    "keys.list_gateway_keys": "keys gateway show",
    "log.head": "log head",
    "log.consistency": "log consistency 1 2",
    "policy.simulate": "policy simulate {others} --days 3000",
    "policy.status": "policy status",
    "policy.propose": "policy propose {others} --days 3000 --why w",
    "policy_draft.list_optional": "policy optional list",
    "year.show_year": "year show 2026-27",
    "status.status": "status",
    "doctor.doctor": "doctor",
}
"""Commands that are run as everybody who may, with what they are given."""
NOT_TRIED = {
    "it is about one file, which test_access_matrix.py asks as everybody": """
        receipts.show_one log.prove transfers.open_whole
    """,
    "it has a test of its own below": "log.export log.events",
    "it writes hashes alone": "log.tiles",
    "it names what does not fit, which nobody may hide: where all fits, it names nothing": "log.verify",
    "it tells of keys, of one member of staff, of one's own role, of policies or of a file at hand": """
        keys.export policy_draft.list_packs policy.try_out
    """,
    "it changes what it is given, and answers with that": """
        backup.move keys.rotate keys.reseal keys.destroy keys.protect
        keys.announce keys.switch keys.publish year.open_year
        log.cosign log.witness hosts.add hosts.join policy_draft.confirm policy_draft.install
        policy_draft.switch
        policy.approve policy.withdraw policy.roll_back policy_draft.flow
        pupils.index
    """,
}
"""Why some commands are not; whoever runs those that ask for nobody's name runs the machine."""
ACTS_NOT_TRIED = {
    "it changes what it is given, and answers with that": {
        "agreement ratify", "flows expect", "flows nil", "policy harmless add", "policy harmless remove",
        "headings revoke", "letters bounced", "penalties lift", "providers close", "providers reopen",
        "providers convert", "providers merge", "providers remove", "providers import", "providers add",
        "providers set", "providers suspend", "providers resume", "staff add", "staff set", "staff remove",
        "staff invite", "staff log-out", "roles grant", "roles take", "roles vouch", "roles accept",
        "agreement notice", "providers invite", "hosts remove", "hosts take-over", "programs add",
        "programs revoke", "mailbox deal-with", "keys add", "keys confirm", "keys retire", "keys restore",
        "keys revoke", "letters chase", "letters send", "handon acknowledge", "handon retry",
        "hooks add", "hooks remove", "hooks try", "declarations add", "filters save", "filters remove",
    },
    "it is for data protection alone, who know of every file": {
        "notices show", "pupils find", "pupils report", "pupils protect", "pupils restrict", "pupils unmark",
    },
    "it leaves protected children out: tests/record/test_welfare.py": {"pupils missing", "pupils movers"},
    "it has a test of its own below": {"breach record", "discrepancies resolve"},
}  # fmt: skip
"""Why some acts that change something are not, beside those on one file."""


class Told(Doors):
    """A home whose every list has something on files that are for few people."""

    def __init__(self, room: Mailroom) -> None:
        super().__init__(room)
        self.files["collected"] = room.deliver(b"of a protected child", "early-years")
        self._mark("collected", "named", "named")
        with room.registry.write() as session:
            providers.add_provider(session, Provider(id=OTHER, name="School B", kind="school"), NOW)
            for number, reference in enumerate(self.files.values(), start=1):
                self._tell_of(session, number, reference)

    def _tell_of(self, session: Session, number: int, reference: str) -> None:
        at = datetime.now(UTC) - timedelta(hours=1)
        sequence = transfers.get(session, reference).sequence
        opened = Entry(kind="collected", subject=reference, fields={"team": OTHER_TEAM}, actor="collector")
        asked = Entry(kind="act-proposed", subject=reference, fields={"what": "recall"}, actor="collector")
        log.append(session, [opened, asked], at)
        holds.place(session, reference=reference, by="dpo", why="claim 14", at=NOW)
        recalls.leave_notice(session, reference, f"{reference} was TAKEN OUT", "text", NOW)
        event = f"held:provider:{reference}"
        letter = Letter(
            event=event, recipient=f"{number}@a.example", kind="held", provider=PROVIDER,
            subject=f"{reference} waits", text="text",
        )  # fmt: skip
        letters.owe(session, [letter], "test.invalid", NOW)
        rows = tuple(
            RollRow(provider=one, pupil=f"{number:032x}", on_roll=True, at=NOW, reference=reference, record=1)
            for one in (PROVIDER, OTHER)
        )
        found = Discrepancy(kind="two-rolls", key=(str(number),), rows=rows)
        discrepancies.open_discrepancies(session, [found], {reference: sequence}, NOW)
        document = Document(
            f"Personal data breach {number}", "", (Section("Files", (Paragraph(reference),)),)
        )
        kept = KeptBreach(
            told=BreachStatement(aware_at=NOW, transfers=(reference,)), document=document
        ).model_dump_json()
        entry = Entry(
            kind="breach-recorded", subject="breach", fields={"number": number}, actor="dpo", note=kept
        )
        log.append(session, [entry], NOW)
        session.add(DeletionCertificateRow(made_at=NOW, text=f"deleted: {reference}"))
        heading = HarmlessRow(
            name=f"heading{number}", header=f"Heading {number}", provider=PROVIDER, listed_at=NOW,
            listed_by="administrator", why=f"{reference}: as they say", field="",
        )  # fmt: skip
        providers.state_heading(session, heading)

    def unseen(self, who: str) -> set[str]:
        """The references that somebody is not to be told of."""
        knows = PEOPLE[who][3] | ({"collected"} if who in {"named", "data-protection"} else set())
        return {reference for file, reference in self.files.items() if file not in knows}

    def asked_with(self, act: type[Act]) -> list[dict[str, Any]]:
        """What an act is asked with: once for each file, or for each number, where it is about one."""
        every = {"reference": list(self.files.values()), "number": range(1, len(self.files) + 1)}
        given = {
            name: FIELDS[name]
            for name, field in act.model_fields.items()
            if name in FIELDS and (field.is_required() or name in ALWAYS)
        }
        about = next((name for name in every if name in act.model_fields), None)
        return [given] if about is None else [given | {about: one} for one in every[about]]


def others(room: Mailroom, folder: Path) -> Path:
    """Policies by which schools do not send the files that these tests hold and deliver."""
    shutil.copytree(room.home.policies, folder)
    flows = folder / "flows.toml"
    flows.write_text(flows.read_text().replace('senders = ["school", "academy"]', 'senders = ["academy"]', 1))
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    told = Told(Mailroom(tmp_path_factory.mktemp("told")))
    place = told.room.home
    keeper = Keeper(
        place, told.room.registry, Signing.load(place, load_settings(place)), lambda: datetime.now(UTC)
    )
    keeper.current()
    told.sit_down("administrator")
    proposed = others(told.room, told.room.root / "others")
    found = invoke(told.room.home.root, "policy", "propose", str(proposed), "--why", "w")
    assert found.exit_code == 0, found.output
    return told


@pytest.fixture(scope="module")
def console(told: Told) -> Iterator[tuple[Console, dict[str, str]]]:
    with console_api_of(told.room, lambda: datetime.now(UTC)) as opened:
        yield opened, {name: opened.enrolled(name, SoftKey()) for name in PEOPLE}


@pytest.fixture(autouse=True)
def nobody_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


def check(who: str, what: object, said: str, unseen: set[str], given: Iterable[object] = ()) -> None:
    """Nothing is said of what somebody may not know of, but what they have given themselves."""
    found = {one for one in unseen - {*map(str, given)} if one in said.replace("\n", "")}
    assert not found, (who, what, found, said)


def arguments(act: type[Act], given: dict[str, Any]) -> list[str]:
    """How the command line takes those fields."""
    placed, named = [], []
    for name, value in given.items():
        told = act.model_fields[name].json_schema_extra
        if isinstance(told, dict) and told.get("place"):
            placed.append(str(value))
        else:
            named += [f"--{name.rstrip('_')}", *([] if value is True else [str(value)])]
    return [*act.command.split(), *placed, *named]


def test_each_command_and_each_act_is_tried_or_has_a_reason() -> None:
    listed = {*TRIED, *(one for names in NOT_TRIED.values() for one in names.split())}
    assert {name for name, right in access.COMMANDS.items() if right is not AccessRight.UNNAMED} <= listed
    assert listed <= set(access.COMMANDS)
    changing = {
        name for name, act in every_act().items() if not act.reads and "reference" not in act.model_fields
    }
    assert set().union(*ACTS_NOT_TRIED.values()) == changing


@pytest.mark.long
@pytest.mark.parametrize("who", PEOPLE)
def test_no_command_tells_anybody_of_what_is_not_for_them(told: Told, who: str, tmp_path: Path) -> None:
    told.sit_down(who)
    home, unseen, may = told.room.home.root, told.unseen(who), PEOPLE[who][2]
    for act in every_act().values():
        for given in told.asked_with(act) if act.reads and act.right.value in may else ():
            shown = [[]] if answer_of(act) == "ActDone" else [[], ["--json"]]
            for more in [*shown, *([["--annex"]] if act.annexed else [])]:
                found = invoke(home, *arguments(act, given), *more)
                check(who, act.command, found.output, unseen, given.values())
                if who == "data-protection" and act.command not in {"declarations show", "staff show"}:
                    assert found.exit_code == 0, (act.command, found.output)
    for name, line in TRIED.items():
        function, _ = commands()[name]
        if right_of(name, function).value in {*may, "unnamed"} and who != "nobody":
            filled = line.format(others=others(told.room, tmp_path / name)) if "{" in line else line
            found = invoke(home, *filled.split())
            assert found.exit_code in {0, 1}, (who, name, found.output)
            check(who, name, found.output, unseen)
            if "{" in line:
                assert told.files["plain"] in found.output


@pytest.mark.long
@pytest.mark.parametrize("who", PEOPLE)
def test_no_question_of_the_console_is_answered_with_what_is_not_for_them(
    told: Told, console: tuple[Console, dict[str, str]], who: str
) -> None:
    opened, sessions = console
    unseen, session = told.unseen(who), sessions[who]
    for act in every_act().values():
        if act.reads and act.in_console and act.right.value in PEOPLE[who][2]:
            for given in told.asked_with(act):
                answer = opened.ask("ask", session=session, act=act.command, fields=given)
                assert answer.status_code in {200, 403, 404}, (who, act.command, answer.text)
                check(who, act.command, answer.text, unseen, given.values())
    parts = {"reference": told.files["few"], "provider": PROVIDER, "days": 3000, "team": "held"}
    for page, way in WAYS.items():
        if way.writes or page == "ask":
            continue
        given = {name: value for name, value in parts.items() if name in fields_of(way.answer).model_fields}
        answer = opened.ask(page, session=session, **given)
        check(who, page, answer.text, unseen, given.values())
        if page in {"policies", "openings", "school"} and "look" in PEOPLE[who][2]:
            assert told.files["plain"] in answer.text, (who, page)
        if page == "today" and who in {"named", "data-protection"}:
            assert told.files["collected"] in answer.text, who


@pytest.mark.parametrize("who", ["triage", "auditor", "data-protection"])
def test_an_exported_log_has_hashes_alone_of_what_is_not_for_them_and_a_siem_nothing(
    told: Told, who: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told.sit_down(who)
    unseen, folder = told.unseen(who), tmp_path / "log"
    assert invoke(told.room.home.root, "log", "export", str(folder)).exit_code == 0
    leaves = (folder / "leaves.jsonl").read_text()
    assert {one for one in told.files.values() if one in leaves} == set(told.files.values()) - unseen
    (tmp_path / "place").write_text("0")
    events = invoke(told.room.home.root, "log", "events", str(tmp_path / "place")).stdout
    assert {one for one in told.files.values() if one in events} == set(told.files.values()) - unseen
    assert ('{"hash"' in leaves) == bool(unseen)
    assert verify_log.main([str(folder)]) == 0
    not_told = "NOT told: what {} of them say".format(leaves.count('{"hash"'))
    assert (not_told in capsys.readouterr().out) == bool(unseen)
    lines = leaves.splitlines(keepends=True)
    number = next(place for place, line in enumerate(lines) if '{"hash"' in line or not unseen)
    (folder / "leaves.jsonl").write_text("".join([*lines[:number], *lines[number + 1 :]]))
    assert verify_log.main([str(folder)]) == 1


def test_markers_are_listed_for_data_protection_and_the_people_named(told: Told) -> None:
    for who, seen in (("data-protection", 4), ("named", 2), ("auditor", 0), ("administrator", 0)):
        told.sit_down(who)
        listed = json.loads(invoke(told.room.home.root, "pupils", "markers", "--json").stdout)
        assert len(listed) == seen, who


@pytest.mark.parametrize("who", ["triage", "administrator", "data-protection"])
def test_the_file_in_which_a_heading_was_explained_is_named_to_those_who_may_know_of_it(
    told: Told, who: str
) -> None:
    told.sit_down(who)
    listed = json.loads(invoke(told.room.home.root, "headings", "list", "--json").stdout)
    assert len(listed) == len(told.files)
    named = {one["reference"].partition(":")[0] for one in listed if one["reference"]}
    assert named == set(told.files.values()) - told.unseen(who)


def test_what_an_administrator_records_of_a_breach_is_not_shown_where_it_names_such_files(told: Told) -> None:
    told.sit_down("administrator")
    for file, exit_code in (("plain", 0), ("few", 0), ("named", 1)):
        asked = ("breach", "record", "--aware-at", "2026-11-24T10:00Z", "--transfer", told.files[file])
        for more in (("--dry-run",), ()):
            found = invoke(told.room.home.root, *asked, *more, "--annex")
            assert found.exit_code == exit_code, found.output
            assert (told.files[file] in found.output) == (exit_code == 0)


def test_a_record_of_a_breach_tells_an_administrator_of_no_days_with_a_file_of_a_marked_child(
    told: Told,
) -> None:
    told.sit_down("administrator")
    during = ("breach", "record", "--aware-at", "2026-11-24T10:00Z", "--from", "2020-01-01", "--annex")
    for days in (("--to", "2020-01-02"), ("--to", f"{datetime.now(UTC):%Y-%m-%d}")):
        tried = invoke(told.room.home.root, *during, *days, "--dry-run")
        assert tried.exit_code == 0, tried.output
        assert "files that you may know of" in " ".join(tried.output.split())
    assert told.files["plain"] in tried.output
    check("administrator", "breach record", tried.output, told.unseen("administrator"))
    assert invoke(told.room.home.root, *during, *days).exit_code == 0
    number = max(
        one["number"] for one in json.loads(invoke(told.room.home.root, "breach", "list", "--json").stdout)
    )
    shown = invoke(told.room.home.root, "breach", "show", str(number), "--annex")
    assert told.files["plain"] in shown.output
    check("administrator", "breach show", shown.output, told.unseen("administrator"))
    told.sit_down("data-protection")
    whole = invoke(told.room.home.root, "breach", "show", str(number), "--annex").output
    assert all(one in whole for one in told.files.values())


def test_a_discrepancy_is_resolved_by_whoever_may_know_of_it(told: Told) -> None:
    told.sit_down("administrator")
    numbers = {reference: number for number, reference in enumerate(told.files.values(), start=1)}
    for file, exit_code in (("named", 1), ("plain", 0)):
        number = numbers[told.files[file]]
        found = invoke(told.room.home.root, "discrepancies", "resolve", str(number), "--why", "w")
        assert found.exit_code == exit_code, found.output


@pytest.mark.parametrize("who", ["triage", "administrator", "data-protection"])
def test_the_weekly_letter_to_a_school_is_shown_to_whoever_may_know_of_each_file_in_it(
    told: Told, who: str
) -> None:
    told.sit_down(who)
    for file, reference in told.files.items():
        broken = f"- {reference[:-3]}=\n{reference[-3:]}: it waits"
        letter = Letter(
            event=f"weekly:provider:{PROVIDER}:{who}-{file}", recipient="office@a.example", kind="weekly",
            provider=PROVIDER, subject="Your week", text=broken,
        )  # fmt: skip
        with told.room.registry.write() as session:
            letters.owe(session, [letter], "test.invalid", NOW)
            number = letters.listed(session)[-1].number
        found = invoke(told.room.home.root, "letters", "show", str(number))
        assert (found.exit_code == 0) == (reference not in told.unseen(who)), (file, found.output)
