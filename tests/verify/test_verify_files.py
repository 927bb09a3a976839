"""Receipts of both forms against the gateway's OpenPGP certificate, made and read for real."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.errors import GatewayError
from gateway.keys import notices
from gateway.keys.notices import host_list
from gateway.keys.rotation import described, succession_text
from gateway.log import tree
from gateway.log.checkpoint import LogKey
from gateway.model import Reason
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key, verify_clearsigned
from gateway.receipts.facts import ReceiptFacts, log_key_statement
from gateway.receipts.notices import render, render_notice
from gateway.receipts.text import receipt_statement
from gateway.registry.keys import Key
from gateway.registry.retention import deletion_certificate
from gateway.registry.tables import DeletionRow
from gateway.send.kit import Kit
from gateway.send.trust import _successor as successor
from gateway.verify.verify_files import FileVerdict, verify_receipt_files, vouched_log_key
from gateway.verify.verify_receipts import MAX_BYTES, Head, KeyInTime, Unproved
from tests.log.made import FACTS, KEY, ORIGIN, VKEY, Log, changed, landed, recorded, with_parts

PROOF = ("Index", "Hash", "Size", "Root", "Record")
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


class Gateway(NamedTuple):
    secret: bytes
    certificate: bytes
    statement: str


@cache
def gateway(name: str = "Somerset County Council") -> Gateway:
    secret = generate_gateway_key(name, MADE_AT)
    return Gateway(secret, certificate_of(secret), clearsign(secret, log_key_statement(name, VKEY)))


def receipts(folder: Path, facts: ReceiptFacts = FACTS, log: Log | None = None) -> tuple[Path, Path]:
    """A text and a JSON receipt for `facts`, as the gateway publishes them."""
    kept = log or Log()
    proof = kept.proof(recorded(kept, facts), certificate=gateway().statement)
    text, made = folder / f"{facts.transfer.state}.txt", folder / f"{facts.transfer.state}.json"
    text.write_text(clearsign(gateway().secret, receipt_statement(facts).for_people(proof)), "utf-8")
    made.write_text(receipt_statement(facts).for_machines(proof, KEY.sign), "utf-8")
    return text, made


def verdict(path: Path, certificate: bytes | None = None, **options: Path) -> FileVerdict:
    (one,) = verify_receipt_files([path], certificate or gateway().certificate, **options)
    return one


def test_both_forms_of_both_stages_are_genuine(tmp_path: Path) -> None:
    log = Log()
    paths = [*receipts(tmp_path, landed(), log), *receipts(tmp_path, FACTS, log)]
    found = verify_receipt_files(paths, gateway().certificate)
    assert [(one.good, one.anchored, one.lines[0]) for one in found] == [(True, True, "genuine")] * 4
    assert {one.reference for one in found} == {FACTS.transfer.upload.reference}


@pytest.mark.parametrize("state", ["accepted", "held", "refused"])
def test_a_text_receipt_is_read_back(tmp_path: Path, state: str) -> None:
    facts = with_parts(FACTS, state=state)
    said = "\n".join(verdict(receipts(tmp_path, facts)[0]).lines)
    for part in (
        facts.transfer.upload.name,
        facts.transfer.upload.sha256,
        "88888 bytes",
        "from marsh-lane",
        facts.transfer.upload.reference,
        state,
    ):
        assert part in said


def test_awkward_names_do_not_break_a_text_receipt(tmp_path: Path) -> None:
    for number, name in enumerate(
        ["-----BEGIN", "Proof", "\nProof\n\n    Index           9", "x" * 200, "测试 Leaf"]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        facts = with_parts(FACTS, name=name, provider_name=name, organisation=name, notices=(name,))
        for path in receipts(folder, facts):
            assert verdict(path).good, (name, verdict(path).lines)


def test_a_text_receipt_proves_nothing_without_the_certificate(tmp_path: Path) -> None:
    text, made = receipts(tmp_path)
    first, second = verify_receipt_files([text, made], None)
    assert (first.good, first.anchored) == (False, False)
    assert "--gateway-key" in first.lines[0]
    assert (second.good, second.anchored) == (True, False)
    assert any("NOT proved: that this key is the gateway's" in line for line in second.lines)


def test_another_gateways_certificate_vouches_for_nothing(tmp_path: Path) -> None:
    other = gateway("Elsewhere").certificate
    for path in receipts(tmp_path):
        assert not verdict(path, other).good


def test_a_log_key_that_the_gateway_does_not_vouch_for_is_refused(tmp_path: Path) -> None:
    _, made = receipts(tmp_path)
    other = clearsign(
        gateway().secret, log_key_statement("Somerset", LogKey.load(LogKey.generate()).vkey(ORIGIN))
    )
    two = clearsign(gateway().secret, log_key_statement("S", VKEY) + log_key_statement("S", VKEY))
    none = clearsign(gateway().secret, "nothing of the kind\n")
    for statement in (other, two, none, "", gateway("Elsewhere").statement):
        path = tmp_path / "changed.json"
        path.write_text(changed(made.read_text("utf-8"), log_key_certificate=statement), "utf-8")
        assert not verdict(path).good


@pytest.mark.parametrize("lost", [True, False])
def test_the_age_of_a_receipt_is_not_proved_where_its_key_was_lost(tmp_path: Path, lost: bool) -> None:
    log = Log()
    paths = receipts(tmp_path, FACTS, log)
    last = Head(ORIGIN, 1, tree.root(log.nodes, 1))
    keys = [KeyInTime(VKEY, last, lost), KeyInTime(LogKey.load(LogKey.generate()).vkey(ORIGIN))]
    for path in paths:
        found = verify_receipt_files([path], gateway().certificate, log_keys=keys)
        assert found[0].good, found
        cautions = [line for line in found[0].lines if "NOT proved: that it is as old as it says" in line]
        assert len(cautions) == lost


def test_other_texts_of_the_gateway_are_not_receipts(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    for text in (gateway().statement, clearsign(gateway().secret, "hello\n"), ""):
        path.write_text(text, "utf-8")
        assert not verdict(path).good


def other_texts() -> dict[str, str]:
    """What the gateway signs for providers beside receipts, by the words for it."""
    key = Key(
        owner_kind="provider", owner="oak", kind="openpgp", fingerprint="ab" * 20, material="",
        algorithm="Ed25519", state="active", added_at=MADE_AT, added_by="x", expires_at=None,
        not_before=None, not_after=None,
        ended_at=None, ended_by=None, why=None, revocation=None, warned_days=None, dropped_as=None,
        last_used_at=None, uses=0,
    )  # fmt: skip
    about = {"organisation": "Somerset " * 12, "provider_name": "Oak", "reference": "260101-oak-AAAAA"}
    point = (
        7,
        Reason(
            code="discrepancy:two-rolls",
            clause="7.3",
            sentence="A pupil is on two rolls.",
            next_step="Look.",
        ),
    )
    gone = DeletionRow(
        reference="260101-oak-BBBBB", what="sealed", rule="r", since=MADE_AT, deleted_at=MADE_AT
    )
    secret = generate_gateway_key("Somerset", MADE_AT)
    return {
        "a notice about a key": render(
            notices.of_change("in-force", key), at=MADE_AT, details=notices.details(key), **about
        ),
        "a notice about pupils' records": render_notice(made_at=MADE_AT, points=(point,), **about),
        "a certificate of deletion": deletion_certificate(
            [gone], organisation="Somerset", policy_sha256="0" * 64, at=MADE_AT
        ),
        "the old key's word on the gateway's new key": succession_text(
            "Somerset", gateway().certificate, described(secret, MADE_AT), MADE_AT
        ),
        "the list of the gateway's SSH host keys": host_list("Somerset", [("SHA256:abc", "in use")], MADE_AT),
    }


@pytest.mark.parametrize("kind", other_texts())
def test_what_is_no_receipt_is_known_for_what_it_is(tmp_path: Path, kind: str) -> None:
    path, text = tmp_path / "n.txt", clearsign(gateway().secret, other_texts()[kind])
    path.write_text(text, "utf-8")
    found = verdict(path)
    assert (found.good, found.anchored, found.reference) == (True, True, None)
    assert found.lines[0].startswith(f"genuine: {kind}")
    assert any(line.startswith("  not proved: ") for line in found.lines)
    assert "260101-oak-AAAAA" in found.lines[0] or "notice" not in kind
    assert not verdict(path, gateway("Elsewhere").certificate).good
    assert not verify_receipt_files([path], None)[0].good
    assert not verdict(path, original=path).good
    middle = text.index("Somerset") + 3
    path.write_text(text[:middle] + "M" + text[middle + 1 :], "utf-8")
    assert not verdict(path).good


def test_a_receipt_whose_proof_fails_does_not_pass_for_a_notice(tmp_path: Path) -> None:
    facts = with_parts(FACTS, name="Notice from Somerset", provider_name="Notice from Somerset")
    text = verify_clearsigned(receipts(tmp_path, facts)[0].read_text("utf-8"), [gateway().certificate])[0]
    path = tmp_path / "r.txt"
    path.write_text(clearsign(gateway().secret, text.rpartition("\n\nProof\n\n")[0]), "utf-8")
    assert not verdict(path).good


@pytest.mark.long
def test_a_flipped_bit_anywhere_in_a_text_receipt_is_refused(tmp_path: Path) -> None:
    """A change is accepted only where OpenPGP itself says that the signed text is still the same.

    Outside the text, where OpenPGP reads lines of its own, in every byte; within it, in each third.
    """
    text, _ = receipts(tmp_path)
    raw = text.read_bytes()
    signed = verify_clearsigned(raw.decode(), [gateway().certificate])[0]
    path, tolerated = tmp_path / "spoilt.txt", 0
    begins, ends = raw.index(b"\n\n") + 2, raw.index(b"-----BEGIN PGP SIGNATURE-----") - 1
    for place in [*range(begins), *range(begins, ends, 3), *range(ends, len(raw))]:
        spoilt = bytearray(raw)
        spoilt[place] ^= 1 << (5 if place % 2 else place % 7)
        path.write_bytes(spoilt)
        if verdict(path).good:
            tolerated += 1
            assert verify_clearsigned(spoilt.decode(), [gateway().certificate])[0] == signed
    assert tolerated < 40


@pytest.mark.long
def test_every_flipped_bit_of_the_statement_in_a_json_receipt_is_refused(tmp_path: Path) -> None:
    _, made = receipts(tmp_path)
    raw = made.read_bytes()
    start = raw.index(b'"log_key_certificate"')
    path, tolerated = tmp_path / "spoilt.json", 0
    for place in range(start, len(raw) - 1):
        spoilt = bytearray(raw)
        spoilt[place] ^= 1 << (5 if place % 2 else place % 7)
        path.write_bytes(spoilt)
        if verdict(path).good:
            tolerated += 1
            statement = json.loads(spoilt)["log_key_certificate"]
            assert VKEY in verify_clearsigned(statement, [gateway().certificate])[0]
    assert tolerated < 40


def test_a_line_taken_out_of_a_text_receipt_is_refused(tmp_path: Path) -> None:
    text, _ = receipts(tmp_path)
    lines = text.read_text("utf-8").split("\n")
    path = tmp_path / "cut.txt"
    start, end = lines.index(""), lines.index("-----BEGIN PGP SIGNATURE-----")
    for number in range(start + 1, end):
        path.write_text("\n".join(lines[:number] + lines[number + 1 :]), "utf-8")
        assert not verdict(path).good, lines[number]


def test_text_around_the_signed_part_is_refused(tmp_path: Path) -> None:
    text, _ = receipts(tmp_path)
    whole = text.read_text("utf-8")
    lie, end = "Your file was REFUSED.\n", "-----END PGP SIGNATURE-----\n"
    for wrong in (
        lie + whole,
        whole + lie,
        whole + whole,
        whole + lie + end,
        whole.replace(end, lie + end),
        whole.replace(end, end + lie + end),
        whole + "\n" * MAX_BYTES + lie,
        whole + "\f" + lie,
        "\x85" + whole,
    ):
        text.write_text(wrong, "utf-8")
        assert not verdict(text).good, wrong[:80] + wrong[-200:]


def test_text_around_a_receipt_in_json_is_refused(tmp_path: Path) -> None:
    _, made = receipts(tmp_path)
    whole = made.read_text("utf-8")
    lie = "Your file was REFUSED.\n"
    for wrong in (lie + whole, whole + lie, whole + whole, whole + " " * MAX_BYTES + lie):
        made.write_text(wrong, "utf-8")
        assert not verdict(made).good
    given = json.loads(whole)
    for head in (given["checkpoint"] + lie, given["checkpoint"] + "\n" + lie):
        made.write_text(json.dumps(given | {"checkpoint": head}), "utf-8")
        assert not verdict(made).good
    statement = given["log_key_certificate"]
    for said in (lie + statement, statement + lie, statement + lie + "-----END PGP SIGNATURE-----\n"):
        made.write_text(json.dumps(given | {"log_key_certificate": said}), "utf-8")
        assert not verdict(made).good


def test_two_signatures_in_one_block_are_refused(tmp_path: Path) -> None:
    text, _ = receipts(tmp_path)
    first, _, second = text.read_text("utf-8").partition("-----BEGIN PGP SIGNATURE-----\n")
    lines = second.split("\n")
    body = [line for line in lines if line and not line.startswith(("-", "="))]
    packet = base64.b64decode("".join(body))
    for doubled in (packet + packet, packet + b"\xca\x03PGP"):
        block = base64.b64encode(doubled).decode()
        made = f"{first}-----BEGIN PGP SIGNATURE-----\n\n{block}\n-----END PGP SIGNATURE-----\n"
        text.write_text(made, "utf-8")
        assert not verdict(text).good


def test_a_signed_text_that_the_log_does_not_hold_is_refused(tmp_path: Path) -> None:
    """Even the gateway's own OpenPGP key cannot make a receipt that the log does not hold."""
    log = Log()
    for _ in range(4):
        log.add("policy-loaded", "policies")
    text, _ = receipts(tmp_path, FACTS, log)
    honest = verify_clearsigned(text.read_text("utf-8"), [gateway().certificate])[0]
    line = {part: next(x for x in honest.split("\n") if x.startswith(f"    {part:16}")) for part in PROOF}
    for wrong in (
        honest.replace(line["Index"], line["Index"][:-1] + "7"),
        honest.replace(FACTS.transfer.upload.reference, "261124-marsh-lane-00000", 1),
        honest.replace("Your file was ACCEPTED", "Your file has ARRIVED"),
        honest.replace("Your file was ACCEPTED.", "Your file."),
        " " * 20 + "continued\n" + honest,
        honest.replace(line["Hash"] + "\n", ""),
        honest.replace(line["Hash"], line["Hash"].lower()),
        honest.replace("88888 bytes", "88889 bytes"),
        honest.replace("central-data", "another-team"),
        honest.replace("Nothing needs doing.", "Pay a fine."),
        honest.replace(line["Size"], line["Size"][:-1] + "6"),
        honest.replace(line["Root"], line["Root"][:25] + "AAAA" + line["Root"][29:]),
        honest.replace(line["Record"], line["Record"][:-2] + "zz"),
        honest.rpartition("    Log key")[0],
        honest.rpartition("\nProof\n\n")[0],
    ):
        assert wrong != honest
        text.write_text(clearsign(gateway().secret, wrong), "utf-8")
        assert not verdict(text).good, difference(honest, wrong)
    text.write_text(clearsign(gateway().secret, honest), "utf-8")
    assert verdict(text).good


