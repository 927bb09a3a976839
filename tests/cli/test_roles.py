"""Roles are bound to persons: to an account of their own or to their SSH key, not to what somebody claims."""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest
from sqlmodel import select

from gateway.access import Role
from gateway.cli.identity import real_account
from gateway.homes.demo.parties import Party
from gateway.record import dual_control
from gateway.registry import keys, log, logins, roles
from gateway.registry.tables import InvitationRow, TransferRow
from gateway.verify import verify_log
from tests.apart import apart
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import census, core_data
from tests.corpus.extra_columns import FILES as EXTRA
from tests.ending import ending
from tests.waiting import until
from tests.workshop import Desk, login_of

GUIDE = Path(__file__).parents[2] / "docs" / "roles.md"
Act = Callable[..., str]
pytestmark = pytest.mark.needs("ssh-agent", "ssh-add")


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an SSH agent that holds no key."""
    socket = tmp_path / "agent"
    running = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    with ending(running):
        until(socket.exists, "the agent")
        yield socket


@pytest.fixture
def as_sam(desk: Desk, agent: Path, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Commands by sam, who uses an account of several people and proves it with a key in the agent."""
    return sitting(desk, agent, monkeypatch, "sam")


SHARED = "shared"


def sitting(desk: Desk, agent: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Act:
    """Commands by a person under SHARED, which the kernel would name; only root could have it do so."""
    person(desk, name)
    add_to(agent, desk.root / name)

    def act(*arguments: str, code: int = 0, account: str = SHARED) -> str:
        with monkeypatch.context() as there:
            there.setattr("gateway.cli.identity.real_account", lambda: account)
            there.setenv("GATEWAY_ADMIN", name)
            there.setenv("SSH_AUTH_SOCK", str(agent))
            return desk.gateway(*arguments, code=code)

    return act


def person(desk: Desk, name: str, team: str = "central-data-team") -> None:
    key, file = asyncssh.generate_private_key("ssh-ed25519"), desk.root / name
    file.touch(mode=0o600)
    key.write_private_key(file)
    key.write_public_key(file.with_suffix(".pub"))
    desk.gateway("staff", "add", name, "--team", team, "--ssh-key", str(file.with_suffix(".pub")))


def add_to(agent: Path, key: Path) -> None:
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)


def in_force(desk: Desk) -> None:
    """Jane is an administrator, by the account of these tests."""
    desk.gateway("roles", "grant", "jane", "administrator", "--account", real_account(), "--why", "runs it")


def states(desk: Desk, owner: str) -> set[str]:
    return {key["state"] for key in json.loads(desk.gateway("keys", "list", owner, "--json"))}


def test_until_there_is_an_administrator_by_name_whoever_runs_commands_is_one(desk: Desk) -> None:
    assert "not in force" in desk.gateway("roles", "list")
    assert "cannot prove" in desk.gateway("roles", "grant", "jane", "auditor", "--why", "x", code=1)
    in_force(desk)
    (jane,) = json.loads(desk.gateway("roles", "list", "--json"))
    assert jane == {
        "name": "jane", "roles": ["administrator"], "accounts": [real_account()], "teams": [],
        "not_second_to": [],
    }  # fmt: skip
    assert "nobody gives themselves" in desk.gateway(
        "roles", "grant", "jane", "data-protection", "--why", "x", code=1
    )
    assert "last administrator" in desk.gateway(
        "roles", "take", "jane", "administrator", "--why", "x", code=1
    )
    assert "of which two decide" in desk.gateway("staff", "remove", "jane", code=1)
    assert [one.actor for one in desk.events("staff")][-1] != "jane"


