"""Programs use the API over a real socket: with two people's credential, for what it names alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlmodel import select

from gateway.acts.fields import every_act, fields_of
from gateway.acts.openapi import openapi_document, path_of
from gateway.model import Released
from gateway.registry import programs, transfers
from gateway.registry.tables import ProgramRow
from tests.commands import invoke
from tests.console.pages import console_of
from tests.console.through_the_api import console_api_of
from tests.mailboxes.mailroom import MARKER, PROVIDER, UNREAD, Mailroom
from tests.policies import why

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
TEAM, OTHER = "early-years", "sen"
MAILBOX = ("mailbox list", "mailbox collect", "mailbox deal-with")


class Api:
    """A home, and the console's service over it."""

    def __init__(self, room: Mailroom, origin: str) -> None:
        self.room, self.origin = room, origin

    def command(self, who: str, *arguments: str, code: int = 0) -> str:
        done = invoke(self.room.home.root, *arguments, environment={"GATEWAY_ADMIN": who})
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.output

    def program(self, name: str, *acts: str, team: str = TEAM) -> httpx.Client:
        """A program that two people gave a credential."""
        asked = ["programs", "add", name, "--team", team, "--why", "test"]
        for act in acts:
            asked += ["--act", act]
        assert "waits for a second person" in self.command("jane", *asked)
        secret = self.command("mary", *asked).strip()
        return self.client(secret)

    def client(self, secret: str) -> httpx.Client:
        return httpx.Client(base_url=self.origin, headers={"authorization": f"Bearer {secret}"}, timeout=60)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    room = Mailroom(tmp_path_factory.mktemp("api"))
    with console_api_of(room) as console, console_of(console) as origin:
        yield Api(room, origin)


def problem(response: httpx.Response, status: int) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    told = response.json()
    assert (response.status_code, told["status"]) == (status, status), response.text
    assert set(told) == {"title", "status", "detail"}
    return str(told["detail"])


def test_the_description_is_openapi_and_told_to_anybody(api: Api) -> None:
    told = httpx.get(f"{api.origin}/openapi.json").json()
    assert told == json.loads(openapi_document())
    OpenAPIV31SpecValidator(told).validate()
    assert set(told["paths"]) == {path_of(act) for act in every_act().values() if act.by_program}


def test_a_file_is_listed_collected_and_acknowledged(api: Api) -> None:
    content = b"%s of a school" % MARKER
    reference = api.room.deliver(content, TEAM)
    other = api.room.deliver(b"of others", OTHER)
    with api.program("case-files", *MAILBOX) as client:
        listed = client.get("/api/v1/mailbox/list", params={"team": TEAM, "new": True}).json()
        assert [one["reference"] for one in listed["rows"]] == [reference]
        of_it = {"team": TEAM, "reference": reference}
        assert client.get("/api/v1/mailbox/collect", params=of_it).content == content
        assert "collected" in [event.kind for event in api.room.events(reference)]
        assert client.get("/api/v1/mailbox/list", params={"team": TEAM, "new": True}).json()["rows"] == []
        done = client.post(
            "/api/v1/mailbox/deal-with",
            json={"team": TEAM, "references": [reference]},
            headers={"idempotency-key": "one"},
        )
        assert done.json()["sentence"] == "1 file is marked as dealt with."
        assert client.get("/api/v1/mailbox/list", params={"team": TEAM}).json()["rows"] == []
        for team, which in ((OTHER, other), (TEAM, other), ("held", other)):
            asked = {"team": team, "reference": which}
            problem(client.get("/api/v1/mailbox/collect", params=asked), 404)
        problem(client.get("/api/v1/mailbox/list", params={"team": OTHER}), 404)
    by = {event.actor for event in api.room.events(reference) if event.kind in {"collected", "dealt-with"}}
    assert by == {"program case-files"}


