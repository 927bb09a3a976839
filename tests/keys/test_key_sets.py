"""Successors of the log's key and the pupils' key: what was proved stays proved, who was found is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.errors import ConfigurationError, Fault
from gateway.examiner.parent import Examiner
from gateway.home.settings import load_settings
from gateway.keys import rotation
from gateway.log.checkpoint import LogKey, checkpoint
from gateway.openpgp.sealer import clearsign
from gateway.passage import conclude, examine
from gateway.processor.claim import claim_waiting
from gateway.processor.service import open_registrar
from gateway.record.conclude import assignments
from gateway.registry import log, markers
from gateway.registry.tables import EventRow
from gateway.secrets import secret_files
from gateway.secrets.signing import Signing
from gateway.verify import verify_log, verify_receipts
from gateway.verify.verify_files import verify_receipt_files
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.school import School
from tests.waiting import until
from tests.workshop import Desk, Workshop, fresh

pytestmark = pytest.mark.needs("gpg")
LIST = "gateway-log-keys.asc"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with Workshop.at_work(tmp_path) as running:
        yield running


def rotate(shop: Workshop, *, lost: bool) -> None:
    rotation.rotate(
        shop.home,
        shop.registry,
        load_settings(shop.home),
        at=shop.now,
        until=None if lost else shop.now + timedelta(days=30),
        person="admin",
        every_key=True,
    )


def published(shop: Workshop, name: str) -> Path:
    return shop.home.published.common / "keys" / name


def receipt_of(shop: Workshop, school: School) -> Path:
    """Send a file, and return its receipt for machines."""
    reference = shop.sent(school, school.sealed(fresh(), shop.certificate)).upload.reference
    folder = shop.home.published.provider(school.name) / "receipts"
    until(lambda: list(folder.glob(f"*{reference}.json")), "the receipt")
    return next(folder.glob(f"*{reference}.json"))


def forged(shop: Workshop, size: int, stolen: LogKey, into: Path) -> Path:
    """Return a head of `size` entries that never was, signed with a key of the log."""
    origin = load_settings(shop.home).log_origin
    into.write_text(checkpoint(origin, size, bytes(32), stolen), "utf-8")
    return into


def said(paths: list[Path], certificates: str) -> list[str]:
    verdicts = verify_receipt_files(paths, certificates.encode())
    return [f"{each.good} {' '.join(each.lines)}" for each in verdicts]


@pytest.mark.long
@pytest.mark.parametrize("lost", [True, False])
def test_receipts_of_each_key_verify_with_the_list_of_keys(
    shop: Workshop, oak: School, tmp_path: Path, lost: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    old, first = shop.certificate, receipt_of(shop, oak)
    stolen = LogKey.load(secret_files.log_key(shop.home))
    rotate(shop, lost=lost)
    second, listed = receipt_of(shop, oak), published(shop, LIST)
    texts = [first.with_suffix(".txt"), second.with_suffix(".txt")]
    every = said([first, second, *texts, listed], old + shop.certificate)
    assert all(each.startswith("True") for each in every), every
    assert sum("may have been in wrong hands" in each for each in every) == (2 if lost else 0)
    # With nothing but Python, by the list alone; the key in use alone proves what it signed.
    arguments = [str(first), str(second), "--log-key"]
    assert verify_receipts.main([*arguments, str(listed)]) == 0
    assert verify_receipts.main([*arguments, str(published(shop, "gateway-log.vkey"))]) == 1
    # A continuation by the old key is told from the log, and so is a head from before the new one.
    last = verify_receipts.keys_in(listed.read_text("utf-8"))[0].last
    assert last is not None
    for size, key in ((last.size + 1, stolen), (last.size, stolen)):
        head = forged(shop, size, key, tmp_path / "head")
        assert verify_receipts.main([str(head), "--log-key", str(listed)]) == 1
        assert said([head, second, listed], shop.certificate)[-1].startswith("False")
    capsys.readouterr()
    assert "forgery" in " ".join(
        said([forged(shop, last.size + 1, stolen, tmp_path / "head"), listed], shop.certificate)
    )
    # A home shows no certificate that it has revoked: who was sent the first receipt has one.
    shop.gateway("receipts", "verify", str(second), *([] if lost else [str(first)]))
    assert "forgery" in shop.gateway("receipts", "verify", str(second), str(tmp_path / "head"), code=1)
    shop.gateway("log", "verify", "--sealed")
    shop.gateway("log", "verify", "--checkpoint", str(first), "--checkpoint", str(second))
    head = forged(shop, last.size + 1, stolen, tmp_path / "head")
    assert "forgery" in shop.gateway("log", "verify", "--checkpoint", str(head), code=1)


def test_an_exported_log_names_its_keys(shop: Workshop, oak: School, tmp_path: Path) -> None:
    first, before = receipt_of(shop, oak), published(shop, "gateway-log.vkey").read_text().strip()
    rotate(shop, lost=False)
    between = published(shop, "gateway-log.vkey").read_text().strip()
    shop.gateway("log", "export", str(tmp_path / "one"))
    # The old key vouches for the new one, so that who knows the old one alone can go on; the new one has
    # not signed yet, and anybody could name it in a log of their own.
    for known, code in ((before, 0), (between, 1)):
        assert verify_log.main([str(tmp_path / "one"), str(first), "--log-key", known]) == code
    rotate(shop, lost=True)
    shop.gateway("log", "export", str(tmp_path / "two"))
    for known in (before, between):
        assert verify_log.main([str(tmp_path / "two"), "--log-key", known]) == 1
    now = published(shop, "gateway-log.vkey").read_text().strip()
    assert verify_log.main([str(tmp_path / "two"), str(first), "--log-key", now]) == 0
    shop.gateway("log", "verify")


def test_nothing_is_put_on_record_with_the_key_before(shop: Workshop) -> None:
    old = Signing.load(shop.home, load_settings(shop.home))
    rotate(shop, lost=True)
    with suppress(Fault), shop.registry.write() as session:
        log.append(session, [log.Entry(kind="noted", subject="log")], shop.now)
        log.sign_head(session, old.log_key, old.origin, shop.now)
        pytest.fail("a head was signed with a key out of use")
    with pytest.raises(Fault), shop.registry.read() as session:
        log.check_key(session, old.vkey)


def test_a_list_signed_with_a_key_before_counts_for_nothing(
    shop: Workshop, oak: School, tmp_path: Path
) -> None:
    settings, old = load_settings(shop.home), shop.certificate
    thief = Signing.load(shop.home, settings)
    rotate(shop, lost=True)
    listed = published(shop, LIST).read_text("utf-8")
    text = listed.partition("\n\n")[2].partition("-----BEGIN")[0]
    false = tmp_path / "false.asc"
    false.write_text(
        clearsign(thief.openpgp, text.replace(text.split("log-key: ")[-1], f"{thief.vkey}\n")), "utf-8"
    )
    true = tmp_path / "true.asc"
    true.write_text(listed, "utf-8")
    head = forged(shop, 10_000, thief.log_key, tmp_path / "head")
    for files in ([false, head, true], [true, head, false]):
        assert not all(one.good for one in verify_receipt_files(files, (old + shop.certificate).encode()))
    assert receipt_of(shop, oak).exists()


@pytest.mark.long
@pytest.mark.parametrize("point", ["_record", "choose_signing_key", "forget_key_sets"])
def test_a_change_of_all_keys_goes_on_wherever_it_is_killed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    first = desk.send(oak, core(1))
    desk.process()

    def killed(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(rotation if point == "_record" else secret_files, point, killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(desk, lost=True)
    if point == "forget_key_sets":
        assert not rotation.finish(desk.home, desk.registry)
    else:
        rotate(desk, lost=True)
    assert len(list(desk.home.keys.glob("log*.pem"))) == 1
    assert len(list(desk.home.keys.glob("pupil-index*.key"))) == 1
    assert len(secret_files.secret_keys(desk.home)) == len(desk.gateway_keys())
    with desk.registry.read() as session:
        assert len(log.events(session, "log", kind="log-key-changed")) == 1
    second = desk.send(oak, core(2))
    desk.process()
    paths = [path for one in (first, second) for path in desk.receipts("oak", f"*{one}.json")]
    assert verify_receipts.main([*map(str, paths), "--log-key", str(published(desk, LIST))]) == 0
    assert found(desk, 1) == {first}
    desk.gateway("log", "verify")


def test_keys_in_wrong_hands_are_not_replaced_by_those_that_lay_beside_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    def names() -> set[str]:
        return {path.name for path in desk.home.keys.rglob("*.*") if path.suffix != ".lock"}

    def left_by(*, lost: bool) -> set[str]:
        before = names()
        with monkeypatch.context() as broken:
            broken.setattr(rotation, "_record", killed)
            with pytest.raises(KeyboardInterrupt):
                rotate(desk, lost=lost)
        return names() - before

    copied = left_by(lost=False)
    assert len(copied) == 3, "a key, and the key set"
    made_since = left_by(lost=True)
    assert made_since
    assert not copied & made_since
    rotate(desk, lost=True)
    kept = names()
    assert [name for name in copied & kept if not name.endswith(".asc")] == []
    assert made_since <= kept, "what was begun for the same cause is completed"
    assert {
        f"{secret_files.signing_fingerprint(desk.home)}.asc",
        f"log-{desk.home.key_set}.pem",
    } <= made_since
    desk.gateway("log", "verify")


def test_a_key_set_whose_removal_was_cut_off_is_not_used(desk: Desk) -> None:
    origin = load_settings(desk.home).log_origin
    before = LogKey.load(secret_files.log_key(desk.home)).vkey(origin)
    half = secret_files.key_set_of(secret_files.make_key_set(desk.home, origin, [before]))
    desk.home.pupil_key(half).unlink()
    rotate(desk, lost=False)
    assert desk.home.key_set not in {"", half}
    assert secret_files.pupil_key(desk.home)


def test_an_ordinary_rotation_asks_no_host_for_a_key_set_whose_removal_was_cut_off(desk: Desk) -> None:
    settings = load_settings(desk.home)
    rotate(desk, lost=False)
    in_use = LogKey.load(secret_files.log_key(desk.home)).vkey(settings.log_origin)
    first = secret_files.make_key_set(desk.home, settings.log_origin, [in_use])
    second = secret_files.make_key_set(desk.home, settings.log_origin, [in_use, first])
    half, whole = map(secret_files.key_set_of, (first, second))
    desk.home.pupil_key(half).unlink()
    rotation.rotate(
        desk.home, desk.registry, settings, at=desk.now, until=desk.now + timedelta(days=30), person="admin"
    )
    names = secret_files.key_file_names(desk.home)
    assert f"log-{half}" not in names
    assert {f"log-{whole}", f"log-{desk.home.key_set}"} <= {*names}
    assert desk.home.key_set == secret_files.key_set_of(in_use)
    desk.gateway("log", "verify")


def test_every_host_removes_the_key_set_that_was_to_follow_keys_in_wrong_hands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    before = set(desk.home.keys.rglob("*.*"))
    with monkeypatch.context() as broken:
        broken.setattr(rotation, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(desk, lost=False)
    made = {path: path.read_bytes() for path in desk.home.keys.rglob("*.*") if path not in before}
    made = {path: content for path, content in made.items() if path.suffix != ".lock"}
    assert len(made) == 5, "a key, two statements, and the key set"
    key_set = [path for path in made if path.suffix != ".asc"]
    with desk.registry.read() as session:
        assert len({*rotation.held(desk.home, session)} & told(made)) == 4
    rotate(desk, lost=True)
    with desk.registry.read() as session:
        asked_of_others = {*rotation.held(desk.home, session)}
    assert not asked_of_others & told(made), "hosts are not to hand it on to each other"
    assert asked_of_others

    def as_at_another_host() -> None:
        for path, content in made.items():
            path.write_bytes(content)

    as_at_another_host()
    rotation.finish(desk.home, desk.registry)
    assert not [path for path in key_set if path.exists()]
    as_at_another_host()
    rotate(desk, lost=False)
    assert not [path for path in key_set if path.exists()]
    assert secret_files.signing_fingerprint(desk.home) not in {path.stem for path in made}
    desk.gateway("log", "verify")


def test_a_statement_about_a_key_that_was_never_made_is_asked_of_no_host(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    def held() -> list[str]:
        with desk.registry.read() as session:
            return [name for name in rotation.held(desk.home, session) if "/" in name]

    before = held()
    with monkeypatch.context() as broken:
        broken.setattr(rotation, "_state_succession", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(desk, lost=False)
    made = {path.stem for path in (desk.home.keys / "statements").glob("*.asc")}
    assert len(made) == 2, "one is of no key"
    assert held() == before
    rotate(desk, lost=False)
    assert len(held()) > len(before)


def told(made: Iterable[Path]) -> set[str]:
    """The names by which hosts compare these key files."""
    return {f"{path.parent.name}/{path.stem[:16]}" if path.suffix == ".asc" else path.stem for path in made}


def test_a_key_set_whose_removal_was_cut_off_is_not_asked_of_other_hosts(desk: Desk) -> None:
    vkey = secret_files.make_key_set(desk.home, load_settings(desk.home).log_origin, [])
    half = secret_files.key_set_of(vkey)
    assert f"log-{half}" in secret_files.key_file_names(desk.home)
    desk.home.pupil_key(half).unlink()
    assert f"log-{half}" not in secret_files.key_file_names(desk.home)


def core(*pupils: int) -> bytes:
    return made.ctf(made.pupil(made.Child(one), made.CORE_INSIDE) for one in pupils).encode()


def found(desk: Desk, pupil: int) -> set[str]:
    said = json.loads(desk.gateway("pupils", "find", "--upn", made.Child(pupil).upn, "--json"))
    return {one["reference"] for one in said}


def test_children_are_found_marked_and_compared_as_before(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=THIS_YEAR), desk.provider("elm", years=THIS_YEAR)
    first = desk.send(oak, core(1, 2))
    held = desk.send(elm, f"UPN,Locker\n{made.Child(1).upn},blue\n".encode(), "lockers.csv.pgp")
    desk.process()
    desk.gateway("pupils", "restrict", *made.Child(2).asked, "--why", "order 7")
    desk.gateway("legal-holds", "place", "--upn", made.Child(1).upn, "--why", "claim")
    desk.gateway("pupils", "find", "--upn", made.Child(1).upn, "--why", "request 12")
    before = secret_files.pupil_key(desk.home)
    desk.gateway("keys", "gateway", "rotate", "--all")
    assert secret_files.pupil_key(desk.home)[: len(before)] == before != secret_files.pupil_key(desk.home)
    assert found(desk, 1) == {first, held}
    assert found(desk, 2) == {first}
    assert "request 12" in desk.gateway("pupils", "report", "--upn", made.Child(1).upn)
    assert "marked so already" in desk.gateway(
        "pupils", "restrict", *made.Child(2).asked, "--why", "x", code=1
    )
    # What comes now is digested alike: the marker covers it, and the two rolls of one pupil are compared.
    second = desk.send(elm, core(2))
    desk.process()
    assert found(desk, 2) == {first, second}
    with desk.registry.read() as session:
        (marker,) = markers.list_markers(session)
    assert marker.files == 2
    assert "two-rolls" in desk.gateway("discrepancies", "list", "--json")
    desk.gateway("keys", "gateway", "rotate", "--compromised")
    assert found(desk, 2) == {first, second}
    third = desk.send(elm, core(2, 3))
    desk.process()
    assert found(desk, 2) == {first, second, third}
    assert len(json.loads(desk.gateway("discrepancies", "list", "--json"))) == 1
    desk.gateway("log", "verify")


def test_a_file_read_before_the_change_is_read_again(desk: Desk) -> None:
    """Its digests, under the key before, never stand beside those under the new one."""
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = desk.land(oak, core(1))
    with open_registrar(desk.home, lambda: desk.now) as registrar:
        claim_waiting(registrar)
        (claimed,) = assignments(registrar, [reference], desk.now)
        with closing(Examiner(desk.home)) as examiner:
            examination = examine(claimed, examiner.examine, desk.now)
        desk.gateway("keys", "gateway", "rotate", "--all")
        with pytest.raises(Fault, match="key of the log"):
            conclude(registrar, [examination])
        assert conclude(registrar.with_new_keys(), [examination]) == {}
        assert conclude(registrar.with_new_keys(), [replace(examination, judged_by="")])


def test_no_other_key_takes_the_place_of_a_lost_one_that_children_are_on_record_by(desk: Desk) -> None:
    """With another one no marker would protect a child any more, and nobody would be told."""
    desk.provider("oak", years=THIS_YEAR)
    path = desk.home.pupil_key("")
    path.unlink()
    desk.process()  # Nothing is on record by it.
    desk.gateway("pupils", "restrict", *made.Child(2).asked, "--why", "order 7")
    kept = path.read_bytes()
    path.unlink()
    for start in (desk.process, lambda: rotate(desk, lost=True)):
        with pytest.raises(ConfigurationError, match="is missing: put it back"):
            start()
    assert not list(desk.home.keys.glob("pupil-index*"))
    path.write_bytes(kept)
    rotate(desk, lost=True)
    desk.process()


def test_doctor_tells_of_the_lost_key_of_the_index_though_the_log_is_damaged(desk: Desk) -> None:
    desk.send(desk.provider("oak", years=THIS_YEAR), core(1))
    desk.process()
    rotate(desk, lost=True)
    desk.home.pupil_key(desk.home.key_set).unlink()
    with desk.registry.write() as session:
        (changed,) = log.events(session, "log", kind="log-key-changed")
        fields = json.loads(changed.leaf) | {
            "fields": json.loads(changed.leaf)["fields"] | {"log_key": "none"}
        }
        altered = update(EventRow).where(EventRow.number == changed.number)
        session.connection().execute(altered.values(leaf=json.dumps(fields).encode()))
    said = " ".join(desk.gateway("doctor", code=1).split())
    assert "no child is found, and no marker protects one" in said
    assert "doctor could not look at the key set" in said


def test_a_change_of_the_logs_key_that_was_altered_is_named(desk: Desk) -> None:
    rotate(desk, lost=True)
    with desk.registry.write() as session:
        (changed,) = log.events(session, "log", kind="log-key-changed")
        altered = update(EventRow).where(EventRow.number == changed.number)
        session.connection().execute(altered.values(leaf=b"no entry"))
    for asked in (("log", "verify"), ("process", "--once")):
        assert "the log's entry about its new key was altered" in desk.gateway(*asked, code=1)


def test_doctor_tells_of_keys_that_are_not_those_of_the_log(desk: Desk) -> None:
    desk.gateway("keys", "gateway", "rotate", "--all")
    signing = desk.home.keys / "signing"
    chosen = signing.read_text("ascii")
    signing.write_text(chosen.partition("\n")[0] + "\n", "ascii")
    said = desk.gateway("doctor", "--all", code=1)
    assert "nothing can be put on record" in " ".join(said.split())
    assert "gateway keys gateway rotate" in said
    assert "nothing new was made" in desk.gateway("keys", "gateway", "rotate")
    assert signing.read_text("ascii") == chosen
    assert "nothing can be put on record" not in " ".join(desk.gateway("doctor", "--all").split())
