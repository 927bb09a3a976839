"""Events of the log, as canonical JSON (RFC 8785) that cannot hold personal data.

A leaf is public for ever and cannot be withdrawn. So each kind of event admits only the fields listed here,
and each field only one shape: a digest, a fingerprint, a reference, a word of the policies, a code of
`gateway.reasons`, a moment, a count. No shape fits a person's name, a UPN, a date of birth or an address,
and none holds free text. A `commitment` ties a person to a decision or collection; its salt stays in the
registry and can be destroyed. A file's content is committed to in the same way, because a bare digest would
confirm a guessed content.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from gateway.home import PROVIDER_ID, REFERENCE
from gateway.reasons import REASONS

VERSION = 1
_MAX_COUNT = 2**53 - 1

Kind = Literal[
    "log-started",
    "log-key-changed",
    "landed",
    "decided",
    "delivered",
    "collected",
    "dealt-with",
    "judged-anew",
    "release-proposed",
    "release-declined",
    "released",
    "refused",
    "withdrawn",
    "redelivery-proposed",
    "redelivery-declined",
    "redelivered",
    "opened",
    "restored",
    "notice-read",
    "noted",
    "assigned",
    "pupils-asked",
    "pupil-marked",
    "pupil-unmarked",
    "expired",
    "provider-added",
    "provider-changed",
    "provider-invited",
    "provider-suspended",
    "provider-resumed",
    "provider-closed",
    "provider-reopened",
    "provider-converted",
    "provider-merged",
    "provider-removed",
    "contact-changed",
    "key-added",
    "key-approved",
    "key-retiring",
    "key-retired",
    "key-restored",
    "key-revoked",
    "key-extended",
    "key-destroyed",
    "key-suspended",
    "act-proposed",
    "act-confirmed",
    "act-rejected",
    "role-granted",
    "role-taken",
    "credentials-confirmed",
    "staff-added",
    "staff-changed",
    "staff-removed",
    "staff-invited",
    "program-added",
    "program-revoked",
    "hook-added",
    "hook-removed",
    "hook-tried",
    "penalty-lifted",
    "agreement-published",
    "year-opened",
    "changes-told",
    "ratified",
    "signed-in-part",
    "notice-given",
    "expectation-set",
    "column-listed",
    "column-unlisted",
    "nil-returned",
    "declared",
    "policy-loaded",
    "policy-proposed",
    "policy-approved",
    "policy-withdrawn",
    "discrepancy-opened",
    "discrepancy-resolved",
    "hold-placed",
    "hold-lifted",
    "deleted",
    "breach-recorded",
    "recorded",
    "host-added",
    "host-removed",
    "host-taken-over",
]

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
_WHO = {"by": "word", "key": "fingerprint", "commitment": "digest", "record": "digest"}
_TRANSFER = {
    "provider": "provider",
    "receipt": "digest",
    "text": "digest",
    "rows": "digest",
    "sha256": "digest",
    "size": _COUNT,
    "name_commitment": "digest",
    "content_commitment": "digest",
}
_CONTENT = {"content_commitment": "digest", "content_sha256": "digest"}
_DECISION = {
    **_TRANSFER,
    **_WHO,  # `key` is the sender's login key, in the first entry on a file.
    "folder": "word",
    "state": "word",
    "flow": "word",
    "teams": "words",
    "data_type": "word",
    "level": "word",
    "content_sha256": "digest",  # Earlier versions only: a guessed content can be tested against the digest.
    "content_size": _COUNT,
    "pupils": _COUNT,
    "signer": "fingerprint",
    "signing_key": "fingerprint",
    "signed_at": "moment",
    "until": "moment",
    "earlier": "reference",
    "replaces": "reference",
    "reasons": "codes",
    "policies": "digest",
    "engine": "word",
}
_PROVIDER = {**_WHO, "provider_kind": "word"}
_KEY = {
    **_WHO,
    "owner": "word",
    "provider": "provider",
    "algorithm": "word",
    "not_after": "moment",
    "state": "word",
    "drop": "reference",
    "confirmed": "word",  # "alone": by whoever enrolled it, where nobody else had to be asked.
}
_KEPT = {**_WHO, "what": "word", "data_type": "word", "rule": "word", "sha256": "digest"}

# Fields of each kind of event. `record`, `receipt`, `text` and `rows` are digests of documents kept
# elsewhere.
FIELDS: dict[str, dict[str, str]] = {
    "log-started": {"log_key": "vkey", "record": "digest"},
    # `size`: of the last head that `earlier` signs. `cause`: "superseded" or "compromised".
    "log-key-changed": {**_WHO, "log_key": "vkey", "earlier": "vkey", "size": _COUNT, "cause": "word"},
    "landed": {**_TRANSFER, "folder": "word", "key": "fingerprint"},
    "decided": _DECISION,
    "delivered": {"provider": "provider", "team": "word", "flow": "word"},
    # `hand_on`: to which system it was handed on; `key` is then that of its SFTP server, if it has one.
    "collected": {
        **_WHO,
        "provider": "provider",
        "team": "word",
        **_CONTENT,
        "left_out": "words",
        "hand_on": "word",
    },
    "dealt-with": {**_WHO, "provider": "provider", "team": "word"},
    "judged-anew": {"provider": "provider", "reasons": "codes", "policies": "digest"},
    "release-proposed": {**_WHO, "data_type": "word", "teams": "words", "reasons": "codes"},
    "release-declined": _WHO,
    "released": {**_DECISION, "record": "digest", "name_commitment": "digest"},
    "refused": {**_DECISION, "record": "digest", "name_commitment": "digest"},
    "withdrawn": _DECISION,
    "redelivery-proposed": {**_WHO, "teams": "words", "reasons": "codes"},
    "redelivery-declined": _WHO,
    "redelivered": _DECISION,
    "opened": {**_WHO, "provider": "provider", "count": _COUNT, **_CONTENT},
    "restored": {**_WHO, "provider": "provider", "team": "word"},
    "notice-read": {**_WHO, "number": _COUNT},
    "noted": _WHO,
    "assigned": _WHO,
    "pupils-asked": {**_WHO, "what": "word", "count": _COUNT, "content_commitment": "digest"},
    "pupil-marked": {**_WHO, "number": _COUNT, "cause": "word", "count": _COUNT},
    "pupil-unmarked": {**_WHO, "number": _COUNT},
    "expired": {"provider": "provider", "what": "word", "size": _COUNT},
    "provider-added": _PROVIDER,
    "provider-changed": _PROVIDER,
    "provider-invited": {**_PROVIDER, "sha256": "digest"},
    "provider-suspended": _PROVIDER,
    "provider-resumed": _PROVIDER,
    "provider-closed": _PROVIDER,
    "provider-reopened": _PROVIDER,
    "provider-converted": _PROVIDER,
    "provider-merged": {**_PROVIDER, "provider": "provider"},
    "provider-removed": _PROVIDER,
    "contact-changed": _WHO,
    "key-added": _KEY,
    "key-approved": _KEY,
    "key-retiring": _KEY,
    "key-retired": _KEY,
    "key-restored": _KEY,
    "key-revoked": {**_KEY, "cause": "word"},
    "key-extended": _KEY,
    "key-destroyed": _KEY,
    "key-suspended": _KEY,
    "act-proposed": {**_WHO, "what": "word"},
    "act-confirmed": {**_WHO, "what": "word"},
    "act-rejected": {**_WHO, "what": "word"},
    "role-granted": {**_WHO, "what": "word"},
    "role-taken": {**_WHO, "what": "word"},
    "credentials-confirmed": {**_WHO, "what": "word", "number": _COUNT},
    "staff-added": {**_WHO, "teams": "words"},
    "staff-changed": {**_WHO, "teams": "words"},
    "staff-removed": _WHO,
    "staff-invited": _WHO,
    "program-added": _WHO,
    "program-revoked": _WHO,
    "hook-added": {**_WHO, "what": "word"},
    "hook-removed": {**_WHO, "what": "word"},
    "hook-tried": {**_WHO, "what": "word"},
    "penalty-lifted": {**_WHO},
    "agreement-published": {**_WHO, "academic_year": "academic year", "sha256": "digest"},
    "year-opened": {**_WHO, "academic_year": "academic year"},
    "changes-told": {"sha256": "digest", "count": _COUNT, "record": "digest"},
    "ratified": {**_WHO, "academic_year": "academic year", "sha256": "digest"},
    "signed-in-part": {**_WHO, "academic_year": "academic year", "sha256": "digest", "what": "word"},
    "notice-given": {**_WHO, "academic_year": "academic year", "what": "word"},
    "column-listed": _WHO,
    "column-unlisted": _WHO,
    "expectation-set": {**_WHO, "data_type": "word", "state": "word"},
    "nil-returned": {**_WHO, "data_type": "word", "until": "moment"},
    "declared": {
        **_WHO,
        "provider": "provider",
        "receipt": "digest",
        "text": "digest",
        "policies": "digest",
        "method": "word",
        "data_type": "word",
        "flow": "word",
        "state": "word",
        "safeguards": "words",
        "reasons": "codes",
    },
    "policy-loaded": {**_WHO, "policy": "word", "sha256": "digest"},
    "policy-proposed": {**_WHO, "sha256": "digest", "begins": "moment"},
    "policy-approved": {**_WHO, "sha256": "digest"},
    "policy-withdrawn": {**_WHO, "sha256": "digest"},
    "discrepancy-opened": {**_WHO, "provider": "provider", "number": _COUNT, "cause": "word"},
    "discrepancy-resolved": {**_WHO, "provider": "provider", "number": _COUNT, "cause": "word"},
    "hold-placed": {**_KEPT, "number": _COUNT},
    "hold-lifted": {**_KEPT, "number": _COUNT},
    "deleted": {**_KEPT, "count": _COUNT},
    "breach-recorded": {**_WHO, "number": _COUNT},
    "host-added": _WHO,
    "host-removed": {**_WHO, "count": _COUNT},
    "host-taken-over": {**_WHO, "count": _COUNT},
    "recorded": {"record": "digest", "rows": "digest"},  # `record` in entries of earlier versions.
}
if set(FIELDS) != set(get_args(Kind)):
    raise RuntimeError("every kind of event needs its list of fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the log. Raises ValueError for any field its kind does not admit.

    `sequence` counts from 0 and is the leaf's index. `subject` is a transfer's reference, a provider id, a
    fingerprint, a vkey or a word such as "log". `fields` are flat.
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
        """Return the event as the mapping a leaf encodes."""
        return {
            "at": rfc3339(self.at),
            "fields": dict(self.fields),
            "kind": self.kind,
            "sequence": self.sequence,
            "subject": self.subject,
            "version": VERSION,
        }


def leaf(event: Event | Mapping[str, object]) -> bytes:
    """Encode an event as a leaf: RFC 8785 canonical JSON. Raises ValueError if not admitted."""
    checked = event if isinstance(event, Event) else read_event(event)
    return canonical(checked.mapping())


def leaf_around_number(event: Event) -> tuple[bytes, bytes]:
    """Encode an event as the two parts of its leaf around the value of `sequence`, which is not yet known."""
    # JSON escapes quotation marks within texts, so this pattern matches in one place only.
    before, mark, after = canonical(event.mapping()).rpartition(
        f'"sequence":{event.sequence},"subject":'.encode()
    )
    return before + b'"sequence":', mark[mark.index(b",") :] + after


def read_event(mapping: object) -> Event:
    """Parse the mapping of an event (as from `Event.mapping`). Raises ValueError if not one."""
    if not isinstance(mapping, Mapping):
        raise ValueError("not an event of the log")  # noqa: TRY004 - one error for one fault
    at, kind, fields = mapping.get("at"), mapping.get("kind"), mapping.get("fields")
    if not (isinstance(at, str) and isinstance(kind, str) and isinstance(fields, Mapping)):
        raise ValueError("not an event of the log")  # noqa: TRY004 - one error for one fault
    if not at.endswith("Z"):  # A time far away of another zone has none in UTC.
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

    A holder of the salt (16 random bytes or more, kept in the registry) can prove the text; after the
    salt's destruction nobody can prove or guess it. Raises ValueError where the salt is too short.
    """
    if len(salt) < 16:  # noqa: PLR2004
        raise ValueError("a commitment needs 16 bytes of salt or more")
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


