"""Whoever logs in at the web door holds a passkey that is published for its provider; nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from gateway.browsing import serving as browsing
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import SECURITY, WebSettings
from gateway.intake import web_sessions
from gateway.ssh import serving
from gateway.web.server import application, run_web
from gateway.zones.console_api.serving import socket_in
from gateway.zones.penalty_files import of_intake
from tests.console.soft_key import SoftKey
from tests.intake.running import Running
from tests.waiting import until
from tests.web.doors import TUS, Doors, Secretary, doors_of, said

PATHS = [
    ("POST", "/api/logout"), ("POST", "/api/uploads"), ("HEAD", f"/api/uploads/{'0' * 32}"),
    ("PATCH", f"/api/uploads/{'0' * 32}"), ("DELETE", f"/api/uploads/{'0' * 32}"), ("GET", "/api/sent"),
    ("GET", "/api/receipts/260101-avon-AAAAA"), ("GET", "/api/keys/gateway.asc"),
]  # fmt: skip


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    limits = {"penalty_least": 1e9}
    with doors_of(Home(tmp_path_factory.mktemp("doors") / "home"), **limits) as doors:
        yield doors


def test_a_published_passkey_lets_in_until_logged_out(doors: Doors) -> None:
    ann = doors.secretary()
    assert ann.log_in() == 204
    assert ann.client.get("/api/keys/gateway.asc").text == "the gateway's certificate\n"
    assert ann.client.post("/api/logout").status_code == 204
    assert ann.client.get("/api/sent").status_code == 401


@pytest.mark.parametrize("guessing", [False, True])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_else_is_told_anything(doors: Doors, method: str, path: str, guessing: bool) -> None:
    assert doors.secretary().log_in() == 204
    stranger = doors.secretary(published=False)
    if guessing:
        stranger.client.cookies.set("session", "x" * 43)
    answer = stranger.client.request(method, path, headers=TUS, content=b"" if method != "GET" else None)
    assert answer.status_code == 401


def test_anybody_is_told_whom_to_tell_of_a_flaw(doors: Doors) -> None:
    published = doors.intake.home.published.security_txt
    with httpx.Client(base_url=doors.origin, headers={"sec-fetch-site": "none"}) as stranger:
        assert stranger.get(SECURITY).status_code == 404
        published.write_text("Contact: mailto:security@anyshire.gov.uk\n")
        try:
            told = stranger.get(SECURITY)
        finally:
            published.unlink()
    assert (told.status_code, told.text) == (200, "Contact: mailto:security@anyshire.gov.uk\n")
    assert told.headers["content-type"] == "text/plain; charset=utf-8"


def _of_another(ann: Secretary) -> int:
    ann.key = SoftKey()
    return ann.log_in()


def _again(ann: Secretary) -> int:
    signed = ann.assertion()
    assert ann.client.post("/api/login", content=signed).status_code == 204
    return ann.client.post("/api/login", content=signed).status_code


def _in_another_browser(ann: Secretary) -> int:
    signed = ann.assertion()
    ann.client.get("/api/login")
    return ann.client.post("/api/login", content=signed).status_code


def _without_its_browser(ann: Secretary) -> int:
    signed = ann.assertion()
    ann.client.cookies.clear()
    return ann.client.post("/api/login", content=signed).status_code


def _for_another_page(ann: Secretary) -> int:
    options = ann.client.get("/api/login").text
    signed = ann.key.signed(options, "https://evil.example", party=ann.origin, handle="avon:x")
    return ann.client.post("/api/login", content=signed).status_code


def _copied(ann: Secretary) -> int:
    assert ann.log_in() == 204
    return ann.log_in(count=1)


REFUSED: dict[str, Callable[[Secretary], int]] = {
    "another key": _of_another,
    "signed twice": _again,
    "the challenge of another browser": _in_another_browser,
    "no browser": _without_its_browser,
    "another origin": _for_another_page,
    "another relying party": lambda ann: ann.log_in(party="https://evil.example"),
    "another provider": lambda ann: ann.log_in(handle="birch:x"),
    "no provider": lambda ann: ann.log_in(handle="nobody:x"),
    "a path": lambda ann: ann.log_in(handle="../avon:x"),
    "no handle": lambda ann: ann.log_in(handle=""),
    "a copy whose count fell behind": _copied,
    "not JSON": lambda ann: ann.client.post("/api/login", content=b"{").status_code,
    "another shape": lambda ann: ann.client.post("/api/login", content=b'{"response": 1}').status_code,
    "nested": lambda ann: ann.client.post("/api/login", content=b"[" * 16_000).status_code,
}


@pytest.mark.parametrize("attack", REFUSED)
def test_no_other_signature_lets_in(doors: Doors, attack: str) -> None:
    doors.publish("birch", SoftKey().ssh_line("localhost"))
    ann = doors.secretary()
    assert REFUSED[attack](ann) == 403


def test_a_person_who_was_not_asked_for_finger_or_pin_stays_out(doors: Doors) -> None:
    ann = Secretary(doors.origin, key=SoftKey(verified=False))
    doors.known.append(ann)
    doors.publish("avon", ann.line)
    assert ann.log_in() == 403


@pytest.mark.parametrize("host", ["", "elsewhere.example", "localhost.evil.example"])
def test_a_token_for_another_site_is_no_passkey_here(doors: Doors, host: str) -> None:
    ann = doors.secretary(published=False)
    doors.publish("avon", ann.key.ssh_line(host))
    assert ann.log_in() == 403


def test_a_challenge_ends(monkeypatch: pytest.MonkeyPatch, doors: Doors) -> None:
    ann = doors.secretary()
    monkeypatch.setattr(web_sessions, "SECONDS", 0.0)
    assert ann.log_in() == 403


def test_the_passkey_of_nobody_lets_nobody_in(doors: Doors) -> None:
    """It is tried for unknown providers, so that they take as long; anybody can sign with it."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    ann = doors.secretary(published=False)
    ann.key._secret = ec.derive_private_key(1, ec.SECP256R1())
    assert ann.log_in(handle="nobody:x") == 403


