"""The canonical form of JSON (RFC 8785), for what receipts and the log hold.

Those are texts, whole numbers below 2^53, null, lists, and objects with ASCII names: for these the
standard library's encoder, told to sort, gives the very bytes of the RFC, in a sixth of the time that a
general encoder takes.
"""

from __future__ import annotations

import json


def canonical(value: object) -> bytes:
    """The bytes that are signed and hashed. ValueError where a text is no Unicode."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        check_circular=False,
    ).encode()