def test_what_the_environment_claims_is_no_proof(
    desk: Desk, as_sam: Act, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "auditor", "--why", "reads")
    assert "may not do this" in as_sam("providers", "suspend", "oak", code=1)
    as_sam("transfers", "list")
    subprocess.run(["ssh-add", "-q", "-D"], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    assert "sam is not proved to be at the keyboard" in as_sam("transfers", "list", code=1)
    person(desk, "eve")
    add_to(agent, desk.root / "eve")
    assert "sam is not proved" in as_sam("transfers", "list", code=1)
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    assert "sam is not proved" in desk.gateway("transfers", "list", code=1)
    monkeypatch.setenv("SUDO_USER", "sam")
    assert "sam is not proved" in desk.gateway("transfers", "list", code=1)


def test_each_role_has_its_acts_and_the_record_names_the_person(desk: Desk, as_sam: Act) -> None:
    held = desk.send(desk.provider("oak", years=THIS_YEAR), b"nothing that anybody knows\n")
    sent = desk.send(desk.provider("elm", years=THIS_YEAR), census())
    desk.process()
    in_force(desk)
    target = str(desk.root / "whole")
    assert "data-protection" in desk.gateway("transfers", "open", sent, "--why", "x", "--to", target, code=1)
    assert "may not do this" in as_sam("held", "refuse", held, "--why", "x", code=1)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    as_sam("held", "refuse", held, "--why", "not for us")
    assert desk.events(held)[-1].actor == "sam (as shared)"
    desk.gateway("roles", "grant", "sam", "data-protection", "--why", "officer")
    as_sam("transfers", "open", sent, "--why", "a question", "--to", target)
    assert desk.events(sent)[-1].actor == "sam (as shared)"
    desk.gateway("transfers", "withdraw", sent, "--why", "wrong")
    assert "jane gave sam what they act with" in as_sam("transfers", "confirm", sent, "--why", "x", code=1)
    apart(desk.home, "sam")
    assert "jane withdrew" in desk.gateway("transfers", "confirm", sent, "--why", "x", code=1)
    as_sam("transfers", "confirm", sent, "--why", "indeed")
    assert desk.codes(sent) == ["person:withdrawn-for-good"]
    desk.gateway("log", "verify")


def test_what_is_sensitive_is_not_for_all_who_triage(desk: Desk, as_sam: Act) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    plain = desk.send(oak, b"nothing that anybody knows\n")
    told = desk.send(oak, EXTRA["nhs-number.csv"](), "list.csv.pgp")
    desk.process()
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    assert [one["reference"] for one in json.loads(as_sam("held", "list", "--json"))] == [plain]
    assert "1 more file for Information Governance alone" in as_sam("held", "list")
    assert [one["reference"] for one in json.loads(as_sam("transfers", "list", "--json"))] == [plain]
    for act in (
        ("transfers", "show"),
        ("policy", "explain"),
        ("report", "transfer"),
        ("receipts", "show"),
        ("held", "refuse", "--why", "x"),
        ("held", "return", "--advice", "x"),
        ("held", "release", "--override", "--why", "x"),
    ):
        assert "for Information Governance alone" in as_sam(*act, told, code=1)
    assert desk.state(told) == "held"
    desk.gateway("staff", "set", "sam", "--team", "information-governance", "--why", "looks at them")
    assert {one["reference"] for one in json.loads(as_sam("held", "list", "--json"))} == {plain, told}
    as_sam("held", "return", told, "--advice", "Leave that out.")
    assert desk.state(told) == "refused"


def test_no_other_spelling_and_no_list_of_files_leads_to_one_that_is_for_few(desk: Desk, as_sam: Act) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    plain = desk.send(oak, b"nothing that anybody knows\n")
    told = desk.send(oak, EXTRA["nhs-number.csv"](), "list.csv.pgp")
    desk.process()
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    for spelled in (told.lower(), told.upper(), f" {told}"):
        for act in (
            ("report", "transfer"),
            ("transfers", "show"),
            ("held", "refuse", "--why", "x"),
            ("held", "return", "--advice", "x"),
            ("held", "release", "--override", "--why", "x"),
        ):
            assert "for Information Governance alone" in as_sam(*act, spelled, code=1)
    for several in (("held", "return-many", "--advice", "x"), ("held", "release-many", "--why", "x")):
        for found in ((plain, told), (plain, told.lower())):
            assert "for Information Governance alone" in as_sam(*several, *found, code=1)
    assert {desk.state(plain), desk.state(told)} == {"held"}


def test_no_filter_of_the_held_files_tells_of_a_sensitive_one(desk: Desk, as_sam: Act) -> None:
    desk.send(desk.provider("oak", years=THIS_YEAR), EXTRA["nhs-number.csv"](), "list.csv.pgp")
    desk.provider("elm", years=THIS_YEAR)
    desk.process()
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    asked = (("--provider", "oak"), ("--provider", "elm"), ("--search", "list.csv"), ("--to", "2001-01-01"))
    assert {as_sam("held", "list", *some) for some in asked} == {as_sam("held", "list")}


def test_what_replaced_a_file_for_few_names_it_to_nobody_else(
    desk: Desk, as_sam: Act, tmp_path: Path
) -> None:
    oak, sent = desk.provider("oak", years=THIS_YEAR), list[str]()
    for seed in (1, 2):
        sent.append(desk.send(oak, census(seed)))
        desk.process()
    few, later = sent
    assert f"replaces {few}" in " ".join(desk.receipt(later).split())
    with desk.registry.write() as session:
        session.exec(select(TransferRow).where(TransferRow.reference == few)).one().few = True
        log.record_changes(session, desk.now)
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    for act in (("receipts", "show"), ("log", "prove")):
        assert "few people" in as_sam(*act, later, code=1)
    as_sam("log", "export", str(tmp_path / "log"))
    leaves = (tmp_path / "log" / "leaves.jsonl").read_text()
    assert few not in leaves
    (tmp_path / "next").write_text("0")
    assert few not in as_sam("log", "events", str(tmp_path / "next"))
    (tmp_path / "next").write_text("0")
    assert few in desk.gateway("log", "events", str(tmp_path / "next"))
    assert verify_log.main([str(tmp_path / "log")]) == 0
    assert f"replaces {few}" in " ".join(desk.gateway("receipts", "show", later).split())


def test_what_is_due_counts_a_file_that_few_may_know_of_and_tells_them_alone_when_it_came(
    desk: Desk, as_sam: Act
) -> None:
    desk.send(desk.provider("oak", years=THIS_YEAR), census())
    desk.process()
    with desk.registry.write() as session:
        row = session.exec(select(TransferRow)).one()
        row.few, row.period, row.flow, row.data_type = True, None, "phonics", "phonics"
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    asked = ("flows", "status", "--json")
    ways = [json.loads(act(*asked)) for act in (desk.gateway, as_sam)]
    came, hidden = ({row["data_type"]: row.pop("last") for row in rows}["phonics"] for rows in ways)
    assert (came is None, hidden) == (False, None)
    assert ways[0] == ways[1]


def test_who_takes_back_a_file_that_is_for_few_is_not_told_what_became_of_it(desk: Desk, as_sam: Act) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    few, held = desk.send(oak, census()), desk.send(oak, EXTRA["nhs-number.csv"](), "list.csv.pgp")
    desk.process()
    desk.gateway("transfers", "open", few, "--why", "a question", "--to", str(desk.root / "whole"))
    with desk.registry.write() as session:
        session.exec(select(TransferRow).where(TransferRow.reference == few)).one().few = True
        log.record_changes(session, desk.now)
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    assert f"there is no transfer {held}" in as_sam("transfers", "withdraw", held, "--why", "x", code=1)
    said = as_sam("transfers", "withdraw", few, "--why", "the school rang")
    assert "out of every mailbox" in said
    assert "opened" not in said
    assert desk.codes(few) == ["person:withdrawn"]


@pytest.mark.long
def test_what_was_found_sensitive_stays_for_few(desk: Desk, as_sam: Act) -> None:
    """Refused, returned, sent once more, or released: other reasons, the same file."""
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = [oak.seal(EXTRA["nhs-number.csv"](), desk.certificate) for _ in range(3)]
    lists = [desk.land(oak, one, f"{number}.pgp") for number, one in enumerate(sealed)]
    desk.process()
    again = desk.land(oak, sealed[0], "again.pgp")
    desk.process()
    assert desk.codes(again) == ["open:replayed"]
    desk.gateway("held", "refuse", lists[1], "--why", "not for us")
    desk.gateway("held", "return", lists[2], "--advice", "Leave that out.")
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    assert json.loads(as_sam("transfers", "list", "--json")) == []
    for file in (*lists, again):
        for act in (("transfers", "show"), ("receipts", "show"), ("report", "transfer")):
            assert "for Information Governance alone" in as_sam(*act, file, code=1)
    desk.gateway("log", "verify")


def test_a_key_is_out_of_use_at_once_and_revoked_by_two(desk: Desk, as_sam: Act) -> None:
    desk.provider("oak")
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "second")
    apart(desk.home, "sam")
    (key, *_) = [
        one["fingerprint"]
        for one in json.loads(desk.gateway("keys", "list", "oak", "--json"))
        if one["kind"] == "openpgp"
    ]
    for _ in range(2):  # Whoever says it twice is still one person.
        assert "counts no more" in desk.gateway("keys", "revoke", "oak", key, "--why", "stolen")
        assert states(desk, "oak") == {"pending", "active"}
    assert "somebody else must decide" in desk.gateway("keys", "confirm", "oak", key, code=1)
    notes = {
        one["fingerprint"]: one["notes"] for one in json.loads(desk.gateway("keys", "list", "oak", "--json"))
    }
    assert "alone; a second person decides: gateway keys revoke oak" in notes[key][0]
    assert not any("read out" in note for note in notes[key])
    complaint = next(line for line in desk.gateway("doctor").split("warning: ") if key[:16] in line)
    assert "alone" in complaint
    assert f"a second person: gateway keys revoke oak {key}" in complaint
    assert "reads its fingerprint out" not in complaint
    as_sam("keys", "confirm", "oak", key)
    assert states(desk, "oak") == {"active"}
    desk.gateway("keys", "revoke", "oak", key, "--why", "stolen after all")
    assert "is revoked" in as_sam("keys", "revoke", "oak", key, "--why", "they rang me, too")
    assert states(desk, "oak") == {"revoked", "active"}
    kinds = [one.kind for one in desk.events(key) if one.kind.startswith(("act-", "key-"))]
    assert kinds == [
        "act-proposed", "key-suspended", "act-rejected", "key-approved",
        "act-proposed", "key-suspended", "act-confirmed", "key-revoked",
    ]  # fmt: skip
    desk.gateway("log", "verify")


