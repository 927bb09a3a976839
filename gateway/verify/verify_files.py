"""Verify receipts, notices and heads of the log, trusting only the gateway's OpenPGP certificate.

A text receipt is clearsigned with that certificate's key. A JSON receipt is signed with the log's key, and
carries the gateway's clearsigned statement about the log's key. Both kinds are also proved by the log: by a
leaf, an inclusion proof and a signed head. A notice is only signed. Needs no home and no network.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import GatewayError
from gateway.log.leaf import rfc3339
from gateway.openpgp.certificates import describe, split
from gateway.openpgp.sealer import verify_clearsigned
from gateway.verify import verify_log
from gateway.verify import verify_receipts as receipts

_NOTICE = "(?:Notice from|Hysbysiad gan)"
# Recognised by the beginning of the text, where nothing is chosen by a sender.
_KINDS = (
    (
        rf"{_NOTICE} [^\n]*(?:\n[^\n]+)*\n\n(?:Something in your data DOES NOT FIT|NID YW rhywbeth yn eich)",
        "a notice about pupils' records",
    ),
    (rf"{_NOTICE} [^\n]*\n", "a notice about a key"),
    (r"Certificate of deletion, ", "a certificate of deletion"),
    (r"The gateway of [^\n]* has a new OpenPGP key since ", "the old key's word on the gateway's new key"),
    (r"The gateway of [^\n]* signs its log and its receipts with the last of", "the list of the log's keys"),
    (r"The gateway of [^\n]* shows these SSH host keys, as of ", "the list of the gateway's SSH host keys"),
)
_REFERENCE = re.compile(r"^    Reference +(\S+)$", re.MULTILINE)
_OF_NOTICES = (
    "  not proved: that it was the gateway's last word on the matter, or stands in the log (only",
    "    receipts carry a proof of that); that the clock was right",
)
CLEARSIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_FIELD = re.compile(r" {4}(?=\S)(.{16})(\S.*)")
_CONTINUED = re.compile(r" {20}(\S.*)")
_DECLARED = {"ALLOWED": "accepted", "WAIT": "held", "NOT ALLOWED": "refused"}
# The whole statement (`receipts.facts.log_key_statement`): the gateway also signs texts with names that
# others have chosen, and none of those vouches for a key.
_STATEMENT = re.compile(
    r"The gateway of [^\n]+ signs its log and its receipts with this key:\n\nlog-key: (\S+)\s*"
)

# The whole list of keys (`publish.everything.publish_log_keys`), for the same reason.
_LOG_KEYS = re.compile(
    r"The gateway of [^\n]+ signs its log and its receipts with the last of these keys, and signed with the "
    r"others up to the size of the log that is named:\n\nopenpgp-key: [0-9a-f]+\n(log-key: [^\n]+\s*)+"
)


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """The verdict on one file. `lines`: the finding, then everything proved and not proved.

    `anchored`: True if the gateway's OpenPGP certificate proves the file, directly or through the log's key.
    `reference`: the transfer of a verified receipt. `entry`: the number of the receipt's entry in the log.
    """

    file: str
    good: bool
    anchored: bool
    lines: tuple[str, ...]
    reference: str | None = None
    entry: int | None = None


def verify_receipt_files(
    paths: Sequence[Path],
    gateway_certificate: bytes | None,
    *,
    original: Path | None = None,
    consistency: Path | None = None,
    log_keys: Sequence[receipts.KeyInTime] = (),
) -> list[FileVerdict]:
    """Return a verdict on each file (receipt, notice, head, entries of the log), and one on all heads.
    `gateway_certificate`: one or several certificates, as an old receipt needs an old one. Without any, a
    text receipt proves nothing, and a JSON receipt only that it is whole. `original`: the file received by
    the gateway. `consistency`: a proof between two heads in the files. `log_keys`: the keys the log has had,
    in order; by default, the keys of a list among the files. A head must be signed with one of these keys; if
    there are none, with the log key of an anchored receipt. Raises nothing for the content of a file.
    """
    verdicts: list[FileVerdict] = []
    known = list(log_keys) or listed_keys(paths, gateway_certificate)
    heads = [one.last for one in known if one.last is not None]
    vouched: set[str] = set()
    for path in sorted(paths, key=_is_head):
        try:
            verdict, head = _verify_file(path, gateway_certificate, original, vouched, known)
            heads += [head] if head is not None else []
        except (receipts.Unproved, GatewayError, OSError) as error:
            verdict = _not_proved(path.name, error)
        verdicts.append(verdict)
    return verdicts + _together(heads, consistency)


def vouched_log_key(statement: str, gateway_certificate: bytes) -> str:
    """Return the log key named in a statement, if clearsigned by the gateway. Unproved for any other text."""
    text, _ = verify_clearsigned(statement, split(gateway_certificate))
    said = _STATEMENT.fullmatch(text)
    if said is None:
        raise receipts.Unproved("what the gateway signed is no statement about the key of its log")
    return said[1]


def listed_keys(paths: Sequence[Path], certificate: bytes | None) -> list[receipts.KeyInTime]:
    """Return the longest list of log keys among the files signed by the newest certificate; [] if none.
    A list signed by an older certificate does not count: the older key may be in wrong hands.
    """
    found: list[list[receipts.KeyInTime]] = [[]]
    signers = sorted(split(certificate or b""), key=lambda one: describe(one, datetime.now(UTC)).created_at)
    for path in paths if signers else ():
        with contextlib.suppress(receipts.Unproved, GatewayError, OSError):
            text, _ = verify_clearsigned(receipts.read_text(path), signers[-1:])
            if _LOG_KEYS.fullmatch(text):
                found.append(receipts.keys_in(text))
    return max(found, key=len)


def _is_head(path: Path) -> bool:
    try:
        text = receipts.read_text(path)
        return bool(receipts.HEAD.search(text) or verify_log.ENTRIES.match(text))
    except (receipts.Unproved, OSError):
        return False


def _verify_file(
    path: Path,
    certificate: bytes | None,
    original: Path | None,
    vouched: set[str],
    known: Sequence[receipts.KeyInTime],
) -> tuple[FileVerdict, receipts.Head | None]:
    """Verify one file; return the verdict, and the head of the log found in the file, or None.
    `known`: the keys the log has had. If `certificate` vouches for a receipt, the log key of the receipt is
    added to `vouched`.
    """
    text = receipts.read_text(path)
    if receipts.HEAD.search(text) or verify_log.ENTRIES.match(text):
        return _verify_head(path, text, vouched, known)
    if not text.lstrip().startswith((CLEARSIGNED, "{")):
        why = "neither a signed text nor JSON"
        raise receipts.Unproved(f"not a receipt, nor anything else that the gateway signs: {why}")
    if not text.lstrip().startswith(CLEARSIGNED):
        checked, more = _read_json(text, certificate)
    elif certificate is None:
        raise receipts.Unproved("a signed text can be checked only with the gateway's key (--gateway-key)")
    else:
        signed, signature = verify_clearsigned(text, split(certificate))
        at = rfc3339(signature.created_at)
        more = [f"  proved: the gateway's OpenPGP key {signature.signing_key} signed this text (dated {at})"]
        if (kind := next((kind for pattern, kind in _KINDS if re.match(pattern, signed)), None)) is not None:
            if original is not None:
                raise receipts.Unproved(f"this is {kind}, which is for no file")
            found = _REFERENCE.search(signed)
            genuine = f"genuine: {kind}{f', {found[1]}' if found else ''}"
            return FileVerdict(path.name, True, True, (genuine, *more, *_OF_NOTICES)), None
        checked = _read_text(signed)
    anchored = certificate is not None
    lines = [*receipts.report(checked, anchored=anchored), *more]
    if original is not None:
        lines.append(f"  proved: {receipts.check_original(original, checked.receipt)}")
    if known:
        lines += receipts.check_in_time(known, checked.log_key, checked.head)
    if anchored:
        vouched.add(checked.log_key)
    reference = str(checked.receipt.get("reference"))
    return FileVerdict(path.name, True, anchored, tuple(lines), reference, checked.index), checked.head


def _verify_head(
    path: Path, text: str, vouched: set[str], known: Sequence[receipts.KeyInTime]
) -> tuple[FileVerdict, receipts.Head]:
    keys = known or [receipts.KeyInTime(one) for one in sorted(vouched)]
    if not keys:
        raise receipts.Unproved(
            "a head of the log is checked together with a receipt, which says whose it must be"
        )
    of_entries = verify_log.ENTRIES.match(text) is not None
    found = verify_log.read_entries(text, keys) if of_entries else receipts.check_file(path, keys, None)
    head, (first, *lines) = found
    return FileVerdict(path.name, True, True, (f"genuine: {first}", *lines)), head


def _read_json(text: str, certificate: bytes | None) -> tuple[receipts.Checked, list[str]]:
    """Verify a JSON receipt; return the receipt, and lines on further facts proved by the log's entry."""
    checked = receipts.check_receipt(text)
    if (
        certificate is not None
        and vouched_log_key(checked.log_key_certificate, certificate) != checked.log_key
    ):
        raise receipts.Unproved("the gateway vouches for another log key than the one that signed this")
    if "rows" not in json.loads(json.loads(text)["leaf"])["fields"]:
        return checked, []
    return checked, ["  proved: that entry vouches for all that the gateway put on record of it then"]