def test_what_is_not_there_is_told_by_the_field_that_names_it_and_alike_where_it_is_hidden(api: Api) -> None:
    hidden, other = api.room.hold_as_sensitive(b"hidden"), api.room.deliver(b"of others", OTHER)
    said = "{}: nothing that you may see is called so"
    with api.program("lost", *MAILBOX, "transfers show", "transfers list", "letters show") as client:
        for path, asked, names in (
            ("transfers/show", {"reference": "261124-nobody-AAAAA"}, "reference"),
            ("transfers/show", {"reference": hidden}, "reference"),
            ("mailbox/collect", {"team": TEAM, "reference": "261124-nobody-AAAAA"}, "reference"),
            ("mailbox/collect", {"team": TEAM, "reference": other}, "reference"),
            ("mailbox/collect", {"team": OTHER, "reference": other}, "team"),
            ("mailbox/list", {"team": OTHER}, "team"),
            ("mailbox/list", {"team": "no-team-at-all"}, "team"),
            ("transfers/list", {"provider": "nobody"}, "provider"),
            ("letters/show", {"number": "99"}, "number"),
        ):
            assert problem(client.get(f"/api/v1/{path}", params=asked), 404) == said.format(names)
        assert (
            problem(client.get("/api/v1/nothing/here"), 404)
            == "There is no such act: /openapi.json lists all."
        )


def test_of_several_files_none_is_acknowledged_where_one_cannot_be_and_each_once(api: Api) -> None:
    sent = [api.room.deliver(f"{number}".encode(), TEAM) for number in range(2)]
    with api.program("several", *MAILBOX) as client:

        def deal_with(*references: str) -> httpx.Response:
            told = {"team": TEAM, "references": references}
            key = {"idempotency-key": "|".join(references)}
            return client.post("/api/v1/mailbox/deal-with", json=told, headers=key)

        problem(deal_with(*sent, "261124-school-a-AAAAA"), 404)
        listed = client.get("/api/v1/mailbox/list", params={"team": TEAM}).json()["rows"]
        assert set(sent) <= {one["reference"] for one in listed}
        assert deal_with(*sent, sent[0]).json()["sentence"] == "2 files are marked as dealt with."
        assert [event.kind for event in api.room.events(sent[0])].count("dealt-with") == 1


def test_no_program_lists_collects_or_acknowledges_a_file_that_is_for_few(api: Api) -> None:
    reasons = (why("person:released-against-policy"), why("policy:sensitive", topics="health"))
    decision = Released(flow="student-core", data_type="student-core", teams=(OTHER,), reasons=reasons)
    few, plain = api.room.store(b"of few", decision, UNREAD), api.room.deliver(b"of others", OTHER)
    with api.program("cases", *MAILBOX, team=OTHER) as client:
        listed = client.get("/api/v1/mailbox/list", params={"team": OTHER}).json()["rows"]
        assert {plain} == {one["reference"] for one in listed if one["reference"] in {few, plain}}
        asked = {"team": OTHER, "reference": few}
        problem(client.get("/api/v1/mailbox/collect", params=asked), 404)
        told = {"team": OTHER, "references": [few]}
        done = client.post("/api/v1/mailbox/deal-with", json=told, headers={"idempotency-key": "few"})
        problem(done, 404)
    assert [event.kind for event in api.room.events(few)] == []


def test_whoever_asks_for_the_head_of_a_file_has_not_collected_it(api: Api) -> None:
    reference = api.room.deliver(b"not asked for", TEAM)
    with api.program("heads", *MAILBOX) as client:
        told = client.head("/api/v1/mailbox/collect", params={"team": TEAM, "reference": reference})
        assert (told.status_code, told.headers["allow"]) == (405, "GET")
        new = client.get("/api/v1/mailbox/list", params={"team": TEAM, "new": True}).json()["rows"]
    assert reference in [one["reference"] for one in new]
    assert api.room.events(reference) == []


