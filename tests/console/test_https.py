"""The console by HTTPS: behind a reverse proxy of Debian, and directly with a certificate."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.home.settings import load_settings
from gateway.registry import logins
from tests.console.by_https import certificate_at, shown, visitor_by_https
from tests.console.pages import console_of
from tests.console.through_the_api import Console, console_api_of
from tests.console.visitor import Visitor
from tests.ending import ending
from tests.mailboxes.mailroom import Mailroom
from tests.ports import free_port
from tests.waiting import until

NAME = "console.test"
# What Debian's own configuration of each begins with, as far as it matters here.
_DEFAULTS = "defaults\n    timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n"
_NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{front} ssl; ssl_certificate {pem}; ssl_certificate_key {secret};
        {block}
    }}
}}
"""


@dataclass
class ByHttps:
    """A home whose settings name the console by HTTPS, at a port that is known before."""

    room: Mailroom
    console: Console
    origin: str
    front: int
    pem: Path
    secret: Path

    def visitor(self) -> Visitor:
        """Somebody whose browser trusts the certificate."""
        return visitor_by_https(self.origin, self.pem)

    def sessions(self, name: str) -> list[str]:
        with self.room.registry.read() as session:
            return [one.address for one in logins.sessions_of(session, name, datetime.now(UTC))]


@pytest.fixture(scope="module")
def by_https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHttps]:
    folder, front = tmp_path_factory.mktemp("https"), free_port()
    (folder / "room").mkdir()
    room, origin = Mailroom(folder / "room"), f"https://{NAME}:{front}"
    settings = room.home.settings
    named = f'[console]\norigin = "{origin}"'
    settings.write_text(re.sub(r"(?m)^\[console\].*$", named, settings.read_text()))
    assert load_settings(room.home).console.origin == origin
    with console_api_of(room) as console:
        room.staff("jane", "central-data-team")
        yield ByHttps(room, console, origin, front, *certificate_at(folder, NAME))


def _haproxy(by: ByHttps, behind: str) -> list[str]:
    """HAProxy as the guide has it, but for the ports and where the certificate lies."""
    whole = by.pem.with_name("whole.pem")
    whole.write_bytes(by.pem.read_bytes() + by.secret.read_bytes())
    block = shown("frontend https").replace(":443", f"127.0.0.1:{by.front}")
    block = block.replace("/etc/haproxy/gateway.pem", str(whole)).replace(":2224", f":{behind}")
    settings = by.pem.with_name("haproxy.cfg")
    settings.write_text(f"{_DEFAULTS}{block}")
    return ["haproxy", "-db", "-f", str(settings)]


def _nginx(by: ByHttps, behind: str) -> list[str]:
    """The same of nginx."""
    settings = by.pem.with_name("nginx.conf")
    block = shown("location /").replace(":2224", f":{behind}")
    place = {"folder": by.pem.parent, "front": by.front, "pem": by.pem, "secret": by.secret}
    settings.write_text(_NGINX.format(block=block, **place))
    return ["nginx", "-c", str(settings)]


@contextmanager
def proxy(by: ByHttps, words: list[str]) -> Iterator[None]:
    """A reverse proxy at work, which speaks TLS and says who asks."""
    with ending(subprocess.Popen(words, stderr=subprocess.DEVNULL)):
        until(lambda: _listens(by.front), words[0])
        yield


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def check_comes_in(by: ByHttps) -> None:
    """Jane comes in by a passkey, and her cookies go nowhere else."""
    jane = by.visitor()
    answer = jane.client.get("/login")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    told = answer.headers["set-cookie"]
    assert told.startswith("__Host-attempt=")
    assert "secure" in told.casefold()
    jane.enter(by.console.invite("jane"))
    assert jane.get("/me") == 200
    assert by.sessions("jane")[-1] == "127.0.0.1"
    jane.client.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "configured",
    [
        pytest.param(_haproxy, marks=pytest.mark.needs("haproxy"), id="haproxy"),
        pytest.param(_nginx, marks=pytest.mark.needs("nginx"), id="nginx"),
    ],
)
def test_behind_a_reverse_proxy(by_https: ByHttps, configured: Callable[[ByHttps, str], list[str]]) -> None:
    with (
        console_of(by_https.console, origin=by_https.origin, proxies=("127.0.0.1",)) as behind,
        proxy(by_https, configured(by_https, behind)),
    ):
        check_comes_in(by_https)
        jane = by_https.visitor()  # What a browser says of its own address is not believed.
        jane.client.headers["x-forwarded-for"] = "203.0.113.7"
        jane.enter(by_https.console.invite("jane"))
        assert "203.0.113.7" not in by_https.sessions("jane")
        big = {"text": "x" * 200_000, "token": jane.hidden("token")}
        assert jane.client.post("/evidence/receipt", data=big).status_code == 403  # Taken, and not for jane.
        jane.client.close()


def test_directly_with_a_certificate(by_https: ByHttps) -> None:
    parts = {"certificate": by_https.pem, "certificate_key": by_https.secret, "port": by_https.front}
    with console_of(by_https.console, origin=by_https.origin, **parts):
        check_comes_in(by_https)
        jane = by_https.visitor()  # No proxy is trusted: a header says nothing.
        jane.client.headers["x-forwarded-for"] = "203.0.113.7"
        jane.enter(by_https.console.invite("jane"))
        assert "203.0.113.7" not in by_https.sessions("jane")
        jane.client.close()