def _read_text(signed: str) -> receipts.Checked:
    """Verify the proof in a text receipt; return the receipt. The OpenPGP signature was found good before."""
    stated, _, proof = signed.rpartition("\n\nProof\n\n")
    # Parse the proof separately, so that no earlier text can replace a part of the proof.
    fields = {**_fields(stated)[0], **_fields(proof)[0]}
    hashes = _fields(proof)[1]
    try:
        leaf, key, index = fields["Leaf"], fields["Log key"], int(fields["Index"])
        origin = fields["Origin"]
        note = f"{origin}\n{fields['Size']}\n{fields['Root']}\n\n— {origin} {fields['Signed']}\n"
        receipt = _stated(stated, fields)
    except (KeyError, ValueError):
        raise receipts.Unproved("the gateway signed this text, but it is not a receipt") from None
    entry = receipts.strict_json(leaf, receipts.LEAF)
    receipts.check_entry(entry, index, receipt["reference"], receipt["stage"])
    if entry["fields"].get("receipt") != fields.get("Record"):
        raise receipts.Unproved("the log's entry is for another receipt")
    # Entries without a digest of the wording bind the JSON form alone.
    if entry["fields"].get("text", digest := hashlib.sha256(stated.encode()).hexdigest()) != digest:
        raise receipts.Unproved("the text is not the one that was recorded in the log")
    head = receipts.read_checkpoint(note, key)
    receipts.check_inclusion(leaf, index, hashes, head)
    return receipts.Checked(receipt, head, index, key, "", entry["at"])


