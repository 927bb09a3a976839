"""A letter as its recipient has it: two forms under one signature (PGP/MIME, RFC 3156)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from gateway.openpgp.sealer import verify_detached


def opened(letter: EmailMessage, certificate: bytes) -> tuple[str, str]:
    """The plain text and the HTML of a letter, once its signature is good."""
    assert letter.get_content_type() == "multipart/signed"
    assert letter.get_param("protocol") == "application/pgp-signature"
    assert letter.get_param("micalg") == "pgp-sha512"
    content, signature = letter.iter_parts()
    assert isinstance(content, EmailMessage)
    assert signature.get_content_type() == "application/pgp-signature"
    verify_detached(content.as_bytes(policy=SMTP), signature.get_payload(decode=True), [certificate])
    assert content.get_content_type() == "multipart/alternative"
    text, html = content.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    return text.get_content().replace("\r\n", "\n"), html.get_content()
