"""Every command, question and path, asked by every kind of person, for every kind of file, at every door.

What is asked is taken from the doors themselves: whatever is added there is asked here too. Who may what is
typed below by hand, from docs/roles.md and docs/data-protection.md, and compared with what each door says.
"""

from __future__ import annotations

import inspect
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import access
from gateway.access import AccessRight
from gateway.acts.act import Act
from gateway.acts.fields import every_act
from gateway.cli.app import FORMER
from gateway.cli.identity import acting, name_of, real_account
from gateway.errors import GatewayError
from gateway.mailboxes.console_api.api import WAYS, fields_of
from gateway.mailboxes.console_api.carrying_out import OF_BUTTONS
from gateway.registry import markers, programs, roles, staff, transfers
from gateway.registry.logins import digest_of
from gateway.registry.tables import AccountRow, ProgramRow
from gateway.zones.http_paths import CREDENTIAL
from tests.commands import COMMAND, invoke
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import Console, console_api_of
from tests.mailboxes.mailroom import NOW, PROVIDER, Mailroom

READ = {"look", "held"}
TRIAGE, GOVERNANCE, OTHER = "central-data-team", "information-governance", "early-years"
# Each with teams, roles, what they may do, of which held files they may know, and which ones they may open.
PEOPLE: dict[str, tuple[set[str], set[str], set[str], set[str], set[str]]] = {
    "nobody": (set(), set(), set(), set(), set()),
    "collector": ({OTHER}, set(), set(), set(), set()),
    "welfare": ({"education-welfare"}, set(), {"welfare"}, set(), set()),
    "triage-team": ({TRIAGE}, set(), {"held"}, {"plain"}, {"plain"}),
    "governance": ({GOVERNANCE}, set(), {"held"}, {"few"}, {"few"}),
    "triage": (set(), {"triage"}, {*READ, "decide", "recall"}, {"plain"}, set()),
    "triage-few": ({GOVERNANCE}, {"triage"}, {*READ, "decide", "recall"}, {"plain", "few"}, {"few"}),
    "named": ({TRIAGE}, {"triage"}, {*READ, "decide", "recall"}, {"plain", "named"}, {"plain", "named"}),
    "auditor": (set(), {"auditor"}, READ, {"plain", "few"}, set()),
    "administrator": (
        set(),
        {"administrator"},
        {*READ, "decide", "recall", "enrol", "breach", "appoint", "index"},
        {"plain", "few"},
        set(),
    ),
    "data-protection": (
        {OTHER},
        {"data-protection"},
        {*READ, "recall", "protect", "breach", "appoint", "index", "welfare"},
        {"plain", "few", "named", "restricted", "named-few"},
        set(),
    ),
}
FILES = ("plain", "few", "named", "restricted", "named-few")
KNOWN = [*PEOPLE]


class Doors:
    """A home with such people and such files, and the three doors to it."""

    def __init__(self, room: Mailroom) -> None:
        self.room = room
        for name, (teams, has, *_) in {**PEOPLE, "removed": ({TRIAGE}, {"administrator"})}.items():
            room.staff(name, *teams)
            with room.registry.write() as session:
                for role in has:
                    roles.grant(session, name, access.Role(role), by="test", at=NOW)
        self.files = {
            "plain": room.hold(b"plain"),
            "few": room.hold_as_sensitive(b"few"),
            "named": room.hold(b"named"),
            "restricted": room.hold(b"restricted"),
            "named-few": room.hold_as_sensitive(b"named few"),
        }
        self._mark("named", "named", "named")
        self._mark("restricted", "restricted")
        self._mark("named-few", "named", "nobody")

    def _mark(self, file: str, kind: markers.Kind, *people: str) -> None:
        with self.room.registry.write() as session:
            sequence = transfers.get(session, self.files[file]).sequence
            markers.place(
                session, kind, {secrets.token_bytes(16)},
                people=people, transfers={sequence}, by="dpo", why="a request", at=NOW,
            )  # fmt: skip

    def remove(self) -> None:
        with self.room.registry.write() as session:
            staff.remove_staff(session, "removed", NOW)

    # The command line.

    def sit_down(self, name: str) -> None:
        """The account of these tests is this person's from now on."""
        with self.room.registry.write() as session:
            row = session.get(AccountRow, real_account())
            if row is not None:
                session.delete(row)
                session.flush()
            roles.bind(session, real_account(), name, by="test", at=NOW)

    def lets(self, command: Callable[..., Any], reference: str | None = None) -> bool:
        try:
            with acting(command, self.room.home.root, reference):
                return True
        except GatewayError:
            return False


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    return Doors(Mailroom(tmp_path_factory.mktemp("doors")))


