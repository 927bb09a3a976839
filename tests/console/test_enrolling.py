"""Schools are enrolled and changed in the console, as the commands do it, by administrators alone."""

from __future__ import annotations

import html

import asyncssh
import pytest

from gateway.registry import keys, providers
from gateway.registry.tables import ProviderRow
from tests.console.served import TEAM, Served
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import PROVIDER

LIST = (
    "id,name,kind,dfe_number,urn,contact_role,contact_telephone\n"
    "elm,Elm School,school,9991111,999901,school office,01823 555 123\n"
    "ash,Ash Café,school,9991112,999902,,\n"
)


def ssh_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()


def entries(served: Served, subject: str) -> list[tuple[str, str | None, str | None]]:
    return [(event.kind, event.actor, event.note) for event in served.room.events(subject)]


def enrolled(served: Served, name: str, **fields: str) -> Visitor:
    """Mary enrols a school; she is at its page then."""
    mary = served.mary
    mary.get("/work/providers/add")
    given = {"id": name, "name": f"{name} school", "kind": "school", **fields}
    assert mary.act("/work/providers/add", **given) == 200, mary.text
    assert f"nrolled {name}" in mary.text
    assert mary.get(f"/schools/{name}") == 200
    return mary


def test_a_school_is_enrolled_and_its_key_counts_once_it_was_read_out(served: Served) -> None:
    mary = enrolled(served, "oak", dfe_number="999/1234", ssh_key=ssh_key())
    assert entries(served, "oak") == [("provider-added", "mary", None)]
    with served.room.registry.read() as session:
        (key,) = keys.list_keys(session, "provider", "oak")
    assert key.state == "pending"
    letters = key.fingerprint.removeprefix("SHA256:")
    assert letters[:16] not in html.unescape(mary.page)  # What is to be read out cannot be copied from here.
    heard = {"id": "oak", "back": "/schools/oak"}
    assert mary.post("/work/keys/confirm", **heard, read_out=key.fingerprint[:14]) == 403
    assert "tells no keys apart" in mary.text
    mary.get("/schools/oak")
    read_out = " ".join(letters[at : at + 4] for at in range(0, 24, 4))
    assert mary.act("/work/keys/confirm", **heard, read_out=read_out) == 200
    assert "is in force" in mary.text, mary.text
    assert [each[:2] for each in entries(served, key.fingerprint)] == [
        ("key-added", "mary"),
        ("key-approved", "mary"),
    ]
    mary.get("/schools/oak")
    assert "about a key" in mary.text


def test_a_key_that_one_person_revoked_can_be_confirmed_at_its_school(served: Served) -> None:
    mary = enrolled(served, "rowan", ssh_key=ssh_key())
    with served.room.registry.read() as session:
        (key,) = keys.list_keys(session, "provider", "rowan")
    assert mary.act("/work/keys/confirm", id="rowan", read_out=key.fingerprint) == 200
    mary.get("/schools/rowan")
    assert 'action="/work/keys/confirm"' not in mary.page
    assert mary.act("/work/keys/revoke", id="rowan", fingerprint=key.fingerprint, why="stolen") == 200
    mary.get("/schools/rowan")
    assert "alone revoked a key" in mary.text
    assert 'href="#call-1"' in mary.page
    assert 'id="call-1"' in mary.page
    assert 'action="/work/keys/confirm"' in mary.page


def test_a_key_that_was_not_read_out_stays_without_force(served: Served) -> None:
    mary = enrolled(served, "fir", ssh_key=ssh_key())
    assert mary.post("/work/keys/confirm", id="fir", read_out="A" * 43) == 403
    assert "does not match a key of fir" in mary.text
    assert "Confirm with your passkey" not in mary.text
    assert "gateway keys" not in mary.text
    mary.get("/schools/fir")
    assert mary.act("/work/keys/add", id="fir", file=ssh_key()) == 200
    with served.room.registry.read() as session:
        assert {key.state for key in keys.list_keys(session, "provider", "fir")} == {"pending"}
    mary.get("/schools/fir")
    assert mary.post("/work/keys/add", id="fir", file="no key") == 403
    assert "-----" not in mary.text


