"""Whatever registry, store and way of working a gateway has, the same comes of the same.

Each case runs in every way; what it came to is held against what is expected, and, whole, against the others.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pysequoia
import pytest

from gateway.model import Folder
from gateway.publish.on_request import is_events
from gateway.samples import make
from gateway.verify.verify_files import verify_receipt_files
from tests.classify import made
from tests.content import census, core_data, core_data_and_telephones
from tests.registry.cluster import Cluster
from tests.store.outcomes import (
    deletions,
    differences,
    entries,
    kinds,
    listed,
    masked,
    notices,
    outcome,
    outcomes,
    settled,
    standing,
    stored,
)
from tests.store.servers import Server
from tests.store.ways import WAYS, Origin, Way

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster")]
Same = Callable[[object], None]
TEAM = "central-data-team"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    made = Origin.made(tmp_path_factory.mktemp("origin"))
    yield made
    made.desk.close()


@pytest.fixture(scope="module", params=WAYS)
def way(
    request: pytest.FixtureRequest,
    origin: Origin,
    tmp_path_factory: pytest.TempPathFactory,
    cluster: Cluster,
    weed: Server,
) -> Iterator[Way]:
    """A gateway at work, for all cases."""
    made = Way.begun(request.param, origin, tmp_path_factory.mktemp("way"), cluster, weed)
    made.start()
    yield made
    made.stop()
    made.desk.close()


@pytest.fixture(scope="module")
def came_to() -> dict[str, tuple[str, object]]:
    """By case, the first way in which it ran, and what it came to there."""
    return {}


@pytest.fixture
def same(request: pytest.FixtureRequest, way: Way, came_to: dict[str, tuple[str, object]]) -> Same:
    """Fails where a case came to anything else in another way."""

    def check(found: object) -> None:
        other, before = came_to.setdefault(request.node.originalname, (way.name, found))
        found_different = differences(found, before)
        assert not found_different, "\n".join([f"{way.name} is not as {other}:", *found_different])

    return check


def short(way: Way, reference: str) -> tuple[str, list[str], str]:
    """State, codes, and what lies in the store."""
    return way.desk.state(reference), way.desk.codes(reference), stored(way, reference)


def test_an_accepted_file(way: Way, same: Same) -> None:
    sent = way.sent("oak", way.seal("oak", core_data(101, 3)))
    assert short(way, sent) == ("accepted", ["policy:allowed"], "as it was sent")
    assert next(kind for kind in way.desk.kinds(sent) if kind != "landed") == "decided"
    same(outcome(way, sent))


def test_a_file_that_is_sent_again(way: Way, same: Same) -> None:
    sealed = way.seal("oak", core_data(102, 2))
    first, again = way.sent("oak", sealed), way.sent("oak", sealed)
    assert short(way, again) == ("refused", ["open:replayed"], "as it was sent")
    assert first in way.desk.transfer(again).reasons[0].sentence
    same(outcomes(way, first, again))


def refusals(way: Way) -> dict[str, tuple[bytes, Folder]]:
    """Of each kind one: what is sent, and the folder it is put into."""
    fir = way.origin.parties["fir"]
    content = {code: core_data(seed, 1) for seed, code in enumerate(("damaged", "wrong", "not"), 110)}
    estimates = make("fft-aspire", "csv-estimates", rng=random.Random(110), pupils=2)
    return {
        "open:damaged": (way.seal("fir", content["damaged"])[:-20], "in"),
        "open:empty": (b"", "in"),
        "open:not-encrypted": (b"UPN,Surname\nA1,Nobody\n", "in"),
        "open:not-for-us": (way.seal("fir", content["not"], to=fir.certificate.read_text()), "in"),
        "open:not-signed": (way.seal("fir", content["not"], signer=""), "in"),
        "open:wrong-signer": (way.seal("fir", content["wrong"], signer="yew"), "in"),
        "classify:malformed": (way.seal("fir", b"<CTfile><Pupil>"), "in"),
        "policy:sender-not-in-flow": (way.seal("fir", estimates), "in"),
        "key:not-a-key": (way.seal("fir", b"no key of anybody"), "keys"),
        "key:wrong-signer": (way.seal("fir", fir.certificate.read_bytes(), signer="yew"), "keys"),
        "agreement:other-text": (way.seal("fir", b"Another agreement."), "agreement"),
        "agreement:not-signed": (way.desk.certificate.encode(), "agreement"),
    }


def test_each_kind_of_refusal(way: Way, same: Same) -> None:
    wanted = refusals(way)
    sent = {code: way.put("fir", data, f"{n}.pgp", to) for n, (code, (data, to)) in enumerate(wanted.items())}
    way.desk.process(*sent.values())
    assert {code: short(way, one)[:2] for code, one in sent.items()} == {
        code: ("refused", [code]) for code in wanted
    }
    same(outcomes(way, *sent.values()))


def test_a_file_whose_key_was_revoked(way: Way, same: Same) -> None:
    sealed, party = way.seal("yew", core_data(120, 1)), way.origin.parties["yew"]
    fingerprint = party.openpgp.extract_certificate().fingerprint
    way.asked("keys", "revoke", "yew", fingerprint, "--why", "a stolen laptop")
    sent = way.sent("yew", sealed)
    assert short(way, sent)[:2] == ("refused", ["open:key-revoked"])
    same([outcome(way, sent), notices(way, "yew"), entries(way, fingerprint.lower())])


def test_a_held_file_and_its_release_by_two_people(way: Way, same: Same) -> None:
    sent = way.sent("larch", way.seal("larch", core_data(130, 2)))
    assert short(way, sent) == ("held", ["policy:agreement-not-ratified"], "as it was sent")
    held = outcome(way, sent)
    way.asked("held", "release", sent, "--why", "a tribunal", "--override", by="jane")
    assert "somebody else" in way.asked("held", "confirm", sent, "--why", "x", by="jane", code=1)
    way.asked("held", "confirm", sent, "--why", "read the order", by="sam")
    assert short(way, sent)[:2] == (
        "accepted",
        ["person:released-against-policy", "policy:agreement-not-ratified"],
    )
    same([held, outcome(way, sent)])


def test_what_waits_for_the_agreement_goes_on_by_itself(way: Way, same: Same) -> None:
    sent, unknown = (
        way.put("birch", way.seal("birch", content), name)
        for name, content in (
            ("core.xml.pgp", core_data(131, 2)),
            ("notes.pgp", b"nothing that anybody knows\n"),
        )
    )
    way.desk.process(sent, unknown)
    assert [way.desk.state(one) for one in (sent, unknown)] == ["held", "held"]
    way.asked("agreement", "ratify", "birch", "--signatory", "The Head")
    way.asked("held", "refuse", unknown, "--why", "it is a letter")
    assert [way.desk.state(one) for one in (sent, unknown)] == ["accepted", "refused"]
    assert way.desk.codes(unknown)[0] == "person:refused"
    same([outcomes(way, sent, unknown), entries(way, "birch")])


def test_a_team_collects_its_view(way: Way, same: Same) -> None:
    content = core_data_and_telephones(140, 3)
    sent = way.sent("ash", way.seal("ash", content))
    assert way.desk.state(sent) == "accepted", way.desk.codes(sent)
    shown, left_out = way.collected(TEAM, sent)
    assert shown != hashlib.sha256(content).hexdigest()
    assert left_out
    assert way.desk.kinds(sent)[-2:] == ["collected", "dealt-with"]
    same([shown, left_out, outcome(way, sent)])


def test_a_file_that_is_withdrawn_and_delivered_again(way: Way, same: Same) -> None:
    sent, other = (way.sent("ilex", way.seal("ilex", core_data(seed, 2))) for seed in (150, 151))
    for one in (sent, other):
        way.asked("transfers", "withdraw", one, "--why", "the wrong authority", by="jane")
        assert short(way, one) == ("held", ["person:withdrawn"], "as it was sent")
    withdrawn = outcome(way, sent)
    assert withdrawn["deliveries"] == []
    way.asked("transfers", "redeliver", sent, "--why", "it was right", by="jane", code=1)
    way.asked("transfers", "redeliver", sent, "--why", "it was right", by="sam")
    way.asked("transfers", "confirm", other, "--why", "the school says so", by="sam")
    assert (way.desk.codes(sent), way.desk.codes(other)) == (
        ["person:redelivered"],
        ["person:withdrawn-for-good"],
    )
    told = listed(way, "notices", "list")
    assert len(told) == 3
    same([withdrawn, outcomes(way, sent, other), told])


def test_a_file_that_takes_the_place_of_another(way: Way, same: Same) -> None:
    first, second = (way.sent("rowan", way.seal("rowan", census(160, pupils))) for pupils in (2, 3))
    shown = [json.loads(way.asked("transfers", "show", one, "--json")) for one in (first, second)]
    assert (shown[0]["superseded_by"], shown[1]["replaces"]) == (second, first)
    assert f"This file replaces {first}" in way.desk.receipt(second)
    same([outcomes(way, first, second), masked(way, shown)])


def test_a_pupil_on_the_rolls_of_two_schools(way: Way, same: Same) -> None:
    rolls = {
        "alder": [made.pupil(made.Child(number), made.CORE_INSIDE) for number in (3, 1)],
        "hazel": [made.pupil(made.Child(number), made.CORE_INSIDE) for number in (1, 2)],
    }
    sent = [way.sent(name, way.seal(name, made.ctf(roll).encode())) for name, roll in rolls.items()]
    found = listed(way, "discrepancies", "list")
    assert [(one["kind"], one["providers"]) for one in found] == [("two-rolls", ["alder", "hazel"])]
    told = [notices(way, name) for name in rolls]
    assert [len(each) for each in told] == [1, 1]
    way.asked("discrepancies", "resolve", "1", "--why", "dual registration")
    same([outcomes(way, *sent), found, told, entries(way, "discrepancies")])


def test_a_provider_gets_its_copy_of_what_is_about_it(way: Way, same: Same) -> None:
    estimates = make("fft-aspire", "csv-estimates", rng=random.Random(170), pupils=3)
    sent = way.sent("fft", way.seal("fft", estimates))
    found = outcome(way, sent)
    (copy,) = (way.desk.home.published.provider("juniper") / "out").glob("[!.]*")
    gateway = pysequoia.Cert.from_bytes(way.desk.certificate.encode())
    reader = way.origin.parties["juniper"].openpgp.decryptor()
    opened = pysequoia.decrypt(bytes=copy.read_bytes(), decryptor=reader, store=lambda _: [gateway])
    assert (opened.bytes, len(opened.valid_sigs)) == (estimates, 1)
    assert sum("/out/" in name for name in found["door"]) == 1
    same(found)


def test_a_nil_return_and_a_declaration(way: Way, same: Same) -> None:
    way.asked("flows", "nil", "maple", "exclusions", "--why", "there were none")
    way.asked("flows", "expect", "maple", "ks1", "no", "--why", "a junior school")
    post = ("declarations", "add", "--method", "post", "--provider", "maple", "--data", "safeguarding")
    way.asked(*post, code=1)
    safe = ("special-delivery", "return-address", "addressee-only")
    way.asked(*post, *(option for one in safe for option in ("--safeguard", one)))
    exceptions, declared = listed(way, "flows", "exceptions"), listed(way, "declarations", "list")
    assert [one["what"] for one in exceptions] == ["nil", "not-expected"]
    assert sorted(one["state"] for one in declared) == ["accepted", "refused"]
    settled(way)
    names = sorted(path.name.partition(".")[0] for path in way.desk.receipts("maple", "*"))
    same([exceptions, declared, names, entries(way, "maple")])


def test_a_new_key_of_a_provider_waits_for_somebody(way: Way, same: Same) -> None:
    sent = way.sent("cedar", way.seal("cedar", way.origin.spare.ssh_public.read_bytes()), "new.pub", "keys")
    assert short(way, sent)[:2] == ("held", ["key:pending"])
    held = outcome(way, sent)
    (new,) = [
        one for one in json.loads(way.asked("keys", "list", "cedar", "--json")) if one["state"] == "pending"
    ]
    way.asked("keys", "confirm", "cedar", new["fingerprint"])
    assert short(way, sent)[:2] == ("accepted", ["key:in-force"])
    line = way.origin.spare.ssh_public.read_text().split()[1]
    assert line in (way.desk.home.published.provider("cedar") / "authorized_keys").read_text()
    same([held, outcome(way, sent), notices(way, "cedar"), entries(way, new["fingerprint"])])


def test_a_file_sealed_to_a_key_of_the_gateway_that_has_a_successor(way: Way, same: Same) -> None:
    old = way.desk.certificate
    before = way.sent("oak", way.seal("oak", core_data(180, 1)))
    way.asked("keys", "gateway", "rotate")
    assert way.desk.certificate != old
    to_old = way.put("oak", way.seal("oak", core_data(181, 1), to=old))
    to_new = way.put("elm", way.seal("elm", core_data(182, 1)))
    way.desk.process(to_old, to_new)
    keys = [one.fingerprint for one in way.desk.gateway_keys() if one.kind == "openpgp"]
    opened = [way.desk.transfer(one).opened_by for one in (before, to_old, to_new)]
    assert opened == [keys[0], keys[0], keys[1]]
    assert way.desk.current() == keys[1]
    assert [way.desk.state(one) for one in (to_old, to_new)] == ["accepted", "accepted"]
    assert "an old key of the gateway" in way.desk.receipt(to_old)
    way.asked("keys", "gateway", "reseal")
    stands = [stored(way, one) for one in (before, to_old, to_new)]
    assert stands == ["as it was sent and a session key"] * 2 + ["as it was sent"]
    same([outcomes(way, to_old, to_new), notices(way, "oak")])


def clean(way: Way) -> None:
    assert "everything fits" in way.asked("log", "verify", "--sealed")
    found = json.loads(way.asked("doctor", "--deep", "--json"))
    assert [one["what"] for one in found if one["severity"] == "fault"] == []


def is_certificate(path: Path) -> bool:
    return path.read_bytes().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK")


def test_every_receipt_is_genuine_and_all_lists_say_the_same(way: Way, same: Same) -> None:
    common = way.desk.home.published.common / "keys"
    certificates = b"".join(path.read_bytes() for path in common.glob("gateway*.asc") if is_certificate(path))
    root = way.desk.home.published.root / "providers"
    shown = sorted(path for path in root.glob("*/receipts/*.json"))
    assert all(one.good and one.anchored for one in verify_receipt_files(shown, certificates))
    same([len(shown), kinds(way), listed(way, "transfers", "list"), listed(way, "held", "list")])


def test_a_processor_that_is_started_anew_comes_to_the_same(way: Way, same: Same) -> None:
    known = list(way.labels)
    before = standing(way, known)
    doors = {path: path.read_bytes() for path in receipts(way)}
    again = way.seal("oak", core_data(102, 2), to=way.origin.desk.certificate)
    new = way.seal("maple", core_data(190, 2))
    with way.stopped():
        shutil.rmtree(way.desk.home.published.provider("fir") / "receipts")
        sent = [way.put("oak", again), way.put("maple", new)]
        assert [way.desk.state(one) for one in sent] == ["", ""]
    way.desk.process(*sent)
    assert [short(way, one)[0] for one in sent] == ["refused", "accepted"]
    assert standing(way, known) == before
    assert {path: path.read_bytes() for path in doors} == doors
    clean(way)
    same(outcomes(way, *sent))


def receipts(way: Way) -> list[Path]:
    found = (way.desk.home.published.root / "providers").glob("*/receipts/[!.]*")
    return [path for path in found if not is_events(path.name)]


def test_what_retention_deletes_is_gone_and_all_else_fits(way: Way, same: Same) -> None:
    way.delete_what_is_due()
    stands = {label: stored(way, one) for one, label in way.labels.items()}
    assert (stands["<oak a>"], stands["<fir a>"]) == ("nothing", "nothing")
    assert sorted(way.store.references()) == sorted(one for one in way.labels if way.store.has(one))
    assert "everything fits" in way.asked("log", "verify", "--sealed")
    same([stands, deletions(way), listed(way, "transfers", "list")])