def test_nobody_alone_brings_a_suspended_key_back(
    desk: Desk, as_sam: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.provider("oak")
    person(desk, "eve", "sen")
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "second")
    apart(desk.home, "sam")
    oak = json.loads(desk.gateway("keys", "list", "oak", "--json"))[0]["fingerprint"]
    desk.gateway("keys", "revoke", "oak", oak, "--why", "stolen")
    assert "is suspended" in desk.gateway("keys", "retire", "oak", oak, code=1)
    monkeypatch.setattr(dual_control, "PROPOSAL_LASTS", timedelta(0))  # As a week later.
    assert "suspended" in desk.gateway("keys", "confirm", "oak", oak, code=1)
    assert "counts no more" in desk.gateway("keys", "revoke", "oak", oak, "--why", "stolen")
    as_sam("keys", "confirm", "oak", oak)
    eve = keys_of(desk, "eve")
    desk.gateway("keys", "revoke", "eve", eve, "--staff", "--why", "lost on a train")
    desk.gateway("staff", "remove", "eve")
    with desk.registry.read() as session:
        assert {one.state for one in keys.list_keys(session, "staff", "eve")} == {"revoked"}
    back = ("staff", "add", "eve", "--team", "sen", "--ssh-key", str(desk.root / "eve.pub"))
    assert "already enrolled" in desk.gateway(*back, code=1)
    desk.gateway("log", "verify")


