"""The gateway's own keys: from one to the next, with nothing lost on the way."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest

from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.home.settings import load_settings
from gateway.keys import rotation
from gateway.keys.reseal import destroy, reseal
from gateway.secrets import secret_files
from gateway.verify.verify_files import verify_receipt_files
from tests.commands import invoke
from tests.forking import forked
from tests.openpgp.gnupg import Gnupg, GnupgError
from tests.school import School
from tests.sealed import sealed_file
from tests.waiting import until
from tests.workshop import Workshop, codes, fresh

pytestmark = pytest.mark.needs("gpg")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """One for each test: there is one gateway key for all."""
    with Workshop.at_work(tmp_path) as running:
        yield running


def rotate(shop: Workshop, *, days: float | None = 30) -> rotation.Rotation:
    return rotation.rotate(
        shop.home,
        shop.registry,
        load_settings(shop.home),
        at=shop.now,
        until=None if days is None else shop.now + timedelta(days=days),
        person="admin",
    )


def published(shop: Workshop, name: str) -> Path:
    return shop.home.published.common / "keys" / name


def test_both_keys_open_and_the_receipt_says_which_to_use(shop: Workshop, oak: School) -> None:
    old = shop.certificate
    done = rotate(shop)
    assert shop.certificate != old
    assert shop.current() == done.current.fingerprint
    to_old = shop.sent(oak, oak.sealed(fresh(), old))
    to_new = shop.sent(oak, oak.sealed(fresh(), shop.certificate))
    assert (to_old.state, to_old.opened_by) == ("accepted", done.old.fingerprint)
    assert (to_new.state, to_new.opened_by) == ("accepted", done.current.fingerprint)
    assert "an old key of the gateway" in " ".join(shop.receipt(to_old.upload.reference).split())
    assert "an old key of the gateway" not in " ".join(shop.receipt(to_new.upload.reference).split())
    notice = next(text for text in shop.notices(oak) if "The GATEWAY has a new OpenPGP key" in text)
    assert done.current.fingerprint[:4].upper() in notice


def test_a_school_checks_the_succession_offline_with_gpg_alone(shop: Workshop, oak: School) -> None:
    old = shop.certificate
    with Gnupg() as school:
        school.run("--import", given=old.encode())
        for _ in range(2):
            rotate(shop)
            succession = published(shop, "gateway-succession.asc").read_bytes()
            school.run("--verify", given=succession)
            school.run("--import", given=school.run("--decrypt", given=succession))
            assert school.run("--with-colons", "--list-keys", shop.current())
            with pytest.raises(GnupgError):
                school.run("--verify", given=succession.replace(b"new-key: ", b"new-key: 0"))


def test_receipts_keep_verifying_with_the_certificate_of_their_time(shop: Workshop, oak: School) -> None:
    old, folder = shop.certificate, shop.home.published.provider(oak.name) / "receipts"
    first = shop.sent(oak, oak.sealed(fresh(), old)).upload.reference
    until(lambda: list(folder.glob(f"*{first}*")), "the first receipt")
    rotate(shop)
    second = shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference
    until(lambda: list(folder.glob(f"*{second}.json")), "the second receipt")
    both = (old + shop.certificate).encode()
    for reference, right, wrong in ((first, old, shop.certificate), (second, shop.certificate, old)):
        for path in folder.glob(f"*{reference}*"):
            assert verify_receipt_files([path], right.encode())[0].good, path
            assert not verify_receipt_files([path], wrong.encode())[0].good, path
            assert verify_receipt_files([path], both)[0].good, path
    assert published(shop, f"gateway-{_fingerprint(old)[:16]}.asc").read_text() == old


def _fingerprint(certificate: str) -> str:
    return pysequoia.Cert.from_bytes(certificate.encode()).fingerprint


def test_after_its_day_the_old_key_opens_what_came_before_and_nothing_since(
    shop: Workshop, oak: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = shop.certificate
    done = rotate(shop, days=5)
    early, late = oak.sealed(fresh(), old), oak.sealed(fresh(), old)
    real = Examiner.examine
    weekend = [True]

    def closed(self, job):
        if weekend:
            raise Fault("nobody is here")
        return real(self, job)

    monkeypatch.setattr(Examiner, "examine", closed)
    reference = shop.land(oak, early)
    until(lambda: shop.kinds(reference) == ["landed"], "it to land")
    shop.pass_time(days=6)
    until(lambda: shop.key(oak, done.old.fingerprint).state == "retired", "its day to come")
    weekend.clear()
    shop.process(reference)
    assert shop.transfer(reference).state == "accepted"
    since = shop.sent(oak, late)
    assert (since.state, codes(since)) == ("refused", {"open:not-for-us"})


def test_a_key_in_wrong_hands_ends_at_once_and_vouches_for_nobody(shop: Workshop, oak: School) -> None:
    old = shop.certificate
    done = rotate(shop, days=None)
    assert (done.old.state, done.old.revocation) == ("revoked", "hard")
    assert not published(shop, "gateway-succession.asc").exists()
    refused = shop.sent(oak, oak.sealed(fresh(), old))
    assert codes(refused) == {"open:not-for-us"}
    assert shop.sent(oak, oak.sealed(fresh(), shop.certificate)).state == "accepted"
    assert any("do not trust what it signs" in " ".join(text.split()) for text in shop.notices(oak))


class Cut(BaseException):
    """As if the power went."""


STEPS = [
    (secret_files, "write_secret", 1),
    (secret_files, "write_secret", 2),
    (secret_files, "write_secret", 3),
    (rotation, "sign_head", 1),
    (rotation, "finish", 2),
    (rotation, "publish_all", 1),
]


@pytest.mark.long
def test_cut_off_anywhere_both_keys_work_and_the_next_attempt_finishes(shop: Workshop, oak: School) -> None:
    """Right before each step that leaves a mark; right after one is right before the next."""
    for module, name, nth in STEPS:
        before, known = shop.certificate, len(shop.gateway_keys())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, cut_off_at(getattr(module, name), nth))
            with pytest.raises(Cut):
                rotate(shop)
        assert all_open(shop, oak, {before, shop.certificate}), (name, nth)
        if len(shop.gateway_keys()) == known:
            rotate(shop)
        until(lambda: shop.certificate != before, "the processor to finish it")  # noqa: B023 - at once
        assert all_open(shop, oak, {before, shop.certificate}), (name, nth)
        assert len(shop.gateway_keys()) == known + 1, (name, nth)
        assert {path.stem for path in secret_files.secret_keys(shop.home)} == {
            key.fingerprint for key in shop.gateway_keys()
        }, "something was left lying about"
        assert [key.state for key in shop.gateway_keys()].count("active") == 1


def all_open(shop: Workshop, oak: School, certificates: set[str]) -> bool:
    """Whether files sealed to each of these are accepted, sent together."""
    references = [shop.land(oak, oak.sealed(fresh(), certificate)) for certificate in certificates]
    shop.process(*references)
    return {shop.transfer(reference).state for reference in references} == {"accepted"}


def test_what_is_on_record_is_finished_and_not_done_again(tmp_path: Path) -> None:
    shop = Workshop.at_work(tmp_path)  # Nobody is at work in it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "finish", cut_off_at(rotation.finish, 2))
        with pytest.raises(Cut):
            rotate(shop)
    first, second = shop.gateway_keys()
    assert shop.current() == first.fingerprint
    done = rotate(shop)
    assert done.resumed
    assert (done.old.fingerprint, done.current.fingerprint) == (first.fingerprint, second.fingerprint)
    assert shop.current() == second.fingerprint
    assert shop.certificate == second.material
    shop.registry.close()


def test_keys_in_wrong_hands_end_though_another_change_was_cut_off_before(tmp_path: Path) -> None:
    shop = Workshop.at_work(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "finish", cut_off_at(rotation.finish, 2))
        with pytest.raises(Cut):
            rotate(shop)
    ended = [key.fingerprint for key in shop.gateway_keys()]
    done = invoke(shop.home.root, "keys", "gateway", "rotate", "--compromised")
    assert done.exit_code == 0, done.output
    revoked = [key.fingerprint for key in shop.gateway_keys() if key.revocation == "hard"]
    assert revoked == ended
    assert shop.current() not in ended
    again = invoke(shop.home.root, "keys", "gateway", "rotate", "--compromised")
    assert "the log has another key" in again.output
    shop.registry.close()


def cut_off_at(real, nth: int):
    """`real`, but for the nth call by this thread: the processor of the shop goes on."""
    calls: list[int] = []
    mine = threading.get_ident()

    def cut(*args, **kwargs):
        if threading.get_ident() == mine:
            calls.append(nth)
            if len(calls) == nth:
                raise Cut
        return real(*args, **kwargs)

    return cut


@pytest.mark.long
def test_a_stored_file_comes_to_open_with_the_new_key_and_stays_as_it_was_sent(
    shop: Workshop, oak: School
) -> None:
    old = shop.certificate
    accepted = shop.sent(oak, content_sealed := oak.sealed(content := fresh(), old))
    refused = shop.sent(
        oak, oak.gpg.run("--encrypt", "--recipient-file", str(oak.gpg.home / "gateway.asc"), given=b"x")
    )
    assert refused.state == "refused"
    first = rotate(shop, days=1)
    shop.pass_time(days=2)
    until(lambda: shop.key(oak, first.old.fingerprint).state == "retired", "its day to come")
    with pytest.raises(GatewayError, match="2 files still need"):
        destroy(shop.home, shop.registry, first.old.fingerprint, at=shop.now, person="admin")
    one = reseal(shop.home, shop.registry, limit=1)
    assert (one["kept"], one["left"]) == (1, 1)
    with pytest.raises(GatewayError, match="1 file still needs"):
        destroy(shop.home, shop.registry, first.old.fingerprint, at=shop.now, person="admin")
    seen: list[tuple[int, int]] = []
    rest = reseal(shop.home, shop.registry, limit=None, progress=lambda *at: seen.append(at))
    assert (rest["kept"], rest["left"], rest["failed"], seen) == (1, 0, 0, [(1, 1)])
    assert one["proved"] + rest["proved"] == 1
    destroy(shop.home, shop.registry, first.old.fingerprint, at=shop.now, person="admin")
    assert not secret_files.secret_key_file(shop.home, first.old.fingerprint).exists()
    assert reopened(shop, accepted) == content
    assert sealed_file(shop.home, accepted.upload.reference).read_bytes() == content_sealed
    second = rotate(shop, days=None)  # And once more, from session key to session key.
    with pytest.raises(GatewayError, match="2 files still need"):
        destroy(shop.home, shop.registry, second.old.fingerprint, at=shop.now, person="admin")
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 2
    destroy(shop.home, shop.registry, second.old.fingerprint, at=shop.now, person="admin")
    assert reopened(shop, accepted) == content
    assert shop.kinds(first.old.fingerprint)[-2:] == ["key-retired", "key-destroyed"]


def test_a_damaged_session_key_is_told_of_and_made_again(shop: Workshop, oak: School) -> None:
    accepted = shop.sent(oak, oak.sealed(content := fresh(), shop.certificate))
    old = rotate(shop, days=1).old
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1
    shop.gateway("log", "verify", "--sealed")
    session = sealed_file(shop.home, accepted.upload.reference).with_suffix(".session")
    lines = session.read_text("ascii").splitlines()
    lines[-3] = lines[-3].swapcase()
    session.write_text("\n".join(lines), "ascii")
    assert "its session key is damaged" in shop.gateway("log", "verify", "--sealed", code=1)
    shop.pass_time(days=2)
    until(lambda: shop.key(oak, old.fingerprint).state == "retired", "its day to come")
    with pytest.raises(GatewayError, match="1 file still needs"):
        destroy(shop.home, shop.registry, old.fingerprint, at=shop.now, person="admin")
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1
    shop.gateway("log", "verify", "--sealed")
    destroy(shop.home, shop.registry, old.fingerprint, at=shop.now, person="admin")
    assert reopened(shop, accepted) == content


def test_a_key_that_is_not_there_is_asked_for_and_no_session_key_is_written_over(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    accepted = shop.sent(oak, oak.sealed(content := fresh(), shop.certificate))
    done = rotate(shop, days=None)
    first, second = done.old.fingerprint, done.current.fingerprint
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1
    destroy(shop.home, shop.registry, first, at=shop.now, person="admin")
    rotate(shop)
    path = secret_files.secret_key_file(shop.home, second)
    path.rename(tmp_path / "away")
    said = " ".join(shop.gateway("log", "verify", "--sealed", code=1).split())
    assert f"needs the gateway's key {second}" in said
    assert "bring the key back" in said
    assert "damaged" not in said
    assert reseal(shop.home, shop.registry, limit=None)["failed"] == 1
    (tmp_path / "away").rename(path)
    shop.gateway("log", "verify", "--sealed")
    assert reopened(shop, accepted) == content


def test_a_file_that_fails_keeps_no_other_file_from_being_resealed(shop: Workshop, oak: School) -> None:
    sent = [shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference for _ in range(3)]
    for one in sorted(sent)[:2]:
        damaged = sealed_file(shop.home, one)
        damaged.write_bytes(damaged.read_bytes()[:-10])
    rotate(shop, days=None)
    seen: list[tuple[int, int]] = []
    done = reseal(shop.home, shop.registry, limit=1, progress=lambda *at: seen.append(at))
    assert (done["kept"], done["failed"], done["left"]) == (1, 2, 0)
    assert seen == [(1, 2), (2, 3), (3, 3)]


def test_files_whose_key_is_away_come_last_and_one_that_no_key_opens_is_settled(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    sent = [shop.sent(oak, oak.sealed(fresh(), shop.certificate)) for _ in range(2)]
    damaged = max(transfer.upload.reference for transfer in sent)
    done = rotate(shop, days=None)
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 2
    destroy(shop.home, shop.registry, done.old.fingerprint, at=shop.now, person="admin")
    sealed_file(shop.home, damaged).with_suffix(".session").write_text("damaged", "ascii")
    rotate(shop)
    path = secret_files.secret_key_file(shop.home, done.current.fingerprint)
    path.rename(tmp_path / "away")
    first = reseal(shop.home, shop.registry, limit=1)
    assert (first["unopenable"], first["failed"], first["left"]) == (1, 0, 1)
    second = reseal(shop.home, shop.registry, limit=None)
    assert (second["unopenable"], second["failed"], second["left"]) == (0, 1, 0)
    (tmp_path / "away").rename(path)
    shop.gateway("log", "verify", "--sealed")
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1


def test_a_file_whose_own_key_is_away_heals_when_that_is_back(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    accepted = shop.sent(oak, oak.sealed(content := fresh(), shop.certificate))
    first = rotate(shop, days=None).old.fingerprint
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1
    sealed_file(shop.home, accepted.upload.reference).with_suffix(".session").write_text("damaged", "ascii")
    path = secret_files.secret_key_file(shop.home, first)
    path.rename(tmp_path / "away")
    away = reseal(shop.home, shop.registry, limit=None)
    assert (away["unopenable"], away["failed"]) == (0, 1)
    (tmp_path / "away").rename(path)
    with pytest.raises(GatewayError, match="1 file still needs"):
        destroy(shop.home, shop.registry, first, at=shop.now, person="admin")
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 1
    destroy(shop.home, shop.registry, first, at=shop.now, person="admin")
    assert reopened(shop, accepted) == content


def test_no_file_whose_own_key_is_away_keeps_another_from_its_turn(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    away, _ = sorted(shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference for _ in "ab")
    first = rotate(shop, days=None).old.fingerprint
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 2
    rotate(shop)
    sealed_file(shop.home, away).with_suffix(".session").write_text("damaged", "ascii")
    secret_files.secret_key_file(shop.home, first).rename(tmp_path / "away")
    assert reseal(shop.home, shop.registry, limit=1) == {"kept": 1, "proved": 1, "left": 1}
    assert reseal(shop.home, shop.registry, limit=1)["failed"] == 1


def test_a_file_that_opens_as_received_waits_for_none_whose_key_is_away(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    lost, own = sorted(shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference for _ in "ab")
    done = rotate(shop, days=None)
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 2
    rotate(shop, days=None)
    sealed_file(shop.home, lost).write_bytes(b"damaged")
    secret_files.secret_key_file(shop.home, done.current.fingerprint).rename(tmp_path / "away")
    assert reseal(shop.home, shop.registry, limit=1)["kept"] == 1
    assert sealed_file(shop.home, own).with_suffix(".session").exists()


def test_a_file_with_a_damaged_session_key_keeps_no_other_from_its_turn(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    lost, own = sorted(shop.sent(oak, oak.sealed(fresh(), shop.certificate)).upload.reference for _ in "ab")
    done = rotate(shop, days=None)
    assert reseal(shop.home, shop.registry, limit=None)["kept"] == 2
    rotate(shop, days=None)
    content = bytearray(sealed_file(shop.home, lost).read_bytes())
    content[40] ^= 1
    sealed_file(shop.home, lost).write_bytes(content)
    sealed_file(shop.home, own).with_suffix(".session").unlink()
    secret_files.secret_key_file(shop.home, done.current.fingerprint).rename(tmp_path / "away")
    assert reseal(shop.home, shop.registry, limit=1)["kept"] == 1
    assert reseal(shop.home, shop.registry, limit=1)["failed"] == 1


def reopened(shop: Workshop, transfer) -> bytes:
    with forked(), closing(Examiner(shop.home)) as examiner:
        request = Reopen(reference=transfer.upload.reference, sha256=transfer.content_sha256)
        descriptor, _ = examiner.reopen(request)
    with os.fdopen(descriptor, "rb") as content:
        data = content.read()
    assert hashlib.sha256(data).hexdigest() == transfer.content_sha256
    return data


@pytest.mark.long
def test_a_key_is_not_destroyed_while_it_counts_or_something_waits(
    shop: Workshop, oak: School, school
) -> None:
    elm: School = school("elm", expires="3d")
    old, waiting = shop.certificate, elm.sealed(fresh(), shop.certificate)
    with pytest.raises(GatewayError, match="only a key out of use"):
        destroy(shop.home, shop.registry, shop.current(), at=shop.now, person="admin")
    done = rotate(shop, days=10)
    with pytest.raises(GatewayError, match="only a key out of use"):
        destroy(shop.home, shop.registry, done.old.fingerprint, at=shop.now, person="admin")
    shop.pass_time(days=4)
    held = shop.sent(elm, waiting)
    assert held.waits_for == "key"
    shop.pass_time(days=8)
    until(lambda: shop.key(oak, done.old.fingerprint).state == "retired", "its day to come")
    reseal(shop.home, shop.registry, limit=None)
    with pytest.raises(GatewayError, match="1 file still needs"):
        destroy(shop.home, shop.registry, done.old.fingerprint, at=shop.now, person="admin")
    elm.extend()
    assert codes(shop.sent(elm, elm.certificate(), "keys")) == {"key:renewed"}
    shop.process(held.upload.reference)
    assert shop.transfer(held.upload.reference).state == "accepted"
    destroy(shop.home, shop.registry, done.old.fingerprint, at=shop.now, person="admin")
    assert old != shop.certificate


@pytest.mark.long
@pytest.mark.parametrize("engine", [pytest.param("sop", marks=pytest.mark.needs("sqop")), "embedded"])
def test_either_engine_opens_by_session_key(shop: Workshop, oak: School, engine: str) -> None:
    text = shop.home.settings.read_text().replace('engine = "auto"', f'engine = "{engine}"')
    shop.home.settings.write_text(text)
    transfer = shop.sent(oak, oak.sealed(content := fresh(), shop.certificate))
    done = rotate(shop, days=None)
    assert reseal(shop.home, shop.registry, limit=None)["proved"] == 1
    destroy(shop.home, shop.registry, done.old.fingerprint, at=shop.now, person="admin")
    assert reopened(shop, transfer) == content
