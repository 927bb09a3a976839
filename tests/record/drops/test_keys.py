"""What a provider drops in /keys."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import asyncssh
import pytest

from gateway.enrolment.key_file import judge
from gateway.model import stated
from gateway.publish.projection import publish_access
from gateway.record import drops
from gateway.registry import keys
from tests.commands import invoke
from tests.policies import enact
from tests.school import School, verified
from tests.sealed import sealed_file
from tests.waiting import until
from tests.workshop import Desk, Workshop, codes, fresh

pytestmark = [pytest.mark.long, pytest.mark.needs("gpg")]
COMPROMISED, SUPERSEDED = 1, 2  # As GnuPG asks for the reason.
HOWS = [("--clearsign",), ("--sign",), ("--armor", "--sign"), ("--sign", "--compress-algo", "none")]


@pytest.mark.parametrize("how", HOWS, ids=" ".join)
def test_a_new_certificate_waits_for_approval_and_then_signs(shop: Workshop, oak: School, how) -> None:
    new = oak.new_key()
    dropped = shop.sent(oak, oak.signed(oak.certificate(new), *how), "keys", "new.asc.asc")
    assert (dropped.state, codes(dropped), dropped.waits_for) == ("held", {"key:pending"}, "approval")
    assert dropped.signature is not None
    assert dropped.signature.certificate == oak.fingerprint
    key = shop.key(oak, new)
    assert key is not None
    assert (key.state, key.owner, key.dropped_as) == ("pending", oak.name, dropped.upload.reference)
    early = shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new))
    assert (early.state, codes(early), early.waits_for) == ("held", {"key:not-approved"}, "key")
    with shop.changing() as clerk:
        clerk.approve(key)
    assert shop.transfer(dropped.upload.reference).state == "accepted"
    shop.process(early.upload.reference)
    assert shop.transfer(early.upload.reference).state == "accepted"
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new)).state == "accepted"
    assert shop.kinds(new) == ["key-added", "key-approved"]
    waits, in_force = sorted(shop.notices(oak), key=lambda text: "IN FORCE" in text)
    assert "WAITS for approval" in waits
    assert all(verified(text, shop.certificate) for text in (waits, in_force))


def test_a_drop_sealed_like_any_file_counts_too(shop: Workshop, oak: School) -> None:
    new = oak.new_key()
    dropped = shop.sent(oak, oak.sealed(oak.certificate(new), shop.certificate), "keys")
    assert codes(dropped) == {"key:pending"}


def test_a_provider_has_no_more_keys_than_fit_into_memory(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.registry.read() as session:
        before = len(keys.list_keys(session, "provider", oak.name))
    monkeypatch.setattr(drops, "MOST_KEYS", before + 1)

    def drop(new: asyncssh.SSHKey) -> set[str]:
        return codes(shop.sent(oak, oak.signed(new.export_public_key(), "--clearsign"), "keys"))

    first, second = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    assert drop(first) == {"key:pending"}
    assert drop(second) == {"key:too-many"}
    assert drop(first) == {"key:nothing-new"}
    with shop.changing() as clerk:
        key = keys.holder(clerk.session, "ssh", first.get_fingerprint())
        assert key is not None
        clerk.revoke(key, "soft")
    assert drop(second) == {"key:pending"}


def test_a_provider_s_own_revocation_makes_room_after_30_days(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.registry.read() as session:
        monkeypatch.setattr(drops, "MOST_KEYS", len(keys.list_keys(session, "provider", oak.name)) + 1)

    def drop(data: bytes) -> set[str]:
        return codes(shop.sent(oak, oak.signed(data, "--clearsign"), "keys"))

    first, second = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    assert drop(first.export_public_key()) == {"key:pending"}
    assert drop(stated("lost-key", first.get_fingerprint()).encode()) == {"key:revocation-taken"}
    assert drop(second.export_public_key()) == {"key:too-many"}
    shop.pass_time(days=30)
    assert drop(second.export_public_key()) == {"key:pending"}


@pytest.mark.parametrize("form", ["openssh", "rfc4716"])
def test_an_ssh_key_is_approved_and_published(shop: Workshop, oak: School, form: str) -> None:
    new = asyncssh.generate_private_key("ssh-ed25519")
    dropped = shop.sent(oak, oak.signed(new.export_public_key(form), "--clearsign"), "keys", "oak.pub.asc")
    assert codes(dropped) == {"key:pending"}
    key = shop.key(oak, new.get_fingerprint(), "ssh")
    assert key is not None
    assert key.state == "pending"
    published = shop.home.published.provider(oak.name) / "authorized_keys"
    assert key.material not in published.read_text()
    with shop.changing() as clerk:
        clerk.approve(key)
    publish_access(shop.registry, shop.home.published, shop.now)
    assert key.material in published.read_text()


def test_a_drop_must_be_as_strong_as_the_policy_asks(shop: Workshop, oak: School) -> None:
    policy = shop.home.policies / "methods.toml"
    before = policy.read_text()
    new = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key()

    def dropped() -> set[str]:
        return codes(shop.sent(oak, oak.signed(new, "--clearsign"), "keys", "oak.pub.asc"))

    policy.write_text(before.replace("rsa_bits = 2048", "rsa_bits = 3072"))
    enact(shop.home.root)
    try:
        until(
            lambda: "rsa_bits = 3072" in (shop.home.policies_in_force / "methods.toml").read_text(), "policy"
        )
        assert dropped() == {"key:weak"}
    finally:
        policy.write_text(before)
        enact(shop.home.root)
    until(lambda: "rsa_bits = 2048" in (shop.home.policies_in_force / "methods.toml").read_text(), "policy")
    assert dropped() == {"key:pending"}


def test_a_policy_puts_it_in_force_at_once(shop: Workshop, oak: School) -> None:
    policy = shop.home.policies / "keys.toml"
    before = policy.read_text()
    in_force = shop.home.policies_in_force
    policy.write_text(before.replace("approve_drops = false", "approve_drops = true"))
    enact(shop.home.root)
    until(lambda: shop.home.policies_in_force != in_force, "the edit to come into force")
    new = asyncssh.generate_private_key("ssh-ed25519")
    dropped = shop.sent(oak, oak.signed(new.export_public_key(), "--clearsign"), "keys")
    in_force = shop.home.policies_in_force
    policy.write_text(before)
    enact(shop.home.root)
    until(lambda: shop.home.policies_in_force != in_force, "the edit to come into force")
    assert (dropped.state, codes(dropped)) == ("accepted", {"key:in-force"})
    published = shop.home.published.provider(oak.name) / "authorized_keys"
    line = new.export_public_key().decode().split()[1]
    until(lambda: line in published.read_text(), "intake to know the key")


def test_nobody_approves_by_refusing_it(shop: Workshop, oak: School) -> None:
    new = oak.new_key()
    dropped = shop.sent(oak, oak.signed(oak.certificate(new), "--clearsign"), "keys")
    key = shop.key(oak, new)
    assert key is not None
    with shop.changing() as clerk:
        clerk.revoke(key, "soft", why="not theirs")
    until(lambda: shop.transfer(dropped.upload.reference).state == "refused", "the receipt")
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new)).state != "accepted"


def test_a_key_that_was_retired_before_anybody_confirmed_it_is_not_told_as_in_force(
    shop: Workshop, oak: School
) -> None:
    new = oak.new_key()
    dropped = shop.sent(oak, oak.signed(oak.certificate(new), "--clearsign"), "keys")
    key = shop.key(oak, new)
    assert key is not None
    with shop.changing() as clerk:
        clerk.retire(key)
    until(lambda: shop.state(dropped.upload.reference) != "held", "the receipt")
    told = shop.transfer(dropped.upload.reference)
    assert (told.state, codes(told)) == ("refused", {"person:refused"})


def test_what_is_not_signed_by_the_provider_is_refused_with_the_next_step(
    shop: Workshop, oak: School, school
) -> None:
    elm, new = school("elm"), oak.new_key()
    certificate, ssh = oak.certificate(new), asyncssh.generate_private_key("ssh-ed25519").export_public_key()
    signed = oak.signed(certificate, "--clearsign")
    cases = {
        "bare": (certificate, "key:not-signed"),
        "bare, binary": (oak.run("--export", new), "key:not-signed"),
        "bare ssh": (ssh, "key:not-signed"),
        "by another school": (elm.signed(certificate, "--clearsign"), "key:wrong-signer"),
        "by itself": (oak.signed(certificate, "--clearsign", by=new), "key:wrong-signer"),
        "by another school, inside": (elm.signed(certificate, "--sign"), "key:wrong-signer"),
        "changed after signing": (signed.replace(b"\nmDM", b"\nmDN", 1), "key:wrong-signer"),
        "a detached signature": (oak.signed(certificate, "--detach-sign"), "key:not-a-key"),
        "no key": (oak.signed(b"hello\n", "--clearsign"), "key:not-a-key"),
        "two keys": (oak.signed(certificate + oak.certificate(), "--clearsign"), "key:several"),
        "sealed by another": (elm.sealed(certificate, shop.certificate), "key:wrong-signer"),
        "sealed, not signed": (sealed_only(oak, certificate, shop.certificate), "key:not-signed"),
    }
    references = {case: shop.land(oak, data, case, "keys") for case, (data, _) in cases.items()}
    shop.process(*references.values())
    for case, (_, expected) in cases.items():
        transfer = shop.transfer(references[case])
        assert (transfer.state, codes(transfer)) == ("refused", {expected}), case
        assert transfer.reasons[0].next_step
    assert shop.key(oak, new) is None
    assert shop.notices(oak) == []


def sealed_only(oak: School, data: bytes, certificate: str) -> bytes:
    recipient = oak.gpg.home / "gateway.asc"
    recipient.write_text(certificate)
    return oak.run("--encrypt", "--recipient-file", str(recipient), given=data)


def test_a_secret_key_is_named_and_nothing_of_it_is_kept(shop: Workshop, oak: School) -> None:
    secret = oak.run("--armor", "--export-secret-keys", oak.fingerprint)
    ssh = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    for data, folder in (
        (oak.signed(secret, "--clearsign"), "keys"),
        (oak.signed(ssh, "--sign"), "keys"),
        (oak.sealed(secret, shop.certificate), "keys"),
        (oak.sealed(secret, shop.certificate), "in"),
        (oak.sealed(oak.run("--export-secret-keys", oak.fingerprint), shop.certificate), "in"),
        (oak.sealed(ssh, shop.certificate), "in"),
    ):
        transfer = shop.sent(oak, data, folder)
        assert (transfer.state, codes(transfer)) == ("refused", {"key:secret"})
        assert "SECRET" in transfer.reasons[0].sentence
        until(partial(gone, sealed_file(shop.home, transfer.upload.reference)), "it to be removed")
        assert "deleted" in shop.kinds(transfer.upload.reference)


def test_a_secret_key_is_removed_at_the_start_where_a_kill_came_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak = desk.provider("oak")
    secret = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    with monkeypatch.context() as killed:
        killed.setattr(drops, "publish", lambda *_: None)
        transfer = desk.sent(oak, oak.seal(secret, desk.certificate), "keys")
    assert codes(transfer) == {"key:secret"}
    assert sealed_file(desk.home, transfer.upload.reference).exists()
    desk.process()
    assert not sealed_file(desk.home, transfer.upload.reference).exists()


def gone(path: Path) -> bool:
    return not path.exists()


def test_a_certificate_that_others_have_signed_too_often_is_refused_with_the_next_step(
    shop: Workshop, oak: School
) -> None:
    padded = oak.certificate() + b"\n" * 2**20
    refused = shop.sent(oak, padded, "keys")
    assert (refused.state, codes(refused)) == ("refused", {"key:too-large"})
    assert "export-minimal" in refused.reasons[0].next_step
    (file := shop.home.root.parent / "padded.asc").write_bytes(padded)
    said = invoke(shop.home.root, "keys", "add", oak.name, str(file))
    assert said.exit_code == 1
    assert "export-minimal" in " ".join(said.output.split())
    sealed = shop.sent(oak, oak.sealed(os.urandom(2**20), shop.certificate), "keys")
    assert codes(sealed) == {"open:too-large"}


def test_a_key_of_another_provider_is_not_taken(shop: Workshop, oak: School, school) -> None:
    elm = school("elm")
    for data in (elm.certificate(), elm.ssh.export_public_key()):
        transfer = shop.sent(oak, oak.signed(data, "--clearsign"), "keys")
        assert (transfer.state, codes(transfer)) == ("refused", {"key:known"})
    assert shop.sent(elm, elm.sealed(fresh(), shop.certificate)).state == "accepted"


def test_an_extended_certificate_is_taken_over_without_a_signature(shop: Workshop, oak: School) -> None:
    same = shop.sent(oak, oak.certificate(), "keys")
    assert (same.state, codes(same)) == ("refused", {"key:nothing-new"})
    before = shop.key(oak, oak.fingerprint)
    shop.pass_time(minutes=1)
    oak.extend(until="5y")
    renewed = shop.sent(oak, oak.certificate(), "keys")
    assert (renewed.state, codes(renewed)) == ("accepted", {"key:renewed"})
    after = shop.key(oak, oak.fingerprint)
    assert before is not None
    assert after is not None
    assert after.expires_at is not None
    assert before.expires_at is not None
    assert after.expires_at > before.expires_at
    assert "RENEWED" in shop.notices(oak)[0]
    assert shop.kinds(oak.fingerprint) == ["key-added", "key-extended"]


def test_a_new_subkey_signs_after_an_update(shop: Workshop, oak: School) -> None:
    oak.run("--quick-add-key", oak.fingerprint, "ed25519", "sign", "1y")
    sealed = oak.sealed(fresh(), shop.certificate)  # GnuPG takes the newest signing key.
    refused = shop.sent(oak, sealed)
    assert refused.state == "refused"
    assert codes(shop.sent(oak, oak.certificate(), "keys")) == {"key:renewed"}
    accepted = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert accepted.state == "accepted"
    assert accepted.signature is not None
    assert accepted.signature.signing_key != accepted.signature.certificate == oak.fingerprint


def with_subkey(shop: Workshop, school: School) -> str:
    """Another key of the school, in force, of which a subkey alone signs; its fingerprint."""
    school.run("--quick-generate-key", "A school <school@y.invalid>", "ed25519", "cert", "2y")
    (new,) = set(school.fingerprints()) - {school.fingerprint}
    school.run("--quick-add-key", new, "ed25519", "sign", "1y")
    with shop.changing() as clerk:
        clerk.add("provider", school.name, judge(school.certificate(new), shop.now, 2048))
    return new


def revoke_subkey(school: School, fingerprint: str, reason: int = COMPROMISED) -> None:
    answers = f"key 1\nrevkey\ny\n{reason}\n\ny\nsave\n".encode()
    school.gpg.converse("--edit-key", fingerprint, given=answers, at=school.clock())


def test_the_last_subkey_that_signs_is_revoked_and_does_not_go_on_counting(
    shop: Workshop, oak: School
) -> None:
    new = with_subkey(shop, oak)
    in_hand = oak.sealed(fresh(), shop.certificate, by=new)
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new)).state == "accepted"
    shop.pass_time(minutes=1)
    revoke_subkey(oak, new)
    dropped = shop.sent(oak, oak.certificate(new), "keys")
    assert (dropped.state, codes(dropped)) == ("accepted", {"key:renewed"})
    assert "If nothing of it signs any more, add a subkey that does" in dropped.reasons[0].next_step
    stolen = shop.sent(oak, in_hand)
    assert (stolen.state, codes(stolen)) == ("refused", {"open:key-revoked"})
    oak.run("--quick-add-key", new, "ed25519", "sign", "1y")
    assert codes(shop.sent(oak, oak.certificate(new), "keys")) == {"key:renewed"}
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new)).state == "accepted"


@pytest.mark.parametrize("reason", [COMPROMISED, SUPERSEDED])
def test_what_waits_for_anything_is_refused_once_the_subkey_that_signed_it_is_stolen(
    shop: Workshop, school, reason: int
) -> None:
    oak: School = school("oak", ratified=False)
    new = with_subkey(shop, oak)
    held = shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new))
    assert (held.state, held.waits_for) == ("held", "ratification")
    shop.pass_time(minutes=1)
    revoke_subkey(oak, new, reason)
    oak.run("--quick-add-key", new, "ed25519", "sign", "1y")
    assert codes(shop.sent(oak, oak.certificate(new), "keys")) == {"key:renewed"}
    shop.ratify_all(oak.name)
    reference = held.upload.reference
    until(lambda: shop.state(reference) not in {"held", "landed"}, "its decision")
    told = shop.transfer(reference)
    assert told.state == ("refused" if reason == COMPROMISED else "accepted")
    assert ("open:key-revoked" in codes(told)) is (reason == COMPROMISED)


def test_what_a_stolen_subkey_signed_is_given_back_by_two_people_alone(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = with_subkey(shop, oak)
    sent = shop.sent(oak, oak.sealed(fresh(), shop.certificate, by=new)).upload.reference
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    shop.gateway("transfers", "withdraw", sent, "--why", "a question")
    shop.pass_time(minutes=1)
    revoke_subkey(oak, new)
    oak.run("--quick-add-key", new, "ed25519", "sign", "1y")
    assert codes(shop.sent(oak, oak.certificate(new), "keys")) == {"key:renewed"}
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    shop.gateway("transfers", "redeliver", sent, "--why", "it was right", code=1)
    assert shop.state(sent) == "held"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("gen-revoke", COMPROMISED),
        ("gen-revoke", SUPERSEDED),
        ("re-exported", COMPROMISED),
        ("re-exported", SUPERSEDED),
        ("gnupg's own", COMPROMISED),  # It gives no reason, which counts as the worst.
    ],
)
def test_a_revocation_takes_effect_at_once(shop: Workshop, oak: School, form: str, reason: int) -> None:
    in_hand = oak.sealed(fresh(), shop.certificate)
    shop.pass_time(minutes=1)
    revocation = oak.revocation(reason=reason)
    if form == "re-exported":
        oak.run("--import", given=revocation)
        revocation = oak.certificate()
    elif form == "gnupg's own":
        revocation = (oak.gpg.home / "openpgp-revocs.d" / f"{oak.fingerprint.upper()}.rev").read_bytes()
    dropped = shop.sent(oak, revocation, "keys")
    assert (dropped.state, codes(dropped)) == ("accepted", {"key:revocation-taken"})
    key = shop.key(oak, oak.fingerprint)
    assert key is not None
    assert (key.state, key.revocation) == ("revoked", "hard" if reason == COMPROMISED else "soft")
    assert "REVOKED" in shop.notices(oak)[0]
    after = shop.sent(oak, in_hand)
    if reason == COMPROMISED:
        assert (after.state, codes(after)) == ("refused", {"open:key-revoked"})
    else:
        assert (after.state, codes(after), after.waits_for) == ("held", {"open:key-superseded"}, "person")
    again = shop.sent(oak, revocation, "keys")
    assert (again.state, codes(again)) == ("refused", {"key:nothing-new"})


def test_nobody_revokes_another_s_key(shop: Workshop, oak: School, school) -> None:
    elm = school("elm")
    by_elm = shop.sent(oak, elm.revocation(), "keys")
    assert (by_elm.state, codes(by_elm)) == ("refused", {"key:not-a-key"})
    forged = bytearray(oak.run("--dearmor", given=oak.revocation()))
    forged[-3] ^= 1
    assert shop.sent(oak, bytes(forged), "keys").state == "refused"
    for one in (oak, elm):
        assert shop.sent(one, one.sealed(fresh(), shop.certificate)).state == "accepted"


def test_an_ssh_key_is_revoked_by_a_signed_statement_that_names_it(
    shop: Workshop, oak: School, school
) -> None:
    elm, lost = school("elm"), asyncssh.generate_private_key("ssh-ed25519")
    named, strangers = lost.get_fingerprint(), asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    with shop.changing() as clerk:
        clerk.add("provider", oak.name, judge(lost.export_public_key(), shop.now, 2048))
    said = stated("lost-key", named).encode()
    for by, data, code in (
        (oak, elm.signed(said, "--clearsign"), "key:wrong-signer"),
        (oak, oak.signed(named.encode(), "--clearsign"), "key:not-a-key"),
        (oak, oak.signed(stated("key", named).encode(), "--clearsign"), "key:not-a-key"),
        (oak, oak.signed(stated("lost-key", strangers).encode(), "--clearsign"), "key:not-a-key"),
        (elm, elm.signed(said, "--clearsign"), "key:known"),
    ):
        refused = shop.sent(by, data, "keys")
        assert (refused.state, codes(refused)) == ("refused", {code})
    assert shop.key(oak, named, "ssh").state == "active"
    signed = oak.signed(said, "--clearsign")
    dropped = shop.sent(oak, signed, "keys")
    assert (dropped.state, codes(dropped)) == ("accepted", {"key:revocation-taken"})
    assert shop.key(oak, named, "ssh").state == "revoked"
    assert any("REVOKED" in one and named in one for one in shop.notices(oak))
    assert shop.kinds(named)[-1] == "key-revoked"
    publish_access(shop.registry, shop.home.published, shop.now)
    published = (shop.home.published.provider(oak.name) / "authorized_keys").read_text()
    assert lost.export_public_key().decode().split()[1] not in published
    assert codes(shop.sent(oak, signed, "keys")) == {"key:nothing-new"}


def test_a_key_once_taken_out_of_use_does_not_come_back(shop: Workshop, oak: School) -> None:
    new = oak.new_key()
    with shop.changing() as clerk:
        clerk.add("provider", oak.name, judge(oak.certificate(new), shop.now, 2048))
    key = shop.key(oak, oak.fingerprint)
    assert key is not None
    with shop.changing() as clerk:
        clerk.revoke(key, "hard", why="laptop stolen")
    shop.pass_time(minutes=1)
    oak.extend(until="5y")
    renewed = shop.sent(oak, oak.certificate(oak.fingerprint), "keys")
    assert (renewed.state, codes(renewed)) == ("refused", {"key:known"})
    signed = shop.sent(oak, oak.signed(oak.certificate(oak.fingerprint), "--clearsign", by=new), "keys")
    assert (signed.state, codes(signed)) == ("refused", {"key:known"})
