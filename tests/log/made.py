"""A small log with receipts in it, made with the real parts, for the tests of this folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from gateway.log import tree
from gateway.log.checkpoint import COSIGNATURE, LogKey, VerifierKey, checkpoint
from gateway.log.leaf import Event, Kind, leaf
from gateway.model import Classified, Facts, Finding, Provider, Signature, Transfer, Upload
from gateway.receipts.facts import Proof, ReceiptFacts
from gateway.receipts.text import receipt_statement
from gateway.verify.verify_receipts import Head, Unproved, check_consistency, climb, hashes
from tests.policies import why

ORIGIN = "gateway.example/log"
KEY = LogKey.load(LogKey.generate())
VKEY = KEY.vkey(ORIGIN)


def witness_vkey(key: LogKey, name: str) -> str:
    """The verifier key of a witness, for its cosignatures."""
    return str(VerifierKey(name, COSIGNATURE, key._secret.public_key().public_bytes_raw()))


def cosign(text: str, name: str, key: LogKey, at: datetime) -> str:
    """A note with the line of a witness, who saw the head at a time."""
    seconds = int(at.timestamp())
    body = text.rpartition("\n\n")[0] + "\n"
    signed = key.sign(f"cosignature/v1\ntime {seconds}\n{body}".encode())
    return text + key.signature_line(name, COSIGNATURE, seconds.to_bytes(8, "big") + signed)


LANDED = datetime(2026, 11, 24, 14, 3, 22, tzinfo=UTC)

FACTS = ReceiptFacts(
    transfer=Transfer(
        sequence=1,
        upload=Upload(
            reference="261124-marsh-lane-7K3QD",
            provider="marsh-lane",
            name="autumn census.xml.gpg",
            folder="in",
            size=88_888,
            sha256="a1" * 32,
            started_at=LANDED,
            landed_at=LANDED,
            ssh_key="SHA256:test",
        ),
        state="accepted",
        flow="school-census",
        data_type="school-census",
        content_size=400_000,
        content_sha256="b2" * 32,
        signature=Signature(certificate="c3" * 20, signing_key="d4" * 20, created_at=LANDED),
        content=Classified(
            data_type="school-census",
            level="certain",
            evidence=("root element Message", "Collection is SC"),
            format="xml",
            extension="xml",
            pupils=212,
            facts=Facts(la="999", establishment="2001", term="AUT", reference_date=date(2026, 10, 1)),
            findings=(
                Finding(code="upn:malformed", severity="error", count=2, rows=(4, 9), about="Pupil: UPN"),
            ),
            items=("Pupil: Date of Birth", "Pupil: UPN"),
        ),
        decided_at=datetime(2026, 11, 24, 14, 3, 23, 500, tzinfo=UTC),
        teams=("central-data",),
        reasons=(
            why(
                "policy:allowed",
                "12.2",
                title="School Census",
                sender="education providers",
                recipient="the local authority",
            ),
        ),
    ),
    provider=Provider(id="marsh-lane", name="Marsh Lane Primary School", kind="school"),
    organisation="Somerset County Council",
    notices=("Your signing key expires on 1 January 2027.",),
)


def parts_of(kind: type) -> set[str]:
    return {one.name for one in fields(kind)}


def with_parts(facts: ReceiptFacts, /, **parts: Any) -> ReceiptFacts:
    """The facts with other parts, each part by its name in the value that holds it; None in `data_type` for
    a file in which nothing was recognised.
    """
    transfer = facts.transfer
    for name, value in parts.items():
        if name in parts_of(ReceiptFacts):
            facts = replace(facts, **{name: value})
        elif name == "provider_name":
            facts = replace(facts, provider=replace(facts.provider, name=value))
        elif name in parts_of(Upload):
            transfer = replace(transfer, upload=replace(transfer.upload, **{name: value}))
        if name in parts_of(Transfer):
            transfer = replace(transfer, **{name: value})
        if name in parts_of(Classified) and (name, value) != ("data_type", None):
            transfer = replace(transfer, content=replace(transfer.content, **{name: value}))
    return replace(facts, transfer=transfer)


class Nodes(dict[tuple[int, int], bytes]):
    """A store of nodes that counts what it is asked."""

    gets = puts = 0

    def __getitem__(self, place: tuple[int, int]) -> bytes:
        self.gets += 1
        return super().__getitem__(place)

    def __setitem__(self, place: tuple[int, int], node: bytes) -> None:
        self.puts += 1
        if place in self:
            raise AssertionError("a complete subtree never changes")
        super().__setitem__(place, node)


@dataclass
class Log:
    """A log of events, and its proofs."""

    nodes: Nodes = field(default_factory=Nodes)
    leaves: list[bytes] = field(default_factory=list)

    def add(self, kind: Kind, subject: str, fields: Mapping[str, str | int] | None = None) -> int:
        index = len(self.leaves)
        event = Event(sequence=index, at=LANDED, kind=kind, subject=subject, fields=fields or {})
        self.leaves.append(leaf(event))
        tree.append(self.nodes, index, self.leaves[-1])
        return index

    def head(self, size: int | None = None) -> str:
        at = len(self.leaves) if size is None else size
        return checkpoint(ORIGIN, at, tree.root(self.nodes, at), KEY)

    def proof(self, index: int, size: int | None = None, *, certificate: str = "") -> Proof:
        at = len(self.leaves) if size is None else size
        return Proof(
            leaf=self.leaves[index],
            index=index,
            hashes=tuple(tree.inclusion_proof(self.nodes, index, at)),
            checkpoint=self.head(at),
            log_key=VKEY,
            log_key_certificate=certificate,
        )


def recorded(log: Log, facts: ReceiptFacts) -> int:
    """Record a receipt's stage in the log; its index."""
    kind: Kind = "landed" if facts.transfer.state == "landed" else "decided"
    fields_of = {"provider": facts.provider.id, **receipt_statement(facts).digests}
    return log.add(kind, facts.transfer.upload.reference, fields_of)


def example(size: int = 11, place: int = 6, *, certificate: str = "") -> tuple[Log, str]:
    """A log of `size` events and the JSON receipt for `FACTS` at `place` in it."""
    log = Log()
    for number in range(size):
        if number == place:
            recorded(log, FACTS)
        else:
            log.add("policy-loaded", "policies", {"policy": "flows", "sha256": f"{number:064x}"})
    return log, receipt_statement(FACTS).for_machines(log.proof(place, certificate=certificate), KEY.sign)


def proves_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Does the verifier of receipts take a proof that a leaf, by its hash, is in a tree?"""
    try:
        start, end, *path = hashes(shown([leaf, root, *proof]))
        return 0 <= index < size and climb(index, size - 1, start, path)[1] == end
    except Unproved:
        return False


def proves_consistency(first: int, second: int, proof: list[bytes], old: bytes, new: bytes) -> bool:
    """Does the verifier of receipts take a proof that a tree continues a smaller one?"""
    try:
        check_consistency(Head("o", first, old), Head("o", second, new), shown(proof))
    except Unproved:
        return False
    return True


def shown(proof: list[bytes]) -> list[str]:
    """A proof as receipts tell it."""
    return [base64.b64encode(node).decode() for node in proof]


def landed(facts: ReceiptFacts = FACTS) -> ReceiptFacts:
    """The landed stage of a receipt."""
    return replace(
        facts, transfer=Transfer(sequence=1, upload=facts.transfer.upload, state="landed"), notices=()
    )


def changed(text: str, **parts: Any) -> str:
    """A JSON receipt with parts of its envelope replaced."""
    return json.dumps(json.loads(text) | parts, indent=2, ensure_ascii=False) + "\n"