def test_who_suspended_a_key_that_nobody_has_confirmed_does_not_confirm_it_alone(
    desk: Desk, as_sam: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(desk, "eve", "sen")
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "second")
    apart(desk.home, "sam")
    with desk.registry.write() as session:
        passkey = logins.add_passkey(session, "eve", b"id", b"key", sign_count=0, at=desk.now, by="eve")
        log.record_changes(session, desk.now)
    desk.gateway("keys", "revoke", "eve", passkey, "--staff", "--why", "lost on a train")
    monkeypatch.setattr(dual_control, "PROPOSAL_LASTS", timedelta(0))  # As a week later.
    assert "suspended" in desk.gateway("keys", "confirm", "eve", passkey, "--staff", code=1)
    as_sam("keys", "confirm", "eve", passkey, "--staff")


def test_two_change_the_gateways_key_and_make_an_administrator(desk: Desk, as_sam: Act) -> None:
    before = desk.current()
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "second")
    apart(desk.home, "sam")
    assert "second person" in desk.gateway("keys", "gateway", "rotate")
    assert "second person" in desk.gateway("keys", "gateway", "rotate")
    assert desk.current() == before
    as_sam("keys", "gateway", "rotate")
    assert desk.current() != before
    person(desk, "eve", "sen")
    assert "second person" in desk.gateway("roles", "grant", "eve", "administrator", "--why", "third")
    assert "eve" not in desk.gateway("roles", "list")
    as_sam("roles", "grant", "eve", "administrator", "--why", "I know her")
    assert "eve" in desk.gateway("roles", "list")
    assert not any(b"eve" in one.leaf for one in desk.events("staff"))
    desk.gateway("log", "verify")


def test_who_gets_a_name_again_begins_without_its_roles(desk: Desk, as_sam: Act) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "auditor", "--why", "reads")
    desk.gateway("staff", "remove", "sam")
    assert "not proved" in as_sam("transfers", "list", code=1)
    (desk.root / "sam.pub").unlink()
    (desk.root / "sam").unlink()
    person(desk, "sam")
    assert "sam" not in desk.gateway("roles", "list")


