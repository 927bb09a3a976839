"""Prove a SOP program before use, with good and bad messages of known verdict.

Programs silently disagree on valid signatures. Each vector in `self_test.json` covers a case that some
program got wrong, or all must get right. A program failing any vector is not used.
"""

import base64
import hashlib
import json
import os
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.openpgp.interface import Content, SealedSource
from gateway.openpgp.sop import OUR_DOING, Order, decrypt, only_signature

_LIMITS = OpenLimits(seconds=20, content_bytes=1024**2)


class Vector(NamedTuple):
    """A test message, `sealed` to `key` and to be verified with the certificate `sender`.
    `why`: what the message tests. A program must find a content with the digest `sha256`, signed by the key
    with the fingerprint `signing_key`; if these are None, it must find no good signature.
    """

    name: str
    why: str
    sealed: bytes
    key: bytes
    sender: bytes
    sha256: str | None = None
    signing_key: str | None = None


@lru_cache(maxsize=1)
def vectors() -> tuple[Vector, ...]:
    """Return the test messages, each with the right verdict."""
    found = json.loads((resources.files(__package__) / "self_test.json").read_bytes())
    keys = {name: base64.b64decode(key) for name, key in found["keys"].items()}
    for one in found["vectors"]:
        one.update(sealed=base64.b64decode(one["sealed"]), key=keys[one["key"]], sender=keys[one["sender"]])
    return tuple(Vector(**one) for one in found["vectors"])


def check(program: str) -> None:
    """Raise ConfigurationError if a program fails a vector. Fault if the program cannot be run."""
    wrong = next((vector for vector in vectors() if not passes(program, vector)), None)
    if wrong is not None:
        raise ConfigurationError(
            f"processor.sop_program: {program} is not to be trusted: it gets {wrong.name} "
            f"wrong ({wrong.why}). Install sqop, or set engine to embedded"
        )


def passes(program: str, vector: Vector) -> bool:
    """Return True if a program's verdict on one test message is right. Fault if the program cannot be run."""
    try:
        code, verifications, written = _run(program, vector)
    except Refusal:  # Of more content than any vector has.
        return False
    if code < 0:
        raise Fault(f"{program} ended with {code}")
    if code in OUR_DOING:
        return False
    if code or not verifications:
        return vector.sha256 is None
    try:
        signer = only_signature(verifications).signing_key
    except Refusal:
        return vector.sha256 is None
    return (hashlib.sha256(written).hexdigest(), signer) == (vector.sha256, vector.signing_key)


def _run(program: str, vector: Vector) -> tuple[int, bytes, bytes]:
    """Return a program's exit code, verifications and content. Refusal for a content larger than allowed."""
    with Content(_LIMITS.content_bytes) as content:
        source = SealedSource(Path(os.devnull), vector.sealed)
        order = Order(source, content, _LIMITS, certificates=[vector.sender], keys=[vector.key])
        code, verifications = decrypt(program, order)
        written = os.pread(content.descriptor, content.size, 0)
        os.close(content.descriptor)
    return code, verifications, written
