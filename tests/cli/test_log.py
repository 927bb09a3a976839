"""prove, consistency and export: what they print is checked by the verifiers that anyone can run."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest

from gateway.cli.log import inconsistencies
from gateway.log import checkpoint as log_checkpoint
from gateway.log import tree
from gateway.log.checkpoint import LogKey, checkpoint
from gateway.log.leaf import Kind, canonical
from gateway.record import policy_proposals
from gateway.record.dual_control import name_of
from gateway.registry import log, programs, staff
from gateway.registry.tables import ProgramRow
from gateway.verify import verify_log, verify_receipts
from gateway.verify.verify_receipts import Head, check_inclusion, read_checkpoint
from tests.clock import TERM_TIME
from tests.log.made import cosign, proves_consistency, witness_vkey
from tests.whole import whole
from tests.workshop import Desk


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "log"
    whole().gateway("log", "export", str(folder))
    return folder


def receipts(desk: Desk) -> list[Path]:
    return [path for provider in ("oak", "elm", "fft") for path in desk.receipts(provider, "*.json")]


def test_every_event_on_a_transfer_is_proved_against_the_head(copy: Desk) -> None:
    sent = copy.receipts("oak", "core*.json")[0].name.split(".")[-2]
    proved = json.loads(copy.gateway("log", "prove", sent))
    head = read_checkpoint(proved["checkpoint"], proved["log_key"])
    kinds = [json.loads(event["leaf"])["kind"] for event in proved["events"]]
    assert [one for one in kinds if one != "landed"] == ["decided", "collected", "dealt-with"]
    for event in proved["events"]:
        check_inclusion(event["leaf"], event["index"], event["proof"], head)
    with pytest.raises(verify_receipts.Unproved):
        check_inclusion(proved["events"][0]["leaf"], 1 + proved["events"][0]["index"], event["proof"], head)
    assert "holds nothing on" in copy.gateway("log", "prove", "261124-oak-00000", code=1)


def test_what_is_proved_of_a_transfer_is_checked_elsewhere_and_by_the_package(
    copy: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = copy.receipts("oak", "core*.json")[0]
    proof, (vkey,) = tmp_path / "proof.json", copy.home.published.common.rglob("gateway-log.vkey")
    proof.write_text(copy.gateway("log", "prove", receipt.name.split(".")[-2]))
    assert verify_log.main([str(proof), "--log-key", vkey.read_text().strip()]) == 0
    told = capsys.readouterr().out
    assert re.search(r"proved: entry \d+, \S+Z: collected central-data-team$", told, re.MULTILINE)
    assert "who acted, where nobody is" in told
    said = copy.gateway("receipts", "verify", str(proof), str(receipt))
    assert f"holds these on {receipt.name.split('.')[-2]}" in said
    assert "checked together with a receipt" in copy.gateway("receipts", "verify", str(proof), code=1)
    assert verify_log.main([str(proof)]) == 1
    whole_proof = proof.read_text()
    for true, changed in (("central-data-team", "exclusions"), ('"index": ', '"index": 1'), ("oak-", "elm-")):
        proof.write_text(whole_proof.replace(true, changed))
        assert verify_log.main([str(proof), "--log-key", vkey.read_text().strip()]) == 1
    stated = json.loads(whole_proof)
    for events in ([], [*stated["events"], {"index": 0}], ["x"]):
        proof.write_text(json.dumps(stated | {"events": events}))
        assert verify_log.main([str(proof), "--log-key", vkey.read_text().strip()]) == 1


def test_who_acted_is_proved_where_the_authority_says_so(
    copy: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = copy.receipts("oak", "core*.json")[0]
    proof, (vkey,) = tmp_path / "proof.json", copy.home.published.common.rglob("gateway-log.vkey")
    stated = json.loads(copy.gateway("log", "prove", receipt.name.split(".")[-2], "--who"))
    key = ("--log-key", vkey.read_text().strip())
    proof.write_text(json.dumps(stated))
    assert verify_log.main([str(proof), *key]) == 0
    assert re.search(r"collected central-data-team by jane$", capsys.readouterr().out, re.MULTILINE)
    (one,) = [each for each in stated["events"] if '"collected"' in each["leaf"]]
    for wrong in ({"actor": "sam"}, {"salt": "00" * 16}, {"salt": "x"}, {"salt": 7}):
        other = [each if each is not one else each | wrong for each in stated["events"]]
        proof.write_text(json.dumps(stated | {"events": other}))
        assert verify_log.main([str(proof), *key]) == 1
    assert "was not made by who is named beside it" in capsys.readouterr().out


def test_a_consistency_proof_leads_from_one_receipt_to_another(
    copy: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = copy.receipts("oak", "core*.json")[0], copy.receipts("fft", "letter*.json")[0]
    sizes = [json.loads(path.read_text())["checkpoint"].split("\n")[1] for path in (older, newer)]
    proof = tmp_path / "proof.json"
    proof.write_text(copy.gateway("log", "consistency", *sizes))
    key = (copy.home.published.common / "keys" / "gateway-log.vkey").read_text().strip()
    said = f"proved: the log of {sizes[1]} entries begins with the log of {sizes[0]}, nothing changed"
    assert verify_receipts.main([str(newer), str(older), "--log-key", key, "--consistency", str(proof)]) == 0
    assert said in capsys.readouterr().out
    command = ("receipts", "verify", str(newer), str(older), "--consistency", str(proof))
    assert said in copy.gateway(*command)
    stated = json.loads(proof.read_text())
    stated["proof"][0] = base64.b64encode(b"\1" * 32).decode()
    proof.write_text(json.dumps(stated))
    assert "was rewritten between" in copy.gateway(*command, code=1)


def test_a_head_is_checked_beside_a_receipt(copy: Desk, tmp_path: Path) -> None:
    receipt = copy.receipts("oak", "core*.json")[0]
    head = tmp_path / "head"
    head.write_text(copy.gateway("log", "head"))
    size = head.read_text().split("\n")[1]
    said = copy.gateway("receipts", "verify", str(head), str(receipt))
    assert f"genuine: a head of the log test.invalid/log of {size} entries" in said
    assert "checked together with a receipt" in copy.gateway("receipts", "verify", str(head), code=1)
    head.write_text(head.read_text().replace(f"\n{size}\n", "\n3\n", 1))
    assert "the signature on the head of the log is not good" in copy.gateway(
        "receipts", "verify", str(head), str(receipt), code=1
    )


@pytest.mark.parametrize("sizes", [("0", "5"), ("5", "5"), ("6", "5"), ("5", "100000")])
def test_no_proof_is_made_between_heads_that_there_cannot_be(copy: Desk, sizes: tuple[str, str]) -> None:
    assert "give two sizes" in copy.gateway("log", "consistency", *sizes, code=1)


def test_an_exported_log_fits_its_heads_and_receipts(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_log.main([str(exported), *map(str, receipts(whole()))]) == 0
    out = capsys.readouterr().out
    assert out.startswith("proved: the ")
    assert "NOT proved: that this key is the gateway's" in out
    assert "keys before that" not in out
    key = (whole().home.published.common / "keys" / "gateway-log.vkey").read_text().strip()
    assert verify_log.main([str(exported), "--log-key", key]) == 0
    assert "NOT" not in capsys.readouterr().out


def spoilt(exported: Path, tmp_path: Path, lines: list[str]) -> Path:
    folder = tmp_path / "spoilt"
    folder.mkdir()
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "leaves.jsonl").write_text("".join(lines))
    return folder


def changed(lines: list[str]) -> list[str]:
    (place,) = [number for number, line in enumerate(lines) if '"kind":"collected"' in line]
    return [*lines[:place], lines[place].replace('"oak"', '"elm"'), *lines[place + 1 :]]


def swapped(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[5], lines[4], *lines[6:]]


def renumbered(lines: list[str]) -> list[str]:
    """Two entries change places and their numbers with them."""
    parts = [line.replace(f'"sequence":{n}', '"sequence":@') for n, line in enumerate(lines)]
    parts[4], parts[5] = parts[5], parts[4]
    return [part.replace("@", str(n)) for n, part in enumerate(parts)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed, "entries are not those that were signed"),
        (lambda lines: lines[:-3], "the log was cut"),
        (lambda lines: lines[:6] + lines[7:], "entry 6 is missing"),
        (swapped, "entry 4 is missing, or entries changed places"),
        (renumbered, "entries are not those that were signed"),
        (lambda lines: [*lines, lines[-1]], "is missing, or entries changed places"),
    ],
    ids=["changed", "cut", "removed", "swapped", "renumbered", "doubled"],
)
def test_an_exported_log_that_was_changed_does_not(
    exported: Path,
    tmp_path: Path,
    change: Callable[[list[str]], list[str]],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = (exported / "leaves.jsonl").read_text().splitlines(keepends=True)
    folder = spoilt(exported, tmp_path, change(lines))
    assert verify_log.main([str(folder)]) == 1
    assert said in capsys.readouterr().out


def test_entries_that_no_head_covers_are_not_proved(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (exported / "leaves.jsonl").read_text().splitlines(keepends=True)
    assert verify_log.main([str(exported)]) == 0
    assert f"proved: the {len(lines)} entries are those" in capsys.readouterr().out
    added = lines[0].replace('"sequence":0', f'"sequence":{len(lines)}')
    folder = spoilt(exported, tmp_path, [*lines, added])
    assert verify_log.main([str(folder)]) == 1
    said = f"NOT PROVED: entry {len(lines)} stands after the last head"
    assert said in capsys.readouterr().out
    entry = {"at": "2026-11-24T09:00:00Z", "fields": {"kind": "recorded"}, "subject": "x", "version": 1}
    for kind, code in (("released", 1), ("recorded", 0)):
        leaf = canonical({**entry, "kind": kind, "sequence": len(lines)}).decode() + "\n"
        (folder / "leaves.jsonl").write_text("".join([*lines, leaf]))
        assert verify_log.main([str(folder)]) == code
    assert "NOT proved: the 1 entries after the last head" in capsys.readouterr().out
    for head in folder.glob("checkpoint-*"):
        head.unlink()
    assert verify_log.main([str(folder)]) == 1
    assert "NOT PROVED: there is no head of the log" in capsys.readouterr().out


def test_nobody_puts_a_key_of_their_own_into_an_exported_log(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (exported / "leaves.jsonl").read_text().splitlines(keepends=True)
    true, own, size = (
        (exported / "log-key.vkey").read_text().strip(),
        LogKey.load(LogKey.generate()),
        len(lines),
    )
    origin = true.split("+")[0]
    fields = {"log_key": own.vkey(origin), "earlier": true, "size": size, "cause": "superseded"}
    entry = {"at": "2026-11-24T09:00:00Z", "subject": "log", "version": 1}
    change = {**entry, "fields": fields, "kind": "log-key-changed", "sequence": size}
    more = {**entry, "fields": {}, "kind": "released", "sequence": size + 1}
    folder = spoilt(exported, tmp_path, [*lines, *(canonical(one).decode() + "\n" for one in (change, more))])
    *_, (_, root) = verify_log.entries(folder / "leaves.jsonl")
    (folder / f"checkpoint-{size + 2}").write_text(checkpoint(origin, size + 2, root, own))
    assert verify_log.main([str(folder), "--log-key", true]) == 1
    assert f"entry {size} ends a key of the log at another size" in capsys.readouterr().out


@pytest.mark.parametrize(
    "fields", [{}, {"size": "1"}, {"size": 1, "earlier": 1}, {"size": 1, "earlier": "a+b"}]
)
def test_a_change_of_keys_that_says_nothing_is_not_proved(
    exported: Path, tmp_path: Path, fields: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"at": "2026-11-24T09:00:00Z", "subject": "log", "version": 1, "kind": "log-key-changed"}
    folder = spoilt(
        exported, tmp_path, [canonical({**entry, "fields": fields, "sequence": 0}).decode() + "\n"]
    )
    assert verify_log.main([str(folder)]) == 1
    assert "NOT PROVED: " in capsys.readouterr().out


def test_nobody_makes_the_true_key_the_heir_of_their_own(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (exported / "leaves.jsonl").read_text().splitlines(keepends=True)
    true, own = (exported / "log-key.vkey").read_text().strip(), LogKey.load(LogKey.generate())
    size, origin = len(lines) + 1, true.split("+")[0]
    fields = {"log_key": true, "earlier": own.vkey(origin), "size": size, "cause": "superseded"}
    entry = {"at": "2026-11-24T09:00:00Z", "subject": "log", "version": 1}
    change = {**entry, "fields": fields, "kind": "log-key-changed", "sequence": size - 1}
    folder = spoilt(exported, tmp_path, [*changed(lines), canonical(change).decode() + "\n"])
    *_, (_, root) = verify_log.entries(folder / "leaves.jsonl")
    for head in folder.glob("checkpoint-*"):
        head.unlink()
    (folder / f"checkpoint-{size}").write_text(checkpoint(origin, size, root, own))
    assert verify_log.main([str(folder), "--log-key", true]) == 1
    assert f"NOT PROVED: no head is signed with {true} yet" in capsys.readouterr().out


@pytest.mark.parametrize("size", [*range(1, 18), 64, 65])
def test_the_roots_are_those_of_the_tree(size: int, tmp_path: Path) -> None:
    leaf = '{{"at":"x","fields":{{}},"kind":"landed","sequence":{},"subject":"s","version":1}}'
    leaves = [leaf.format(number).encode() for number in range(size)]
    (tmp_path / "leaves.jsonl").write_bytes(b"".join(one + b"\n" for one in leaves))
    nodes: dict[tuple[int, int], bytes] = {}
    expected = []
    for number, data in enumerate(leaves):
        tree.append(nodes, number, data)
        expected.append(tree.root(nodes, number + 1))
    assert [root for _, root in verify_log.entries(tmp_path / "leaves.jsonl")] == expected
    heads = [Head("log", number + 1, root) for number, root in enumerate(expected)]
    assert verify_log.check_log(tmp_path / "leaves.jsonl", heads) == (size, 0, 0)


def test_an_export_tells_of_what_it_leaves_to_the_next(copy: Desk, tmp_path: Path) -> None:
    copy.gateway("providers", "set", "oak", "--name", "The Oak")
    said = copy.gateway("log", "export", str(tmp_path / "new"))
    with copy.registry.read() as session:
        size = log.size(session)
    assert len((tmp_path / "new" / "leaves.jsonl").read_text().splitlines()) == size - 1
    assert "left to the next export and its head: 1 entry" in said


def test_a_folder_that_is_there_is_not_written_into(copy: Desk, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert "exists already" in copy.gateway("log", "export", str(tmp_path / "there"), code=1)


def test_whoever_asks_for_the_head_adds_nothing_where_nothing_happened(copy: Desk) -> None:
    first = copy.gateway("log", "head")
    assert [copy.gateway("log", "head") for _ in range(3)] == [first] * 3
    with copy.registry.read() as session:
        before = log.size(session)
    copy.gateway("providers", "suspend", "fft")
    second = copy.gateway("log", "head")
    assert int(second.split("\n")[1]) > int(first.split("\n")[1])
    with copy.registry.read() as session:
        assert log.size(session) > before
    assert "everything fits" in copy.gateway("log", "verify")


def test_a_file_that_was_mistyped_is_no_alarm(copy: Desk, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear colleagues,\n")
    (tmp_path / "other.json").write_text("{}")
    for name in ("letter", "other.json", "gone"):
        copy.gateway("log", "verify", "--checkpoint", str(tmp_path / name), code=2)
    head = copy.gateway("log", "head")
    (tmp_path / "head").write_text(head)
    copy.gateway("log", "verify", "--checkpoint", str(tmp_path / "head"))
    size = head.split("\n")[1]
    (tmp_path / "head").write_text(head.replace(f"\n{size}\n", f"\n{size}0\n"))
    copy.gateway("log", "verify", "--checkpoint", str(tmp_path / "head"), code=1)


def test_an_altered_entry_is_named_where_nothing_can_begin_without_it(copy: Desk) -> None:
    with closing(sqlite3.connect(copy.home.root / "registry.db")) as registry, registry:
        (number,) = registry.execute("select max(number) from event where kind = 'policy-loaded'").fetchone()
        registry.execute("update event set leaf = substr(leaf, 9) where number = ?", (number,))
    for asked in (("log", "verify"), ("process", "--once")):
        assert f"entry {number} of the log was altered" in copy.gateway(*asked, code=1)


def test_an_audit_tells_how_far_it_has_come(copy: Desk) -> None:
    told: list[tuple[int, int]] = []
    with copy.registrar() as registrar:
        found, _ = inconsistencies(registrar, [], sealed=True, tell=lambda *so_far: told.append(so_far))
    assert not found
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] > 100


class Witness(ThreadingHTTPServer):
    """A witness of C2SP tlog-witness: it remembers the last head, and asks for proofs."""

    key = LogKey.load(LogKey.generate())
    size, root = 0, b""
    log_key = ""

    def add(self, body: str) -> tuple[int, str]:
        proof_of, note = body.split("\n\n", 1)
        old, *lines = proof_of.split("\n")
        head = log_checkpoint.read_checkpoint(note, [self.log_key])
        if old != f"old {self.size}":
            return 409, f"{self.size}\n"
        proof = [base64.b64decode(line) for line in lines]
        known = not self.size or (self.size, self.root) == (head.size, head.root)
        if not known and not proves_consistency(self.size, head.size, proof, self.root, head.root):
            return 422, ""
        self.size, self.root = head.size, head.root
        return 200, cosign(note, "witness.example", self.key, TERM_TIME).removeprefix(note)


class _Asked(BaseHTTPRequestHandler):
    server: Witness

    def do_POST(self) -> None:
        told = self.server.add(self.rfile.read(int(self.headers["content-length"])).decode())
        status, body = told if self.path == "/w/add-checkpoint" else (404, "")
        self.send_response(status)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def witness(copy: Desk) -> Iterator[Witness]:
    server = Witness(("127.0.0.1", 0), _Asked)
    server.log_key = (copy.home.published.common / "keys" / "gateway-log.vkey").read_text().strip()
    text = copy.home.settings.read_text("utf-8")
    key = witness_vkey(server.key, "witness.example")
    text = re.sub(r"^\[log\].*$", f'[log]\nwitnesses = ["{key}"]', text, count=1, flags=re.MULTILINE)
    copy.home.settings.write_text(text, "utf-8")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_witness_cosigns_over_http_and_catches_another_log(copy: Desk, witness: Witness) -> None:
    address = f"http://127.0.0.1:{witness.server_port}/w"
    assert "is kept with its cosignatures" in copy.gateway("log", "witness", address)
    first = witness.size
    assert (copy.home.published.log / str(first)).read_text().count("witness.example") == 1
    copy.gateway("staff", "invite", "jane")
    copy.gateway("log", "witness", address)
    assert witness.size > first
    witness.root = b"\1" * 32
    copy.gateway("staff", "invite", "jane")
    assert "did not cosign the head: HTTP 422" in copy.gateway("log", "witness", address, code=1)
    witness.size = 10**6
    assert "the log has only" in copy.gateway("log", "witness", address, code=1)


def test_tiles_go_on_and_a_log_that_was_cut_is_found(copy: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    copy.gateway("log", "tiles", str(folder))
    size = int((folder / "checkpoint").read_text().split("\n")[1])
    with copy.registry.read() as session:
        first = [tree.leaf_hash(leaf) for leaf in log.leaves(session)][: size % 256]
    assert (folder / "tile/0" / f"000.p/{size}").read_bytes() == b"".join(first)
    copy.gateway("staff", "invite", "jane")
    copy.gateway("log", "tiles", str(folder))
    assert int((folder / "checkpoint").read_text().split("\n")[1]) > size
    (folder / "checkpoint").write_text(f"test.invalid/log\n{10**6}\n")
    assert "it was cut" in copy.gateway("log", "tiles", str(folder), code=1)
    (folder / "checkpoint").write_text("a note of somebody\n")
    assert "is no signed head" in copy.gateway("log", "tiles", str(folder), code=1)


def test_entries_are_told_to_a_siem_once_and_fit_its_schema(copy: Desk, tmp_path: Path) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs/siem.schema.json").read_text("utf-8"))
    place = tmp_path / "place"
    assert copy.gateway("log", "events", str(place)) == ""
    assert f"{place / 'none'}: Not a directory" in copy.gateway("log", "events", str(place / "none"), code=1)
    place.write_text("0")
    told = [json.loads(line) for line in copy.gateway("log", "events", str(place)).splitlines()]
    assert [one["event.sequence"] for one in told] == list(range(len(told)))
    assert {"decided", "collected", "deleted"} <= {one["event.action"] for one in told}
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for one in told for error in validator.iter_errors(one)] == []
    assert copy.gateway("log", "events", str(place)) == ""


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (("staff", "add", "ann", "--team", "central-data-team"), "staff-added"),
        (("staff", "set", "jane", "--team", "early-years"), "staff-changed"),
        (("staff", "remove", "jane"), "staff-removed"),
        (("providers", "resume", "oak"), "provider-resumed"),
        (("providers", "merge", "oak", "elm"), "provider-merged"),
        (("providers", "remove", "elm"), "provider-removed"),
        (("programs", "add", "files", "--act", "transfers list"), "program-added"),
        (("programs", "revoke", "notes"), "program-revoked"),
        (("policy", "withdraw"), "policy-withdrawn"),
    ],
)
def test_an_act_is_on_record_with_who_did_it_and_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, act: tuple[str, ...], kind: Kind
) -> None:
    for name in ("oak", "elm"):
        desk.provider(name)
    ends = desk.now + timedelta(days=9)
    with desk.registry.write() as session:
        staff.add_staff(session, "jane", ("central-data-team",), desk.now)
        programs.add(
            session,
            ProgramRow(
                digest="a", name="notes", acts="", teams="", made_at=desk.now, made_by="ann", ends_at=ends
            ),
        )
        policy_proposals.propose(session, 32 * "ab", ends, by="ann", why=None, at=desk.now)
    people = ("ann", "ben") if act[:2] == ("programs", "add") else ("ben",)
    for person in people:
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway(*act, "--why", "so agreed")
    with desk.registry.read() as session:
        entry = log.latest(session, kind)
    assert entry is not None
    assert (name_of(entry.actor or ""), (entry.note or "").rpartition("; ")[2]) == ("ben", "so agreed")