def test_the_guide_is_followed_word_by_word(
    desk: Desk, as_sam: Act, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asyncssh.generate_private_key("ssh-ed25519").write_public_key("ann.pub")
    desk.provider("oak")
    key = next(
        one["fingerprint"]
        for one in json.loads(desk.gateway("keys", "list", "oak", "--json"))
        if one["kind"] == "openpgp"
    )
    before = desk.current()
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in "".join(blocks).splitlines():
        words = shlex.split(line, comments=True)
        if words[1:] == ["roles", "accept"]:
            apart(desk.home, "sam")  # As sam does it, and three days later.
            continue
        ann = keys_of(desk, "ann")
        words = [
            {"FPR": key, "FPR-OF-ANN": ann, "jane": real_account()}.get(word, word) for word in words[1:]
        ]
        if words[:2] == ["roles", "grant"]:
            words[2] = "jane" if words[2] == real_account() else words[2]
        (as_sam if line.endswith("a second person") else desk.gateway)(*words)
    assert "revoked" in states(desk, "oak")
    assert desk.current() != before
    assert "ann" not in desk.gateway("roles", "list")
    desk.gateway("log", "verify")


def keys_of(desk: Desk, name: str) -> str:
    """The fingerprint of the first key of a member of staff; empty where there is no such."""
    with desk.registry.read() as session:
        known = keys.list_keys(session, "staff", name)
    return known[0].fingerprint if known else ""


@pytest.mark.root
def test_the_account_behind_sudo_is_the_one_that_called_it_whatever_the_environment_says() -> None:
    """A process of root's whose parent is somebody else's, as sudo makes it."""
    login = int(Path("/proc/self/loginuid").read_text())
    inner = "from gateway.cli.identity import real_account; print(real_account())"
    outer = (
        "import os, subprocess, sys\n"
        "os.setresuid(65534, 0, 0)\n"
        f"command = [sys.executable, '-c', {inner!r}]\n"
        "subprocess.run(command, check=True, preexec_fn=lambda: os.setresuid(0, 0, 0))"
    )
    environment = {**os.environ, "SUDO_USER": "sam", "LOGNAME": "sam", "GATEWAY_ADMIN": "sam"}
    done = subprocess.run(
        [sys.executable, "-c", outer], check=True, capture_output=True, text=True, env=environment
    )
    recorded = login != 2**32 - 1  # Then the kernel knows who logged in, whoever called whom since.
    assert done.stdout.strip() == pwd.getpwuid(login if recorded else 65534).pw_name


def test_a_credential_from_before_roles_ends_with_the_first_administrator(desk: Desk) -> None:
    add = ("programs", "add", "case-files", "--act", "transfers list", "--why", "x")
    for name in ("ann", "ben"):
        invoke(desk.home.root, *add, environment={"GATEWAY_ADMIN": name})
    account = ("--account", real_account(), "--why", "runs it")
    said = desk.gateway("roles", "grant", "jane", "administrator", *account)
    assert "case-files is answered no more" in said
    (program,) = json.loads(desk.gateway("programs", "list", "--json"))
    assert program["state"] == "revoked"


def test_whoever_takes_an_administrators_role_is_told_which_credentials_they_were_shown(
    desk: Desk, as_sam: Act
) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    apart(desk.home, "sam")
    for act in (desk.gateway, as_sam):
        act("programs", "add", "case-files", "--act", "transfers list", "--why", "x")
    take = ("roles", "take", "sam", "administrator", "--why", "another post")
    assert "second person" in desk.gateway(*take)
    assert "sam was shown the credential of case-files, which counts still" in " ".join(as_sam(*take).split())


def test_what_is_on_record_of_somebody_tells_of_their_roles_too(desk: Desk, as_sam: Act) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages; for now")
    desk.gateway("roles", "take", "sam", "triage", "--why", "moved")
    person(desk, "samuel")
    history = json.loads(desk.gateway("staff", "show", "sam", "--json"))["history"]
    assert [(one["kind"], one["what"], one["by"], one["why"]) for one in history][-2:] == [
        ("role-granted", "triage", "jane", "triages; for now"), ("role-taken", "triage", "jane", "moved"),
    ]  # fmt: skip
    assert [one["kind"] for one in history].count("staff-added") == 1
    told = " ".join(desk.gateway("staff", "show", "sam").split())
    assert "role-granted triage jane triages; for now" in told


def test_two_invite_somebody_of_whom_two_decide(desk: Desk, as_sam: Act) -> None:
    """Whoever has the link becomes that person in the console."""
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    apart(desk.home, "sam")
    person(desk, "ann", "sen")
    done = invoke(desk.home.root, "staff", "invite", "ann")
    assert "/invitation#" in done.stdout
    assert "the number on their page to you: gateway keys confirm ann NUMBER --staff" in " ".join(
        done.stderr.split()
    )
    for act in (desk.gateway, as_sam):
        act("roles", "grant", "ann", "data-protection", "--why", "the officer")
    with desk.registry.read() as session:  # Whoever made it alone could use it.
        assert session.exec(select(InvitationRow)).all() == []
    assert "second person" in as_sam("staff", "invite", "ann")
    assert "second person" in as_sam("staff", "invite", "ann")
    done = invoke(desk.home.root, "staff", "invite", "ann")
    assert "/invitation#" in done.stdout
    assert "the number on their page to another administrator, who confirms it: gateway keys" in " ".join(
        done.stderr.split()
    )


def proposed_release(desk: Desk) -> str:
    """A file that waits for its school's ratification, and that jane proposes to release all the same."""
    sent = desk.send(desk.provider("elm"), core_data())
    desk.process()
    said = desk.gateway("held", "release", sent, "--why", "needed", "--override")
    assert "waits for a second person" in said
    return sent


def test_what_somebody_proposed_counts_no_more_once_their_role_is_taken(desk: Desk, as_sam: Act) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    apart(desk.home, "sam")
    sent = desk.send(desk.provider("elm"), core_data())
    desk.process()
    as_sam("held", "release", sent, "--why", "needed", "--override")
    desk.gateway("roles", "take", "sam", "triage", "--why", "an inquiry")
    said = desk.gateway("held", "confirm", sent, "--why", "I agree", code=1)
    assert "may not decide on it any more" in said
    desk.gateway("staff", "remove", "sam")  # Somebody of the same name is somebody else.
    desk.pass_time(hours=1)
    desk.gateway(
        "staff", "add", "sam", "--team", "central-data-team", "--ssh-key", str(desk.root / "sam.pub")
    )
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    apart(desk.home, "sam")
    assert said == desk.gateway("held", "confirm", sent, "--why", "I agree", code=1)
    assert desk.state(sent) == "held"
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "x")
    apart(desk.home, "sam")
    add = ("programs", "add", "case-files", "--act", "transfers list", "--why", "x")
    assert "second person" in as_sam(*add)
    rights = desk.home.policies / "limits.toml"
    rights.write_text(f"{rights.read_text()}\n# Another text.\n")
    as_sam("policy", "propose", "--why", "x")
    with desk.registry.write() as session:
        roles.take(session, "sam", Role.ADMINISTRATOR)
    assert "second person" in desk.gateway(*add)
    assert "changes no policies any more" in desk.gateway("policy", "approve", "--yes", code=1)
    assert json.loads(desk.gateway("programs", "list", "--json")) == []