def test_a_list_is_tried_before_it_is_taken_in(served: Served) -> None:
    mary, path = served.mary, "/work/providers/import"
    mary.get(path)
    file = {"file": ("schools.csv", LIST.encode("cp1252"), "text/csv")}
    tried = {"token": mary.hidden("token"), "dry_run": "yes"}
    mary.page = mary.client.post(path, data=tried, files=file).text
    assert "Would be: 2 new" in mary.text
    with served.room.registry.read() as session:
        assert session.get(ProviderRow, "elm") is None
    size = served.room.log_size()
    assert mary.act(path, file=mary.hidden("file")) == 200
    assert "Done: 2 new" in mary.text
    with served.room.registry.read() as session:
        assert providers.provider_row(session, "ash").name == "Ash Café"
        assert [each.telephone for each in providers.contacts(session, "elm")] == ["01823 555 123"]
    assert served.room.log_size() > size
    told = mary.client.post(path, data=tried, files=file)
    assert "on record so already" in told.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,kind,ssh_key\nElm,school,/etc/passwd\n", "names a key file"),
        ("name,kind\nElm,castle\n", "line 2"),
        ("nothing\n", "No column"),
    ],
    ids=["a file of the server", "no such kind", "nothing"],
)
def test_a_list_that_cannot_be_taken_changes_nothing(served: Served, text: str, why: str) -> None:
    mary, size = served.mary, served.room.log_size()
    path = "/work/providers/import"
    mary.get(path)
    assert mary.post(path, file=text) == 403  # Before the passkey is asked for.
    assert why in mary.text
    assert "root:" not in mary.page
    assert served.room.log_size() == size


@pytest.mark.parametrize(("rows", "status", "words"), [(10, 200, "10 new"), (11, 413, "too large")])
def test_no_part_of_a_list_that_is_too_long_is_taken_for_the_whole(
    served: Served, rows: int, status: int, words: str
) -> None:
    mary, path = served.mary, "/work/providers/import"
    mary.get(path)
    lines = (f"School {number} of a long list,school,{'x' * 100_000}" for number in range(rows))
    file = {"file": ("schools.csv", "\n".join(["name,kind,remarks", *lines]).encode(), "text/csv")}
    tried = {"token": mary.hidden("token"), "dry_run": "yes"}
    told = mary.client.post(path, data=tried, files=file)
    assert (told.status_code, words in told.text) == (status, True), told.text[:2000]


def test_contacts_closing_converting_and_ratifying_are_on_record_by_name(served: Served) -> None:
    mary = enrolled(served, "yew")
    of_it, at_school = {"provider": "yew"}, "/schools/yew"
    contact = {"id": "yew", "contact": "data manager", "email": "office@yew.example"}
    became = {**of_it, "kind": "academy", "urn": "999903", "why": "it converted"}
    for path, fields in (
        ("/work/providers/set", contact),
        ("/work/agreement/ratify", {**of_it, "signatory": "The Head"}),
        ("/work/providers/convert", became),
        ("/work/providers/close", {**of_it, "why": "it closed"}),
        ("/work/providers/reopen", {**of_it, "why": "a mistake"}),
        ("/work/providers/set", {"id": "yew", "forget_contact": "data manager"}),
    ):
        mary.get(at_school)
        assert mary.act(path, **fields, back=at_school) == 200, (fields, mary.text)
        assert 'class="banner"' in mary.page
    assert [(kind, who) for kind, who, _ in entries(served, "yew")] == [
        (kind, "mary")
        for kind in ("provider-added", "contact-changed", "ratified", "provider-converted", "provider-closed",
                     "provider-reopened", "contact-changed")
    ]  # fmt: skip
    mary.get("/schools/yew")
    soon = {**of_it, "why": "soon", "on": "2999-01-01"}
    assert mary.post("/work/providers/close", **of_it, why="", on="") == 403
    assert mary.post("/work/providers/close", **soon) == 403
    assert "still to come" in mary.text
    assert 'value="2999-01-01"' in mary.page  # What was typed stands there still.


