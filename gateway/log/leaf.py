"""Encode events of the log as canonical JSON (RFC 8785) that cannot hold personal data.

A leaf is public for ever and cannot be withdrawn. So each kind of event admits only the fields listed here,
and each field only one shape: a digest, a fingerprint, a reference, a word of the policies, a code of
`gateway.reasons`, a moment, a count. No shape fits a person's name, a UPN, a date of birth or an address, and
none holds free text. A `commitment` ties a person to a decision or collection; its salt stays in the registry
and can be destroyed. A file's content is also given as a commitment, because a bare digest would confirm a
guessed content.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Literal, get_args

from gateway.home import PROVIDER_ID, REFERENCE
from gateway.reasons import REASONS

VERSION = 1
_EXACT = 2**53
"""Below it a whole number is the same to every reader of JSON."""

OfFile = Literal["landed", "decided", "delivered", "collected", "dealt-with", "opened", "restored"]
Kind = Literal[
    OfFile,
    "judged-anew", "released", "refused", "withdrawn", "redelivered", "expired",
    "release-proposed", "release-declined", "redelivery-proposed", "redelivery-declined",
    "pupils-asked", "pupil-marked", "pupil-unmarked",
    "discrepancy-opened", "discrepancy-resolved",
    "provider-added", "provider-changed", "provider-invited", "provider-removed",
    "provider-suspended", "provider-resumed", "provider-closed", "provider-reopened",
    "provider-converted", "provider-merged",
    "key-added", "key-approved", "key-extended", "key-restored",
    "key-retiring", "key-retired", "key-suspended", "key-revoked", "key-destroyed",
    "act-proposed", "act-confirmed", "act-rejected", "role-granted", "role-taken",
    "staff-added", "staff-changed", "staff-removed", "staff-invited",
    "credentials-confirmed", "contact-changed", "penalty-lifted",
    "program-added", "program-revoked", "hook-added", "hook-removed", "hook-tried",
    "agreement-published", "year-opened", "changes-told",
    "ratified", "signed-in-part", "notice-given", "notice-read", "noted", "assigned",
    "expectation-set", "column-listed", "column-unlisted", "nil-returned", "declared",
    "policy-loaded", "policy-proposed", "policy-approved", "policy-withdrawn",
    "hold-placed", "hold-lifted", "deleted", "breach-recorded", "recorded",
    "host-added", "host-removed", "host-taken-over", "log-started", "log-key-changed",
]  # fmt: skip

# Words are lower-case without four digits in a row, so no UPN and no date is a word.
_WORD = r"(?![a-z0-9-]*\d{4})[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_SHAPES: dict[str, re.Pattern[str]] = {
    "digest": re.compile(r"[0-9a-f]{64}"),
    "fingerprint": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|SHA256:[A-Za-z0-9+/]{43}"),
    "reference": REFERENCE,
    "provider": PROVIDER_ID,
    "word": re.compile(_WORD),
    "words": re.compile(rf"(?:{_WORD})?(?:,{_WORD})*"),
    "codes": re.compile(r"(?:[a-z]+:[a-z-]+)?(?:,[a-z]+:[a-z-]+)*"),
    "moment": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z"),
    "academic year": re.compile(r"20\d\d[-/]\d\d"),
    "vkey": re.compile(r"[a-z0-9./-]{1,100}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"),
}
_COUNT = "count"


def _fields() -> dict[str, dict[str, str]]:
    data = tomllib.loads(files("gateway.log").joinpath("events.toml").read_text("utf-8"))
    shapes = {name: shape for shape, names in data["shapes"].items() for name in names.split()}
    parts: dict[str, str] = {}
    for part, names in data["parts"].items():
        parts[part] = names.format_map(parts)
    return {
        kind: {name: shapes.get(name, "word") for name in names.format_map(parts).split()}
        for kinds, names in data["events"].items()
        for kind in kinds.split()
    }


FIELDS = _fields()
"""By kind of event, the shape of each field that it may have, from events.toml."""
FIELDS["log-key-changed"]["earlier"] = "vkey"
if set(FIELDS) != set(get_args(Kind)):
    raise RuntimeError("every kind of event needs its list of fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the log. Raises ValueError for any field its kind does not admit.

    `sequence` counts from 0 and is the leaf's index. `subject` is a transfer's reference, a provider id, a
    fingerprint, a vkey or a word such as "log". The values in `fields` are never lists or objects.
    """

    sequence: int
    at: datetime
    kind: Kind
    subject: str
    fields: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for any value the log does not admit."""
        if not _fits(_COUNT, self.sequence) or self.at.tzinfo is None:
            raise ValueError("an event needs a place in the log and an aware time")
        admitted = FIELDS.get(self.kind)
        if admitted is None:
            raise ValueError("the log knows no such kind of event")
        subjects = ("reference", "provider", "fingerprint", "vkey", "word")
        if not any(_fits(shape, self.subject) for shape in subjects):
            raise ValueError(f"{self.kind}: the subject has no shape that the log admits")
        for name, value in self.fields.items():
            if name not in admitted or not _fits(admitted[name], value):
                # The name may be wrong because it is data, so the message repeats neither name nor value.
                known = name if name in admitted else "a field of another name"
                raise ValueError(f"{self.kind}: the log does not admit this value of {known}")

    def mapping(self) -> dict[str, str | int | dict[str, str | int]]:
        """Return the event as the JSON object of which a leaf is the canonical encoding."""
        return {
            "at": rfc3339(self.at),
            "fields": dict(self.fields),
            "kind": self.kind,
            "sequence": self.sequence,
            "subject": self.subject,
            "version": VERSION,
        }


def leaf(event: Event | Mapping[str, object]) -> bytes:
    """Encode an event, or its JSON object, as a leaf: canonical JSON. Raises ValueError if not admitted."""
    checked = event if isinstance(event, Event) else read_event(event)
    return canonical(checked.mapping())


def leaf_around_number(event: Event) -> tuple[bytes, bytes]:
    """Encode an event of unknown `sequence`: return the leaf's bytes before and after that number."""
    # JSON escapes quotation marks within texts, so this pattern matches in one place only.
    before, mark, after = canonical(event.mapping()).rpartition(
        f'"sequence":{event.sequence},"subject":'.encode()
    )
    return before + b'"sequence":', mark[mark.index(b",") :] + after


