"""The page on which schools send is built: `python packaging/web_page.py` writes the digests of its files."""

from __future__ import annotations

from web_page import ROOT, STATIC, with_digest, with_digests

from gateway.web.page import digest


def test_what_was_edited_was_built() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert with_digests(page) == page
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"page sha256={digest()}" in changes
    assert with_digest(changes, digest()) == changes
