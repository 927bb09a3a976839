"""The stand-alone verifier: what it accepts, every change that it refuses, and what it needs."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.log import tree
from gateway.log.checkpoint import LogKey, checkpoint
from gateway.log.leaf import Event, leaf
from gateway.receipts.text import receipt_statement
from gateway.verify import verify_receipts
from gateway.verify.verify_receipts import Unproved, check_receipt, main
from tests.log.made import (
    FACTS,
    KEY,
    LANDED,
    ORIGIN,
    VKEY,
    Log,
    changed,
    cosign,
    example,
    landed,
    recorded,
    with_parts,
)

LOG, RECEIPT = example()
OTHER_KEY = LogKey.load(LogKey.generate())


def test_a_receipt_of_either_stage_holds() -> None:
    log = Log()
    for facts in (landed(), FACTS):
        index = recorded(log, facts)
        checked = check_receipt(receipt_statement(facts).for_machines(log.proof(index), KEY.sign), VKEY)
        assert (checked.index, checked.log_key, checked.head.size) == (index, VKEY, index + 1)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 16, 31])
def test_a_receipt_holds_at_every_place_of_a_log(size: int) -> None:
    for place in range(size):
        assert check_receipt(example(size, place)[1], VKEY).index == place


def certificate_region(text: str) -> range:
    """Where the gateway's OpenPGP statement stands: of that, only OpenPGP can tell a change."""
    start = text.encode().index(b'"log_key_certificate": "') + len(b'"log_key_certificate": "')
    return range(start, len(text.encode()) - 4)


def test_every_flipped_bit_is_refused() -> None:
    raw = RECEIPT.encode()
    skipped = certificate_region(RECEIPT)
    for place in range(len(raw)):
        # The bit that turns a letter's case, and two that walk through all eight.
        for bit in {5, place % 8, place * 3 % 8}:
            spoilt = bytearray(raw)
            spoilt[place] ^= 1 << bit
            if place not in skipped and place < len(raw) - 1:
                with pytest.raises(Unproved):
                    check_receipt(decoded(bytes(spoilt)), VKEY)


def decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unproved("not UTF-8") from None


def test_every_bit_of_signatures_hashes_and_keys_is_refused() -> None:
    made = json.loads(RECEIPT)
    for part in ("signature", "log_key", "checkpoint", "leaf"):
        raw = made[part].encode()
        for place in range(len(raw)):
            for bit in range(7):
                spoilt = bytearray(raw)
                spoilt[place] ^= 1 << bit
                with pytest.raises(Unproved):
                    check_receipt(changed(RECEIPT, **{part: spoilt.decode("latin-1")}))


def test_every_truncation_is_refused() -> None:
    for length in range(len(RECEIPT) - 1):
        with pytest.raises(Unproved):
            check_receipt(RECEIPT[:length], VKEY)


def test_every_part_taken_out_added_or_twisted_is_refused() -> None:
    made = json.loads(RECEIPT)
    for part in made:
        less = {name: value for name, value in made.items() if name != part}
        for wrong in (less, made | {"more": 1}, made | {part: None}, made | {part: [made[part]]}):
            with pytest.raises(Unproved):
                check_receipt(json.dumps(wrong), VKEY)


def walk(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    )
    return [at, *(place for key, child in children for place in walk(child, (*at, key)))]


def test_every_statement_of_the_receipt_is_bound() -> None:
    for place in walk(json.loads(RECEIPT)["receipt"])[1:]:
        for value in ("changed", 7, None, ["x"]):
            made = json.loads(RECEIPT)
            inner = made["receipt"]
            for key in place[:-1]:
                inner = inner[key]
            if inner[place[-1]] == value:
                continue
            inner[place[-1]] = value
            with pytest.raises(Unproved):
                check_receipt(json.dumps(made), VKEY)