def _stated(text: str, fields: Mapping[str, str]) -> dict[str, str | None]:
    """Return the statements of a text receipt, by their names in the JSON form. `fields`: the values by
    label. Raises KeyError or Unproved for a text without the usual labels or values.
    """
    declared = re.search(r"^This transfer (?:is|must) (ALLOWED|WAIT|NOT ALLOWED)\.$", text, re.MULTILINE)
    if declared is not None:
        return {
            "reference": fields["Reference"],
            "stage": "declared",
            "state": _DECLARED[declared[1]],
            "provider": _bracketed(fields["Declared for"]),
            "data": _bracketed(fields["Data"]),
            "method": _bracketed(fields["Method"]),
            "goes_at": fields["Goes"],
        }
    found = re.search(r"^Your file (?:was|is|has) (ARRIVED|ACCEPTED|HELD|REFUSED)", text, re.MULTILINE)
    if found is None:
        raise receipts.Unproved("the gateway signed this text, but it is not a receipt")
    state = {"ARRIVED": "landed"}.get(found[1], found[1].lower())
    return {
        "reference": fields["Reference"],
        "stage": "landed" if state == "landed" else "decided",
        "state": state,
        "name": fields["File"],
        "sha256": fields["SHA-256 as sent"],
        "size": fields["Size as sent"].removesuffix(" bytes"),
        "content_sha256": fields.get("SHA-256 inside"),
        "provider": _bracketed(fields["Sent by"]),
        "landed_at": fields["Received"],
    }


def _bracketed(text: str) -> str:
    return text.rpartition("(")[2].rstrip(")")


def _fields(text: str) -> tuple[dict[str, str], list[str]]:
    """Parse a text receipt: return its values by label, and the hashes of its proof."""
    fields: dict[str, str] = {}
    hashes: list[str] = []
    label = ""
    for line in text.split("\n"):
        if found := _FIELD.fullmatch(line):
            label = found[1].strip()
            if label == "Hash":
                hashes.append(found[2])
            else:
                fields.setdefault(label, found[2])
        elif (more := _CONTINUED.fullmatch(line)) and label in fields:
            fields[label] += more[1]
    return fields, hashes


def _together(heads: Sequence[receipts.Head], consistency: Path | None) -> list[FileVerdict]:
    try:
        lines = tuple(receipts.compare_heads(heads, consistency))
    except (receipts.Unproved, OSError) as error:
        return [_not_proved("together", error)]
    return [FileVerdict("together", good=True, anchored=False, lines=lines)] if lines else []


def _not_proved(name: str, error: Exception) -> FileVerdict:
    words = error.strerror if isinstance(error, OSError) else error
    return FileVerdict(name, good=False, anchored=False, lines=(f"NOT PROVED: {words}",))