@pytest.mark.parametrize("sort", ["reference", "-reference", "provider", "-new", None])
def test_no_file_is_passed_over_by_who_deals_with_each_page_before_the_next(
    api: Api, sort: str | None
) -> None:
    team = "education-welfare"
    sent = {api.room.deliver(f"{number}".encode(), team) for number in range(5)}
    asked: dict[str, Any] = {"team": team, "limit": 2, "where": f"provider={PROVIDER}"}
    asked |= {} if sort is None else {"sort": sort}
    found: list[str] = []
    with api.program(f"pages{sort or ''}", *MAILBOX, team=team) as client:
        after: str | None = ""
        while after is not None:
            page = client.get("/api/v1/mailbox/list", params={**asked, "after": after}).json()
            references = [one["reference"] for one in page["rows"]]
            told = {"team": team, "references": references}
            key = {"idempotency-key": references[0]}
            assert client.post("/api/v1/mailbox/deal-with", json=told, headers=key).status_code == 200
            found += references
            after = page["next"]
    assert sorted(found) == sorted(sent)


def test_the_cursor_of_no_page_is_refused(api: Api) -> None:
    api.room.deliver(b"one", TEAM)
    with api.program("cursors", "letters list", "transfers list", *MAILBOX) as client:
        for path, more in (
            ("transfers/list", {}),
            ("transfers/list", {"sort": "provider"}),
            ("mailbox/list", {"team": TEAM}),
            ("mailbox/list", {"team": TEAM, "sort": "reference"}),
            ("letters/list", {}),
        ):
            for after in ("x", "-1", "x.2", "9" * 30):
                told = client.get(f"/api/v1/{path}", params={"after": after, **more})
                assert "begin at the first one" in problem(told, 409), (path, after)


def test_no_list_ends_early_where_the_last_row_of_a_page_is_hidden_before_the_next(api: Api) -> None:
    for number in range(3):
        api.room.hold(f"one of three {number}".encode())
    asked = {"sort": "-reference", "limit": "1"}
    with api.program("hides", "transfers list") as client:
        page = client.get("/api/v1/transfers/list", params=asked).json()
        (last,) = (one["reference"] for one in page["rows"])
        with api.room.registry.write() as session:
            transfers.row_of(session, last).few = True
        told = client.get("/api/v1/transfers/list", params={**asked, "after": page["next"]})
        assert "begin at the first one" in problem(told, 409)


def test_what_is_too_long_or_asked_in_another_way_is_refused_by_a_problem_document(api: Api) -> None:
    with api.program("long", "held note") as client:
        problem(client.post("/api/v1/held/note", content=b"x" * 600_000), 413)
        refused = client.put("/api/v1/held/note", content=b"{}")
        assert "use GET, HEAD, POST" in problem(refused, 405)
        assert refused.headers["allow"] == "GET, HEAD, POST"
        assert "send it by POST" in problem(client.get("/api/v1/held/note"), 404)
        for content in (b"no JSON", b"[" * 5000):
            told = problem(client.post("/api/v1/held/note", content=content), 422)
            assert told == "The body of the request is no JSON."
        problem(client.post("/api/v1/held/note", content=b'{"reference": "\\ud800"}'), 422)
    for path in json.loads(openapi_document())["paths"].values():
        assert {"413", "422"} <= next(iter(path.values()))["responses"].keys()


def test_what_is_null_is_not_given_as_generated_clients_write_it(api: Api) -> None:
    reference = api.room.deliver(b"with null", TEAM)
    with api.program("nulls", *MAILBOX) as client:

        def deal_with(**fields: object) -> httpx.Response:
            told = {"team": TEAM, "references": [reference], **fields}
            return client.post(
                "/api/v1/mailbox/deal-with", json=told, headers={"idempotency-key": str(fields)}
            )

        assert deal_with(undo=None).status_code == 200
        assert "references" in problem(deal_with(references=None), 422)


def test_no_value_has_a_character_that_a_database_does_not_take(api: Api) -> None:
    with api.program("zeros", "transfers list", "headings list") as client:
        for name in ("team", "why", "where", "sort"):
            told = client.get("/api/v1/transfers/list", params={name: "outcome=a\0b"})
            assert name in problem(told, 422)
        problem(client.get("/api/v1/headings/list", params={"provider": "nobody"}), 404)


