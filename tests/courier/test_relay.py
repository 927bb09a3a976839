"""What lies between the courier and its relay: TLS, whose certificate it is, and who may give it letters."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from math import inf
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.courier import service
from gateway.home import Home, Letters
from gateway.home.settings import LetterSettings
from gateway.publish.letters_out import lay_out
from gateway.zones.places import grant_lease
from tests.ports import free_port

# aiosmtpd takes only STARTTLS for TLS, and warns of a login where it is there from the first byte.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
USER, PASSWORD = "gateway", "a password of the relay's"  # pragma: allowlist secret
LETTER = (
    b"From: gateway@test.invalid\r\nTo: %s\r\nSubject: Your file waits\r\nMessage-ID: <%d@x>\r\n\r\nText.\r\n"
)


@dataclass
class Relay:
    """What was given, by whom, and whether under TLS; who logs in has to know the password."""

    taken: list[tuple[str, bool, EmailMessage]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def authenticate(self, *given: object) -> AuthResult:
        login = given[-1]
        assert isinstance(login, LoginPassword)
        self.tried.append(login.login.decode())
        right = login.password == PASSWORD.encode()
        return AuthResult(success=right, handled=False, auth_data=login.login.decode())

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        under_tls = server.transport.get_extra_info("sslcontext") is not None
        self.taken.append((str(session.auth_data), under_tls, message))
        return "250 OK"


class Authority:
    """Certificates for a host by a certification authority that nobody knows but who is given its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        self.file = folder / "ca.pem"
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        built = self._builder(self._name, self._key).add_extension(basic, critical=True)
        built = built.add_extension(usage, critical=True).add_extension(identifier, critical=False)
        self.file.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """A server's, with a certificate for that host alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        built = self._builder(name, key).add_extension(x509.SubjectAlternativeName([address]), critical=False)
        signed = built.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self._folder / f"{host}.pem"
        file.write_bytes(signed.public_bytes(Encoding.PEM) + plain)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name, subject_name=subject, public_key=key.public_key(),
            serial_number=x509.random_serial_number(), not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=1),
        )  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ours")


@contextmanager
def listening(context: ssl.SSLContext | None, *, implicit: bool = False) -> Iterator[tuple[Relay, int]]:
    """A relay that wants a login, under STARTTLS, TLS from the first byte, or none at all."""
    relay, port = Relay(), free_port()
    asked = {"authenticator": relay.authenticate, "auth_required": True}
    if implicit:
        controller = Controller(
            relay, hostname="127.0.0.1", port=port, ssl_context=context, auth_require_tls=False, **asked
        )
    elif context is not None:
        controller = Controller(
            relay, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True, **asked
        )
    else:
        controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield relay, port
    finally:
        controller.stop()


def courier(
    root: Path, port: int, authority: Authority, *, password: str = PASSWORD, tls: str = "starttls",
    to: tuple[str, ...] = ("office@oak.invalid",),
) -> Letters:  # fmt: skip
    """The courier's folder with letters to these, and a relay whose certification authority it knows."""
    (root / "password").write_text(f"{password}\n")
    letters = Home(root / "home").letters
    letters.root.parent.mkdir()
    settings = LetterSettings.model_validate(
        {
            "relay": "127.0.0.1", "port": port, "tls": tls, "user": USER, "ca_file": authority.file,
            "password_file": root / "password", "sender": "gateway@test.invalid",
        }
    )  # fmt: skip
    lay_out(letters, settings)
    grant_lease(letters.settings, inf)
    for number, address in enumerate(to):
        (letters.out / f"{number:010}.eml").write_bytes(LETTER % (address.encode(), number))
    return letters


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_letters_go_under_tls_with_the_password_in_its_file(
    tls: str, tmp_path: Path, authority: Authority
) -> None:
    with listening(authority.context("127.0.0.1"), implicit=tls == "tls") as (relay, port):
        letters = courier(tmp_path, port, authority, tls=tls)
        assert service.give_all(letters, service.relay(letters)) == 1
    ((user, under_tls, message),) = relay.taken
    assert (user, under_tls) == (USER, True)
    assert message["Subject"] == "Your file waits"
    assert service.waiting(letters) == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("whose", ["of another authority", "of another host"])
def test_a_relay_with_another_certificate_gets_neither_password_nor_letter(
    tls: str, whose: str, tmp_path: Path, authority: Authority
) -> None:
    by = Authority(tmp_path / "others") if whose == "of another authority" else authority
    context = by.context("relay.invalid" if whose == "of another host" else "127.0.0.1")
    with listening(context, implicit=tls == "tls") as (relay, port):
        letters = courier(tmp_path, port, authority, tls=tls)
        with pytest.raises(ssl.SSLCertVerificationError):
            service.give_all(letters, service.relay(letters))
    assert (relay.taken, relay.tried) == ([], [])
    assert len(service.waiting(letters)) == 1


def test_a_relay_without_tls_gets_neither_password_nor_letter(tmp_path: Path, authority: Authority) -> None:
    with listening(None) as (relay, port):
        letters = courier(tmp_path, port, authority)
        with pytest.raises(service.smtplib.SMTPNotSupportedError):
            service.give_all(letters, service.relay(letters))
    assert (relay.taken, relay.tried) == ([], [])
    assert len(service.waiting(letters)) == 1


def test_a_wrong_password_loses_no_letter(tmp_path: Path, authority: Authority) -> None:
    with listening(authority.context("127.0.0.1")) as (relay, port):
        letters = courier(tmp_path, port, authority, password="another")
        with pytest.raises(service.smtplib.SMTPAuthenticationError):
            service.give_all(letters, service.relay(letters))
        (tmp_path / "password").write_text(PASSWORD)
        assert service.give_all(letters, service.relay(letters)) == 1
    assert [user for user, _, _ in relay.taken] == [USER]


def test_an_address_that_no_relay_takes_keeps_no_other_letter(tmp_path: Path, authority: Authority) -> None:
    """It stood in a registry before such addresses were refused at their entry."""
    with listening(authority.context("127.0.0.1")) as (relay, port):
        letters = courier(tmp_path, port, authority, to=("b\u00fcro@oak.invalid", "office@oak.invalid"))
        service.give_all(letters, service.relay(letters))
    assert [message["To"] for _, _, message in relay.taken if "office" in message["To"]]
    assert service.waiting(letters) == []