def test_one_administrator_is_not_two_people(desk: Desk, as_sam: Act, agent: Path) -> None:
    """Jane makes herself a colleague: by a key, by a role, by a name that was somebody's, or by a chain."""
    in_force(desk)
    sent = proposed_release(desk)
    desk.gateway("roles", "grant", "sam", "triage", "--why", "triages")
    said = as_sam("held", "confirm", sent, "--why", "I agree", code=1)
    assert "jane gave sam what they act with" in said
    assert "gateway roles accept" in said
    apart(desk.home, "sam")
    person(desk, "planted")
    planted = str(desk.root / "planted.pub")
    desk.gateway("staff", "remove", "planted")
    desk.gateway("keys", "add", "sam", planted, "--staff", code=1)  # It is known as another person's.
    other = desk.root / "other.pub"
    asyncssh.generate_private_key("ssh-ed25519").write_public_key(other)
    desk.gateway("keys", "add", "sam", str(other), "--staff")
    (fingerprint,) = [
        one["fingerprint"]
        for one in json.loads(desk.gateway("keys", "list", "sam", "--staff", "--json"))
        if one["material"].split()[1] == other.read_text().split()[1]
    ]
    desk.gateway("keys", "confirm", "sam", fingerprint, "--staff")  # There is nobody else to ask.
    assert "jane gave sam" in as_sam("held", "confirm", sent, "--why", "I agree", code=1)
    assert desk.state(sent) == "held"
    desk.gateway("keys", "retire", "sam", fingerprint, "--staff")
    said = as_sam("held", "confirm", sent, "--why", "I agree", code=1)
    assert "jane gave sam" in said  # It counted since jane proposed.
    desk.gateway("held", "refuse", sent, "--why", "proposed anew")
    again = desk.send(desk.provider("ash"), core_data())
    desk.process()
    desk.gateway("held", "release", again, "--why", "needed", "--override")
    as_sam("held", "confirm", again, "--why", "I agree")
    assert desk.state(again) == "accepted"
    desk.gateway("log", "verify")


def test_a_third_person_confirms_what_somebody_acts_with(desk: Desk, as_sam: Act, agent: Path) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    warned = [one["what"] for one in json.loads(desk.gateway("doctor", "--json"))]
    assert any("no two people can revoke a key" in one for one in warned)
    person(desk, "ann", "sen")
    desk.gateway("roles", "grant", "ann", "triage", "--why", "triages")
    (ann,) = json.loads(desk.gateway("keys", "list", "ann", "--staff", "--json"))
    assert "jane gave ann and sam" in as_sam("roles", "vouch", "ann", ann["fingerprint"], code=1)
    apart(desk.home, "sam")
    warned = [one["what"] for one in json.loads(desk.gateway("doctor", "--json"))]
    assert not any("no two people can" in one for one in warned)
    assert "name it, too, or revoke it" in as_sam("roles", "vouch", "ann", code=1)
    assert "give 16 characters" in as_sam("roles", "vouch", "ann", ann["fingerprint"][:12], code=1)
    assert "cannot confirm" in desk.gateway("roles", "vouch", "ann", ann["fingerprint"], code=1)
    listed = {
        one["name"]: one["not_second_to"] for one in json.loads(desk.gateway("roles", "list", "--json"))
    }
    assert listed == {"ann": ["jane"], "jane": [], "sam": []}
    desk.gateway("roles", "grant", "ann", "auditor", "--account", "a", "--why", "x")
    said = as_sam("roles", "vouch", "ann", ann["fingerprint"], code=1)
    assert "ann also acts under the account a: name it, too" in said
    assert "name it, too, or revoke it" in as_sam("roles", "vouch", "ann", "a", code=1)
    assert "counts in three days" in as_sam("roles", "vouch", "ann", ann["fingerprint"], "a")
    last = desk.events("staff")[-1]
    assert (last.kind, last.actor) == ("credentials-confirmed", "sam (as shared)")
    listed = {
        one["name"]: one["not_second_to"] for one in json.loads(desk.gateway("roles", "list", "--json"))
    }
    assert listed["ann"] == ["jane"]  # For three days more.
    desk.gateway("log", "verify")


