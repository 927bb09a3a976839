"""A certificate that runs out: warnings in time, then files wait, and a renewed one lets them go on."""

from __future__ import annotations

import pgpy
import pytest

from gateway.keyfile import updated
from tests.gateway_site import until
from tests.keys.workshop import School, Workshop, codes, fresh

pytestmark = pytest.mark.needs("gpg")


def test_warnings_come_in_time_and_once(shop: Workshop, school) -> None:
    oak: School = school("oak", expires="65d")
    first = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert "expires in" not in " ".join(shop.receipt(first.upload.reference).split())
    assert shop.notices(oak) == []
    heard = []
    for days, left in ((6, 59), (30, 29), (16, 13), (7, 6), (5, 1)):
        shop.later(days=days)
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
    shop.later(days=11)
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
            clerk.renew(key, update.new)
    references = [transfer.upload.reference for transfer in (*held, ahead)]
    until(lambda: all(shop.transfer(r).state == "accepted" for r in references), "their release")
    for reference in references:
        assert shop.events(reference).count("delivered") == len(shop.transfer(reference).teams)
        assert shop.events(reference).count("decided") == 2


def test_what_a_renewal_cannot_cure_is_refused_in_the_end(shop: Workshop, school) -> None:
    """Signed after the old date and before the new one was set: no certificate ever covers it."""
    oak: School = school("oak", expires="1d")
    secret, _ = pgpy.PGPKey.from_blob(oak.run("--armor", "--export-secret-keys", oak.fingerprint))
    shop.later(days=2)
    message = pgpy.PGPMessage.new(fresh())
    message |= secret.sign(message, created=shop.now.replace(microsecond=0))
    gateway, _ = pgpy.PGPKey.from_blob(shop.certificate)
    transfer = shop.sent(oak, bytes(gateway.encrypt(message)))
    assert (transfer.state, codes(transfer), transfer.waits_for) == ("held", {"open:key-expired"}, "key")
    shop.later(hours=1)
    for more in ((), ("*",)):
        oak.run("--quick-set-expire", oak.fingerprint, "2y", *more)
    assert codes(shop.sent(oak, oak.certificate(), "keys")) == {"key:renewed"}
    reference = transfer.upload.reference
    until(lambda: shop.transfer(reference).state == "refused", "the end of it")
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate)).state == "accepted"