@pytest.fixture(scope="module")
def console(doors: Doors) -> Iterator[tuple[Console, dict[str, str]]]:
    """The console API of the console, and the session of each person."""
    with console_api_of(doors.room, lambda: datetime.now(UTC)) as opened:
        sessions = {name: opened.enrolled(name, SoftKey()) for name in (*PEOPLE, "removed")}
        doors.remove()
        yield opened, sessions


@pytest.fixture(scope="module")
def mailboxes(doors: Doors) -> Iterator[Mailroom]:
    with doors.room.open():
        yield doors.room


@pytest.fixture(autouse=True)
def nobody_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


def commands() -> dict[str, tuple[Callable[..., Any], Any]]:
    """Every command that there is, by its name in the table of access, whatever it is called."""

    def walk(group: Any, *further: str) -> Iterator[Any]:
        for name in (*group.commands, *further):
            one = group.commands[name]
            if hasattr(one, "commands"):
                yield from walk(one)
            else:
                yield one

    found = [(inspect.unwrap(one.callback), one) for one in walk(COMMAND, *FORMER)]
    return {name_of(function): (function, one) for function, one in found}


def test_a_command_that_asks_for_no_right_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="show all asks for no right"):

        class _Open(Act, command="show all"):
            """Show all."""


def right_of(name: str, command: Callable[..., Any]) -> AccessRight:
    """What it asks for: as the act says that it is derived from, or as the table does."""
    act = getattr(command, "act", None)
    return access.COMMANDS[name] if act is None else act.right


QUESTIONS = ("collect", *WAYS)
OF_PERSONS = [
    one for one in QUESTIONS if access.QUESTIONS[one] is not AccessRight.UNNAMED and one != "log-out"
]


def taken(question: str) -> set[str]:
    """The fields of a question."""
    return (
        {"team", "reference"} if question == "collect" else {*fields_of(WAYS[question].answer).model_fields}
    )


def asked(question: str, reference: str = "261124-school-a-AAAAA") -> dict[str, Any]:
    """A question of that name that makes sense."""
    parts: dict[str, Any] = {"team": TRIAGE, "reference": reference, "references": [], "provider": PROVIDER}
    parts |= {"why": "w", "advice": "a", "text": "t", "again": True, "name": "n", "kind": "school"}
    parts |= {"key": "k", "read_out": "f", "role": "r", "signatory": "s", "number": 1, "digest": "d"}
    parts |= {"given": "g", "state": "s", "act": "no act", "fields": {}, "file": "f", "content": "c"}
    return {name: value for name, value in parts.items() if name in taken(question)}


def test_each_command_and_each_question_is_in_the_table() -> None:
    derived = {name for name, (function, _) in commands().items() if hasattr(function, "act")}
    assert set(access.COMMANDS) == set(commands()) - derived
    assert all(commands()[name][0].act.right in AccessRight for name in derived)
    assert set(access.QUESTIONS) == set(QUESTIONS)
    with pytest.raises(access.NotListedError):
        access.COMMANDS["held.give_away"]
    with pytest.raises(access.NotListedError):
        access.QUESTIONS["everything"]


def test_each_command_asks_who_it_is() -> None:
    """Whatever takes a home or a file, and acts in somebody's name, goes by the one guard."""
    for name, (function, command) in commands().items():
        taken = {parameter.name for parameter in command.params}
        if right_of(name, function) is not AccessRight.UNNAMED:
            assert "home" in taken, name
            assert hasattr(command.callback, "__wrapped__"), name
        for parameter in command.params:
            if parameter.metavar == "REF":
                assert parameter.name in {"reference", "references"}, (name, parameter.name)


@pytest.mark.long
@pytest.mark.parametrize("who", KNOWN)
def test_the_command_line_lets_each_do_what_is_theirs(doors: Doors, who: str) -> None:
    doors.sit_down(who)
    may = {*PEOPLE[who][2], "unnamed", "person"}
    for name, (function, _) in commands().items():
        right = right_of(name, function)
        assert doors.lets(function) == (right.value in may), (who, name, right)


@pytest.mark.long
@pytest.mark.parametrize("who", KNOWN)
def test_the_command_line_tells_each_of_the_files_that_are_for_them(doors: Doors, who: str) -> None:
    doors.sit_down(who)
    may, knows = PEOPLE[who][2], PEOPLE[who][3]
    for name, (function, command) in commands().items():
        right = right_of(name, function)
        if "reference" in {each.name for each in command.params} and right.value in may:
            for file, reference in doors.files.items():
                seen = file in knows or getattr(getattr(function, "act", None), "of_any_file", False)
                assert doors.lets(function, reference) == seen, (who, name, file)
    if "look" in may:
        expected = {doors.files[file] for file in knows}
        for arguments in (("held", "list"), ("transfers", "list")):
            found = invoke(doors.room.home.root, *arguments, "--json")
            assert {one["reference"] for one in json.loads(found.stdout)} == expected, (who, arguments)
        report = ("transfers", "list", "--provider", PROVIDER, "--json")
        told = invoke(doors.room.home.root, *report).stdout
        assert {one for one in doors.files.values() if one in told} == expected, who
        for file in set(doors.files) - knows:
            for arguments in (("transfers", "show"), ("policy", "explain"), ("report", "transfer")):
                refused = invoke(doors.room.home.root, *arguments, doors.files[file])
                assert refused.exit_code == 1, (who, arguments, file)
                assert "policy:" not in refused.output


