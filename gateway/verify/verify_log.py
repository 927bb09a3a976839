"""Verify a whole exported log, or entries of it, elsewhere, with only Python and the `cryptography` package.

    python -m gateway.verify.verify_log DIR [FILE...] [--log-key KEY]
    python -m gateway.verify.verify_log ENTRIES --log-key KEY

ENTRIES is the output of `gateway log prove`: the entries on one transfer, each with the inclusion proof.
`gateway log export` writes DIR: leaves.jsonl, one log entry a line, and signed heads. An entry about a file
that the exporting person may not know of is given as a hash alone. FILE is a further head kept elsewhere, or
a receipt. This file imports nothing of the gateway but verify_receipts.py: the two, in a folder
gateway/verify/ alone, are enough. The Merkle tree (RFC 9162 section 2.1.1) is rebuilt from the entries, and
the root compared with every head; the first difference is named.

Exit 0 where everything matches, 1 otherwise.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.verify import verify_receipts as receipts

EVENTS = {"log_key": str, "checkpoint": str, "events": list}
EVENT = {"index": int, "leaf": str, "proof": list}
OPENED = EVENT | {"actor": str, "salt": str}
ENTRIES = re.compile(r'\A\{\s*"log_key"')
WITHHELD, CHANGED = b'{"hash":', b'"kind":"log-key-changed"'


def entries(leaves: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield each log entry in the file `leaves`, and the tree's root after it.
    Of an entry given as a hash alone, only `hash` and `sequence` are known. Unproved for a wrong number.
    """
    peaks: list[tuple[int, bytes]] = []  # height and root of the complete subtrees so far, largest first
    with leaves.open("rb") as file:
        for number, line in enumerate(file):
            leaf = line.removesuffix(b"\n")
            if leaf.startswith(WITHHELD):
                told = receipts.strict_json(leaf.decode(), {"hash": str, "sequence": int})
                (node,) = receipts.hashes([told["hash"]])
            else:
                told, node = (
                    receipts.strict_json(leaf.decode(), receipts.LEAF),
                    hashlib.sha256(b"\x00" + leaf).digest(),
                )
            if told["sequence"] != number:
                raise receipts.Unproved(f"entry {number} is missing, or entries changed places")
            height = 0
            while peaks and peaks[-1][0] == height:
                height, node = height + 1, receipts.parent(peaks.pop()[1], node)
            peaks.append((height, node))
            root = node
            for _, left in reversed(peaks[:-1]):
                root = receipts.parent(left, root)
            yield told, root


def check_log(leaves: Path, heads: Sequence[receipts.Head]) -> tuple[int, int, int]:
    """Compare a log's entries with the signed heads of the log.
    Return the number of entries that a head covers, of later entries, and of entries given as hashes alone.
    Unproved if entries and heads differ. Unproved also for an entry after the last head, except records of
    heads, which earlier versions exported there.
    """
    signed = max((head.size for head in heads), default=0)
    if not signed:
        raise receipts.Unproved("there is no head of the log: nobody has signed these entries")
    expected: dict[int, set[bytes]] = {}
    for head in heads:
        expected.setdefault(head.size, set()).add(head.root)
    size = hidden = 0
    for size, (told, root) in enumerate(entries(leaves), start=1):
        hidden += "hash" in told
        if expected.pop(size, {root}) != {root}:
            raise receipts.Unproved(f"the first {size} entries are not those that were signed")
        if size > signed and told.get("kind") != "recorded":
            raise receipts.Unproved(f"entry {size - 1} stands after the last head: nobody has signed it")
    if expected:
        raise receipts.Unproved(
            f"there is a head of {max(expected)} entries, but only {size} entries: the log was cut"
        )
    return signed, size - signed, hidden


def read_entries(text: str, keys: Sequence[receipts.KeyInTime]) -> tuple[receipts.Head, list[str]]:
    """Verify the entries on one transfer that `gateway log prove` printed, against the head beside them.
    Return the head, and lines for a person. Unproved if a check fails.
    """
    if not keys:
        raise receipts.Unproved("entries of the log can be checked only with --log-key")
    given = receipts.strict_json(text, EVENTS)
    head, cautions = receipts.read_head(given["checkpoint"], keys)
    subjects, lines = set[str](), list[str]()
    for each in given["events"]:
        named = isinstance(each, dict) and "actor" in each
        event = receipts.strict_json(json.dumps(each), OPENED if named else EVENT)
        entry = receipts.strict_json(event["leaf"], receipts.LEAF)
        receipts.check_inclusion(event["leaf"], event["index"], event["proof"], head)
        if entry["sequence"] != event["index"]:
            raise receipts.Unproved("an entry is at another place of the log than the proof says")
        subjects.add(entry["subject"])
        said = [f"  proved: entry {event['index']}, {entry['at']}: {entry['kind']}"]
        said += [str(entry["fields"]["team"])] if "team" in entry["fields"] else []
        said += [f"by {actor_of(event, entry)}"] if named else []
        lines.append(" ".join(said))
    if len(subjects) != 1:
        raise receipts.Unproved("these are not the entries on one transfer")
    return head, [
        f"the log of {head.size} entries, signed with the log's key, holds these on {subjects.pop()}",
        *lines,
        "  not proved: that there are no others (an exported log shows that); who acted, where nobody is",
        "    named (gateway log prove --who); that nobody else had the key or the account of who is named",
        *cautions,
    ]