def _fits(shape: str, value: object) -> bool:
    if shape == _COUNT:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT
    if not isinstance(value, str) or not _SHAPES[shape].fullmatch(value):
        return False
    return shape != "codes" or all(code in REASONS for code in value.split(",") if code)


_EXACT = 2**53
_FIRST_PLANE = "\uffff"


def canonical(value: object) -> bytes:
    """Encode a value as canonical JSON (RFC 8785), to sign and hash, as receipts and the log need.

    Both hold only texts, whole numbers below 2^53, truth values, null, lists, and objects with names from
    the first Unicode plane. For these the standard library's encoder, with sorted keys, gives the bytes of
    the RFC in a sixth of a general encoder's time. ValueError for anything else, because two readers might
    derive different bytes.
    """
    _check(value)
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


def _check(value: object) -> None:
    if isinstance(value, dict):
        for name in value:
            # Beyond the first plane the RFC's order differs from character order.
            if not isinstance(name, str) or (not name.isascii() and max(name) > _FIRST_PLANE):
                raise ValueError("the name of a member has to be a text of the first plane")
        _check([*value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            if type(one) is not str:  # Nearly all are.
                _check(one)
    elif isinstance(value, int):  # Of which the truth values are two.
        if not -_EXACT < value < _EXACT:
            raise ValueError("a whole number from 2^53 on is not the same to every reader")
    elif not isinstance(value, str) and value is not None:
        raise ValueError(f"{type(value).__name__} has no canonical form here")