def test_a_receipt_signed_again_by_somebody_else_is_refused() -> None:
    """Whoever makes a whole receipt with a key of their own fails against the gateway's key."""
    made = json.loads(RECEIPT)
    log = LOG
    head = checkpoint(ORIGIN, 11, tree.root(log.nodes, 11), OTHER_KEY)
    forged = changed(
        RECEIPT,
        checkpoint=head,
        log_key=OTHER_KEY.vkey(ORIGIN),
        signature=base64.b64encode(OTHER_KEY.sign(verify_receipts.canonical(made["receipt"]))).decode(),
    )
    assert check_receipt(forged).log_key == OTHER_KEY.vkey(ORIGIN)
    with pytest.raises(Unproved, match="another key"):
        check_receipt(forged, VKEY)


def test_a_receipt_signed_but_never_recorded_is_refused() -> None:
    """Even the holder of the log key cannot give out a receipt that the log does not hold."""
    made = json.loads(RECEIPT)
    state = made["receipt"] | {"state": "refused"}
    signature = base64.b64encode(KEY.sign(verify_receipts.canonical(state))).decode()
    signed = changed(RECEIPT, receipt=state, signature=signature)
    with pytest.raises(Unproved, match="another receipt"):
        check_receipt(signed, VKEY)
    leaf = json.loads(made["leaf"])
    leaf["fields"]["receipt"] = hashlib.sha256(verify_receipts.canonical(state)).hexdigest()
    with pytest.raises(Unproved, match="not recorded"):
        check_receipt(changed(signed, leaf=verify_receipts.canonical(leaf).decode()), VKEY)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (with_parts(FACTS, reference="261124-marsh-lane-00000"), "another receipt"),
        (with_parts(FACTS, state="landed"), "another receipt"),
    ],
)
def test_the_leaf_must_be_of_this_transfer_and_stage(other: Any, why: str) -> None:
    log = Log()
    digest = hashlib.sha256(verify_receipts.canonical(json.loads(RECEIPT)["receipt"])).hexdigest()
    kind: Any = "landed" if other.transfer.state == "landed" else "decided"
    index = log.add(kind, other.transfer.upload.reference, {"receipt": digest})
    with pytest.raises(Unproved, match=why):
        check_receipt(receipt_statement(FACTS).for_machines(log.proof(index), KEY.sign), VKEY)


def test_a_leaf_that_lies_about_its_place_is_refused() -> None:
    """The holder of the log key records a leaf with another number than the place it takes."""
    digest = hashlib.sha256(verify_receipts.canonical(json.loads(RECEIPT)["receipt"])).hexdigest()
    for said, place, size in [(5, 0, 1), (0, 1, 2), (9, 1, 2)]:
        log = Log()
        event = Event(
            sequence=said,
            at=LANDED,
            kind="decided",
            subject=FACTS.transfer.upload.reference,
            fields={"receipt": digest},
        )
        log.leaves = [leaf(event) if at == place else b"filler" for at in range(size)]
        for at in range(size):
            tree.append(log.nodes, at, log.leaves[at])
        proof = log.proof(place)
        for index in (said, place):
            with pytest.raises(Unproved):
                check_receipt(
                    receipt_statement(FACTS).for_machines(replace(proof, index=index), KEY.sign), VKEY
                )


def signed_head(body: str, key: LogKey = KEY, name: str = ORIGIN) -> str:
    return f"{body}\n" + key.signature_line(name, 1, key.sign(body.encode()))


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "head",
    [
        signed_head(f"{ORIGIN}\n040\n{ROOT}\n"),
        signed_head(f"{ORIGIN}\n-4\n{ROOT}\n"),
        signed_head(f"{ORIGIN}\n4\n{ROOT}\nmore\n"),
        signed_head(f"{ORIGIN}\n4\n"),
        signed_head(f"another.example/log\n4\n{ROOT}\n"),
        signed_head(f"{ORIGIN}\n4\n{base64.b64encode(bytes(31)).decode()}\n"),
        signed_head(f"{ORIGIN}\n4\n{ROOT}\n", name="another.example/log"),
        signed_head(f"{ORIGIN}\n4\n{ROOT}\n")[:-1],
    ],
)
def test_a_head_in_another_form_is_refused_though_signed(head: str) -> None:
    assert verify_receipts.read_checkpoint(signed_head(f"{ORIGIN}\n4\n{ROOT}\n"), VKEY).size == 4
    with pytest.raises(Unproved):
        verify_receipts.read_checkpoint(head, VKEY)


