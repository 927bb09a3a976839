"""Verify receipts of the gateway offline, with only Python and the `cryptography` package.

    python -m gateway.verify.verify_receipts FILE... [--log-key KEY] [--original FILE] [--consistency FILE]

FILE is a receipt (.json) or a checkpoint of the log. This file imports nothing else of the gateway and may
be copied and run on its own. Checks for each receipt:

1. the log's key signed the receipt (Ed25519, RFC 8032, over its canonical form, RFC 8785);
2. the log's entry (leaf) holds the SHA-256 of the same form;
3. the entry is in the log, by the inclusion proof (RFC 9162 section 2.1.3);
4. the log's key signed the head of the log (C2SP tlog-checkpoint) at the end of the proof.

Across files: no two heads contradict each other, a later head continues an earlier one by a consistency
proof (section 2.1.4), and an original file is the one received. Exit 0 where all holds, 1 otherwise.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_BYTES = 4 * 1024 * 1024
TEXTS = ("format", "leaf", "checkpoint", "signature", "log_key", "log_key_certificate")
RECEIPT = {"receipt": dict, "index": int, "proof": list} | dict.fromkeys(TEXTS, str)
LEAF = {"at": str, "fields": dict, "kind": str, "sequence": int, "subject": str, "version": int}
CONSISTENCY = {"origin": str, "first": int, "second": int, "proof": list}
KEYS = re.compile(
    r"^log-key: (\S+)(?: until ([1-9][0-9]{0,17}) (\S+) (superseded|compromised))?$", re.MULTILINE
)
SIGNATURES = re.compile(r"(?:— [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+")
HEAD = re.compile(r"\A[^\s{-]\S*\n\d+\n\S+\n\n— ")
DECIDED = ["decided", "released", "refused", "withdrawn", "redelivered"]
KINDS = {"landed": ["landed"], "decided": DECIDED, "declared": ["declared"]}


class Unproved(Exception):  # noqa: N818 - the word for it
    """Raised if a check fails; the text names the check."""


@dataclass(frozen=True)
class Head:
    """A signed head of the log: the log's name, number of entries and root hash."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class KeyInTime:
    """A verifier key of the log. `last`: the last head signed with the key; None for the key in use.
    `lost`: True if the key was taken out of use because the private half may be in wrong hands.
    """

    key: str
    last: Head | None = None
    lost: bool = False


@dataclass(frozen=True)
class Checked:
    """A verified receipt, with number (`index`) and time (`at`) of the log entry, and a head of the log.
    `log_key_certificate` is the gateway's clearsigned statement of `log_key`, not checked yet.
    """

    receipt: dict[str, Any]
    head: Head
    index: int
    log_key: str
    log_key_certificate: str
    at: str


def check_receipt(text: str, log_key: str | None = None) -> Checked:
    """Verify a JSON receipt alone and return the receipt. Raises Unproved if a check fails.
    `log_key` is the required signing key; None takes the key named in the receipt.
    """
    given = strict_json(text, RECEIPT)
    if given["format"] != "gateway-receipt/1":
        raise Unproved("this is not a receipt in a form known here")
    if log_key not in {None, given["log_key"]}:
        raise Unproved("it was signed with another key than the one you gave")
    receipt, body = given["receipt"], canonical(given["receipt"])
    check_signature(given["log_key"], unbase64(given["signature"]), body, "the receipt")
    entry = strict_json(given["leaf"], LEAF)
    if entry["fields"].get("receipt") != hashlib.sha256(body).hexdigest():
        raise Unproved("the log's entry is for another receipt")
    check_entry(entry, given["index"], receipt.get("reference"), receipt.get("stage"))
    head = read_checkpoint(given["checkpoint"], given["log_key"])
    check_inclusion(given["leaf"], given["index"], given["proof"], head)
    return Checked(receipt, head, given["index"], given["log_key"], given["log_key_certificate"], entry["at"])


def keys_in(text: str) -> list[KeyInTime]:
    """Return the log's keys in a text, in order. The text is a verifier key, or /keys/gateway-log-keys.asc.
    The OpenPGP signature on that file is not checked here.
    """
    if not (found := KEYS.findall(text)):
        read_key(text.strip())
        return [KeyInTime(text.strip())]
    keys = []
    for key, size, root, why in found:
        last = Head(read_key(key)[0], int(size), hashes([root])[0]) if size else None
        keys.append(KeyInTime(key, last, why == "compromised"))
    sizes = [one.last.size if one.last else 0 for one in keys]
    if sizes[-1] or sizes[:-1] != sorted(set(sizes[:-1]) - {0}):
        raise Unproved("the keys of the log are not in their order")
    return keys


