"""The console by HTTPS: behind a reverse proxy of Debian, and directly with a certificate."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.home.settings import load_settings
from gateway.registry import console_sessions
from tests.console.pages import Visitor, console_of
from tests.console.through_the_hatch import Console, hatch_of
from tests.mailboxes.mailroom import Mailroom
from tests.ports import free_port
from tests.waiting import until

NAME = "console.test"
_PROXY = """
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 2m
    option forwardfor
frontend https
    bind 127.0.0.1:{front} ssl crt {pem}
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-Proto https
    default_backend console
backend console
    server console 127.0.0.1:{behind}
"""


def certificate_at(folder: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "console.pem", folder / "console-key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, secret


class Resolved(httpx.HTTPTransport):
    """Reaches this machine by the name of the console, which no name server knows."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": NAME},
        )
        return super().handle_request(here)


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
        visitor = Visitor(self.origin)
        visitor.client.close()
        visitor.client = httpx.Client(
            base_url=self.origin,
            headers={"origin": self.origin},
            follow_redirects=True,
            transport=Resolved(verify=ssl.create_default_context(cafile=self.pem)),
        )
        return visitor

    def sessions(self, name: str) -> list[str]:
        with self.room.registry.read() as session:
            return [one.address for one in console_sessions.of_person(session, name, datetime.now(UTC))]


@pytest.fixture(scope="module")
def by_https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHttps]:
    folder, front = tmp_path_factory.mktemp("https"), free_port()
    (folder / "room").mkdir()
    room, origin = Mailroom(folder / "room"), f"https://{NAME}:{front}"
    settings = room.home.settings
    named = f'[console]\norigin = "{origin}"'
    settings.write_text(re.sub(r"(?m)^\[console\].*$", named, settings.read_text()))
    assert load_settings(room.home).console.origin == origin
    with hatch_of(room) as console:
        room.staff("jane", "central-data-team")
        yield ByHttps(room, console, origin, front, *certificate_at(folder))


@contextmanager
def haproxy(by: ByHttps, behind: str) -> Iterator[None]:
    """Debian's HAProxy, which speaks TLS and says who asks."""
    whole = by.pem.with_name("whole.pem")
    whole.write_bytes(by.pem.read_bytes() + by.secret.read_bytes())
    settings = by.pem.with_name("haproxy.cfg")
    settings.write_text(_PROXY.format(front=by.front, behind=behind, pem=whole))
    with subprocess.Popen(["haproxy", "-db", "-f", str(settings)], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: _listens(by.front), "HAProxy")
            yield
        finally:
            process.terminate()


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


@pytest.mark.needs("haproxy")
def test_behind_a_reverse_proxy(by_https: ByHttps) -> None:
    with (
        console_of(by_https.console, origin=by_https.origin, proxies=("127.0.0.1",)) as behind,
        haproxy(by_https, behind),
    ):
        check_comes_in(by_https)
        jane = by_https.visitor()  # What a browser says of its own address is not believed.
        jane.client.headers["x-forwarded-for"] = "203.0.113.7"
        jane.enter(by_https.console.invite("jane"))
        assert "203.0.113.7" not in by_https.sessions("jane")
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