def test_a_list_is_read_in_pages(api: Api) -> None:
    every = [api.room.deliver(f"{number}".encode(), TEAM) for number in range(5)]
    hidden = {api.room.hold_as_sensitive(b"few")}
    with api.program("lists", "transfers list", "letters list", *MAILBOX) as client:
        for path, more in (("transfers/list", {}), ("mailbox/list", {"team": TEAM})):
            found: list[str] = []
            after = ""
            while after is not None:
                page = client.get(f"/api/v1/{path}", params={"limit": 2, "after": after, **more}).json()
                assert len(page["rows"]) <= 2
                found += [one["reference"] for one in page["rows"]]
                after = page["next"]
            assert found[:5] == every[::-1]
            assert len(found) == len(set(found))
            assert hidden.isdisjoint(found)
        by_state = client.get("/api/v1/transfers/list", params={"state": "held"}).json()["rows"]
        assert hidden.isdisjoint({one["reference"] for one in by_state})
        assert all(one["state"] == "held" for one in by_state)
        assert client.get("/api/v1/letters/list", params={"from_": "2026-11-01"}).json()["rows"] == []
        problem(client.get("/api/v1/transfers/list", params={"state": "lost"}), 422)
        for limit in ("0", "501", "all", "9" * 5000):
            told = problem(client.get("/api/v1/transfers/list", params={"limit": limit}), 422)
            assert told == "limit: enter a number of rows from 1 to 500"
        assert client.get("/api/v1/transfers/list", params={"limit": "500"}).status_code == 200


def test_a_request_is_done_once(api: Api) -> None:
    reference = api.room.hold(b"to note")
    asked = {"reference": reference, "text": "The school rang."}
    with api.program("notes", "held note") as client:

        def sent(key: str, **more: str) -> httpx.Response:
            return client.post("/api/v1/held/note", json=asked | more, headers={"idempotency-key": key})

        assert sent("k1").json() == sent("k1").json() == {"sentence": f"noted on {reference}", "document": ""}
        assert [event.kind for event in api.room.events(reference)].count("noted") == 1
        assert "another request" in problem(sent("k1", text="Something else."), 409)
        assert "Idempotency-Key" in problem(client.post("/api/v1/held/note", json=asked), 422)
        delivered = api.room.deliver(b"not held", TEAM)
        for _ in range(2):  # A refused request is forgotten.
            problem(sent("k2", reference=delivered), 409)
        with api.room.registry.write() as session:
            assert programs.begin_request(session, "p", "k3", "a", datetime.now(UTC)) is None
        with api.room.registry.write() as session, pytest.raises(Exception, match="is being answered"):
            programs.begin_request(session, "p", "k3", "a", datetime.now(UTC))


def test_a_credential_is_made_by_two_and_counts_for_what_it_names(api: Api) -> None:
    scope = ("programs", "add", "one", "--act", "providers list", "--why", "w")
    assert "waits for a second person" in api.command("jane", *scope)
    assert "waits for a second person" in api.command("jane", *scope)  # The same person is no second one.
    wider = (*scope[:-2], "--act", "letters list", "--why", "w")
    assert "waits for a second person" in api.command("mary", *wider)  # Nor is another scope the same.
    secret = api.command("mary", *scope).strip()
    assert re.fullmatch(r"gateway-program-[\w-]{43}", secret)
    assert secret.encode() not in api.room.home.registry.read_bytes()
    with api.client(secret) as client:
        rows = client.get("/api/v1/providers/list").json()["rows"]
        assert [one["id"] for one in rows] == [PROVIDER]
        assert "does not allow" in problem(client.get("/api/v1/letters/list"), 403)
        problem(client.get("/api/v1/nothing/here"), 404)
        api.command("jane", "programs", "revoke", "one", "--why", "over")
        problem(client.get("/api/v1/providers/list"), 401)
    told = {
        one["name"]: one["state"] for one in json.loads(api.command("jane", "programs", "list", "--json"))
    }
    assert told["one"] == "revoked"
    assert "no program may do this" in api.command("jane", *scope[:4], "staff add", "--why", "w", code=1)