def test_a_revoked_passkey_ends_its_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_ROUND_SECONDS", 0.2)
    with doors_of(Home(tmp_path / "home")) as doors:
        ann = doors.secretary()
        assert ann.log_in() == 204
        doors.publish("avon")
        until(lambda: ann.client.get("/api/sent").status_code == 401, "the end of the login")
        assert ann.log_in() == 403


def test_failures_are_penalised_like_those_of_ssh(tmp_path: Path) -> None:
    limits = {"penalty_least": 4.0, "penalty_pace": 0.01, "penalty_trials": 1}
    with doors_of(Home(tmp_path / "home"), **limits) as doors:
        ann, stranger = doors.secretary(), doors.secretary("avon", published=False)
        assert stranger.log_in() == 403
        files = of_intake(doors.intake.home.spool, doors.intake.home.published)
        until(lambda: "127.0.0.1" in files.read_listed().until, "the penalty")
        assert ann.log_in() == 204  # A client that shares the address is judged by its key.


def test_logins_of_one_provider_are_limited(tmp_path: Path) -> None:
    with doors_of(Home(tmp_path / "home"), connections_per_provider=2) as doors:
        line = (first := doors.secretary()).line
        others = [doors.secretary(published=False) for _ in range(2)]
        doors.publish("avon", line, *(one.line for one in others))
        assert [one.log_in() for one in (first, *others)] == [204, 204, 429]
        assert first.client.post("/api/logout").status_code == 204
        assert others[1].log_in() == 204


def test_a_browser_that_logs_in_again_has_one_login(tmp_path: Path) -> None:
    with doors_of(Home(tmp_path / "home"), connections_per_provider=2) as doors:
        ann = doors.secretary()
        assert [ann.log_in() for _ in range(4)] == [204] * 4


