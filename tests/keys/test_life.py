"""The life of a key: in force, retiring, retired, revoked; and what becomes of what it signed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.enrolment.key_file import judge
from gateway.errors import GatewayError
from gateway.examiner.parent import Examiner
from gateway.processor.rounds import Pages
from gateway.publish.on_request import is_events
from gateway.publish.projection import publish_receipts
from gateway.record.reconsider import reconsider
from gateway.verify.verify_files import verify_receipt_files
from tests.commands import invoke
from tests.school import School
from tests.waiting import until
from tests.workshop import Workshop, codes, fresh

pytestmark = pytest.mark.needs("gpg")


def enrol_another(shop: Workshop, school: School) -> str:
    new = school.new_key()
    with shop.changing() as clerk:
        clerk.add("provider", school.name, judge(school.certificate(new), shop.now, 2048))
    return new


def key_of(shop: Workshop, school: School):
    key = shop.key(school, school.fingerprint)
    assert key is not None
    return key


def test_several_keys_are_in_force_at_once(shop: Workshop, oak: School) -> None:
    new = enrol_another(shop, oak)
    for fingerprint in (oak.fingerprint, new):
        transfer = shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=fingerprint))
        assert transfer.state == "accepted"
        assert transfer.signature is not None
        assert transfer.signature.certificate == fingerprint


def login_key(shop: Workshop, school: School):
    key = shop.key(school, school.ssh.get_fingerprint(), "ssh")
    assert key is not None
    return key


def test_a_retiring_key_counts_until_its_day_and_not_after(shop: Workshop, oak: School) -> None:
    enrol_another(shop, oak)
    early, late = oak.sealed(fresh(), shop.certificate), oak.sealed(fresh(), shop.certificate)
    with shop.changing() as clerk:
        retiring = clerk.retire(key_of(shop, oak), shop.now + timedelta(days=3))
    assert retiring.state == "retiring"
    in_time = shop.sent(oak, early)
    assert in_time.state == "accepted"
    assert "counts for 3 days more" in " ".join(shop.receipt(in_time.upload.reference).split())
    shop.pass_time(days=4)
    until(lambda: key_of(shop, oak).state == "retired", "its day to come")
    assert key_of(shop, oak).ended_at == retiring.not_after
    held = shop.sent(oak, late)
    assert (held.state, codes(held), held.waits_for) == ("held", {"open:key-superseded"}, "person")
    signed_since = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert (signed_since.state, codes(signed_since)) == ("refused", {"key:retired"})
    assert shop.kinds(oak.fingerprint) == ["key-added", "key-retiring", "key-retired"]
    assert [("RETIRING" in text, "RETIRED" in text) for text in shop.notices(oak)].count((False, True)) == 1


def test_a_retiring_key_that_was_suspended_and_confirmed_again_retires_on_its_day(
    shop: Workshop, oak: School
) -> None:
    with shop.changing("jane") as clerk:
        clerk.suspend(clerk.retire(key_of(shop, oak), shop.now + timedelta(days=3)), why="laptop stolen")
    with shop.changing("joe") as clerk:
        assert clerk.approve(key_of(shop, oak)).state == "retiring"
    shop.pass_time(days=4)
    until(lambda: key_of(shop, oak).state == "retired", "its day to come")
    assert shop.kinds(oak.fingerprint)[-2:] == ["key-approved", "key-retired"]


@pytest.mark.parametrize("revocation", ["hard", "soft"])
def test_our_own_revocation_counts_whatever_the_certificate_says(
    shop: Workshop, oak: School, revocation
) -> None:
    in_hand = oak.sealed(fresh(), shop.certificate)
    with shop.changing("jane") as clerk:
        clerk.revoke(key_of(shop, oak), revocation, why="laptop stolen")
    key = key_of(shop, oak)
    assert (key.state, key.revocation, key.ended_by, key.why) == (
        "revoked", revocation, "jane", "laptop stolen",
    )  # fmt: skip
    shop.pass_time(hours=1)
    before = shop.sent(oak, in_hand)
    after = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    if revocation == "hard":
        assert (before.state, codes(before)) == ("refused", {"open:key-revoked"})
        assert (after.state, codes(after)) == ("refused", {"open:key-revoked"})
    else:
        assert (before.state, codes(before)) == ("held", {"open:key-superseded"})
        assert (after.state, codes(after)) == ("refused", {"key:retired"})
    assert "laptop" not in "".join(shop.notices(oak))


def by_us(shop: Workshop, oak: School) -> None:
    with shop.changing("jane") as clerk:
        clerk.revoke(key_of(shop, oak), "hard", why="it was stolen after all")


def by_the_command(shop: Workshop, oak: School) -> None:
    words = ("keys", "revoke", oak.name, oak.fingerprint, "--why", "it was stolen after all")
    said = invoke(shop.home.root, *words)
    assert said.exit_code == 0, said.output


def by_a_drop(shop: Workshop, oak: School) -> None:
    dropped = shop.sent(oak, oak.revocation(reason=1), "keys")
    assert (dropped.state, codes(dropped)) == ("accepted", {"key:revocation-taken"})


def enrolled_again(shop: Workshop, oak: School) -> None:
    oak.run("--import", given=oak.revocation(reason=1))
    file = shop.home.root.parent / "revoked.asc"
    file.write_bytes(oak.certificate())
    said = invoke(shop.home.root, "keys", "add", oak.name, str(file))
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize("harden", [by_us, by_the_command, by_a_drop, enrolled_again])
@pytest.mark.parametrize("before", ["superseded", "retired"])
def test_a_key_that_was_given_up_may_turn_out_to_be_stolen(
    shop: Workshop, oak: School, before: str, harden
) -> None:
    """Then what waited for a person because of it is refused, as is whatever its holder dates back."""
    in_hand, later = oak.sealed(fresh(), shop.certificate), oak.sealed(fresh(), shop.certificate)
    shop.pass_time(minutes=1)
    if before == "retired":
        with shop.changing() as clerk:
            clerk.retire(key_of(shop, oak))
    else:
        shop.sent(oak, oak.revocation(reason=2), "keys")
    given_up = key_of(shop, oak)
    held = shop.sent(oak, in_hand)
    assert (held.state, codes(held)) == ("held", {"open:key-superseded"})
    shop.pass_time(minutes=1)
    harden(shop, oak)
    key = key_of(shop, oak)
    assert (key.state, key.revocation) == ("revoked", "hard")
    if before == "superseded":
        assert key.ended_at == given_up.ended_at
    until(lambda: shop.transfer(held.upload.reference).state == "refused", "it to be decided again")
    assert codes(shop.transfer(held.upload.reference)) == {"open:key-revoked"}
    back_dated = shop.sent(oak, later)
    assert (back_dated.state, codes(back_dated)) == ("refused", {"open:key-revoked"})
    first = "key-retired" if before == "retired" else "key-revoked"
    assert shop.kinds(oak.fingerprint) == ["key-added", first, "key-revoked"]
    assert sum("was not decided on yet is refused" in " ".join(n.split()) for n in shop.notices(oak)) == 1
    again = shop.sent(oak, oak.revocation(reason=2), "keys")
    assert (again.state, codes(again)) == ("refused", {"key:nothing-new"})


def test_what_waits_for_anything_is_refused_once_its_key_is_stolen(shop: Workshop, school) -> None:
    """What others may have signed does not go on because a day comes or a school ratifies."""
    oak: School = school("oak", ratified=False)
    held = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert (held.state, held.waits_for) == ("held", "ratification")
    with shop.changing("jane") as clerk:
        clerk.revoke(key_of(shop, oak), "hard", why="laptop stolen")
    shop.ratify_all(oak.name)
    reference = held.upload.reference
    until(lambda: shop.state(reference) not in {"held", "landed"}, "its decision")
    told = shop.transfer(reference)
    assert (told.state, codes(told)) == ("refused", {"open:key-revoked"})


def test_what_a_suspended_key_signed_does_not_go_on_before_a_second_person_decides(
    shop: Workshop, school
) -> None:
    oak: School = school("oak", ratified=False)
    reference = shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference
    with shop.changing("jane") as clerk:
        clerk.suspend(key_of(shop, oak), why="laptop stolen")
    shop.ratify_all(oak.name)
    until(lambda: codes(shop.transfer(reference)) != {"policy:agreement-not-ratified"}, "its decision")
    told = shop.transfer(reference)
    assert (told.state, codes(told), told.waits_for) == ("held", {"key:not-approved"}, "key")
    with shop.changing("joe") as clerk:
        clerk.approve(key_of(shop, oak))
    until(lambda: shop.state(reference) == "accepted", "its release")


def test_what_came_by_a_stolen_login_waits_for_a_person_whatever_it_waits_for(shop: Workshop, school) -> None:
    oak: School = school("oak", ratified=False)
    reference = shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference
    with shop.changing("jane") as clerk:
        clerk.revoke(login_key(shop, oak), "hard", why="laptop stolen")
    until(lambda: "open:unknown-login" in codes(shop.transfer(reference)), "its decision")
    assert any("uploaded with it" in " ".join(text.split()) for text in shop.notices(oak))
    told = shop.transfer(reference)
    assert (told.state, told.waits_for) == ("held", "person")
    shop.ratify_all(oak.name)
    with shop.registrar() as registrar:
        reconsider(registrar)
    told = shop.transfer(reference)
    assert (told.state, told.waits_for, codes(told)) == ("held", "person", {"open:unknown-login"})


@pytest.mark.parametrize("change", ["suspend", "superseded"])
def test_what_came_by_a_login_goes_on_unless_the_login_is_suspended(
    shop: Workshop, school, change: str
) -> None:
    oak: School = school("oak", ratified=False)
    reference = shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference
    shop.pass_time(minutes=1)
    with shop.changing("jane") as clerk:
        if change == "suspend":
            clerk.suspend(login_key(shop, oak), why="laptop stolen")
        else:
            clerk.revoke(login_key(shop, oak), "soft", why="a new laptop")
    shop.ratify_all(oak.name)
    until(lambda: "policy:agreement-not-ratified" not in codes(shop.transfer(reference)), "its decision")
    told = shop.transfer(reference)
    assert told.state == ("held" if change == "suspend" else "accepted")
    assert ("open:unknown-login" in codes(told)) is (change == "suspend")
    if change == "suspend":
        with shop.changing("joe") as clerk:
            clerk.approve(login_key(shop, oak))
        until(lambda: shop.state(reference) == "accepted", "its release")


def test_what_was_dropped_by_a_suspended_login_is_decided_on_once_the_login_is_approved(
    shop: Workshop, school
) -> None:
    oak: School = school("oak", ratified=False)
    new, text = oak.new_key(), (shop.home.published.common / "agreement" / "agreement.txt").read_bytes()
    with shop.changing("jane") as clerk:
        clerk.suspend(login_key(shop, oak), why="laptop stolen")
    dropped = [
        shop.sent(oak, oak.signed(what, "--clearsign"), folder)
        for folder, what in (("agreement", text), ("keys", oak.certificate(new)))
    ]
    assert [codes(one) for one in dropped] == [{"open:unknown-login"}, {"open:unknown-login"}]
    with shop.changing("joe") as clerk:
        clerk.approve(login_key(shop, oak))
    copy, key = (one.upload.reference for one in dropped)
    until(lambda: codes(shop.transfer(copy)) == {"agreement:ratified"}, "the ratification")
    until(lambda: codes(shop.transfer(key)) == {"key:pending"}, "the new key")


def test_a_key_that_waits_to_be_confirmed_is_called_no_file_that_nobody_recognised(
    shop: Workshop, school
) -> None:
    elm: School = school("elm")
    dropped = shop.sent(elm, elm.signed(elm.certificate(elm.new_key()), "--clearsign"), "keys")
    assert (codes(dropped), dropped.state) == ({"key:pending"}, "held")
    with shop.registrar() as registrar:
        Pages().tend(registrar, at_once=True)
    said = (shop.home.published.pages(elm.name) / "status.html").read_text()
    assert dropped.upload.reference in said
    assert "not recognised" not in said


def test_a_file_that_somebody_took_back_stays_so_when_its_key_is_stolen(shop: Workshop, oak: School) -> None:
    given = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    reference = given.upload.reference
    shop.gateway("transfers", "withdraw", reference, "--why", "the wrong file")
    with shop.changing("jane") as clerk:
        clerk.revoke(key_of(shop, oak), "hard", why="laptop stolen")
    told = shop.transfer(reference)
    assert (told.state, codes(told)) == ("held", {"person:withdrawn"})


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("hard", ("refused", {"open:key-revoked"})),
        ("soft", ("held", {"open:key-superseded"})),
        ("retire", ("held", {"open:key-superseded"})),
    ],
)
def test_a_file_does_not_wait_for_a_key_that_nobody_will_confirm(
    shop: Workshop, oak: School, end: str, outcome: tuple[str, set[str]]
) -> None:
    new = oak.new_key()
    shop.sent(oak, oak.signed(oak.certificate(new), "--clearsign"), "keys")
    held = shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new))
    assert (codes(held), held.waits_for) == ({"key:not-approved"}, "key")
    shop.pass_time(minutes=1)
    key = shop.key(oak, new)
    assert key is not None
    with shop.changing("jane") as clerk:
        if end == "retire":
            clerk.retire(key)
        else:
            clerk.revoke(key, "hard" if end == "hard" else "soft", why="not theirs")
    reference = held.upload.reference
    until(lambda: codes(shop.transfer(reference)) != {"key:not-approved"}, "its decision")
    until(lambda: shop.state(reference) != "landed", "its decision")
    told = shop.transfer(reference)
    assert (told.state, codes(told)) == outcome


def test_what_waits_for_a_person_can_be_opened_and_sent_on(shop: Workshop, oak: School) -> None:
    in_hand = oak.sealed(fresh(), shop.certificate)
    shop.pass_time(minutes=1)
    with shop.changing() as clerk:
        clerk.revoke(key_of(shop, oak), "soft")
    held = shop.sent(oak, in_hand)
    assert held.content_sha256 is not None
    assert held.data_type == "student-core"
    assert held.signature is not None
    assert held.signature.certificate == oak.fingerprint


def test_a_stranger_s_signature_is_still_a_stranger_s(shop: Workshop, oak: School, school) -> None:
    """Ended keys of a provider are asked only for the words; those of another are never asked."""
    elm = school("elm")
    with shop.changing() as clerk:
        clerk.revoke(key_of(shop, oak), "soft")
    for one in (oak, elm):
        transfer = shop.sent(one, (elm if one is oak else oak).sealed(fresh(), shop.certificate))
        assert (transfer.state, codes(transfer)) == ("refused", {"open:wrong-signer"})


def test_a_file_that_was_examined_before_a_key_changed_is_examined_again(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between examination and record a key is revoked: what counts is the moment of the record."""
    real = Examiner.examine
    changed = []

    def slow(self, job):
        examined = real(self, job)
        if job.reference == reference and not changed:
            changed.append(True)
            with shop.changing() as clerk:
                clerk.revoke(key_of(shop, oak), "hard")
        return examined

    monkeypatch.setattr(Examiner, "examine", slow)
    reference = ""
    data = oak.sealed(fresh(), shop.certificate)
    reference = shop.land(oak, data)
    shop.process(reference)
    transfer = shop.transfer(reference)
    assert changed
    assert (transfer.state, codes(transfer)) == ("refused", {"open:key-revoked"})
    assert shop.kinds(reference).count("decided") == 1


