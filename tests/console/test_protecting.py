"""Breaches, one child, legal holds, reviews, policies and the watch, in the console."""

from __future__ import annotations

import html
import re
import shutil
import threading
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.model import Provider
from gateway.record import policy_proposals as proposals
from gateway.registry import log, providers
from gateway.registry.log import Entry
from gateway.registry.tables import ContactRow
from tests.console.served import Served
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import console_api_of
from tests.console.visitor import Visitor
from tests.content import core_data
from tests.mailboxes.mailroom import PROVIDER, Mailroom
from tests.ports import free_port


def test_the_watch_tells_how_things_stand(served: Served) -> None:
    assert served.jane.get("/watch") == 200
    for words in (
        "Processor ✗ not reached",
        "A service is not at work",
        "Mailboxes ✓ at work",
        "none was noted",
    ):
        assert words in served.jane.text
    assert re.search(r"home [0-9.]+ GB", served.jane.text)
    assert served.sam.get("/watch") == 403


def test_the_watch_names_the_web_door_where_there_is_one(tmp_path: Path) -> None:
    room = Mailroom(tmp_path)
    port = free_port()
    with room.home.settings.open("a", encoding="utf-8") as settings:
        settings.write(f'\n[web]\norigin = "http://localhost:{port}"\nport = {port}\n')
    room.staff("jane", "central-data-team")
    with console_api_of(room) as console:
        console.grant("jane", "triage")
        session = console.enrolled("jane", SoftKey())

        def of_the_door() -> list[bool]:
            services = console.said("watch", session=session)["services"]
            return [one["up"] for one in services if one["name"] == "web door"]

        assert of_the_door() == [False]
        with HTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler) as door:
            answering = threading.Thread(target=door.handle_request)
            answering.start()
            assert of_the_door() == [True]
            answering.join(60)


def test_a_breach_is_on_record_with_its_72_hours(served: Served) -> None:
    reference, dora = served.room.deliver(b"b", "central-data-team"), served.dora
    aware = datetime.now(UTC) - timedelta(hours=2)
    record, listed = "/work/breach/record", "/work/breach/list"
    dora.get(record)
    assert dora.post(record, transfer=reference, what="x") == 403
    assert "72 hours" in dora.text
    assert "--" not in dora.text  # No options of commands.
    dora.get(record)
    fields = {
        "aware_at": f"{aware:%Y-%m-%dT%H:%M}",
        "transfer": reference,
        "nature": "confidentiality",
        "what": "It went to the wrong team.",
        "measure": "Recalled.",
    }
    assert dora.post(record, **{**fields, "transfer": ""}) == 403
    assert "which files, members of staff or keys are concerned" in dora.text
    assert "--" not in dora.text
    dora.get(record)
    assert dora.act(record, **fields) == 200, dora.text
    assert dora.get(listed) == 200
    assert re.search(r" (69|70) ", dora.text), dora.text
    assert dora.get("/work/breach/show?number=1") == 200
    assert reference in dora.text
    assert "wrong team" in dora.text
    told = {"amend": "1", "notified_at": f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M}"}
    dora.get(record)
    assert dora.act(record, **told) == 200, dora.text
    dora.get(listed)
    assert not re.search(r" (69|70) ", dora.text), dora.text
    assert [event.actor for event in served.room.events("breach")] == ["dora", "dora"]
    assert served.jane.get(listed) == 200
    assert "Record a breach" not in served.jane.text
    assert served.jane.get(record) == 403
    served.jane.get("/me")
    assert served.jane.post(record, **fields) == 403