def test_nobody_is_let_in_whom_no_account_proves(doors: Doors) -> None:
    with doors.room.registry.write() as session:
        row = session.get(AccountRow, real_account())
        if row is not None:
            session.delete(row)
    for name, (function, _) in commands().items():
        assert doors.lets(function) == (right_of(name, function) is AccessRight.UNNAMED), name


@pytest.mark.long
@pytest.mark.parametrize("who", [*KNOWN, "removed", "stranger"])
def test_the_console_answers_each_what_is_theirs(console: tuple[Console, dict[str, str]], who: str) -> None:
    opened, sessions = console
    lacking = set(access.WITHOUT_RIGHT.values())
    for question in OF_PERSONS:
        answer = opened.ask(question, session=sessions.get(who, "x"), **asked(question))
        if who not in PEOPLE:
            assert answer.status_code == 401, (who, question)
            continue
        right = access.QUESTIONS[question].value
        refused = answer.status_code == 403 and answer.json()["sentence"] in lacking
        assert refused == (right not in {*PEOPLE[who][2], "person"}), (who, question, answer.text)
    for name, act in (every_act() | OF_BUTTONS).items():
        kind = "ask" if act.reads else "carry-out"
        answer = opened.ask(kind, session=sessions.get(who, "x"), act=name, fields={"no": "field"})
        may = who in PEOPLE and act.right.value in {*PEOPLE[who][2], "person"}
        offered = act.in_console or name in OF_BUTTONS
        expected = 401 if who not in PEOPLE else 403 if offered else 404
        assert answer.status_code == expected, (who, name, answer.text)
        assert (answer.json()["sentence"] in lacking) == (expected == 403 and not may), (who, name)


@pytest.mark.long
@pytest.mark.parametrize("who", KNOWN)
def test_the_console_tells_each_of_the_files_that_are_for_them(
    doors: Doors, console: tuple[Console, dict[str, str]], who: str
) -> None:
    opened, sessions = console
    _, _, may, knows, opens = PEOPLE[who]
    session = sessions[who]
    if "held" in may:
        told = opened.said("ask", session=session, act="held list", fields={}, limit=50)
        (table,) = told["tables"]
        assert {row[0] for row in table["rows"]} == {doors.files[file] for file in knows}, who
        today = opened.said("today", session=session)
        assert sum(one["count"] for one in today["held"]) == len(knows)
    if "look" in may:
        school = opened.said("school", session=session, provider=PROVIDER)
        assert {one["reference"] for one in school["files"]} == {doors.files[file] for file in knows}, who
    for kind in QUESTIONS:
        if "reference" not in taken(kind):
            continue
        for file in FILES:
            answer = opened.ask(kind, session=session, **asked(kind, doors.files[file]))
            if file not in knows:
                assert answer.status_code in {403, 404}, (who, kind, file, answer.text)
            elif kind == "held-file":
                assert answer.json()["said"]["sent_on"] == (file in opens), (who, file)


@pytest.mark.long
@pytest.mark.parametrize("who", KNOWN)
def test_no_act_at_the_console_is_about_a_file_that_is_not_for_them(
    doors: Doors, console: tuple[Console, dict[str, str]], who: str
) -> None:
    opened, sessions = console
    _, _, may, knows, _ = PEOPLE[who]
    session = sessions[who]
    for name, act in (every_act() | OF_BUTTONS).items():
        offered = act.in_console or name in OF_BUTTONS
        if "reference" in act.model_fields and offered and act.right.value in {*may, "person"}:
            kind = "ask" if act.reads else "carry-out"
            for file in FILES:
                needed = {key: "w" for key, field in act.model_fields.items() if field.is_required()}
                given = needed | {"reference": doors.files[file]}
                if name == "held release":
                    given |= {"override": True}
                answer = opened.ask(kind, session=session, act=name, fields=given)
                if file not in knows and (not act.of_any_file or answer.status_code == 404):
                    assert answer.status_code == 404, (who, name, file, answer.text)
                elif name == "recall" and "recall" not in may:
                    assert "in none of your mailboxes" in answer.text, (who, file)
                elif name in {"held decline", "transfers decline"}:
                    assert "nobody has proposed" in answer.text, (who, file)
                elif act.asks_passkey:
                    # The passkey is asked for, or the act was tried and does not go: "w" is no item, say.
                    assert answer.json()["status"] in {409, 422}, (who, name, file, answer.text)


