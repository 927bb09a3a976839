"""Whose signature counts, state of the key by state of the key."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model import Held, Refused
from gateway.record.conclude import Signers, objection, opening_keys
from tests.policies import shipped
from tests.record.made import NOW, day, key

HARD = {"state": "revoked", "revocation": "hard", "ended_at": 0}
SOFT = {"state": "revoked", "revocation": "soft", "ended_at": 0}


@pytest.mark.parametrize(
    ("fields", "made", "outcome"),
    [
        ({}, -1, None),
        ({"state": "retiring"}, -1, None),
        ({"state": "retiring", "not_after": 1}, -1, None),
        # What a key signed before it began to count is good once it counts.
        ({"not_before": 0}, -1, None),
        ({"state": "pending"}, -1, (Held, "key:not-approved")),
        ({"state": "pending", "ended_at": -2}, -1, (Held, "key:not-approved")),
        (HARD, -1, (Refused, "open:key-revoked")),
        (HARD, -400, (Refused, "open:key-revoked")),
        (HARD | {"state": "retired"}, -1, (Refused, "open:key-revoked")),
        (SOFT, -1, (Held, "open:key-superseded")),
        (SOFT, 0, (Refused, "key:retired")),
        (SOFT, 1, (Refused, "key:retired")),
        ({"state": "retired", "ended_at": 0}, -1, (Held, "open:key-superseded")),
        ({"state": "retired", "ended_at": -2}, -1, (Refused, "key:retired")),
        # The earlier of two ends counts, and the moment of an end is after it.
        ({"state": "retired", "ended_at": 0, "not_after": -2}, -1, (Refused, "key:retired")),
        ({"state": "retired", "ended_at": -2, "not_after": 0}, -1, (Refused, "key:retired")),
        ({"state": "retiring", "not_after": -1}, -1, (Refused, "key:retired")),
        ({"state": "retiring", "not_after": -1}, -1.001, (Held, "open:key-superseded")),
        # An end that is still to come does not save what is signed after now.
        ({"state": "retired", "ended_at": 5}, 1, (Refused, "key:retired")),
        # Without any moment of an end, what was signed up to now waits for a person.
        ({"state": "retired"}, -1, (Held, "open:key-superseded")),
        ({"not_before": 1}, -1, (Held, "open:key-superseded")),
    ],
)
def test_a_signature_counts_by_the_standing_of_its_key(
    fields: dict[str, Any], made: float, outcome: tuple[type, str] | None
) -> None:
    found = objection(key(**fields), day(made), NOW, shipped())
    assert (found and (type(found), found.reasons[0].code)) == outcome


def test_the_signature_of_a_stranger_never_counts() -> None:
    found = objection(None, day(-1), NOW, shipped())
    assert isinstance(found, Refused)
    assert [reason.code for reason in found.reasons] == ["open:wrong-signer"]


@pytest.mark.parametrize(("expires", "awaits"), [(None, False), (1, False), (0, True), (-1, True)])
def test_only_a_key_that_counts_can_be_renewed(expires: float | None, awaits: bool) -> None:
    expiring = key() if expires is None else key(expires_at=expires)
    assert Signers(in_force=(expiring,), others=()).awaits_renewal(NOW) is awaits
    assert not Signers(in_force=(), others=(expiring,)).awaits_renewal(NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "retiring"},
        {"revocation": "soft"},
        {"not_after": 3},
        {"ended_at": 3},
        {"expires_at": 3},
        {"fingerprint": "e" * 40},
        {"material": "the same certificate, extended"},
    ],
)
def test_whatever_may_change_an_outcome_changes_the_digest(fields: dict[str, Any]) -> None:
    before, after = (Signers(in_force=(one,), others=()) for one in (key(), key(**fields)))
    assert before.digest != after.digest


def test_the_digest_tells_who_counts_and_not_in_which_order() -> None:
    one, two = key(), key(fingerprint="e" * 40)
    assert Signers(in_force=(one, two), others=()).digest == Signers(in_force=(two, one), others=()).digest
    assert Signers(in_force=(one,), others=(two,)).digest != Signers(in_force=(one, two), others=()).digest
    assert Signers(in_force=(key(uses=9),), others=()).digest == Signers(in_force=(one,), others=()).digest


@pytest.mark.parametrize(
    ("fields", "landed", "opens"),
    [
        ({}, -1, True),
        ({"state": "retiring", "not_after": 1}, -1, True),
        # Sealed and landed in time: that the key has retired since is no fault of the sender's.
        ({"state": "retired", "not_after": 0, "ended_at": 0}, -1, True),
        ({"state": "retired", "not_after": -1}, -1, False),
        ({"state": "retired", "not_after": -2}, -1, False),
        ({"state": "retired", "ended_at": -2}, -1, False),
        ({"state": "retired", "ended_at": -0.5}, -1, True),
        ({"state": "retired"}, -1, True),
        # What may be in wrong hands opens nothing, whenever it landed.
        ({"state": "revoked", "revocation": "hard", "ended_at": 0}, -1, False),
        ({"state": "revoked", "revocation": "soft", "ended_at": 0}, -1, False),
        ({"state": "pending"}, -1, False),
    ],
)
def test_our_own_key_opens_what_landed_while_it_counted(
    fields: dict[str, Any], landed: float, opens: bool
) -> None:
    own = key(owner_kind="gateway", owner="gateway", **fields)
    assert list(opening_keys([own], day(landed), NOW)) == ([own] if opens else [])