def read_event(mapping: object) -> Event:
    """Make an event from a JSON object of the form that `Event.mapping` returns. ValueError otherwise."""
    if not isinstance(mapping, Mapping):
        raise ValueError("not an event of the log")  # noqa: TRY004 - one error for one fault
    at, kind, fields = mapping.get("at"), mapping.get("kind"), mapping.get("fields")
    if not (isinstance(at, str) and isinstance(kind, str) and isinstance(fields, Mapping)):
        raise ValueError("not an event of the log")  # noqa: TRY004 - one error for one fault
    if not at.endswith("Z"):  # At the ends of the calendar a time of another zone has no equal in UTC.
        raise ValueError("an event of the log is told in UTC")
    event = Event(
        sequence=mapping.get("sequence"),  # type: ignore[arg-type] # checked by Event itself
        at=datetime.fromisoformat(at),
        kind=kind,  # type: ignore[arg-type]
        subject=mapping.get("subject"),  # type: ignore[arg-type]
        fields=dict(fields),
    )
    if event.mapping() != dict(mapping):
        raise ValueError("an event of the log has other parts than these")
    return event


def rfc3339(moment: datetime) -> str:
    """Format an aware time in UTC with Z (RFC 3339); microseconds only where present."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place in the log")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def commitment(text: str, salt: bytes) -> str:
    """Return a digest committing to `text` (a name, or a content's digest) without revealing it.
    `salt`: 16 random bytes or more, kept in the registry. Whoever has the salt can prove the text. Once the
    salt is destroyed, nobody can prove or guess the text. Raises ValueError for a shorter salt.
    """
    if len(salt) < 16:  # noqa: PLR2004
        raise ValueError("a commitment needs 16 bytes of salt or more")
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


def _fits(shape: str, value: object) -> bool:
    if shape == _COUNT:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _EXACT
    if not isinstance(value, str) or not _SHAPES[shape].fullmatch(value):
        return False
    return shape != "codes" or all(code in REASONS for code in value.split(",") if code)


_FIRST_PLANE = "\uffff"


def canonical(value: object) -> bytes:
    """Encode a value as canonical JSON (RFC 8785), as needed to sign and hash receipts and the log.
    Takes texts, whole numbers below 2^53, truth values, None, lists, and objects with names from the first
    Unicode plane. For values of only these kinds, the standard library's encoder with sorted keys gives the
    bytes that the RFC demands, in a sixth of a general encoder's time. ValueError for anything else.
    """
    _check(value)
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


def _check(value: object) -> None:
    if isinstance(value, dict):
        for name in value:
            # The RFC sorts names by UTF-16: beyond the first plane this is not Python's order.
            if not isinstance(name, str) or (not name.isascii() and max(name) > _FIRST_PLANE):
                raise ValueError("the name of a member has to be a text of the first plane")
        _check([*value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            if type(one) is not str:  # Nearly all are texts, which need no check.
                _check(one)
    elif isinstance(value, int):  # Also True and False.
        if not -_EXACT < value < _EXACT:
            raise ValueError("a whole number from 2^53 on is not the same to every reader")
    elif not isinstance(value, str) and value is not None:
        raise ValueError(f"{type(value).__name__} has no canonical form here")
