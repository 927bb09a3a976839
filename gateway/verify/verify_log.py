"""Verify a whole exported log elsewhere, with only Python and the `cryptography` package.

    python -m gateway.verify.verify_log DIR [FILE...] [--log-key KEY]

DIR is written by `gateway log export`: leaves.jsonl, one log entry a line, and signed heads. An entry that
the exporting person may not know of is given as its hash alone. FILE is a further head kept elsewhere, or a
receipt. This file imports nothing of the gateway but verify_receipts.py: the two, in a folder gateway/verify/
of their own, are enough. The Merkle tree (RFC 9162 section 2.1.1) is rebuilt from the entries and every head
compared; the first mismatch is named.

Exit 0 where everything matches, 1 otherwise.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.verify.verify_receipts import (
    LEAF,
    Head,
    Unproved,
    check_receipt,
    hashes,
    parent,
    read_checkpoint,
    read_text,
    say,
    strict_json,
)

WITHHELD = b'{"hash":'


def roots(leaves: Path) -> Iterator[bytes]:
    """Yield the root after each entry. Raises Unproved where an entry is out of place."""
    peaks: list[tuple[int, bytes]] = []  # the complete subtrees so far, largest first, with their heights
    with leaves.open("rb") as file:
        for number, line in enumerate(file):
            leaf = line.removesuffix(b"\n")
            if leaf.startswith(WITHHELD):
                told = strict_json(leaf.decode(), {"hash": str, "sequence": int})
                (node,) = hashes([told["hash"]])
            else:
                told, node = strict_json(leaf.decode(), LEAF), hashlib.sha256(b"\x00" + leaf).digest()
            if told["sequence"] != number:
                raise Unproved(f"entry {number} is missing, or entries changed places")
            height = 0
            while peaks and peaks[-1][0] == height:
                height, node = height + 1, parent(peaks.pop()[1], node)
            peaks.append((height, node))
            root = node
            for _, left in reversed(peaks[:-1]):
                root = parent(left, root)
            yield root


def check_log(leaves: Path, heads: Sequence[Head]) -> int:
    """Compare heads of one log with its entries; return the number of entries.

    Raises Unproved on mismatch.
    """
    expected: dict[int, set[bytes]] = {}
    for head in heads:
        expected.setdefault(head.size, set()).add(head.root)
    size = 0
    for size, root in enumerate(roots(leaves), start=1):
        if expected.pop(size, {root}) != {root}:
            raise Unproved(f"the first {size} entries are not those that were signed")
    if expected:
        raise Unproved(
            f"there is a head of {max(expected)} entries, but only {size} entries: the log was cut"
        )
    return size


def read_head(path: Path, log_key: str) -> Head:
    """Return the head in a file: a signed head, or a receipt carrying one."""
    text = read_text(path)
    if text.startswith("{"):
        return check_receipt(text, log_key).head
    return read_checkpoint(text, log_key)


def main(argv: Sequence[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="gateway.verify.verify_log", description="check an exported log")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="heads or receipts kept elsewhere"
    )
    parser.add_argument("--log-key", metavar="KEY", help="the log's key; the one in DIR if not given")
    args = parser.parse_args(argv)
    try:
        log_key = args.log_key or read_text(args.folder / "log-key.vkey").strip()
        inside = sorted(args.folder.glob("checkpoint-*"))
        heads = [read_head(path, log_key) for path in (*inside, *args.files)]
        size = check_log(args.folder / "leaves.jsonl", heads)
        with (args.folder / "leaves.jsonl").open("rb") as leaves:
            hidden = sum(line.startswith(WITHHELD) for line in leaves)
    except (Unproved, OSError, UnicodeDecodeError) as error:
        say(f"NOT PROVED: {error}")
        return 1
    say(f"proved: the {size} entries are those that {len(heads)} heads signed with {log_key} state")
    if hidden:
        say(f"NOT told: what {hidden} of them say, whose hashes alone are here")
    if args.log_key is None:
        say("NOT proved: that this key is the gateway's; compare it with /keys/gateway-log.vkey, or give it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