def test_cookies_are_for_this_host_and_its_own_pages_only(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"), web=WebSettings(origin="https://send.example.gov.uk"))
    running.publish()
    running.start()
    try:
        with (
            socket_in(running.home.web) as place,
            httpx.Client(transport=httpx.HTTPTransport(uds=place), base_url="http://intake") as client,
        ):
            told = client.get("/login").headers["set-cookie"].lower()
            assert told.startswith("__host-attempt=")
            assert {"httponly", "path=/", "samesite=strict", "secure"} <= set(told.split("; "))
    finally:
        running.stop()


def test_what_other_sites_ask_is_refused(doors: Doors) -> None:
    ann = doors.secretary()
    assert ann.log_in() == 204
    elsewhere = {"origin": "https://evil.example"}
    assert ann.client.post("/api/logout", headers=elsewhere).status_code == 403
    for site in ("cross-site", "same-site", "none"):
        assert ann.client.get("/api/sent", headers={"sec-fetch-site": site}).status_code == 403
    assert ann.client.get("/", headers={"host": "evil.example"}).status_code == 307
    assert ann.client.post("/api/logout", headers={"host": "evil.example"}).status_code == 421
    assert ann.client.put("/api/sent").status_code == 405
    assert ann.client.get("/api/keys/%00").status_code == 404
    answer = ann.client.post("/api/login", content=iter([b"x" * 10]))  # Chunked: of no length that is told.
    assert answer.status_code == 411
    assert ann.client.post("/api/login", content=b"x" * 2_000_000).status_code == 413
    assert "access-control-allow-origin" not in ann.client.options("/api/uploads").headers
    assert ann.client.get("/api/sent").status_code == 200


def test_who_is_cut_off_while_sending_leaves_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/api/login",
        "raw_path": b"/api/login", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost:1"), (b"origin", b"http://localhost:1"), (b"content-length", b"9")],
    }  # fmt: skip
    told: list[int] = []

    async def cut_off() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def hear(message: dict[str, Any]) -> None:
        told.append(message.get("status", 0))

    async def ask() -> None:
        async with httpx.AsyncClient() as intake:
            await application(intake, "http://localhost:1")(scope, cut_off, hear)

    asyncio.run(ask())
    assert told[0] == 400
    assert caplog.records == []


def test_it_is_off_without_an_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "_PATIENCE_SECONDS", 0.1)
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.start()
    try:
        assert not running.home.web.exists()
        with pytest.raises(ConfigurationError, match=r"\[web\]"):
            run_web(running.home)
    finally:
        running.stop()


@pytest.mark.parametrize(
    "origin", ["https://10.0.0.5", "https://192.0.2.7:2225", "http://send.example.gov.uk"]
)
def test_no_origin_at_which_browsers_refuse_passkeys_is_taken(origin: str) -> None:
    assert WebSettings(origin="https://send.example.gov.uk:2225")
    with pytest.raises(ValidationError, match="no IP address"):
        WebSettings(origin=origin)


def test_who_holds_the_socket_has_no_more_than_a_browser(doors: Doors) -> None:
    """A captured web door: no file, no key, nothing of a provider without a passkey; bodies are bounded."""
    with (
        socket_in(doors.intake.home.web) as place,
        httpx.Client(transport=httpx.HTTPTransport(uds=place), base_url="http://intake") as client,
    ):
        for method, path in PATHS:
            assert client.request(method, path.removeprefix("/api"), headers=TUS).status_code == 401
        assert client.post("/login", content=b"x" * 100_000).status_code == 413
        assert client.get("/keys/../receipts").status_code == 404
        assert set(client.get("/settings").json()) == {
            "host", "port", "origin", "certificate", "certificate_key", "proxies",
        }  # fmt: skip


def test_a_refusal_is_told_in_plain_words(doors: Doors) -> None:
    ann = doors.secretary(published=False)
    answer = ann.client.post("/api/login", content=ann.assertion())
    assert said(answer).startswith("The passkey was not accepted.")