def test_all_that_is_known_of_a_child_is_a_document_and_the_question_is_on_record(served: Served) -> None:
    served.room.accept(core_data(11))
    dora = served.dora
    report = "/work/pupils/report"
    dora.get(report)
    named = {"surname": "Nobody", "forename": "Nemo", "born": "2015-01-02"}
    assert dora.act(report, **named, why="a request of today") == 200, dora.text
    assert "no file" in dora.text.casefold(), dora.text
    assert "Nemo" not in dora.page
    last = served.room.events("pupils")[-1]
    assert (last.kind, last.actor) == ("pupils-asked", "dora")
    assert b"Nemo" not in last.leaf
    dora.get(report)
    assert dora.post(report, surname="Nobody", why="half a name") == 403
    assert "A name needs all three: surname, first forename and date of birth" in dora.text
    for visitor in (served.jane, served.mary):
        visitor.get("/me")
        assert visitor.post(report, **named, why="w") == 403


def test_a_legal_hold_is_placed_and_lifted_by_name(served: Served) -> None:
    dora, place = served.dora, "/work/legal-holds/place"
    dora.get(place)
    assert dora.act(place, provider=PROVIDER, why="a court asks") == 200, dora.text
    assert dora.get("/work/legal-holds/list") == 200
    assert "a court asks" in dora.text
    assert dora.get("/work/retention/plan") == 200
    assert "Nothing is due" in dora.text
    dora.get("/work/legal-holds/lift")
    assert dora.act("/work/legal-holds/lift", provider=PROVIDER, why="it is over") == 200
    dora.get("/work/legal-holds/list")
    assert "Nothing is on hold" in dora.text
    dora.get(place)
    assert dora.post(place, why="of what?") == 403
    served.mary.get("/me")
    assert served.mary.post(place, provider=PROVIDER, why="w") == 403


def test_the_review_of_a_term_is_a_document(served: Served) -> None:
    review = "/work/report/review"
    assert served.jane.get(f"{review}?from_=2026-09-01&to=2026-11-30") == 200
    assert "Your browser prints this page" in served.jane.text
    assert served.jane.get(f"{review}?from_=2026-11-01&to=2026-09-01") == 403
    assert "The last day is before the first" in served.jane.text
    assert served.jane.get(f"{review}?from_=never") == 403


def test_policies_are_compared_and_approved_by_a_second_person(served: Served, tmp_path: Path) -> None:
    mary, (digest, keeper) = served.mary, served.propose(tmp_path / "other", by="mary")
    assert mary.get("/agreement/policies?days=30") == 200, mary.text
    assert "limits.toml" in mary.text
    assert "would have become the same" in mary.text
    assert "Keeping children safe in education 2025" in mary.text
    assert "Somebody else" in mary.text
    assert mary.post("/agreement/policies", do="approve", digest=digest) == 403
    served.room.staff("max")
    served.console.grant("max", "administrator")
    other = served.enters("max")
    other.get("/agreement/policies")
    assert other.post("/agreement/policies", do="approve", digest="0" * 64) == 403
    assert f"What is proposed is {digest}" in other.text
    assert other.act("/agreement/policies", do="approve", digest=digest) == 200, other.text
    with served.room.registry.read() as session:
        found = proposals.proposal(session)
        assert found is not None
        assert (found.digest, found.approved_by) == (digest, "max")
        assert log.latest(session, "policy-approved") is not None
    assert keeper.changed() is not None  # The processor may write what is in force; the mailboxes may not.
    assert served.room.home.policies_in_force == served.room.home.version(digest)
    assert keeper.changed() is None
    mary.get("/agreement/policies")
    assert mary.post("/agreement/policies", do="withdraw", why="not now") == 403
    assert "Nothing is proposed" in mary.text
    assert "Confirm with your passkey" not in mary.text
    served.jane.get("/me")
    assert served.jane.post("/agreement/policies", do="withdraw", why="w") == 403
    assert served.jane.get("/agreement/policies?before=../../keys") in {403, 404}


EDIT, PUT_FORWARD = "/agreement/policies/edit", "/agreement/policies/propose"