def test_every_file_that_a_school_finds_in_receipts_can_be_verified(shop: Workshop, oak: School) -> None:
    new = enrol_another(shop, oak)
    shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new))
    with shop.changing() as clerk:
        clerk.retire(key_of(shop, oak))
    publish_receipts(shop.registry, shop.home.published)
    folder = shop.home.published.provider(oak.name) / "receipts"
    paths = sorted(path for path in folder.iterdir() if not is_events(path.name))
    assert {"key-notice", "file"} <= {path.name.partition(".")[0] for path in paths}
    found = verify_receipt_files(paths, shop.certificate.encode())
    assert [(one.file, one.lines) for one in found if not one.good] == []
    assert sum(one.lines[0].startswith("genuine: a notice about a key") for one in found) == 2


def test_the_list_tells_which_key_until_when_and_how_it_was_used(
    shop: Workshop, school, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak: School = school("oak", expires="400d")
    begun, spare, ssh = shop.now, enrol_another(shop, oak), oak.ssh.get_fingerprint()
    sent = [shop.sent(oak, oak.sealed(fresh(), shop.certificate)) for _ in range(2)]

    def listed(days: int) -> dict[str, dict[str, Any]]:
        monkeypatch.setattr("gateway.cli.console.now", lambda: begun + timedelta(days=days))
        return {
            row["fingerprint"]: row
            for row in json.loads(invoke(shop.home.root, "keys", "list", "--json").stdout)
            if row["provider"] == oak.name
        }

    found = listed(1)
    assert {name: row["uses"] for name, row in found.items()} == {oak.fingerprint: 2, ssh: 2, spare: 0}
    assert {row["state"] for row in found.values()} == {"active"}
    decided = sent[-1].decided_at
    assert decided is not None
    for name, moment in ((ssh, sent[-1].upload.landed_at), (oak.fingerprint, decided)):
        assert datetime.fromisoformat(found[name]["last_used_at"]) - moment < timedelta(seconds=1)
    assert found[spare]["last_used_at"] is None
    until_when = datetime.fromisoformat(found[oak.fingerprint]["until"])
    assert abs(until_when - begun - timedelta(days=400)) < timedelta(minutes=5)
    assert found[ssh]["until"] is None
    for days, unused in ((89, set()), (91, {oak.fingerprint, spare, ssh})):
        found = listed(days)
        assert {name for name, row in found.items() if row["unused"]} == unused
        assert {name for name, row in found.items() if "not used for 90 days" in row["notes"]} == unused


def test_states_only_go_forward(shop: Workshop, oak: School) -> None:
    with shop.changing() as clerk:
        clerk.retire(key_of(shop, oak))
    for change in ("retire", "approve"):
        with pytest.raises(GatewayError), shop.changing() as clerk:
            getattr(clerk, change)(key_of(shop, oak))
    with pytest.raises(GatewayError), shop.changing() as clerk:
        clerk.retire(key_of(shop, oak), shop.now + timedelta(days=1))
    with shop.changing() as clerk:
        clerk.revoke(key_of(shop, oak), "hard")
    with pytest.raises(GatewayError), shop.changing() as clerk:
        clerk.revoke(key_of(shop, oak), "soft")
    with pytest.raises(GatewayError), shop.changing() as clerk:
        clerk.add("provider", oak.name, judge(oak.certificate(), shop.now, 2048))
    assert shop.kinds(oak.fingerprint) == ["key-added", "key-retired", "key-revoked"]
