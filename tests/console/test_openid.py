"""Logging in at an OpenID Connect provider: a real one on the loopback, visited as a browser visits it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import oidc_provider_mock
import pytest
from oidc_provider_mock import _storage
from werkzeug.serving import make_server

from gateway.errors import GatewayError
from gateway.registry import keys, staff
from tests.console.pages import console_of
from tests.console.through_the_api import Console, console_api_of
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import Mailroom

# The provider and its library call older names of their own.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TEAM = "central-data-team"


@dataclass
class Provider:
    """The provider, and what it was asked: it holds the verifier of each code against its challenge."""

    issuer: str
    asked: list[dict[str, str]] = field(default_factory=list)
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def log_in(self, address: str, subject: str) -> str:
        """Somebody logs in there; where the browser is sent to then."""
        told = httpx.post(address, data={"sub": subject})
        assert told.status_code == 302, told.text
        return str(told.headers["location"])


def _checked(app: flask.Flask, provider: Provider) -> flask.Flask:
    @app.before_request
    def remember() -> tuple[str, int] | None:
        if flask.request.path.endswith("/authorize"):
            provider.asked.append(dict(flask.request.args))
        if flask.request.path.endswith("/token"):
            verifier = flask.request.form.get("code_verifier", "")
            digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if digest != provider.asked[-1]["code_challenge"]:
                return "no such verifier", 400
        return None

    return app


@dataclass
class Served:
    """The pages of a home whose settings name the provider."""

    room: Mailroom
    console: Console
    origin: str
    provider: Provider
    visitors: list[Visitor] = field(default_factory=list)

    def arrives(self) -> Visitor:
        visitor = Visitor(self.origin)
        self.visitors.append(visitor)
        return visitor

    def invited(self, name: str, subject: str) -> Visitor:
        """Somebody binds their account by their invitation."""
        visitor = self.arrives()
        visitor.get("/invitation")
        assert visitor.post("/invitation", code=self.console.invite(name)) == 200, visitor.text
        self.follow(visitor, self.provider.log_in(link(visitor, self.provider), subject))
        self.console.confirm(name)
        return visitor

    def tries(self, visitor: Visitor, subject: str) -> int:
        """Somebody logs in at the provider from the page that they are at, and comes back."""
        return self.follow(visitor, self.provider.log_in(link(visitor, self.provider), subject))

    def follow(self, visitor: Visitor, back: str) -> int:
        """The browser is sent back, and goes on from there."""
        assert visitor.get(back.removeprefix(self.origin)) == 200
        onward = re.search(r'<a href="(/login/openid/done[^"]*)">', visitor.page)
        assert onward is not None, visitor.page
        return visitor.get(onward[1].replace("&amp;", "&"))


def link(visitor: Visitor, provider: Provider) -> str:
    """Where the page leads to, to log in."""
    found = re.search(rf'href="({re.escape(provider.issuer)}[^"]*)"', visitor.page)
    assert found is not None, visitor.page
    return found[1].replace("&amp;", "&")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    provider = Provider("")
    server = make_server(
        "localhost", 0, _checked(oidc_provider_mock.app(require_nonce=True), provider), threaded=True
    )
    provider.issuer = f"http://localhost:{server.server_port}"
    patch = pytest.MonkeyPatch()
    patch.setattr(_storage.AuthorizationCode, "get_auth_time", lambda _: provider.auth_time)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    room = Mailroom(tmp_path_factory.mktemp("openid"))
    secret = room.home.root / "openid-secret"
    secret.write_text("between us")
    with room.home.settings.open("a") as settings:
        settings.write(
            f'\n[console.openid]\nissuer = "{provider.issuer}"\nclient_id = "gateway"\n'
            f'client_secret_file = "{secret}"\nname = "the county account"\n'
        )
    try:
        with console_api_of(room) as console, console_of(console) as origin:
            for name in ("una", "anna", "ben"):
                room.staff(name, TEAM)
                console.grant(name, "triage")
            at_work = Served(room, console, origin, provider)
            at_work.invited("anna", "subject-of-anna")
            yield at_work
            for visitor in at_work.visitors:
                visitor.client.close()
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
        patch.undo()


def test_an_account_is_bound_by_an_invitation_and_logs_its_person_in(served: Served) -> None:
    visitor = served.invited("una", "subject-of-una")
    assert "una" in visitor.text
    asked = served.provider.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert asked["state"]
    assert asked["nonce"]
    with served.room.registry.read() as session:
        (key,) = [each for each in keys.list_keys(session, "staff", "una") if each.kind == "openid"]
    assert "subject-of-una" not in key.material
    assert (key.uses, key.last_used_at) == (1, key.added_at)
    again = served.arrives()
    again.get("/login")
    assert "Log in with the county account" in again.text
    assert served.follow(again, served.provider.log_in(link(again, served.provider), "subject-of-una")) == 200
    assert "una" in again.text
    with served.room.registry.read() as session:
        (used,) = [each for each in keys.list_keys(session, "staff", "una") if each.kind == "openid"]
        (row,) = [one for one in staff.list_everybody(session, key.added_at) if one["name"] == "una"]
    assert used.uses == 2
    assert row["last_login"] == used.last_used_at > key.added_at


def test_who_was_not_invited_is_nobody_here(served: Served) -> None:
    stranger = served.arrives()
    stranger.get("/login")
    assert served.tries(stranger, "somebody") == 403
    assert "not accepted" in stranger.text


def test_what_was_begun_in_one_browser_is_finished_in_no_other_and_once(served: Served) -> None:
    one, other = served.arrives(), served.arrives()
    one.get("/login")
    other.get("/login")
    back = served.provider.log_in(link(one, served.provider), "subject-of-anna")
    assert served.follow(other, back) == 403
    assert served.follow(one, back) in {200, 403}
    third = served.arrives()
    third.get("/login")
    back = served.provider.log_in(link(third, served.provider), "subject-of-anna")
    assert served.follow(third, back) == 200
    query = parse_qs(urlsplit(back).query)
    assert third.get(f"/login/openid/done?code={query['code'][0]}&state={query['state'][0]}") == 403


def test_another_state_or_another_answer_is_not_taken(served: Served) -> None:
    for change in (("state=", "state=x"), ("code=", "code=x")):
        visitor = served.arrives()
        visitor.get("/login")
        back = served.provider.log_in(link(visitor, served.provider), "subject-of-anna")
        assert served.follow(visitor, back.replace(*change)) == 403


def test_an_act_of_weight_asks_to_log_in_again(served: Served) -> None:
    visitor = served.invited("ben", "subject-of-ben")
    held, other = served.room.hold(b"openid"), served.room.hold(b"other")
    path, fields = "/work/held/refuse", {"reference": held, "why": "it is wrong"}
    visitor.get(path)
    assert visitor.post(path, **fields) == 200
    assert "Confirm by logging in again" in visitor.text
    page, address = visitor.page, link(visitor, served.provider)
    assert {"prompt", "max_age"} <= parse_qs(urlsplit(address).query).keys()
    assert visitor.post(path, **fields, credential="logged-in-again") == 403  # They have not.
    for subject, auth_time, status in (
        ("subject-of-ben", int(time.time()) - 3600, 403),
        ("subject-of-anna", int(time.time()), 403),
        ("subject-of-ben", int(time.time()), 200),
    ):
        visitor.get(path)
        visitor.post(path, **fields)
        page, address = visitor.page, link(visitor, served.provider)
        served.provider.auth_time = auth_time
        assert served.follow(visitor, served.provider.log_in(address, subject)) == status, (
            subject,
            visitor.text,
        )
    visitor.page = page
    assert (
        visitor.post(path, **{**fields, "reference": other}, credential="logged-in-again") == 403
    )  # Not for another act.
    visitor.page = page
    assert visitor.post(path, **fields, credential="logged-in-again") == 200
    assert "is refused" in visitor.text
    assert [event.actor for event in served.room.events(held)][-1] == "ben"


def test_whoever_comes_back_or_has_another_name_now_binds_the_same_account(served: Served) -> None:
    subject = "subject-of-eva"

    def leaves(name: str) -> None:
        at = served.console._clock()
        with served.room.registry.write() as session:
            for key in keys.list_keys(session, "staff", name):
                if key.state == "active":
                    keys.end_key(session, key, "retired", at=at, by="test")
            staff.remove_staff(session, name, at)

    def bound() -> list[tuple[str, str]]:
        with served.room.registry.read() as session:
            every = [key for key in keys.list_keys(session, "staff") if key.kind == "openid"]
        return [(key.owner, key.state) for key in every if key.owner.startswith("eva")]

    served.room.staff("eva", TEAM)
    served.invited("eva", subject)
    served.room.staff("fred", TEAM)
    served.invited("fred", subject)  # It is hers while she is here.
    with served.room.registry.read() as session:
        assert "openid" not in {key.kind for key in keys.list_keys(session, "staff", "fred")}
    leaves("eva")
    for name, states in (
        ("eva-jones", [("eva", "retired"), ("eva-jones", "active")]),
        ("eva", [("eva", "active"), ("eva-jones", "retired")]),
    ):
        with served.room.registry.write() as session:
            staff.add_staff(session, name, (TEAM,), served.console._clock())
        visitor = served.invited(name, subject)
        assert name in visitor.text
        assert bound() == states
        with served.room.registry.write() as session:
            (former,) = (
                key
                for key in keys.list_keys(session, "staff")
                if key.kind == "openid" and key.owner.startswith("eva") and key.state == "retired"
            )
            with pytest.raises(GatewayError, match=f"is that of {name} now"):
                keys.restore_key(session, former)
        visitor = served.arrives()
        visitor.get("/login")
        assert served.tries(visitor, subject) == 200
        assert visitor.get("/me") == 200
        assert name in visitor.text
        leaves(name)


def test_a_revoked_account_ends_its_sessions(served: Served) -> None:
    served.room.staff("carl", TEAM)
    visitor = served.invited("carl", "subject-of-carl")
    with served.room.registry.write() as session:
        (key,) = [each for each in keys.list_keys(session, "staff", "carl") if each.kind == "openid"]
        now = served.console._clock()
        keys.end_key(session, key, "revoked", at=now, by="test")
    assert visitor.get("/me") == 200
    assert "Log in" in visitor.text
    assert (
        served.follow(visitor, served.provider.log_in(link(visitor, served.provider), "subject-of-carl"))
        == 403
    )
