"""What it takes to reach the console by HTTPS: a certificate, who trusts it, the settings of the guide."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.console.visitor import Visitor

GUIDE = Path(__file__).parents[2] / "docs" / "console.md"


def shown(holds: str) -> str:
    """The one block of the guide that holds some words."""
    blocks = re.findall(r"(?ms)^```\w*\n(.*?)^```$", GUIDE.read_text("utf-8"))
    (found,) = [block for block in blocks if holds in block]
    return str(found)


def certificate_at(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
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
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(here)


def visitor_by_https(origin: str, certificate: Path) -> Visitor:
    """Somebody whose browser trusts the certificate."""
    visitor = Visitor(origin)
    visitor.client.close()
    visitor.client = httpx.Client(
        base_url=origin,
        headers={"origin": origin},
        follow_redirects=True,
        transport=Resolved(verify=ssl.create_default_context(cafile=certificate)),
    )
    return visitor