def _edited(visitor: Visitor, file: str, before: str, after: str) -> str:
    """A file of the policies in force as the page shows it, with other words in it, and sent to be tried."""
    assert visitor.get(f"{EDIT}?file={file}") == 200, visitor.text
    shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", visitor.page, re.DOTALL)
    assert shown is not None
    content = html.unescape(shown[1])
    assert before in content
    content = content.replace(before, after, 1)
    assert visitor.post(EDIT, file=file, content=content.replace("\n", "\r\n")) == 200, visitor.text
    return content


@pytest.mark.long
def test_policies_are_edited_tried_and_proposed_in_the_console(served: Served) -> None:
    mary, keeper = served.mary, served.keeper()
    keeper.changed()
    _edited(mary, "limits.toml", "connections = ", "conections = ")
    assert "What is wrong with it" in mary.text
    assert "conections = " in mary.page  # What was typed stands there still.
    assert PUT_FORWARD not in mary.page
    content = _edited(mary, "limits.toml", "login_attempts = 6", "login_attempts = 5")
    assert "login_attempts" in mary.text
    assert "would have become the same" in mary.text
    fields = {"file": "limits.toml", "content": content}
    assert mary.post(PUT_FORWARD, **fields, why=" ") == 403
    assert "It needs a reason" in mary.text
    assert "login_attempts = 5" in mary.page
    assert mary.post(PUT_FORWARD, **fields, why="fewer", on="soon") == 403
    assert "Enter a day, such as 2026-11-24" in mary.text
    wrong = content.replace("connections = ", "conections = ", 1)
    assert mary.post(PUT_FORWARD, file="limits.toml", content=wrong, why="fewer") == 403
    assert "What is wrong with it" in mary.text
    assert "Confirm with your passkey" not in mary.text
    assert mary.act(PUT_FORWARD, **fields, why="fewer") == 200, mary.text
    with served.room.registry.read() as session:
        found = proposals.proposal(session)
    assert found is not None
    assert found.by == "mary"
    assert mary.get("/agreement/policies") == 200
    assert "login_attempts" in mary.text  # The draft is compared before it is kept as a version.
    lea = _second(served, "lea")
    lea.get("/agreement/policies")
    assert lea.post("/agreement/policies", do="approve", digest=found.digest) == 403
    assert "within a minute" in lea.text
    keeper.changed()
    lea.get("/agreement/policies")
    assert lea.act("/agreement/policies", do="approve", digest=found.digest) == 200, lea.text
    assert keeper.changed() is not None
    home = served.room.home
    assert home.policies_in_force == home.version(found.digest)
    assert (home.policies_in_force / "limits.toml").read_text() == content


def test_a_link_fills_nothing_into_the_editor_of_the_policies(served: Served) -> None:
    mary, keeper = served.mary, served.keeper()
    keeper.changed()
    link = f"{EDIT}?file=limits.toml&content=connections+%3D+9999&days=3660&why=forged+reason&on=2026-12-24"
    assert mary.get(link) == 200, mary.text
    main = mary.page.partition("<main")[2]
    assert (served.room.home.policies_in_force / "limits.toml").read_text() in html.unescape(main)
    for words in ("9999", "forged reason", "2026-12-24", PUT_FORWARD, "would have become the same"):
        assert words not in main, words


@pytest.mark.long
def test_policies_that_lose_protection_are_approved_at_the_machine_alone(served: Served) -> None:
    mary, keeper = served.mary, served.keeper()
    keeper.changed()
    content = _edited(mary, "keys.toml", "approve_drops = false", "approve_drops = true")
    assert mary.act(PUT_FORWARD, file="keys.toml", content=content, why="less to ring") == 200, mary.text
    assert "on the machine of the gateway" in mary.text
    keeper.changed()
    with served.room.registry.read() as session:
        found = proposals.proposal(session)
    assert found is not None
    kept = served.room.home.version(found.digest)
    assert not kept.exists()
    ned = _second(served, "ned")
    ned.get("/agreement/policies")
    assert ned.post("/agreement/policies", do="approve", digest=found.digest) == 403
    assert "on the machine of the gateway alone" in ned.text
    assert served.keeper(by_hand=True).folder(found.digest) == kept
    assert (kept / "keys.toml").read_text() == content