@pytest.mark.parametrize("role", ["auditor", "data-protection"])
def test_an_account_that_is_not_theirs_ends_as_the_refusal_says(desk: Desk, as_sam: Act, role: str) -> None:
    two_administrators(desk)
    person(desk, "ann", "sen")
    (ann,) = json.loads(desk.gateway("keys", "list", "ann", "--staff", "--json"))
    is_powerful = role == "data-protection"
    for act in (desk.gateway, as_sam)[: 1 + is_powerful]:
        act("roles", "grant", "ann", role, "--account", "mistyped", "--why", "x")
    said = as_sam("roles", "vouch", "ann", ann["fingerprint"], code=1)
    assert "also acts under the account mistyped: name it, too" in said
    assert (
        "If it is not, gateway staff remove ann ends it: they are enrolled anew by gateway staff add" in said
    )
    if is_powerful:
        assert "gateway roles take first" in desk.gateway("staff", "remove", "ann", code=1)
        for act in (desk.gateway, as_sam):
            act("roles", "take", "ann", role, "--why", "enrolled anew")
    desk.gateway("staff", "remove", "ann")
    desk.gateway("staff", "add", "ann", "--team", "sen", "--ssh-key", str(desk.root / "ann.pub"))
    assert "counts in three days" in as_sam("roles", "vouch", "ann", ann["fingerprint"])


def test_what_one_gave_alone_they_take_back_alone(desk: Desk, as_sam: Act) -> None:
    """Else who made a colleague an administrator that never came would be stuck with them."""
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    desk.gateway("roles", "take", "sam", "administrator", "--why", "never came")
    assert "sam" not in desk.gateway("roles", "list")
    noted = [(one.kind, one.note) for one in desk.events("staff")]
    assert noted[-2:] == [("role-granted", "sam: the second"), ("role-taken", "sam: never came")]
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    apart(desk.home, "sam")
    assert "second person" in desk.gateway("roles", "take", "sam", "administrator", "--why", "never came")
    account = real_account()
    assert "the account that you act under" in desk.gateway(
        "roles", "grant", "eve", "triage", "--account", account, "--why", "x", code=1
    )