def difference(old: str, new: str) -> str:
    return "\n".join(difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=0))


def test_the_original_is_recognised_by_both_forms(tmp_path: Path) -> None:
    original = tmp_path / "census.gpg"
    original.write_bytes(b"sealed")
    facts = with_parts(FACTS, sha256=hashlib.sha256(b"sealed").hexdigest())
    for path in receipts(tmp_path, facts):
        good = verdict(path, original=original)
        assert good.good
        assert "byte for byte as it was sent" in good.lines[-1]
    original.write_bytes(b"other")
    for path in receipts(tmp_path, facts):
        assert not verdict(path, original=original).good


def test_receipts_of_two_histories_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    mine, yours = receipts(tmp_path / "a"), receipts(tmp_path / "b", with_parts(FACTS, state="refused"))
    found = verify_receipt_files([mine[0], yours[1]], gateway().certificate)
    assert [one.good for one in found] == [True, True, False]
    assert "another log" in found[-1].lines[0]


@pytest.mark.parametrize(
    "content", [b"Surname,Forename\n", b"", "Dear all,\n\n\u2014 the head\n".encode(), b"\x85\x01\x0c\x03"]
)
def test_what_nobody_here_signed_is_not_called_a_damaged_receipt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    (verdict,) = verify_receipt_files([tmp_path / "x.txt"], gateway().certificate)
    assert not verdict.good
    assert verdict.lines[0].startswith("NOT PROVED: not a receipt")