def test_policies_that_lose_protection_are_not_approved_in_the_console_though_they_are_kept(
    served: Served, tmp_path: Path
) -> None:
    keeper, ida = served.keeper(by_hand=True), _second(served, "ida")
    looser = Path(shutil.copytree(keeper.current().folder, tmp_path / "looser"))
    keys = (looser / "keys.toml").read_text()
    (looser / "keys.toml").write_text(keys.replace("approve_drops = false", "approve_drops = true"))
    digest, at = keeper.keep(looser), datetime.now(UTC)
    with served.room.registry.write() as session:
        proposals.propose(session, digest, at, by="mary", why="less to ring", at=at)
    ida.get("/me")
    assert ida.post("/agreement/policies", do="approve", digest=digest) == 403
    assert "These policies lose protection" in ida.text
    with served.room.registry.read() as session:
        found = proposals.proposal(session)
    assert found is not None
    assert (found.digest, found.approved_by) == (digest, None)


@pytest.mark.long
def test_what_lost_protection_before_is_not_approved_in_the_console_though_it_is_kept(served: Served) -> None:
    mary, keeper, ada = served.mary, served.keeper(), _second(served, "ada")
    keeper.changed()
    looser = served.room.home.policies_in_force
    more = int(re.findall(r"login_attempts = ([0-9]+)", (looser / "limits.toml").read_text())[0])
    for there, instead, code in ((more, more - 1, 200), (more - 1, more, 403)):
        content = _edited(mary, "limits.toml", f"login_attempts = {there}", f"login_attempts = {instead}")
        assert mary.act(PUT_FORWARD, file="limits.toml", content=content, why="w") == 200, mary.text
        keeper.changed()
        digest = _proposed(served)
        ada.get("/agreement/policies")
        approves = ada.act if code == 200 else ada.post
        assert approves("/agreement/policies", do="approve", digest=digest) == code, ada.text
        keeper.changed()
    assert "These policies lose protection" in ada.text
    assert looser.name == digest
    assert served.room.home.policies_in_force != looser


def test_forged_entries_put_nothing_in_force_that_loses_protection(served: Served) -> None:
    room, mary, keeper = served.room, served.mary, served.keeper()
    by_hand = served.keeper(by_hand=True)
    keeper.changed()
    before = room.home.policies_in_force
    content = _edited(mary, "keys.toml", "approve_drops = false", "approve_drops = true")
    fields = {"file": "keys.toml", "content": content}
    assert mary.act(PUT_FORWARD, **fields, why="less to ring") == 200, mary.text
    digest = _proposed(served)
    by_hand.folder(digest)  # Somebody looked at it on the machine.

    def forge() -> None:
        at = datetime.now(UTC)
        with room.registry.write() as session:
            proposals.approve(session, by="nobody", at=at, digest=digest)

    def withdraw() -> None:
        with room.registry.write() as session:
            proposals.withdraw(session, by="mary", why="no", at=datetime.now(UTC))
        by_hand.forbid()

    def propose() -> None:
        at = datetime.now(UTC)
        with room.registry.write() as session:
            proposals.propose(session, digest, at, by="mary", why=None, at=at)

    forge()
    assert keeper.changed() is None
    withdraw()
    propose()
    by_hand.allow(digest)  # Approved on the machine, and withdrawn: the mark counts no more.
    withdraw()
    propose()
    forge()
    assert keeper.changed() is None
    with room.registry.write() as session:
        loaded = Entry(kind="policy-loaded", subject=proposals.SUBJECT, fields={"sha256": digest})
        log.append(session, [loaded], datetime.now(UTC))
    assert served.keeper().current().folder == before
    assert room.home.policies_in_force == before
    by_hand.allow(digest)
    assert served.keeper().current().folder.name == digest
    again = by_hand.put_in_force(before.name, by="mary", why="back")
    with room.registry.write() as session:
        log.append(session, [loaded], datetime.now(UTC))
    assert served.keeper().current().folder == again.folder == before