def test_a_breach_takes_in_what_a_program_collected(api: Api) -> None:
    taken, other = api.room.deliver(b"taken", TEAM), api.room.deliver(b"not taken", TEAM)
    with api.program("leaked", *MAILBOX) as client:
        asked = {"team": TEAM, "reference": taken}
        assert client.get("/api/v1/mailbox/collect", params=asked).status_code == 200
    api.command("jane", "programs", "revoke", "leaked", "--why", "it was seen in a log")
    breach = ("breach", "record", "--aware-at", "2026-11-24T10:00Z", "--dry-run", "--annex", "--person")
    told = api.command("jane", *breach, "program leaked")
    assert taken in told
    assert other not in told
    assert "no member of staff program none" in api.command("jane", *breach, "program none", code=1)


def test_whoever_takes_a_leaver_out_is_told_which_credentials_the_leaver_was_shown(api: Api) -> None:
    api.room.staff("mary", TEAM)
    for name in ("payroll", "dinners"):
        api.program(name, *MAILBOX).close()
    api.command("jane", "programs", "revoke", "dinners", "--why", "over")
    said = api.command("jane", "staff", "remove", "mary", "--why", "has left")
    assert "payroll" in said
    assert "gateway programs revoke" in said
    assert "dinners" not in said


def test_a_file_that_is_being_collected_is_cut_off_where_the_credential_is_revoked(api: Api) -> None:
    size = 24 * 1024**2  # More than lies between the two ends of a connection.
    asked = {"team": TEAM, "reference": api.room.deliver(b"%s " % MARKER * (size // 32), TEAM)}
    collect = "/api/v1/mailbox/collect"
    with api.program("cut-off", *MAILBOX) as client, client.stream("GET", collect, params=asked) as answer:
        pieces = answer.iter_raw(1024)
        told = len(next(pieces))
        api.command("jane", "programs", "revoke", "cut-off", "--why", "lost")
        with pytest.raises(httpx.RemoteProtocolError):
            told += sum(map(len, pieces))
    assert told < int(answer.headers["content-length"])


def test_an_expired_credential_and_none_are_refused(api: Api) -> None:
    client = api.program("old", "providers list")
    with api.room.registry.write() as session:
        row = session.exec(select(ProgramRow).where(ProgramRow.name == "old")).one()
        row.ends_at = datetime.now(UTC) - timedelta(seconds=1)
    refused = client.get("/api/v1/providers/list")
    assert problem(refused, 401) == "The credential is unknown, or it has expired or been revoked."
    assert refused.headers["www-authenticate"] == "Bearer"
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}):
        problem(httpx.get(f"{api.origin}/api/v1/providers/list", headers=headers), 401)
    client.close()


def test_no_address_takes_what_may_be_personal(api: Api) -> None:
    with api.program("searching", "transfers list", "keys list") as client:
        for path, personal in (
            ("transfers/list", {"search": "Jo"}),
            ("transfers/list", {"where": "name=Jo.csv"}),
            ("transfers/list", {"where": ["outcome=held", "name=Jo.csv"]}),
            ("keys/list", {"id": "jane"}),
            ("keys/list", {"where": "owner=jane"}),
        ):
            assert client.get(f"/api/v1/{path}").status_code == 200
            told = problem(client.get(f"/api/v1/{path}", params=personal), 422)
            assert told == f"{next(iter(personal))}: an address takes no value that may be personal"
    with api.program("sorting", *MAILBOX) as client:
        asked = {"team": TEAM, "sort": "-name"}
        assert "the cursor would hold it" in problem(client.get("/api/v1/mailbox/list", params=asked), 422)
    for act in every_act().values():
        if act.by_program and act.reads:
            assert not [one.name for one in fields_of(act) if one.personal and one.required]


@pytest.mark.long
def test_a_generated_client_meets_what_is_described(api: Api) -> None:
    """Schemathesis draws requests from the description, and holds each answer against it."""
    api.room.deliver(b"some", TEAM)
    acts = sorted(name for name, act in every_act().items() if act.by_program)
    client = api.program("generated", *acts)
    schema = schemathesis.openapi.from_url(f"{api.origin}/openapi.json")
    headers = {"authorization": client.headers["authorization"]}
    done: set[str] = set()
    for each in schema.get_all_operations():
        operation = each.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        def check(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        check()
        done.add(operation.path)
    assert done == set(json.loads(openapi_document())["paths"])
