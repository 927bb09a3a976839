"""An outcome as it is committed: what the log says, what the receipt states, each with the other's digest."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, get_args

import pytest

from gateway.log.leaf import rfc3339
from gateway.model import ContentRefused, Facts, Refused, State, Transfer
from gateway.receipts.facts import STATED, ReceiptFacts
from gateway.receipts.text import receipt_statement
from gateway.record.consequences import Ruling
from gateway.record.rulings import decision_entry, landed_entry
from gateway.registry.log import Entry
from tests.policies import why
from tests.policy.tables import classified, provider
from tests.record.made import CERTIFICATE, NOW, SIGNING_KEY, day, opened, upload

COUNCIL = "Test County Council"
SALT = "9" * 32
POLICIES = "f" * 64
LANDED = Transfer(sequence=1, upload=upload(), state="landed")
ALLOWED = why("policy:allowed", "12.1", title="student core data", sender="schools", recipient="LA")
EMBARGO = why("policy:embargo", "12.8", until="then")
CONTENT = classified(
    "student-core", pupils=31, facts=Facts(), items=("Pupil: UPN",), other_items=("Shoe size",)
)
ACCEPTED = replace(
    LANDED,
    state="accepted",
    flow="student-core",
    data_type="student-core",
    content_size=7,
    content_sha256="c" * 64,
    signature=opened().signature,
    engine="sop:sqop",
    content=CONTENT,
    decided_at=day(1),
    teams=("central-data-team", "sen"),
    reasons=(ALLOWED,),
)
REFUSED = replace(LANDED, state="refused", decided_at=day(1), reasons=(why("open:damaged"),))
HELD = replace(
    ACCEPTED,
    state="held",
    teams=(),
    held_until=day(3),
    reasons=(EMBARGO, why("policy:agreement-not-ratified")),
)


def facts_of(transfer: Transfer, **more: Any) -> ReceiptFacts:
    return ReceiptFacts(**{"transfer": transfer, "provider": provider(), "organisation": COUNCIL} | more)


def entry_on(transfer: Transfer, **more: Any) -> Entry:
    facts = facts_of(transfer)
    replaces = more.pop("replaces", None)
    ruling = Ruling(reference=transfer.upload.reference, decision=Refused(reasons=()), **more)
    return decision_entry(transfer, receipt_statement(facts), POLICIES, ruling, replaces)


def test_what_landed_is_put_down_with_the_digests_of_its_receipt() -> None:
    landed = Transfer(sequence=0, upload=upload(), state="landed")
    facts = facts_of(landed, salt=SALT)
    told = [facts.shown[name] for name in ("stage", "state", "decided_at", "organisation")]
    assert told == ["landed", "landed", None, COUNCIL]
    entry = landed_entry(upload(), receipt_statement(facts))
    assert (entry.kind, entry.subject, entry.name) == ("landed", upload().reference, "core.xml.pgp")
    assert entry.fields == {
        "provider": "oak",
        "folder": "in",
        "sha256": "d" * 64,
        "size": 70,
        "key": "SHA256:test",
        **receipt_statement(facts).digests,
    }


def test_what_came_in_the_clear_is_committed_to_and_not_digested() -> None:
    """Whoever has the log cannot try what a file may have held."""
    withheld = upload(withheld=True)
    refused = replace(REFUSED, upload=withheld)
    for entry in (landed_entry(withheld, None), entry_on(refused)):
        assert "sha256" not in entry.fields
        assert entry.content == withheld.sha256
    assert landed_entry(upload(), None).content is None
    assert "content_sha256" not in entry_on(ACCEPTED).fields
    assert entry_on(ACCEPTED).content == ACCEPTED.content_sha256


def test_what_landed_without_a_receipt_has_no_digest_of_one() -> None:
    assert landed_entry(upload(), None).fields.keys() == {"provider", "folder", "sha256", "size", "key"}


@pytest.mark.parametrize("state", get_args(State))
def test_a_receipt_is_about_a_decision_from_then_on(state: State) -> None:
    stage = facts_of(replace(ACCEPTED, state=state)).shown["stage"]
    assert stage == ("landed" if state == "landed" else "decided")


@pytest.mark.parametrize(
    ("transfer", "stated"),
    [
        (
            ACCEPTED,
            {
                "data_type": "student-core", "level": "certain", "pupils": 31, "items": ["Pupil: UPN"],
                "other_items": ["Shoe size"], "flow": "student-core", "teams": ["central-data-team", "sen"],
                "content_sha256": "c" * 64, "signer": CERTIFICATE, "signing_key": SIGNING_KEY,
                "signed_at": rfc3339(day(-1)), "decided_at": rfc3339(day(1)),
            },
        ),
        # Nothing was opened: nothing is said of a content.
        (
            REFUSED,
            {
                "data_type": None, "level": None, "pupils": None, "items": [], "findings": [], "evidence": [],
                "content_sha256": None, "signer": None, "signed_at": None, "flow": None, "teams": [],
                "facts": dict.fromkeys(STATED),
            },
        ),
        # Opened, and like no data that is sent: what spoke for what is said, and no more.
        (
            replace(
                REFUSED,
                content=ContentRefused(code="classify:unknown", evidence=("no UPN",), runner_up="attendance"),
            ),
            {"evidence": ["no UPN"], "runner_up": "attendance", "level": None, "pupils": None, "items": []},
        ),
    ],
)  # fmt: skip
def test_a_receipt_states_what_was_found(transfer: Transfer, stated: dict[str, Any]) -> None:
    facts = facts_of(transfer, provider=provider(name="Oak School"), notices=("Sign the agreement.",))
    ours = {"provider": "oak", "provider_name": "Oak School", "notices": ["Sign the agreement."]}
    stated = stated | ours | {"reasons": [asdict(one) for one in transfer.reasons]}
    assert {name: facts.shown[name] for name in stated} == stated


def test_a_decision_is_put_down_in_full() -> None:
    facts = facts_of(ACCEPTED)
    decided = entry_on(ACCEPTED)
    assert decided.fields == {
        "provider": "oak",
        "state": "accepted",
        **receipt_statement(facts).digests,
        "sha256": "d" * 64,
        "size": 70,
        "reasons": "policy:allowed",
        "policies": POLICIES,
        "flow": "student-core",
        "teams": "central-data-team,sen",
        "engine": "sop-sqop",
        "content_size": 7,
        "signer": CERTIFICATE,
        "signing_key": SIGNING_KEY,
        "signed_at": rfc3339(day(-1)),
        "data_type": "student-core",
        "level": "certain",
        "pupils": 31,
    }


def test_what_a_decision_does_not_know_is_not_put_down() -> None:
    decided = entry_on(REFUSED)
    assert decided.fields.keys() == {
        "provider", "state", "receipt", "text", "sha256", "size", "reasons", "policies", "teams",
    }  # fmt: skip
    assert decided.fields["teams"] == ""


def test_a_hold_is_put_down_with_its_reasons_and_its_end() -> None:
    held = entry_on(HELD)
    assert held.fields["reasons"] == "policy:embargo,policy:agreement-not-ratified"
    assert held.fields["until"] == rfc3339(day(3))


def test_the_entry_names_each_team_that_gets_the_file() -> None:
    assert entry_on(ACCEPTED).fields["teams"] == "central-data-team,sen"


def test_the_first_entry_on_a_file_tells_how_it_came() -> None:
    first, later = entry_on(ACCEPTED, arrives=True).fields, entry_on(ACCEPTED).fields
    assert first == later | {"folder": "in", "key": "SHA256:test"}


def test_a_person_s_decision_names_the_person_and_keeps_the_words_beside_the_log() -> None:
    released = entry_on(ACCEPTED, kind="released", actor="jane", note="seen with the school")
    assert (released.kind, released.actor, released.note) == ("released", "jane", "seen with the school")


def test_the_same_statement_has_another_digest_with_another_salt() -> None:
    """So nobody can try what a receipt may say who has not seen it."""
    facts = [facts_of(ACCEPTED, salt=salt) for salt in ("0" * 32, "1" * 32)]
    assert len({receipt_statement(one).digests["receipt"] for one in facts}) == 2


def test_what_is_stated_otherwise_has_another_digest() -> None:
    """So a receipt that was changed afterwards no longer fits the log."""
    facts = [
        facts_of(one)
        for one in (ACCEPTED, replace(ACCEPTED, teams=("sen",)), replace(ACCEPTED, decided_at=NOW))
    ]
    assert len({receipt_statement(one).digests["receipt"] for one in facts}) == 3
