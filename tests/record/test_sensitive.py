"""What is sensitive is seen by few people, whatever else its file waits for."""

from __future__ import annotations

import json

from gateway.access import Sight
from gateway.homes.demo.parties import Party
from gateway.registry.deliveries import find_held
from tests.clock import THIS_YEAR
from tests.corpus.extra_columns import FILES
from tests.workshop import Desk


def test_a_sensitive_file_that_waits_for_its_key_is_not_shown_to_all_who_triage(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    newer = Party("newer", desk.root / "parties" / "newer")
    desk.gateway("keys", "add", "oak", str(newer.certificate), "--pending")
    sealed = newer.seal(FILES["nhs-number.csv"](), desk.certificate)
    sent = desk.land(oak, sealed, "list.csv.pgp")
    desk.process(sent)
    assert desk.codes(sent) == ["key:not-approved", "policy:sensitive"]
    with desk.registry.read() as session:
        assert find_held(session, sent, Sight(few=False)) is None
        assert find_held(session, sent, Sight(ordinary=False)) is not None
    known = json.loads(desk.gateway("keys", "list", "oak", "--json"))
    (fingerprint,) = (key["fingerprint"] for key in known if key["state"] == "pending")
    desk.gateway("keys", "confirm", "oak", fingerprint)
    desk.process(sent)
    assert set(desk.codes(sent)) == {"policy:sensitive", "policy:items-proposed-held"}