def check_in_time(keys: Sequence[KeyInTime], key: str, head: Head) -> list[str]:
    """Raise Unproved unless `key` was the log's key for heads of this size.
    If the key was lost later, return lines on what is therefore not proved; else [].
    """
    place = next((place for place, one in enumerate(keys) if one.key == key), None)
    if place is None:
        raise Unproved("it was signed with another key than the one you gave")
    last, before = keys[place].last, keys[place - 1].last if place else None
    if before is not None and head.size <= before.size:
        raise Unproved(f"its key signs only heads of more than {before.size} entries: it is a forgery")
    if last is None:
        return []
    if head.size > last.size or (head.size == last.size and head != last):
        raise Unproved(
            f"its key was taken out of use at {last.size} entries of the log, and the log goes on "
            "without it: it is a forgery. Ring the authority"
        )
    if not keys[place].lost:
        return []
    return [
        "  NOT proved: that it is as old as it says: the key that signed it may have been in wrong hands.",
        f"    A consistency proof from {head.size} to {last.size} entries shows it (gateway log consistency)",
    ]


def check_entry(entry: Mapping[str, Any], index: int, reference: object, stage: object) -> None:
    """Check that a log entry has this index, and is about this transfer and stage; else raise Unproved."""
    if entry["subject"] != reference or entry["kind"] not in KINDS.get(str(stage), []):
        raise Unproved("the log's entry is for another receipt")
    if entry["sequence"] != index:
        raise Unproved("the log's entry is at another place than the receipt says")


def check_inclusion(leaf: str, index: int, proof: Iterable[object], head: Head) -> None:
    """Raise Unproved unless a proof leads from a log entry to a head (RFC 9162 section 2.1.3.2)."""
    start = hashlib.sha256(b"\x00" + leaf.encode()).digest()
    if not 0 <= index < head.size or climb(index, head.size - 1, start, hashes(proof))[1] != head.root:
        raise Unproved("the inclusion proof does not lead to the head of the log: it was not recorded so")


def check_consistency(first: Head, second: Head, proof: Iterable[object]) -> None:
    """Raise Unproved unless the second head continues the first, unchanged (RFC 9162 section 2.1.4.2)."""
    if not 0 < first.size < second.size or first.origin != second.origin:
        raise Unproved("a consistency proof is between two heads of one log, the smaller one first")
    path = [first.root] * (first.size & (first.size - 1) == 0) + hashes(proof)  # A power of two is its own.
    at, last = first.size - 1, second.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path or climb(at, last, path[0], path[1:]) != (first.root, second.root):
        raise Unproved(f"the log was rewritten between {first.size} and {second.size} entries")