def vkey_of(material: bytes) -> str:
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + material).digest()[:4].hex()
    return f"{ORIGIN}+{key_id}+{base64.b64encode(material).decode()}"


def test_only_ed25519_keys_of_logs_are_read() -> None:
    public = base64.b64decode(VKEY.split("+", 2)[2])[1:]
    assert verify_receipts.read_key(vkey_of(b"\x01" + public)) == verify_receipts.read_key(VKEY)
    for material in (b"\x04" + public, b"\x01" + public + b"x", b"\x01" + public[:-1], b"\x01"):
        with pytest.raises(Unproved, match="key cannot be read"):
            verify_receipts.read_key(vkey_of(material))
    with pytest.raises(Unproved):
        verify_receipts.read_key("")


@pytest.mark.parametrize("text", ["", "AA", "AB==", "AA==\n", "AA-_", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(Unproved):
        verify_receipts.unbase64(text)


@pytest.mark.parametrize("text", ['{"a": 1.0}', '{"a": 1e3}', '{"a": NaN}', '{"a": -Infinity}'])
def test_numbers_are_whole(text: str) -> None:
    with pytest.raises(Unproved, match="damaged"):
        verify_receipts.strict_json(text, {"a": float})


def test_a_consistency_proof_is_between_two_heads_of_one_log() -> None:
    first, second = (verify_receipts.read_checkpoint(LOG.head(size), VKEY) for size in (6, 11))
    proof = json.loads(stated_head(LOG, 6, 11))["proof"]
    verify_receipts.check_consistency(first, second, proof)
    for old, new, nodes in [
        (first, second, []),
        (first, second, proof[:-1]),
        (second, first, proof),
        (first, first, []),
        (replace(first, origin="another.example/log"), second, proof),
        (replace(first, size=0), second, proof),
        (first, second, [*proof, proof[0]]),
        (first, second, [proof[0][:-4], *proof[1:]]),
    ]:
        with pytest.raises(Unproved):
            verify_receipts.check_consistency(old, new, nodes)


def test_a_path_must_have_the_length_that_the_sizes_ask_for() -> None:
    node = bytes(32)
    with pytest.raises(Unproved, match="too short"):
        verify_receipts.climb(0, 1, node, [])
    with pytest.raises(Unproved, match="too long"):
        verify_receipts.climb(0, 0, node, [node])
    with pytest.raises(Unproved, match="wrong length"):
        verify_receipts.hashes(["AAAA"])


def test_the_index_must_be_the_leafs_own() -> None:
    for index in (0, 5, 7, -1, 2**63):
        with pytest.raises(Unproved):
            check_receipt(changed(RECEIPT, index=index), VKEY)


def test_proofs_of_wrong_length_are_refused() -> None:
    proof = json.loads(RECEIPT)["proof"]
    for wrong in ([], proof[:-1], proof[1:], proof + proof[:1], proof[:1] + proof, proof * 40, proof[::-1]):
        with pytest.raises(Unproved):
            check_receipt(changed(RECEIPT, proof=wrong), VKEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": "gateway-receipt/1"}',
        "[" * 100_000,
        "9" * 10_000,
        '{"a": 1, "a": 1}',
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unproved):
        check_receipt(text)


def test_a_receipt_of_another_form_is_told_so() -> None:
    with pytest.raises(Unproved, match="this is not a receipt in a form known here"):
        check_receipt(changed(RECEIPT, format="gateway-receipt/2"), VKEY)


def test_a_name_that_stands_twice_is_refused() -> None:
    twice = RECEIPT.replace('"state":"accepted"', '"state":"refused","state":"accepted"')
    assert twice != RECEIPT
    with pytest.raises(Unproved, match="damaged"):
        check_receipt(twice)


def test_a_cosigned_checkpoint_is_accepted() -> None:
    head = cosign(json.loads(RECEIPT)["checkpoint"], "witness.example", OTHER_KEY, LANDED)
    assert check_receipt(changed(RECEIPT, checkpoint=head), VKEY).head.size == 11


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_command_says_what_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = saved(tmp_path, "r.json", RECEIPT)
    assert run(receipt, "--log-key", VKEY) == 0
    out = capsys.readouterr().out
    assert out.startswith("r.json: genuine\n")
    assert "the log of 11 entries holds this as entry 6" in out
    assert "NOT proved" not in out
    assert "not proved: that the clock was right (the number of the entry tells the order)" in out


def test_without_a_key_it_says_that_the_signer_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(saved(tmp_path, "r.json", RECEIPT)) == 0
    out = capsys.readouterr().out
    assert "r.json: intact, but whose key signed it was not checked" in out
    assert "NOT proved: that this key is the gateway's" in out


def test_the_key_may_stand_in_a_file(tmp_path: Path) -> None:
    receipt, key = saved(tmp_path, "r.json", RECEIPT), saved(tmp_path, "log.vkey", VKEY + "\n")
    assert run(receipt, "--log-key", key) == 0
    assert run(receipt, "--log-key", saved(tmp_path, "o.vkey", OTHER_KEY.vkey(ORIGIN))) == 1
    assert run(receipt, "--log-key", tmp_path / "missing") == 1


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = saved(tmp_path, "good.json", RECEIPT)
    bad = saved(tmp_path, "bad.json", RECEIPT.replace("marsh-lane", "hill-top", 1))
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe{")
    assert run(bad, binary, tmp_path / "missing.json", good, "--log-key", VKEY) == 1
    out = capsys.readouterr().out
    assert out.count("NOT PROVED") == 3
    assert "good.json: genuine" in out


def test_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(RECEIPT.replace("\n", "\r\n").encode())
    assert run(path, "--log-key", VKEY) == 0


def test_the_original_is_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed, content = tmp_path / "census.xml.gpg", tmp_path / "census.xml"
    sealed.write_bytes(b"sealed")
    content.write_bytes(b"content")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (sealed, content)]
    facts = with_parts(FACTS, sha256=digests[0], content_sha256=digests[1])
    log = Log()
    receipt = saved(
        tmp_path, "r.json", receipt_statement(facts).for_machines(log.proof(recorded(log, facts)), KEY.sign)
    )
    assert run(receipt, "--log-key", VKEY, "--original", sealed) == 0
    assert "byte for byte as it was sent" in capsys.readouterr().out
    assert run(receipt, "--log-key", VKEY, "--original", content) == 0
    assert "found inside" in capsys.readouterr().out
    sealed.write_bytes(b"Sealed")
    assert run(receipt, "--log-key", VKEY, "--original", sealed) == 1


def stated_head(log: Log, first: int, second: int, **change: Any) -> str:
    proof = [base64.b64encode(node).decode() for node in tree.consistency_proof(log.nodes, first, second)]
    return json.dumps({"origin": ORIGIN, "first": first, "second": second, "proof": proof} | change)


def test_a_later_head_is_shown_to_continue_an_earlier_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt, head = saved(tmp_path, "r.json", RECEIPT), saved(tmp_path, "head", LOG.head(8))
    proof = saved(tmp_path, "proof.json", stated_head(LOG, 8, 11))
    assert run(head, receipt, "--log-key", VKEY, "--consistency", proof) == 0
    assert "the log of 11 entries begins with the log of 8, nothing changed" in capsys.readouterr().out
    for wrong in (
        stated_head(LOG, 8, 11, proof=[]),
        stated_head(LOG, 7, 11),
        stated_head(LOG, 8, 11, origin="other"),
        stated_head(LOG, 8, 11).replace("8", "11", 1),
        stated_head(LOG, 8, 11).replace("11", "10"),
        "{}",
    ):
        saved(tmp_path, "proof.json", wrong)
        assert run(head, receipt, "--log-key", VKEY, "--consistency", proof) == 1


def test_a_rewritten_log_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, _ = example(9, 3)
    for _ in range(6):
        other.add("policy-loaded", "policies")
    old, new = saved(tmp_path, "old", LOG.head(8)), saved(tmp_path, "new", other.head(15))
    proof = saved(tmp_path, "proof.json", stated_head(other, 8, 15))
    assert run(old, new, "--log-key", VKEY, "--consistency", proof) == 1
    assert "the log was rewritten between 8 and 15 entries" in capsys.readouterr().out


def test_two_heads_of_one_size_that_differ_are_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, yours = saved(tmp_path, "mine", LOG.head()), saved(tmp_path, "yours", example(11, 2)[0].head())
    assert run(mine, yours, "--log-key", VKEY) == 1
    assert "somebody was shown another log" in capsys.readouterr().out


def test_a_bare_head_needs_a_key(tmp_path: Path) -> None:
    head = saved(tmp_path, "head", LOG.head())
    assert run(head, "--log-key", VKEY) == 0
    assert run(head) == 1
    assert run(head, "--log-key", OTHER_KEY.vkey(ORIGIN)) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Surname,Forename\n", "not a receipt in JSON"),
        ("\n-----BEGIN PGP SIGNED MESSAGE-----\n", "only the .json of the same name"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--log-key", VKEY]])
def test_a_file_that_it_does_not_check_is_named_as_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str, more: list[str]
) -> None:
    (tmp_path / "x.txt").write_text(text)
    assert main([str(tmp_path / "x.txt"), *more]) == 1
    assert told in capsys.readouterr().out


def test_names_cannot_steer_the_terminal_or_forge_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, "a\nb.json: genuine\x1b[2J", "{}")
    assert run(path) == 1
    assert capsys.readouterr().out.startswith("a?b.json: genuine?[2J: NOT PROVED")


def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    source = Path(verify_receipts.__file__).read_text("utf-8")
    parsed = ast.parse(source)
    roots = {
        name.split(".")[0]
        for node in ast.walk(parsed)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert roots - sys.stdlib_module_names == {"cryptography"}


def test_it_is_short_enough_to_read() -> None:
    """Docstrings, which help to read it, do not count."""
    source = Path(verify_receipts.__file__).read_text("utf-8")
    lines = {number for number, line in enumerate(source.splitlines(), 1) if line.strip()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    assert len(lines) <= 285


@pytest.mark.parametrize("form", ["module", "copy"])
def test_it_runs_on_a_machine_with_only_python_and_cryptography(tmp_path: Path, form: str) -> None:
    """Every other package is made impossible to import."""
    receipt = saved(tmp_path, "r.json", RECEIPT)
    copy = saved(tmp_path, "check.py", Path(verify_receipts.__file__).read_text("utf-8"))
    prelude = (
        "import sys, runpy\n"
        "class Wall:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        known = sys.stdlib_module_names | {'cryptography', '_cffi_backend', 'gateway'}\n"
        "        if name.split('.')[0] not in known: raise ImportError(name)\n"
        "sys.meta_path.insert(0, Wall())\n"
        f"sys.argv = ['verify', {str(receipt)!r}, '--log-key', {VKEY!r}]\n"
    )
    start = {
        "module": "runpy.run_module('gateway.verify.verify_receipts', run_name='__main__')",
        "copy": f"runpy.run_path({str(copy)!r}, run_name='__main__')",
    }[form]
    done = subprocess.run(
        [sys.executable, "-c", prelude + start], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("r.json: genuine")