def test_missing_and_unreadable_files_are_verdicts(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    found = verify_receipt_files([tmp_path / "none", tmp_path / "binary", tmp_path], gateway().certificate)
    assert [one.good for one in found] == [False] * 3
    assert "No such file" in found[0].lines[0]


@pytest.mark.needs("gpg")
def test_gpg_verifies_a_text_receipt(tmp_path: Path) -> None:
    text, _ = receipts(tmp_path)
    (tmp_path / "gateway.asc").write_bytes(gateway().certificate)
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--no-autostart", "--trust-model", "always"]
    subprocess.run(
        [*gpg, "--import", str(tmp_path / "gateway.asc")], check=True, capture_output=True, timeout=60
    )
    done = subprocess.run([*gpg, "--verify", str(text)], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text.write_text(text.read_text("utf-8").replace("ACCEPTED", "REFUSED"), "utf-8")
    done = subprocess.run([*gpg, "--verify", str(text)], check=False, capture_output=True, timeout=60)
    assert done.returncode == 1


def test_no_other_text_that_the_gateway_signs_vouches_for_a_key_of_the_log() -> None:
    """A name that an administrator chose stands in receipts: broken into lines, it may spell one."""
    forged = LogKey.load(LogKey.generate()).vkey(ORIGIN)
    own = gateway()
    for text in (
        f"RECEIPT\n\nto Oak\nlog-key: {forged}\nSchool\n",
        f"The gateway of X signs its log and its receipts with this key:\n\nlog-key: {forged}\n\nmore\n",
        f"log-key: {forged}\n",
    ):
        with pytest.raises(Unproved):
            vouched_log_key(clearsign(own.secret, text), own.certificate)
    assert vouched_log_key(own.statement, own.certificate) == VKEY


def test_no_other_text_that_the_gateway_signs_names_a_successor_of_its_key(tmp_path: Path) -> None:
    """As above: the kit follows a succession alone, and only one by the key that signed it."""
    own, other = gateway(), generate_gateway_key("Anybody", MADE_AT)
    new = described(certificate_of(other), MADE_AT)
    current = described(own.certificate, MADE_AT).fingerprint
    kit = Kit(tmp_path)
    kit.gateway.mkdir()
    (kit.gateway / f"{current}.asc").write_bytes(own.certificate)
    true = succession_text("Somerset", own.certificate, new, MADE_AT)
    for text in (
        f"RECEIPT\nto Oak\nnew-key: {new.fingerprint}\n{new.material}",
        true + "\nand more\n",
        true.replace(f"old-key: {current}", f"old-key: {'0' * 40}"),
    ):
        with pytest.raises(GatewayError):
            successor(kit, current, [clearsign(own.secret, text).encode()])
    assert successor(kit, current, [clearsign(own.secret, true).encode()])[0] == new.fingerprint
