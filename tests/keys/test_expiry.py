"""A certificate that runs out: warnings in time, then files wait, and a renewed one lets them go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pgpy
import pytest
from pgpy.constants import CompressionAlgorithm

from gateway.enrolment.key_file import updated
from tests.openpgp.gnupg import Gnupg
from tests.openpgp.make.surgery import Wrapping
from tests.policies import enact
from tests.school import School
from tests.waiting import until
from tests.workshop import Workshop, codes, fresh

pytestmark = pytest.mark.needs("gpg")
# What a file of core data always carries.


@pytest.mark.long
def test_warnings_come_in_time_and_once(shop: Workshop, school) -> None:
    oak: School = school("oak", expires="65d")
    first = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert "expires in" not in " ".join(shop.receipt(first.upload.reference).split())
    assert shop.notices(oak) == []
    heard = []
    for days, left in ((6, 59), (30, 29), (16, 13), (7, 6), (5, 1)):
        shop.pass_time(days=days)
        heard.append(left)
        until(lambda: len(shop.notices(oak)) == len(heard), f"the warning {left} days before")
        unit = "day" if left == 1 else "days"
        assert sum(f"EXPIRES in {left} {unit}" in text for text in shop.notices(oak)) == 1
        reference = shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference
        assert f"expires in {left} {unit}" in " ".join(shop.receipt(reference).split())
    oak.extend()
    assert shop.sent(oak, oak.certificate(), "keys").state == "accepted"
    later = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert later.state == "accepted"
    assert "expires in" not in " ".join(shop.receipt(later.upload.reference).split())
    assert len(shop.notices(oak)) == len(heard) + 1


@pytest.mark.parametrize("renewal", ["dropped", "by an admin"])
def test_files_wait_for_a_renewed_certificate_and_none_is_lost(shop: Workshop, school, renewal: str) -> None:
    oak: School = school("oak", expires="10d")
    in_hand = [oak.sealed(fresh(), shop.certificate) for _ in range(2)]
    shop.pass_time(days=11)
    held = [shop.sent(oak, data) for data in in_hand]
    for transfer in held:
        assert (transfer.state, codes(transfer), transfer.waits_for) == ("held", {"open:key-expired"}, "key")
        assert "--quick-set-expire" in transfer.reasons[0].next_step
        assert transfer.content_sha256 is not None
    twice = shop.sent(oak, in_hand[0])
    assert (twice.state, codes(twice)) == ("refused", {"open:replayed"})
    oak.extend()
    # Signed by the renewed key, before we know that it is.
    ahead = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert (ahead.state, codes(ahead), ahead.waits_for) == ("held", {"open:key-expired"}, "key")
    if renewal == "dropped":
        assert codes(shop.sent(oak, oak.certificate(), "keys")) == {"key:renewed"}
    else:
        key = shop.key(oak, oak.fingerprint)
        assert key is not None
        update = updated(key.material.encode(), oak.certificate(), shop.now, 2048)
        assert update is not None
        with shop.changing() as clerk:
            clerk.renew(key, update[0])
    references = [transfer.upload.reference for transfer in (*held, ahead)]
    until(lambda: all(shop.transfer(r).state == "accepted" for r in references), "their release")
    for reference in references:
        delivered = shop.kinds(reference).count("delivered")
        # Counts of it may have been delivered, and taken back for those of the next file of the period.
        assert delivered - len(shop.transfer(reference).teams) in {0, 1}
        assert shop.kinds(reference).count("decided") == 2


def test_an_extension_by_a_clock_ahead_is_on_record_with_its_end() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with Gnupg() as gpg:
        gpg.make_key("Oak", expires="30d", at=now - timedelta(days=29))
        known = gpg.certificate("Oak")
        gpg.run("--quick-set-expire", gpg.fingerprint("Oak"), "2y", at=now + timedelta(hours=1))
        update = updated(known, gpg.certificate("Oak"), now, 2048)
    assert update is not None
    end = update[0].expires_at
    assert end is not None
    assert end > now + timedelta(days=700)


def test_a_key_that_its_owner_lets_expire_does_not_go_on_counting() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with Gnupg() as gpg:
        gpg.make_key("Oak", expires="2y", at=now - timedelta(days=29))
        known = gpg.certificate("Oak")
        gpg.run("--quick-set-expire", gpg.fingerprint("Oak"), "seconds=600", at=now - timedelta(hours=1))
        update = updated(known, gpg.certificate("Oak"), now, 2048)
    assert update is not None
    end = update[0].expires_at
    assert end is not None
    assert end < now
    assert updated(update[0].material.encode(), known, now, 2048) is None


def by_stubborn_software(shop: Workshop, school: School, signer: str = "") -> bytes:
    """A file signed without regard to the expiry of the school's key; by `signer`, in its name."""
    secret, named = (
        pgpy.PGPKey.from_blob(school.run("--armor", "--export-secret-keys", one or school.fingerprint))[0]
        for one in (signer, "")
    )
    message = pgpy.PGPMessage.new(fresh(), compression=CompressionAlgorithm.Uncompressed)
    message |= secret.sign(message, created=shop.now.replace(microsecond=0))
    data = bytes(message)
    for mine, theirs in (
        (str(secret.fingerprint), str(named.fingerprint)),
        (str(secret.fingerprint.keyid), str(named.fingerprint.keyid)),
    ):
        data = data.replace(bytes.fromhex(mine), bytes.fromhex(theirs))
    return Wrapping(shop.certificate.encode()).sealed(data)