def climb(at: int, last: int, start: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return two roots, of the old tree and of the new one, to which a proof of consistency leads.
    The proof begins with the hash `start` of node `at`, on a level with the nodes 0 to `last`. `path`: the
    hashes of the nodes that are combined with it on the way up. Raises Unproved for too many or too few
    hashes.
    """
    old = new = start
    for node in path:
        if last == 0:
            raise Unproved("the proof is too long")
        if at & 1 or at == last:
            old, new = parent(node, old), parent(node, new)
            while not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = parent(new, node)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise Unproved("the proof is too short")
    return old, new


def parent(left: bytes, right: bytes) -> bytes:
    """Return the hash of the parent of two nodes (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@lru_cache(64)  # Receipts of one transaction carry the same head.
def read_checkpoint(text: str, log_key: str) -> Head:
    """Verify a C2SP checkpoint signed by `log_key` and return its head."""
    body, _, signatures = text.rpartition("\n\n")
    name, key_id, _ = read_key(log_key)
    lines, mark = body.split("\n"), f"— {name} "
    if len(lines) != 3 or lines[0] != name or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):  # noqa: PLR2004
        raise Unproved("the head of the log cannot be read, or is of another log")
    blobs = [unbase64(line.removeprefix(mark)) for line in signatures.split("\n") if line.startswith(mark)]
    ours = [blob[4:] for blob in blobs if blob[:4] == key_id]
    if not ours or not SIGNATURES.fullmatch(signatures):
        raise Unproved("the head of the log is not signed with the log's key")
    for signature in ours:
        check_signature(log_key, signature, f"{body}\n".encode(), "the head of the log")
    return Head(name, int(lines[1]), hashes([lines[2]])[0])


def read_key(log_key: str) -> tuple[str, bytes, bytes]:
    """Parse a C2SP verifier key NAME+KEYID+BASE64: return name, key id and public key."""
    name, key_id, encoded = [*log_key.split("+", 2), "", ""][:3]
    material = unbase64(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    if len(material) != 33 or material[0] != 1 or key_id != expected.hex():  # noqa: PLR2004
        raise Unproved("the log's key cannot be read")
    return name, expected, material[1:]


def check_signature(log_key: str, signature: bytes, message: bytes, what: str) -> None:
    """Raise Unproved, naming `what`, unless `signature` is one by `log_key` (Ed25519) over `message`."""
    try:
        Ed25519PublicKey.from_public_bytes(read_key(log_key)[2]).verify(signature, message)
    except InvalidSignature:
        raise Unproved(f"the signature on {what} is not good: changed, or not by this key") from None


def check_original(path: Path, receipt: Mapping[str, Any]) -> str:
    """Return a sentence: the file at `path` is the one received, or is the content found inside.
    Raises Unproved if the file is neither.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == receipt.get("sha256"):
        return f"{path.name} is the file that was received, byte for byte as it was sent"
    if digest == receipt.get("content_sha256"):
        return f"{path.name} is the content that was found inside the file received"
    raise Unproved(f"{path.name} is not the file of this receipt")


def canonical(value: object) -> bytes:
    """Return the canonical form (RFC 8785) of a JSON value without fractions and with ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def strict_json(text: str, parts: Mapping[str, type]) -> dict[str, Any]:
    """Parse a JSON object with exactly the names and types in `parts`. Raises Unproved for any other text."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse)
        canonical(value)
    except (ValueError, RecursionError):
        raise Unproved("the file is damaged: it is not the JSON that the gateway wrote") from None
    if not isinstance(value, dict) or {name: type(part) for name, part in value.items()} != parts:
        raise Unproved("the file is damaged, or is not a receipt: it has other parts")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _refuse(number: str) -> object:
    raise ValueError(f"{number} is not a whole number")


def unbase64(text: object) -> bytes:
    """Decode base64 in the canonical spelling. Raises Unproved for anything else."""
    try:
        decoded = base64.b64decode(str(text), validate=True)
    except ValueError:
        decoded = b""
    if not decoded or base64.b64encode(decoded).decode() != text:
        raise Unproved("the file is damaged: a signature, key or hash cannot be read")
    return decoded


def hashes(proof: Iterable[object]) -> list[bytes]:
    """Decode the SHA-256 hashes of a proof from base64. Raises Unproved for anything else."""
    nodes = [unbase64(node) for node in proof]
    if any(len(node) != 32 for node in nodes):  # noqa: PLR2004
        raise Unproved("the file is damaged: a hash has the wrong length")
    return nodes


def read_text(path: Path) -> str:
    """Read the text of a file. Raises Unproved if not UTF-8, or larger than 4 MiB."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unproved("not a receipt: it is longer than any")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Unproved("not a receipt, or a damaged one: it is no text") from None


def compare_heads(heads: Sequence[Head], consistency: Path | None) -> list[str]:
    """Raise Unproved if heads contradict each other; return lines on the consistency proof, if given."""
    by_size = {(head.origin, head.size): head for head in heads}
    if any(by_size[head.origin, head.size] != head for head in heads):
        raise Unproved("two heads of the same size differ: somebody was shown another log")
    if consistency is None:
        return []
    stated = strict_json(read_text(consistency), CONSISTENCY)
    first, second = (by_size.get((stated["origin"], stated[which])) for which in ("first", "second"))
    if first is None or second is None:
        raise Unproved("the consistency proof is for heads that none of the given files holds")
    check_consistency(first, second, stated["proof"])
    return [f"proved: the log of {second.size} entries begins with the log of {first.size}, nothing changed"]


def report(checked: Checked, *, anchored: bool) -> list[str]:
    """Return lines for a person on what a verified receipt proves and does not prove.
    `anchored`: True if the log's key is known to be the gateway's.
    """
    stated = checked.receipt.get
    told = f"received {stated('name')}", f"({stated('size')} bytes, SHA-256 {stated('sha256')})", "landed_at"
    if stated("stage") == "declared":
        told = "was told of a transfer:", f"{stated('data')} by {stated('method')}", "goes_at"
    unknown = f"  NOT proved: that this key is the gateway's: {checked.log_key} (see --log-key)"
    return [
        "genuine" if anchored else "intact, but whose key signed it was not checked",
        f"  proved: the holder of the log's key states that it {told[0]}",
        f"    {told[1]}",
        f"    from {stated('provider')} at {stated(told[2])}, as {stated('reference')};",
        f"    its state in this receipt is {stated('state')}, as of {checked.at}; ask for a newer one",
        f"  proved: the log of {checked.head.size} entries holds this as entry {checked.index}",
        *([] if anchored else [unknown]),
        "  not proved: that the clock was right (the number of the entry tells the order); that the whole",
        "    log was not replaced later (a later receipt together with a consistency proof shows that)",
    ]


def check_file(path: Path, keys: Sequence[KeyInTime], original: Path | None) -> tuple[Head, list[str]]:
    """Verify a JSON receipt or a head; return the head, and lines for a person. Unproved if a check fails."""
    text = read_text(path)
    if text.lstrip().startswith("{"):
        checked = check_receipt(text)
        cautions = check_in_time(keys, checked.log_key, checked.head) if keys else []
        lines = [*report(checked, anchored=bool(keys)), *cautions]
        if original is not None:
            lines.append(f"  proved: {check_original(original, checked.receipt)}")
        return checked.head, lines
    if text.lstrip().startswith("-----BEGIN PGP"):
        raise Unproved("a signed text: gpg --verify checks it, this here only the .json of the same name")
    if not HEAD.search(text):
        raise Unproved("not a receipt in JSON, nor a head of the log; nothing else is checked here")
    if not keys:
        raise Unproved("a head of the log can be checked only with --log-key")
    head, cautions = read_head(text, keys)
    return head, [
        f"a head of the log {head.origin} of {head.size} entries, signed with the log's key",
        *cautions,
    ]


def read_head(text: str, keys: Sequence[KeyInTime]) -> tuple[Head, list[str]]:
    """Verify a checkpoint signed by a key in `keys`; return the head, and lines on what is not proved."""
    ids = {unbase64(line.rpartition(" ")[2])[:4] for line in text.rpartition("\n\n")[2].splitlines()}
    signer = next((one.key for one in keys if read_key(one.key)[1] in ids), keys[-1].key)
    head = read_checkpoint(text, signer)
    return head, check_in_time(keys, signer, head)


def check_files(args: argparse.Namespace) -> bool:
    """Check every file and print the findings; return False where a check fails."""
    in_file = args.log_key is not None and "+" not in args.log_key
    given = read_text(Path(args.log_key)) if in_file else args.log_key
    keys = keys_in(given) if given else []
    heads: list[Head] = []
    for path in args.files:
        try:
            head, lines = check_file(path, keys, args.original)
        except (Unproved, OSError) as error:
            say(f"{path.name}: NOT PROVED: {error}")
            continue
        heads.append(head)
        say(f"{path.name}: {lines[0]}", *lines[1:])
    ends = [one.last for one in keys if one.last is not None]
    say(*compare_heads([*heads, *ends], args.consistency))
    return len(heads) == len(args.files)


def say(*lines: str) -> None:
    """Print lines, with "?" for characters that could control a terminal or start a new line."""
    for line in lines:
        sys.stdout.write("".join(c if c.isprintable() else "?" for c in line) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="gateway.verify.verify_receipts", description="check receipts")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--log-key", metavar="KEY", help="the log's key, NAME+ID+BASE64, or a file of keys")
    parser.add_argument("--original", type=Path, metavar="FILE", help="what the receipt should be for")
    parser.add_argument("--consistency", type=Path, metavar="FILE", help="a proof from one head to another")
    try:
        return 0 if check_files(parser.parse_args(argv)) else 1
    except (Unproved, OSError) as error:
        say(f"NOT PROVED: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