def _proposed(served: Served) -> str:
    with served.room.registry.read() as session:
        found = proposals.proposal(session)
    assert found is not None
    return found.digest


def test_policies_are_edited_by_administrators_alone(served: Served) -> None:
    for visitor in (served.jane, served.sam, served.dora):
        assert visitor.get(EDIT) == 403
        visitor.get("/me")
        assert visitor.post(PUT_FORWARD, file="keys.toml", content="x", why="w") == 403
    assert served.mary.get(f"{EDIT}?file=../../gateway.toml") == 404


def _second(served: Served, name: str) -> Visitor:
    """Another administrator, with a passkey of their own."""
    served.room.staff(name)
    served.console.grant(name, "administrator")
    return served.enters(name)


@pytest.mark.parametrize(
    "path",
    [
        *("/work/breach/list", "/work/breach/show?number=1", "/work/legal-holds/list", "/work/report/review"),
        *("/agreement/policies", "/watch", "/schools?late=yes"),
    ],
)
def test_none_of_it_is_for_whoever_has_no_role(served: Served, path: str) -> None:
    assert served.sam.get(path) in {403, 404}


def test_late_schools_are_counted_and_listed(served: Served) -> None:
    assert served.jane.get("/") == 200
    found = re.search(r"([0-9]+) schools from which something has not come", served.jane.text)
    assert found is not None
    assert served.jane.get("/schools?late=yes") == 200
    assert served.jane.page.count('<tr><th scope="row">') == int(found[1])


def test_what_has_not_come_is_chased_by_those_who_may_and_nothing_else_is(served: Served) -> None:
    now = datetime.now(UTC)
    with served.room.registry.write() as session:
        for name, added in (("tardy", now - timedelta(days=120)), ("punctual", now)):
            providers.add_provider(session, Provider(id=name, name=f"The {name}", kind="school"), added)
            office = ContactRow(
                provider=name,
                role="office",
                email=f"{name}@school.invalid",
                recorded_at=now,
                recorded_by="mary",
            )
            providers.keep_contact(session, office)
    served.mary.get("/schools/tardy")
    assert "Chase it by a letter" in served.mary.text
    assert served.mary.post("/work/letters/chase", provider="tardy") == 200
    letter = html.unescape(served.mary.page[served.mary.page.index("To: tardy@school.invalid") :])
    letter = letter.partition("</p>")[0]
    assert re.search(
        r"has not yet had from you:\n\n(- .*\n)*- [A-Z][^:]*: late, it was due on [0-9]+ ", letter
    )
    assert not re.search(r"What came|##|received|status\.html", letter)
    served.mary.get("/schools/punctual")
    assert "Chase it by a letter" not in served.mary.text
    assert served.mary.post("/work/letters/chase", provider="punctual") == 403
    assert "There is nothing to chase: punctual has sent everything that was due" in served.mary.text
    served.mary.get("/")
    assert re.search(r"Chase The tardy [^.]+\. [0-9]+ days: due [^.]+\. Not chased yet\.", served.mary.text)
    assert served.mary.act("/work/letters/chase", provider="tardy", back="/") == 200
    assert re.search(r"Chase The tardy [^.]+\. [0-9]+ days: due [^.]+\. The letter of ", served.mary.text)
    (number,) = re.findall(r'"/work/letters/show\?number=([0-9]+)"', served.mary.page)
    assert served.jane.get(f"/work/letters/show?number={number}") == 200
    assert "To tardy@school.invalid:" in served.jane.text
    assert "late, it was due on" in served.jane.text
    served.jane.get("/")
    assert "Chase" not in served.jane.text
