"""Markers in every field that people fill in beside their files: names, reasons, keys, declarations.

People are told to write no pupil's data there. Where they do so nevertheless, it stays in the registry's
own columns for it: no leaf, no other provider's receipt, no published file, no line of a log has it.
"""

from __future__ import annotations

import atexit
import json
import logging
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pysequoia
from sqlmodel import select

from gateway.homes.demo.parties import Party
from gateway.openpgp.certificates import admit
from gateway.registry import log
from gateway.registry.tables import ReceiptRow
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.evidence.test_privacy import MARKERS, TELLING, logged, telling_columns, unhashed
from tests.workshop import Desk

NAME = "Zebedee Quillfeather"
WORDS = MARKERS[0]
CLIENT = "SSH-2.0-Quillfeather_A999123456780"
YEARS = THIS_YEAR
# A provider of that name is told so on what it gets itself.
NAMED = "zeb"
KEPT = {
    ("discrepancy", "why"), ("event", "note"), ("key", "end_reason"), ("key", "material"),
    ("legal_hold", "lifted_why"), ("legal_hold", "why"), ("provider", "name"),
    ("ratification", "signatory"), ("receipt", "text"), ("receipt", "json_text"), ("transfer", "client"),
}  # fmt: skip


def process(desk: Desk) -> None:
    """Let the processor work, at its most talkative; a command before it may have told it to be silent."""
    logging.getLogger().setLevel(logging.DEBUG)
    desk.process()


def named_party(desk: Desk, identifier: str) -> Party:
    """Somebody in whose keys the marker stands: as OpenPGP user ID, as comment of the SSH key."""
    party = Party(identifier, desk.root / "parties" / identifier)
    party.openpgp = pysequoia.Tsk.generate(f"{NAME} <zebedee@hobblewick.example>")
    party.certificate.write_text(str(party.openpgp.extract_certificate()), "ascii")
    key = party.ssh_public.read_text().split()[:2]
    party.ssh_public.write_text(f"{' '.join(key)} {WORDS}\n")
    return party


def of_providers(desk: Desk) -> Party:
    """Enrolment, further keys, their ends, a ratification."""
    zeb = named_party(desk, NAMED)
    desk.gateway(
        "providers", "add", NAMED, "--name", NAME, "--kind", "school",
        "--ssh-key", str(zeb.ssh_public), "--openpgp-key", str(zeb.certificate),
    )  # fmt: skip
    waiting = [key["fingerprint"] for key in json.loads(desk.gateway("keys", "list", NAMED, "--json"))]
    desk.gateway("keys", "confirm", NAMED, *waiting)
    desk.gateway("providers", "set", NAMED, "--name", WORDS)
    desk.gateway("agreement", "ratify", NAMED, "--signatory", WORDS)
    more = named_party(desk, "more")
    for path in (more.ssh_public, more.certificate):
        desk.gateway("keys", "add", NAMED, str(path))
    fingerprint = admit(more.certificate.read_bytes(), desk.now).fingerprint
    desk.gateway("keys", "revoke", NAMED, fingerprint, "--why", WORDS)
    desk.gateway(
        "staff", "add", "jane", "--team", "sen", "--ssh-key", str(named_party(desk, "jane").ssh_public)
    )
    return zeb


def of_uploads(desk: Desk, zeb: Party) -> str:
    """The client's own name, drops of keys and of the agreement; a file that is held."""
    oak = desk.provider("oak", years=YEARS)
    for party in (oak, zeb):
        desk.land(party, party.seal(core_data(), desk.certificate), "core.pgp", client=CLIENT)
        process(desk)
    new = named_party(desk, "new").certificate.read_bytes()
    desk.land(oak, oak.seal(new, desk.certificate), "new.pgp", "keys")
    desk.land(oak, new, "bare.asc", "keys")
    desk.land(oak, oak.seal(WORDS.encode(), desk.certificate), "text.pgp", "agreement")
    held = desk.land(oak, oak.seal(b"Dear all", desk.certificate), "letter.pgp", client=CLIENT)
    process(desk)
    return held


def of_staff(desk: Desk, held: str) -> None:
    """Reasons: for a hold, a discrepancy, a refusal; a breach; a declaration."""
    desk.gateway("legal-holds", "place", held, "--why", WORDS)
    desk.gateway("legal-holds", "lift", held, "--why", WORDS)
    desk.gateway("discrepancies", "resolve", "1", "--why", WORDS)
    desk.gateway("held", "refuse", held, "--why", WORDS)
    desk.gateway(
        "breach", "record", "--aware-at", "2026-11-24", "--transfer", held, "--what", WORDS,
        "--measure", WORDS, "--contact", WORDS, "--governance", WORDS,
    )  # fmt: skip
    declared = ("declarations", "add", "--method", "post", "--provider", "oak")
    desk.gateway(*declared, "--data", WORDS, code=2)
    desk.gateway(*declared, "--data", "safeguarding", "--safeguard", WORDS, code=2)
    desk.gateway(*declared, "--data", "safeguarding", "--circumstance", WORDS, code=2)
    desk.gateway(
        "declarations", "add", "--method", WORDS, "--provider", "oak", "--data", "safeguarding", code=2
    )


@cache
def world() -> tuple[Desk, str]:
    """A home in which all of it was written, and all that was logged."""
    root = Path(tempfile.mkdtemp(prefix="words-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    desk = Desk(root)
    with logged(root / "log"):
        process(desk)
        of_staff(desk, of_uploads(desk, of_providers(desk)))
        process(desk)
    return desk, (root / "log").read_text("utf-8", "replace")


def test_no_leaf_holds_a_marker() -> None:
    desk, _ = world()
    with desk.registry.read() as session:
        found = [leaf for leaf in log.leaves(session) if TELLING.search(unhashed(leaf.decode()))]
    assert found == []


def test_no_receipt_or_notice_holds_a_marker_but_of_the_provider_that_bears_the_name() -> None:
    desk, _ = world()
    with desk.registry.read() as session:
        rows = session.exec(select(ReceiptRow)).all()
        found = [
            (row.reference, row.name)
            for row in rows
            for text in (row.name, row.text, row.json_text)
            if row.provider != NAMED and TELLING.search(unhashed(" ".join(text.split())))
        ]
    assert {row.provider for row in rows} == {"oak", NAMED}
    assert found == []


def test_no_line_of_the_log_holds_a_marker() -> None:
    _, lines = world()
    assert "are in force" in lines
    assert [line for line in lines.splitlines() if TELLING.search(line)] == []


def test_no_other_published_file_holds_a_marker() -> None:
    desk, _ = world()
    found = [
        path
        for path in desk.home.published.root.rglob("*")
        if path.is_file()
        # Who was given a person's name for a name is called by it, to its own face.
        and (path.parent.name, path.parent.parent.name) not in {("receipts", NAMED), ("pages", NAMED)}
        and TELLING.search(unhashed(f"{path.name} {path.read_text('utf-8', 'replace')}"))
    ]
    assert found == []


def test_the_registry_holds_markers_only_where_people_s_words_belong() -> None:
    desk, _ = world()
    assert telling_columns(desk) == KEPT
