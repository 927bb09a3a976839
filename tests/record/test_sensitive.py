"""What is sensitive is seen by few people, whatever else its file waits for."""

from __future__ import annotations

import json

from gateway.access import Sight
from gateway.homes.demo.parties import Party
from gateway.registry.deliveries import find_held
from tests.classify.made import as_csv, core_rows
from tests.clock import THIS_YEAR
from tests.corpus.extra_columns import FILES
from tests.workshop import Desk


def test_a_sensitive_file_that_waits_for_its_key_is_not_shown_to_all_who_triage(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    newer = Party("newer", desk.root / "parties" / "newer")
    desk.gateway("keys", "add", "oak", str(newer.certificate))
    sealed = newer.seal(FILES["nhs-number.csv"](), desk.certificate)
    sent = desk.land(oak, sealed, "list.csv.pgp")
    desk.process(sent)
    assert desk.codes(sent) == ["key:not-approved", "policy:sensitive", "policy:sensitive-heading"]
    with desk.registry.read() as session:
        assert find_held(session, sent, Sight(few=False), desk.rules) is None
        assert find_held(session, sent, Sight(ordinary=False), desk.rules) is not None
    known = json.loads(desk.gateway("keys", "list", "oak", "--json"))
    (fingerprint,) = (key["fingerprint"] for key in known if key["state"] == "pending")
    desk.gateway("keys", "confirm", "oak", fingerprint)
    desk.process(sent)
    assert set(desk.codes(sent)) == {
        "policy:sensitive", "policy:sensitive-heading", "policy:items-proposed-held"
    }  # fmt: skip


def test_information_governance_lists_the_sensitive_headings_and_no_value(desk: Desk) -> None:
    head, *rows = core_rows(6)
    more = {"Social Worker Name": "Kane", "Tamsin Quillfeather asthma": "Y", "Looked After": "N"}
    table = as_csv([[*head, *more], *([*row, *more.values()] for row in rows)]).encode()
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), table, "list.csv.pgp")
    desk.process(sent)
    receipts = " ".join(" ".join(file.read_text() for file in desk.receipts("oak", f"*{sent}.*")).split())
    width = len(head)
    assert f"column {width + 2}, about health; Looked-after status" in receipts
    assert "policy:sensitive-heading" in receipts
    listed = desk.gateway("sensitive", "list", "--json")
    assert [(row["reference"], row["topic"], row["records"]) for row in json.loads(listed)] == [
        (sent, "social care", 6), (sent, "health", 6), (sent, "Looked-after status", None)
    ]  # fmt: skip
    assert all(word not in listed + receipts for word in ("Kane", "Quillfeather", "Tamsin"))
    assert "there is no provider elm" in desk.gateway("sensitive", "list", "--provider", "elm", code=1)
    desk.provider("elm")
    assert json.loads(desk.gateway("sensitive", "list", "--provider", "elm", "--json")) == []