def program(doors: Doors, name: str, *acts: str, teams: str = "") -> str:
    """The credential of a program, as if two people had let it do whatever is said here."""
    secret, at = f"{CREDENTIAL}{name}", datetime.now(UTC)
    with doors.room.registry.write() as session:
        programs.add(
            session,
            ProgramRow(
                digest=digest_of(secret), name=name, acts=",".join(acts), teams=teams,
                made_at=at, made_by="test", ends_at=at + timedelta(days=1),
            ),
        )  # fmt: skip
    return secret


def test_a_program_may_do_what_its_credential_names_and_programs_may(
    doors: Doors, console: tuple[Console, dict[str, str]]
) -> None:
    opened, _ = console
    nothing, everything = program(doors, "nothing"), program(doors, "everything", *every_act())
    for name, act in (every_act() | OF_BUTTONS).items():
        kind = "ask" if act.reads else "carry-out"
        for session, named in ((nothing, False), (everything, True)):
            answer = opened.ask(kind, session=session, act=name, fields={"no": "field"}).json()
            expected = 404 if act.streams else 422 if named and act.by_program else 403
            assert answer["status"] == expected, (name, named, answer)
    for question in {*OF_PERSONS, "log-out"} - access.OF_PROGRAMS:
        for session in (nothing, everything):
            answer = opened.ask(question, session=session, **asked(question))
            told = answer.json()["sentence"]
            assert told == "The credential of this program does not allow that.", question
    for file in FILES:
        place = {"team": TRIAGE, "reference": doors.files[file]}
        assert opened.ask("collect", session=nothing, **place).status_code == 403, file


def test_a_program_knows_of_no_file_that_is_for_few(
    doors: Doors, console: tuple[Console, dict[str, str]]
) -> None:
    opened, _ = console
    session = program(doors, "triaging", *every_act(), teams=f"{TRIAGE},{GOVERNANCE}")
    for name, act in (every_act() | OF_BUTTONS).items():
        if "reference" in act.model_fields and act.by_program and not act.streams:
            kind = "ask" if act.reads else "carry-out"
            needed = {key: "w" for key, field in act.model_fields.items() if field.is_required()}
            for file in set(FILES) - {"plain"}:
                given = needed | {"reference": doors.files[file]}
                key = {} if act.reads else {"key": f"{name} {file}"}
                answer = opened.ask(kind, session=session, act=name, fields=given, **key)
                assert answer.status_code == 404, (name, file, answer.text)
    for name in ("transfers list", "held list"):
        answer = opened.ask("ask", session=session, act=name, fields={}, whole=True).json()["said"]
        listed = {one["reference"] for one in json.loads(answer["whole"])["rows"]}
        assert listed == {doors.files["plain"]}, name
    for file in FILES:
        for team in ("held", TRIAGE, GOVERNANCE):
            place = {"team": team, "reference": doors.files[file]}
            assert opened.ask("collect", session=session, **place).status_code == 404, (file, team)


@pytest.mark.parametrize("who", KNOWN)
def test_the_mailboxes_give_each_what_is_theirs(doors: Doors, mailboxes: Mailroom, who: str) -> None:
    teams, _, _, _, opens = PEOPLE[who]
    looks = not teams.isdisjoint({TRIAGE, GOVERNANCE})
    with mailboxes.sftp(who) as sftp:
        folders = set(sftp.listdir("/"))
        assert folders >= teams
        assert ("held" in folders) == looks
        if looks:
            listed = " ".join(sftp.listdir("/held"))
            assert {file for file in FILES if doors.files[file] in listed} == opens, who
        for team in {TRIAGE, GOVERNANCE, OTHER, "education-welfare", "held"} - folders:
            for place in (f"/{team}", f"/removed/{team}", f"/by-type/{team}", f"/by-provider/{team}"):
                with pytest.raises(OSError, match="no such file"):
                    sftp.listdir(place)
        for file in FILES:
            for place in ("held", TRIAGE, GOVERNANCE, OTHER):
                path = doors.room.path(place, doors.files[file])
                if place == "held" and file in opens:
                    sftp.stat(path)
                    continue
                for act in (sftp.stat, sftp.open, sftp.remove):
                    with pytest.raises(OSError, match="no such file"):
                        act(path)
        may_list = "education-welfare" in teams
        assert (b"Left" in read(sftp, "/lists/education-welfare/movers.csv")) == may_list


def read(sftp: Any, path: str) -> bytes:
    try:
        with sftp.open(path) as file:
            return bytes(file.read())
    except OSError:
        return b""
