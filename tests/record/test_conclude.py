"""From what was examined to what is decided: every outcome of an examination, and what outranks what."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.examiner.protocol import (
    FileLost,
    FileOpened,
    FileRefused,
    OpenRefused,
)
from gateway.model import Accepted, Classified, ContentRefused, Held, Refused
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.record.conclude import File, Signers, decision_on
from tests.policy.conftest import POLICIES
from tests.policy.tables import classified, provider
from tests.record.made import NOW, key, opened

REFERENCE = "261124-oak-00002"
EARLIER = "261124-oak-00001"
EXPIRED = OpenRefused(code="open:key-expired")
CONTENT = classified("student-core")
NO_DATA = ContentRefused(code="classify:unknown", evidence=())
ACTIVE = {"state": "active"}
HARD = {"state": "revoked", "revocation": "hard", "ended_at": 0}
SUPERSEDED = {"state": "retired", "ended_at": 0}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(POLICIES)


def opened_file(**more: Any) -> FileOpened:
    return FileOpened(reference=REFERENCE, opened=opened(**more), content=CONTENT)


def waiting(code: str = "open:key-expired") -> FileOpened:
    return FileOpened(reference=REFERENCE, opened=opened(), content=CONTENT, why=OpenRefused(code=code))


def refused(code: str) -> FileRefused:
    return FileRefused(reference=REFERENCE, why=OpenRefused(code=code))


@pytest.mark.parametrize(
    ("file", "signer", "earlier", "outcome"),
    [
        # Opened, and signed with a key that counts: the policy decides.
        (opened_file(), ACTIVE, None, (Accepted, ["policy:allowed"])),
        (opened_file(late="renewed"), ACTIVE, None, (Accepted, ["policy:allowed", "open:renewed-since"])),
        (opened_file(late="vouched"), ACTIVE, None, (Accepted, ["policy:allowed", "open:vouched-since"])),
        # A replay is refused, whatever the file holds; so is one that would have waited.
        (opened_file(), ACTIVE, EARLIER, (Refused, ["open:replayed"])),
        (opened_file(late="renewed"), ACTIVE, EARLIER, (Refused, ["open:replayed"])),
        (waiting(), ACTIVE, EARLIER, (Refused, ["open:replayed"])),
        (opened_file(), SUPERSEDED, EARLIER, (Refused, ["open:replayed"])),
        # A key that does not count outranks the policy, and one that may be stolen a replay too.
        (opened_file(), SUPERSEDED, None, (Held, ["open:key-superseded"])),
        (opened_file(), {"state": "pending"}, None, (Held, ["key:not-approved"])),
        (opened_file(), HARD, None, (Refused, ["open:key-revoked"])),
        (opened_file(), HARD, EARLIER, (Refused, ["open:key-revoked"])),
        (opened_file(), None, None, (Refused, ["open:wrong-signer"])),
        (opened_file(), None, EARLIER, (Refused, ["open:wrong-signer"])),
        # Opened, but the signer's certificate has ended by its own word: it waits, unless the key is gone.
        (waiting(), ACTIVE, None, (Held, ["open:key-expired"])),
        (waiting("key:not-approved"), ACTIVE, None, (Held, ["key:not-approved"])),
        (waiting(), HARD, None, (Refused, ["open:key-revoked"])),
        (waiting(), None, None, (Refused, ["open:wrong-signer"])),
        # Not opened: refused by name, whatever our records say of keys.
        (refused("open:damaged"), ACTIVE, None, (Refused, ["open:damaged"])),
        (refused("open:not-signed"), None, None, (Refused, ["open:not-signed"])),
        (refused("open:key-expired"), ACTIVE, None, (Refused, ["open:key-expired"])),
        # Not opened for a key that has expired and still counts with us: it may yet be renewed.
        (refused("open:key-expired"), {"expires_at": -1}, None, (Held, ["open:key-expired"])),
        (refused("open:key-expired"), {"expires_at": 1}, None, (Refused, ["open:key-expired"])),
        (refused("open:damaged"), {"expires_at": -1}, None, (Refused, ["open:damaged"])),
        (
            FileRefused(reference=REFERENCE, why=OpenRefused(code="open:not-encrypted")),
            ACTIVE, None, (Refused, ["open:not-encrypted"]),
        ),
        # It broke every child that looked at it: a person does.
        (FileLost(reference=REFERENCE), ACTIVE, None, (Held, ["internal:held"])),
        (FileLost(reference=REFERENCE), None, EARLIER, (Held, ["internal:held"])),
    ],
)  # fmt: skip
def test_each_outcome_of_an_examination_is_decided(
    catalogue: Catalogue,
    file: File,
    signer: dict[str, Any] | None,
    earlier: str | None,
    outcome: tuple[type, list[str]],
) -> None:
    known = () if signer is None else (key(**signer),)
    signers = Signers(
        in_force=tuple(one for one in known if one.is_in_force(NOW)),
        others=tuple(one for one in known if not one.is_in_force(NOW)),
    )
    decision = decision_on(file, catalogue, provider(), NOW, earlier=earlier, signers=signers)
    assert (type(decision), [reason.code for reason in decision.reasons]) == outcome


@pytest.mark.parametrize(
    "content",
    [
        ContentRefused(code="classify:unknown", sensitive=("health",)),
        ContentRefused(
            code="classify:several-kinds", parts=(CONTENT, ContentRefused(code="x", sensitive=("health",)))
        ),
        classified("student-core", items=("SEN: NHS Number (Proposed)",)),
        # The policy would refuse it; the key makes it wait before that is known.
        classified("ks2", other_items=("Medical details",)),
    ],
)
@pytest.mark.parametrize(
    ("waits", "signer"),
    [(False, SUPERSEDED), (False, {"state": "pending"}), (True, ACTIVE)],
    ids=["superseded", "pending", "expired"],
)
def test_what_waits_for_a_key_and_is_sensitive_is_seen_by_few(
    catalogue: Catalogue, content: Any, waits: bool, signer: dict[str, Any]
) -> None:
    why = EXPIRED if waits else None
    file = FileOpened(reference=REFERENCE, opened=opened(), content=content, why=why)
    one = key(**signer)
    counts = one.is_in_force(NOW)
    signers = Signers(in_force=(one,) if counts else (), others=() if counts else (one,))
    decision = decision_on(file, catalogue, provider(), NOW, earlier=None, signers=signers)
    assert isinstance(decision, Held)
    named = ["policy:sensitive-heading"] if isinstance(content, Classified) else []
    assert [reason.code for reason in decision.reasons][1:] == ["policy:sensitive", *named]


def test_what_no_flow_takes_is_not_accepted_for_a_good_signature(catalogue: Catalogue) -> None:
    file = FileOpened(reference=REFERENCE, opened=opened(), content=NO_DATA)
    signers = Signers(in_force=(key(),), others=())
    decision = decision_on(file, catalogue, provider(), NOW, earlier=None, signers=signers)
    assert isinstance(decision, Held)
    assert [reason.code for reason in decision.reasons] == ["classify:unknown"]


def test_the_sender_of_a_replay_is_told_which_file_counts(catalogue: Catalogue) -> None:
    signers = Signers(in_force=(key(),), others=())
    decision = decision_on(opened_file(), catalogue, provider(), NOW, earlier=EARLIER, signers=signers)
    assert EARLIER in decision.reasons[0].sentence