@pytest.mark.root
def test_who_accepts_under_an_account_of_their_own_is_a_person(desk: Desk) -> None:
    """The account of a service is nobody's, and neither is one of somebody else."""
    in_force(desk)
    desk.gateway(
        "roles", "grant", "sam", "administrator", "--account", pwd.getpwuid(65534).pw_name, "--why", "second"
    )
    assert "nobody's own account" in desk.gateway("roles", "accept", code=1)
    command = [sys.executable, "-m", "gateway", "roles", "accept", "--home", str(desk.home.root)]
    outer = (
        "import os, subprocess, sys\n"
        "os.setresuid(65534, 0, 0)\n"
        f"done = subprocess.run({command!r}, preexec_fn=lambda: os.setresuid(0, 0, 0))\n"
        "sys.exit(done.returncode)"
    )
    with desk.registry.write() as session:
        roles.bind(session, "planted", "sam", by="jane", at=desk.now)
    done = subprocess.run([sys.executable, "-c", outer], check=False, capture_output=True, text=True)
    assert "sam also acts under the account planted: name it, too" in done.stderr
    assert "If it is not, gateway roles accept --not-mine planted ends it" in done.stderr
    shed = outer.replace("'accept', ", "'accept', '--not-mine', 'planted', ")
    done = subprocess.run([sys.executable, "-c", shed], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (accounts,) = (
        one["accounts"] for one in json.loads(desk.gateway("roles", "list", "--json")) if one["name"] == "sam"
    )
    assert accounts == [pwd.getpwuid(65534).pw_name]
    done = subprocess.run([sys.executable, "-c", shed], check=False, capture_output=True, text=True)
    assert "the account planted is not bound to sam" in done.stderr
    with desk.registry.write() as session:
        roles.bind(session, "planted", "sam", by="jane", at=desk.now)
    outer = outer.replace("'accept', ", "'accept', 'planted', ")
    done = subprocess.run([sys.executable, "-c", outer], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "counts in three days" in done.stdout
    last = desk.events("staff")[-1]
    assert (last.kind, last.actor) == ("credentials-confirmed", "sam")
    listed = {
        one["name"]: one["not_second_to"] for one in json.loads(desk.gateway("roles", "list", "--json"))
    }
    assert listed["sam"] == ["jane"]  # For three days more.


def planted_key(desk: Desk, name: str) -> tuple[str, str]:
    """A key that somebody made for another one: its file and its fingerprint."""
    key, file = asyncssh.generate_private_key("ssh-ed25519"), desk.root / f"{name}.pub"
    key.write_public_key(file)
    return str(file), key.get_fingerprint()


def two_administrators(desk: Desk) -> None:
    in_force(desk)
    desk.gateway("roles", "grant", "sam", "administrator", "--why", "the second")
    apart(desk.home, "sam")


def test_one_administrator_alone_sends_nothing_in_a_schools_name(desk: Desk, as_sam: Act) -> None:
    desk.provider("oak", years=THIS_YEAR)
    two_administrators(desk)
    forged = Party("oak", desk.root / "forged")
    for file in (forged.ssh_public, forged.certificate):
        assert "it waits to be confirmed" in desk.gateway("keys", "add", "oak", str(file))
    sent = desk.send(forged, core_data())
    desk.process()
    assert desk.state(sent) == "held"
    fingerprint = str(forged.openpgp.extract_certificate().fingerprint)
    steps = (("confirm",), ("retire", "--why", "x"), ("restore", "--why", "x"), ("confirm",))
    for verb, *more in steps:
        code = 1 if verb == "confirm" else 0
        said = desk.gateway("keys", verb, "oak", fingerprint, *more, code=code)
        assert code == 0 or "jane enrolled" in said
    desk.process()
    assert desk.state(sent) == "held"
    as_sam("keys", "confirm", "oak", fingerprint, login_of(forged))
    assert states(desk, "oak") == {"active"}
    (approved,) = [each for each in desk.events(fingerprint) if each.kind == "key-approved"]
    assert "alone" not in approved.leaf.decode()


def test_one_administrator_alone_is_nobody_else(desk: Desk, as_sam: Act) -> None:
    """Neither by a further key of theirs, nor by one under a name that was taken out for it."""
    two_administrators(desk)
    person(desk, "kim", "sen")
    file, fingerprint = planted_key(desk, "planted")
    assert "it waits to be confirmed" in desk.gateway("keys", "add", "kim", file, "--staff")
    assert "jane enrolled" in desk.gateway("keys", "confirm", "kim", fingerprint, "--staff", code=1)
    desk.gateway("staff", "remove", "kim")
    other, second = planted_key(desk, "other")
    assert "confirm" in desk.gateway("staff", "add", "kim", "--team", "sen", "--ssh-key", other)
    assert "jane enrolled" in desk.gateway("keys", "confirm", "kim", second, "--staff", code=1)
    keys_in_force = [
        one["fingerprint"]
        for one in json.loads(desk.gateway("keys", "list", "kim", "--staff", "--json"))
        if one["in_force"]
    ]
    assert keys_in_force == []
    as_sam("keys", "confirm", "kim", second, "--staff")


def test_where_nobody_else_can_be_asked_the_record_says_who_confirmed_a_key_alone(desk: Desk) -> None:
    desk.provider("oak")
    new = Party("oak", desk.root / "new")
    desk.gateway("keys", "add", "oak", str(new.certificate))
    fingerprint = str(new.openpgp.extract_certificate().fingerprint)
    desk.gateway("keys", "confirm", "oak", fingerprint)
    (approved,) = [each for each in desk.events(fingerprint) if each.kind == "key-approved"]
    assert json.loads(approved.leaf)["fields"]["confirmed"] == "alone"
    desk.gateway("log", "verify")


def test_nobody_is_another_person_by_an_agent_in_a_shared_account(
    desk: Desk, as_sam: Act, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever uses an account of several people can use the agent that another one forwards there."""
    as_kim = sitting(desk, agent, monkeypatch, "kim")
    two_administrators(desk)
    for act in (desk.gateway, as_sam):
        act("roles", "grant", "kim", "administrator", "--why", "the third")
    apart(desk.home, "kim")
    assert f"the account {real_account()} is jane's" in as_sam("held", "list", account=real_account(), code=1)
    desk.provider("oak")
    new = Party("oak", desk.root / "new")
    as_sam("keys", "add", "oak", str(new.certificate))
    fingerprint = str(new.openpgp.extract_certificate().fingerprint)
    said = as_kim("keys", "confirm", "oak", fingerprint, code=1)
    assert "act under an account of the machine that is yours alone" in said
    as_kim("keys", "confirm", "oak", fingerprint, account="kims-terminal")
    assert states(desk, "oak") == {"active"}