def test_who_is_no_administrator_changes_no_school(served: Served) -> None:
    size = served.room.log_size()
    for visitor in (served.jane, served.sam, served.dora):
        visitor.get("/me")
        token = visitor.hidden("token")
        for path, fields in (
            ("/work/providers/add", {"id": "x", "name": "X", "kind": "school"}),
            ("/work/providers/import", {"file": LIST}),
            *((f"/work/providers/{what}", {"provider": PROVIDER, "why": "w"}) for what in
              ("close", "reopen", "convert", "set")),
            ("/work/agreement/ratify", {"provider": PROVIDER, "signatory": "w"}),
            ("/work/keys/add", {"id": PROVIDER, "file": "w"}),
            ("/work/keys/confirm", {"id": PROVIDER, "read_out": "w"}),
        ):  # fmt: skip
            told = visitor.client.post(path, data={"token": token, **fields})
            assert told.status_code == 403, (path, fields)
    assert served.room.log_size() == size


def test_an_unused_link_ends_with_a_key_of_its_person_that_may_be_in_wrong_hands(served: Served) -> None:
    served.room.staff("pat", TEAM)
    code, mary, thief = served.console.invite("pat"), served.mary, Visitor(served.origin)
    with served.room.registry.read() as session:
        (key,) = keys.list_keys(session, "staff", "pat")
    thief.get("/invitation")
    assert thief.post("/invitation", code=code) == 200, thief.text
    mary.get("/work/keys/revoke")
    lost = {"id": "pat", "fingerprint": key.fingerprint, "staff": "yes", "why": "It is gone.", "back": "/"}
    assert mary.act("/work/keys/revoke", **lost) == 200, mary.text
    thief.get("/invitation")
    assert thief.post("/invitation", code=code) == 403
    again = served.console.invite(
        "pat"
    )  # For the new laptop, before a second person revokes the key as well.
    olga = served.has_role("olga", "triage")
    served.console.grant("olga", "administrator")
    for who in (mary, olga):
        who.get("/")
        assert ("Revoke a key of pat, as mary did, or confirm it" in who.text) is (who is olga), who.text
    assert f'name="fingerprint" value="{html.escape(key.fingerprint)}"' in olga.page
    assert olga.act("/work/keys/revoke", **lost) == 200, olga.text
    olga.get("/")
    assert "a key of pat" not in olga.text
    thief.get("/invitation")
    assert thief.post("/invitation", code=again) == 200, thief.text
    thief.client.close()


def test_a_session_in_the_console_ends_with_a_key_of_its_person_that_may_be_in_wrong_hands(
    served: Served,
) -> None:
    """It may have begun on the lost laptop by a telephone's passkey, or go on once the key is confirmed."""
    served.room.staff("rhoda", TEAM)
    lost, phone = served.enters("rhoda"), served.enters("rhoda")
    with served.room.registry.read() as session:
        ssh, passkey, _ = keys.list_keys(session, "staff", "rhoda")
    for key, more, status in ((ssh, {"superseded": "yes"}, 200), (passkey, {}, 303)):
        served.mary.get("/work/keys/revoke")
        fields = {"id": "rhoda", "fingerprint": key.fingerprint, "staff": "yes", "why": "It is gone."}
        assert served.mary.act("/work/keys/revoke", **fields, **more, back="/") == 200, served.mary.text
        for visitor in (lost, phone):
            assert visitor.client.get("/", follow_redirects=False).status_code == status
    served.console.confirm("rhoda")  # It was found again.
    assert lost.client.get("/", follow_redirects=False).status_code == 303
