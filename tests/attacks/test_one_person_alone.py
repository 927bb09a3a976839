"""One identified person alone reaches no outcome that takes two, by whatever command, however often.

What takes two is read out of the code: whoever asks `record` for a second person is tried here, and a further
one that asks fails the first test until it is.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from sqlmodel import select

from gateway.acts.fields import every_act
from gateway.cli.identity import real_account
from gateway.home import policy_digest
from gateway.homes.demo.parties import Party
from gateway.registry import keys, logins
from gateway.registry.tables import EventRow
from tests.apart import apart
from tests.classify.made import as_csv, core_rows
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import Console, console_api_of
from tests.content import core_data
from tests.workshop import Desk

pytestmark = pytest.mark.long

GATEWAY = Path(__file__).parents[2] / "gateway"
ASKS = {"agreed", "agreed_to_give", "agreed_to_show", "check_two", "check_second", "check_release"}
OWN = {"dual_control", "second_person"}
"""The modules that ask for others: their callers are what is tried."""
STATED: dict[str, set[str]] = {
    "a release against the policy": {
        "held_decisions.ConfirmRelease.carry_out",
        "held_decisions.ReleaseHeldFile.decide",
    },
    "a delivery against the policy": {"recalls.ConfirmRecall._give"},
    "a withdrawal": {"recalls._check_second"},
    "a revocation": {"key_changes.RevokeKey.carry_out"},
    "the gateway's keys": {"keys._agreed"},
    "a role": {"staff.GrantRole.carry_out", "staff.TakeRole.carry_out"},
    "policies": {"policy_proposals.to_approve"},
    "a team that sees held files": {"staff._agreed_to_show"},
    "a link": {"staff.InviteStaff.carry_out"},
    "a key": {"key_changes.ConfirmKeys.carry_out"},
    "a key that comes back": {"key_changes.RestoreKey.carry_out"},
    "what a heading means": {"headings.SayHeading.carry_out"},
    "a program's credential": {"programs.AddProgram.carry_out"},
    "a web hook": {"hooks.AddHook.carry_out"},
}


def asking() -> Iterator[str]:
    """Each function that asks for a second person, as "module.function" or "module.Class.function"."""
    for file in GATEWAY.rglob("*.py"):
        if file.stem in OWN:
            continue
        tree = ast.parse(file.read_text("utf-8"))
        for owner in (tree, *(one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))):
            named = f"{file.stem}.{owner.name}" if isinstance(owner, ast.ClassDef) else file.stem
            for function in owner.body:
                if isinstance(function, ast.FunctionDef):
                    called = {
                        getattr(call.func, "id", getattr(call.func, "attr", ""))
                        for call in ast.walk(function)
                        if isinstance(call, ast.Call)
                    }
                    if called & ASKS:
                        yield f"{named}.{function.name}"


def test_whatever_asks_for_a_second_person_is_tried_by_one() -> None:
    found = set(asking())
    assert found == set().union(*STATED.values()), found
    assert set(STATED) == set(TRIED)


PASSKEY_ASKED = 409
Asked = dict[str, Any]


def at_console(arguments: tuple[str, ...]) -> Asked | None:
    """What the console is asked in the place of a command; None where it has no such act."""
    match arguments:
        case ("policy", "approve", digest, _):
            return {"act": "policies approve", "fields": {"digest": digest}}
    act = every_act().get(" ".join(arguments[:2]))
    if act is None or not act.in_console:
        return None
    placed = (one for one, field in act.model_fields.items() if (field.json_schema_extra or {}).get("place"))
    fields: dict[str, Any] = {}
    rest = iter(arguments[2:])
    for given in rest:
        if not given.startswith("--"):
            name = next(placed)
            fields[name] = Path(given).read_text() if name == "file" else given
            continue
        name = given.removeprefix("--").replace("-", "_")
        value = True if name in {"override", "staff"} else next(rest)
        value = Path(value).read_text() if name == "ssh_key" else value
        fields[name] = [value] if name in {"team", "ssh_key", "act"} else value
    return {"act": act.command, "fields": fields}


class Alone:
    """A desk with two administrators, jane and sam, of whom only jane does anything."""

    def __init__(self, desk: Desk, console: Console | None = None) -> None:
        self.desk, self.console = desk, console
        self.oak = desk.provider("oak", years=THIS_YEAR)
        for name, team in (("sam", "central-data-team"), ("eve", "sen")):
            desk.gateway("staff", "add", name, "--team", team, "--ssh-key", self.key(name))
        account = ("--account", real_account())
        desk.gateway("roles", "grant", "jane", "administrator", *account, "--why", "runs it")
        desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
        apart(desk.home, "sam", "jane")
        if console is not None:
            self.passkey = SoftKey()
            self.session = console.enrolled("jane", self.passkey)

    def key(self, name: str) -> str:
        file = self.desk.root / f"{name}.pub"
        asyncssh.generate_private_key("ssh-ed25519").write_public_key(file)
        return str(file)

    def says(self, *arguments: str) -> str:
        """What jane says twice, whatever is answered: what counts is the outcome."""
        asked = None if self.console is None else at_console(arguments)
        return "".join(self._once(arguments, asked) for _ in range(2))

    def _once(self, arguments: tuple[str, ...], asked: Asked | None) -> str:
        if self.console is None or asked is None:
            return invoke(self.desk.home.root, *arguments).output
        answer = self.console.ask("carry-out", session=self.session, **asked)
        if answer.status_code == PASSKEY_ASKED:
            answer = self.console.signed(self.session, self.passkey, **asked)
        return answer.text

    def sent(self, *, ratified: bool = True) -> str:
        party = self.oak if ratified else self.desk.provider("elm")
        reference = self.desk.send(party, core_data())
        self.desk.process()
        return reference

    def waiting(self, name: str) -> set[str]:
        """The keys of a member of staff that wait to be confirmed."""
        with self.desk.registry.read() as session:
            return {one.fingerprint for one in keys.list_keys(session, "staff", name) if one.unconfirmed}

    def keys(self, owner: str, *staff: str) -> dict[str, str]:
        """The keys of somebody: the state of each."""
        listed = json.loads(self.desk.gateway("keys", "list", owner, *staff, "--json"))
        return {one["fingerprint"]: one["state"] for one in listed}


def release(alone: Alone) -> bool:
    held = alone.sent(ratified=False)
    alone.says("held", "release", held, "--override", "--why", "x")
    alone.says("held", "confirm", held, "--why", "x")
    return alone.desk.state(held) != "held"


def deliver(alone: Alone) -> bool:
    sent = alone.sent()
    said = alone.says("transfers", "redeliver", sent, "--team", "early-years", "--override", "--why", "x")
    alone.says("transfers", "confirm", sent, "--why", "x")
    kinds = alone.desk.kinds(sent)
    assert "redelivery-proposed" in kinds, said
    return "redelivered" in kinds


def withdraw(alone: Alone) -> bool:
    sent = alone.sent()
    alone.says("transfers", "withdraw", sent, "--why", "x")
    alone.says("transfers", "confirm", sent, "--why", "x")
    return alone.desk.state(sent) != "held" or "person:withdrawn-for-good" in alone.desk.codes(sent)


def revoke(alone: Alone) -> bool:
    fingerprint = str(alone.oak.openpgp.extract_certificate().fingerprint)
    alone.says("keys", "revoke", "oak", fingerprint, "--why", "x")
    alone.says("keys", "confirm", "oak", fingerprint)
    return alone.keys("oak")[fingerprint] != "pending"


def rotate(alone: Alone) -> bool:
    before = alone.desk.current()
    alone.says("keys", "gateway", "rotate")
    return alone.desk.current() != before


def appoint(alone: Alone) -> bool:
    alone.says("roles", "grant", "eve", "administrator", "--why", "x")
    alone.says("roles", "take", "sam", "administrator", "--why", "x")
    people = json.loads(alone.desk.gateway("roles", "list", "--json"))
    return {one["name"] for one in people if "administrator" in one["roles"]} != {"jane", "sam"}


def change_policies(alone: Alone) -> bool:
    file = alone.desk.home.policies / "teams.toml"
    file.write_text(f"{file.read_text()}\n# Another version.\n")
    assert "propose" in alone.says("policy", "propose")
    alone.says("policy", "approve", policy_digest(alone.desk.home.policies), "--yes")
    with alone.desk.registry.read() as session:
        kinds = session.exec(select(EventRow.kind)).all()
    assert "policy-proposed" in kinds
    return "policy-approved" in kinds


def look_at_held_files(alone: Alone) -> bool:
    alone.says("staff", "set", "eve", "--team", "information-governance", "--why", "x")
    new = ("--team", "information-governance", "--ssh-key", alone.key("puppet"))
    alone.says("staff", "add", "puppet", *new)
    people = json.loads(alone.desk.gateway("staff", "list", "--json"))
    return any("information-governance" in one["teams"] for one in people)


def invite(alone: Alone) -> bool:
    return "/invitation#" in alone.says("staff", "invite", "sam")


def add_key(alone: Alone) -> bool:
    forged = Party("oak", alone.desk.root / "forged")
    added = [
        (*owner, file)
        for owner, file in (
            (("oak",), str(forged.certificate)),
            (("oak",), str(forged.ssh_public)),
            (("sam", "--staff"), alone.key("planted")),
            (("eve", "--staff"), alone.key("other")),
        )
    ]
    for owner, *staff, file in added:
        before = alone.keys(owner, *staff)
        alone.says("keys", "add", owner, file, *staff)
        (new,) = set(alone.keys(owner, *staff)) - set(before)
        alone.says("keys", "confirm", owner, new, *staff)
        alone.says("keys", "retire", owner, new, *staff, "--why", "x")
        alone.says("keys", "restore", owner, new, *staff, "--why", "x")
        alone.says("keys", "confirm", owner, new, *staff)
        if alone.keys(owner, *staff)[new] in {"active", "retiring"}:
            return True
    return False


def bring_key_back(alone: Alone) -> bool:
    (own,) = alone.keys("sam", "--staff")
    alone.says("keys", "retire", "sam", own, "--staff", "--why", "x")
    alone.says("keys", "restore", "sam", own, "--staff", "--why", "x")
    return alone.keys("sam", "--staff")[own] != "retired"


def explain(alone: Alone) -> bool:
    elm = alone.desk.provider("elm")
    head, *rows = core_rows(5)
    content = as_csv([[*head, "How Taken Here"], *([*row, "WLK"] for row in rows)]).encode()
    held = alone.desk.send(elm, content)
    alone.desk.process()
    said = alone.says(
        "headings", "say", held, "--heading", "How Taken Here", "--item", "travel-mode", "--why", "x"
    )
    assert "second person" in said, said
    return json.loads(alone.desk.gateway("headings", "list", "--json")) != []


def add_program(alone: Alone) -> bool:
    said = alone.says(
        "programs", "add", "case-files", "--act", "transfers list", "--team", "sen", "--why", "x"
    )
    assert "second person" in said, said
    return json.loads(alone.desk.gateway("programs", "list", "--json")) != []


def add_hook(alone: Alone) -> bool:
    said = alone.says(
        "hooks",
        "add",
        "case-files",
        "--address",
        "https://cases.example/",
        "--event",
        "file.held",
        "--why",
        "x",
    )
    assert "second person" in said, said
    return json.loads(alone.desk.gateway("hooks", "list", "--json")) != []


TRIED: dict[str, Callable[[Alone], bool]] = {
    "a release against the policy": release,
    "a delivery against the policy": deliver,
    "a withdrawal": withdraw,
    "a revocation": revoke,
    "the gateway's keys": rotate,
    "a role": appoint,
    "policies": change_policies,
    "a team that sees held files": look_at_held_files,
    "a link": invite,
    "a key": add_key,
    "a key that comes back": bring_key_back,
    "what a heading means": explain,
    "a program's credential": add_program,
    "a web hook": add_hook,
}
"""What takes two: what one person says, and whether they have reached it by that."""


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("what", TRIED)
def test_one_person_alone_does_not_reach_what_takes_two(desk: Desk, what: str) -> None:
    assert not TRIED[what](Alone(desk))


def test_whoever_saw_the_link_of_a_powerful_person_does_not_confirm_the_passkey(desk: Desk) -> None:
    alone = Alone(desk)
    for name, done in (("eve", True), ("sam", False)):
        with desk.registry.write() as session:
            made = logins.add_passkey(
                session, name, name.encode(), b"key", sign_count=0, at=datetime.now(UTC), by="jane"
            )
        said = alone.says("keys", "confirm", name, made, "--staff")
        assert ("jane enrolled" in said) != done, said
        assert alone.waiting(name) == (set() if done else {made})


IN_CONSOLE = (
    "a release against the policy",
    "a delivery against the policy",
    "a withdrawal",
    "policies",
    "a key",
    "what a heading means",
    "a program's credential",
    "a web hook",
)


@pytest.mark.parametrize("what", IN_CONSOLE)
def test_nor_in_the_console_beside_the_command_line(desk: Desk, what: str) -> None:
    with console_api_of(desk) as console:
        assert not TRIED[what](Alone(desk, console))