def actor_of(event: dict[str, Any], entry: dict[str, Any]) -> str:
    """Return who acted, as stated beside an entry. Unproved unless the entry commits to the name."""
    try:
        opened = hmac.new(bytes.fromhex(event["salt"]), event["actor"].encode(), "sha256").hexdigest()
    except ValueError:
        opened = ""
    if opened != entry["fields"].get("commitment"):
        raise receipts.Unproved(f"entry {event['index']} was not made by who is named beside it")
    return str(event["actor"])


def keys_of(leaves: Path) -> list[receipts.KeyInTime]:
    """Return the keys the log has had, in order, from its entries; [] if the key never changed."""
    with leaves.open("rb") as file:
        told = [receipts.strict_json(line.decode(), receipts.LEAF) for line in file if CHANGED in line]
    changes = {one["sequence"]: one["fields"] for one in told if one["kind"] == "log-key-changed"}
    every = [root for _, root in entries(leaves)] if changes else []
    keys = []
    for number, one in changes.items():
        earlier, is_lost = str(one.get("earlier")), one.get("cause") == "compromised"
        # The last head of a key that was not lost covers the change: so the key itself names the next one.
        size = number + (not is_lost)
        if one.get("size") != size or not 0 < size <= len(every):
            raise receipts.Unproved(f"entry {number} ends a key of the log at another size than its own")
        last = receipts.Head(receipts.read_key(earlier)[0], size, every[size - 1])
        keys.append(receipts.KeyInTime(earlier, last, is_lost))
    return [*keys, *(receipts.KeyInTime(str(one.get("log_key"))) for one in [*changes.values()][-1:])]


def check_keys(keys: Sequence[receipts.KeyInTime], log_key: str, heads: Sequence[receipts.Head]) -> None:
    """Raise Unproved unless `log_key`, trusted by the user, proves every other key in `keys`.
    A key proves every earlier key, if `heads` has a head signed with it. A key proves the next one if not
    lost, and if `heads` has the last head signed with it: that head covers the entry about the next key.
    """
    names = [one.key for one in keys]
    later = keys[names.index(log_key) : -1] if log_key in names else keys
    if log_key not in names or any(one.lost or one.last not in heads for one in later):
        raise receipts.Unproved("the log has another key since: give that of /keys/gateway-log.vkey")
    before = keys[names.index(log_key) - 1].last  # None also of the key in use, where there is no other.
    if before is not None and all(head.size <= before.size for head in heads):
        raise receipts.Unproved(
            f"no head is signed with {log_key} yet: give the key before it, or export the log again later"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="gateway.verify.verify_log", description="check an exported log")
    parser.add_argument("folder", type=Path, metavar="DIR", help="or a file of entries")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="heads or receipts kept elsewhere"
    )
    parser.add_argument("--log-key", metavar="KEY", help="the log's key; the one in DIR if not given")
    args = parser.parse_args(argv)
    try:
        if args.folder.is_file():
            keys = receipts.keys_in(args.log_key) if args.log_key else []
            receipts.say(*read_entries(receipts.read_text(args.folder), keys)[1])
            return 0
        log_key = args.log_key or receipts.read_text(args.folder / "log-key.vkey").strip()
        inside = sorted(args.folder.glob("checkpoint-*"))
        keys = keys_of(args.folder / "leaves.jsonl") or [receipts.KeyInTime(log_key)]
        heads = [receipts.check_file(path, keys, None)[0] for path in (*inside, *args.files)]
        check_keys(keys, log_key, heads)
        size, beyond, hidden = check_log(args.folder / "leaves.jsonl", heads)
    except (receipts.Unproved, OSError, UnicodeDecodeError) as error:
        receipts.say(f"NOT PROVED: {error}")
        return 1
    receipts.say(f"proved: the {size} entries are those that {len(heads)} heads signed with {log_key} state")
    if len(keys) > 1:
        receipts.say(
            f"the log names {len(keys) - 1} keys before that, each of which signed the heads of its time"
        )
    if beyond:
        receipts.say(f"NOT proved: the {beyond} entries after the last head, which say that rows changed")
    if hidden:
        receipts.say(f"NOT told: what {hidden} of them say, whose hashes alone are here")
    if args.log_key is None:
        receipts.say(
            "NOT proved: that this key is the gateway's; compare it with /keys/gateway-log.vkey, or give it"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