def renew(school: School) -> None:
    """Extend an expired key as the guide says: its subkeys by name."""
    for more in ((), tuple(school.subkeys())):
        school.run("--quick-set-expire", school.fingerprint, "2y", *more)


def test_what_was_signed_after_the_old_date_waits_and_goes_on_too(shop: Workshop, school) -> None:
    """No certificate covers the moment of the signature; the renewed one vouches for it all the same."""
    oak: School = school("oak", expires="1d")
    shop.pass_time(days=2)
    late = shop.sent(oak, by_stubborn_software(shop, oak))
    assert (late.state, codes(late), late.waits_for) == ("held", {"open:key-expired"}, "key")
    assert late.data_type == "student-core"
    shop.pass_time(hours=1)
    renew(oak)
    assert codes(shop.sent(oak, oak.certificate(), "keys")) == {"key:renewed"}
    reference = late.upload.reference
    until(lambda: shop.transfer(reference).state == "accepted", "its release")
    assert codes(shop.transfer(reference)) == {"policy:allowed", "open:renewed-since"}
    assert "It has been renewed since" in " ".join(shop.receipt(reference).split())
    assert shop.kinds(reference).count("decided") == 2
    ordinary = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert codes(ordinary) == {"policy:allowed"}


def test_a_file_that_waited_long_for_its_key_is_not_too_old_then(shop: Workshop, school) -> None:
    """Its age counts when it lands: a school may renew its key after the summer."""
    policy, waits = shop.home.policies / "limits.toml", {"open:key-expired"}
    before, in_force = policy.read_text(), shop.home.policies_in_force
    policy.write_text(before.replace("signature_age_days = 90", "signature_age_days = 5"))
    enact(shop.home.root)
    until(lambda: shop.home.policies_in_force != in_force, "the edit to come into force")
    try:
        oak: School = school("oak", expires="1d")
        in_hand = [oak.sealed(fresh(), shop.certificate) for _ in range(2)]
        shop.pass_time(days=4)
        held = shop.sent(oak, in_hand[0])
        assert codes(held) == waits
        shop.pass_time(days=10)
        renew(oak)
        assert codes(shop.sent(oak, oak.certificate(), "keys")) == {"key:renewed"}
        reference = held.upload.reference
        until(lambda: codes(shop.transfer(reference)) not in (waits, set()), "its decision")
        assert shop.state(reference) == "accepted"
        assert codes(shop.sent(oak, in_hand[1])) == {"open:signature-date"}
    finally:
        policy.write_text(before)
        enact(shop.home.root)


def test_who_signs_in_the_name_of_an_expired_key_is_refused(shop: Workshop, school) -> None:
    """Neither expiry nor renewal lets in what another key signed."""
    oak: School = school("oak", expires="1d")
    other = oak.new_key()
    shop.pass_time(days=2)
    for verdict in ("expired", "renewed"):
        data = by_stubborn_software(shop, oak, signer=other)
        refused = shop.sent(oak, data)
        assert (refused.state, codes(refused)) == ("refused", {"open:bad-signature"}), verdict
        shop.pass_time(hours=1)
        renew(oak)
        shop.sent(oak, oak.certificate(), "keys")


def test_a_late_file_that_waits_for_something_else_keeps_saying_so(shop: Workshop, school) -> None:
    oak: School = school("oak", expires="1d", ratified=False)
    shop.pass_time(days=2)
    late = shop.sent(oak, by_stubborn_software(shop, oak))
    shop.pass_time(hours=1)
    renew(oak)
    shop.sent(oak, oak.certificate(), "keys")
    reference, waits = late.upload.reference, {"policy:agreement-not-ratified", "open:renewed-since"}
    until(lambda: codes(shop.transfer(reference)) == waits, "the next hold")
    assert shop.transfer(reference).waits_for == "ratification"
    shop.ratify_all(oak.name)
    until(lambda: shop.transfer(reference).state == "accepted", "its release")
    assert codes(shop.transfer(reference)) == {"policy:allowed", "open:renewed-since"}
    assert shop.kinds(reference).count("decided") == 3
