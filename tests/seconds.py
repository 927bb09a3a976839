"""Two signatures of one content are two only where they are made in different seconds.

An Ed25519 signature of the same content in the same second is the same signature again, and a gateway takes
the second file for a copy of the first, as it should. A test that seals one content twice means two files.
"""

from __future__ import annotations

import hashlib
import time
from functools import wraps

from gateway.homes.demo.parties import Party

_WAIT_SECONDS = 0.05
_last: dict[tuple[int, bytes], int] = {}
_seal = Party.seal


def pytest_runtest_setup() -> None:
    """What other tests sealed went to other gateways."""
    _last.clear()


@wraps(_seal)
def seal(party: Party, content: bytes, *certificates: str) -> bytes:
    """As the party does it, in a second in which it has not signed this content yet."""
    told = (id(party.openpgp), hashlib.sha256(content).digest())
    while _last.get(told) == int(time.time()):
        time.sleep(_WAIT_SECONDS)
    sealed = _seal(party, content, *certificates)
    _last[told] = int(time.time())
    return sealed


Party.seal = seal  # type: ignore[method-assign]
